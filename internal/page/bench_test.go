package page

import (
	"fmt"
	"io"
	"testing"

	"msnproxy/decode"
)

// BenchmarkWrite writes the page of ten thousand messages; their keeping is
// not measured.
func BenchmarkWrite(b *testing.B) {
	p := newPlay()
	p.open("c1")
	p.says("c1", c2s, decode.SB, "USR 1 alice@example.com", "trid handle", "")
	for i := range 10_000 {
		p.says("c1", s2c, decode.SB, "MSG bob@example.com Bob 120", "handle name length", fmt.Sprintf("message number %d, as long as they usually are", i))
	}
	page := p.page()
	b.ReportAllocs()
	for b.Loop() {
		out := &counter{w: io.Discard}
		if err := page.Write(out); err != nil {
			b.Fatal(err)
		}
		b.SetBytes(int64(out.n))
	}
}

// BenchmarkAdd keeps records.
func BenchmarkAdd(b *testing.B) {
	r := &decode.Record{Conn: "c1", Kind: decode.KindCommand, Dir: s2c, Server: decode.SB, Verb: "MSG", Line: []byte("MSG bob@example.com Bob 120"), HasPayload: true,
		Payload: []byte("MIME-Version: 1.0\r\nContent-Type: text/plain; charset=UTF-8\r\n\r\nmessage, as long as they usually are")}
	b.ReportAllocs()
	for b.Loop() {
		var l Records
		l.Add(r)
	}
}
