package page

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"msnproxy/decode"
	"msnproxy/internal/story"
)

func TestEpisodes(t *testing.T) {
	at := func(minutes float64) time.Time {
		return time.Date(2004, 5, 17, 12, 0, 0, 0, time.UTC).Add(time.Duration(minutes * float64(time.Minute)))
	}
	conn := func(from, to float64) *story.Connection { return &story.Connection{Start: at(from), End: at(to)} }
	tests := []struct {
		name string
		list []*story.Connection
		want []int // connections in each
	}{
		{"one after the other", []*story.Connection{conn(0, 1), conn(1.5, 9)}, []int{2}},
		{"a short pause", []*story.Connection{conn(0, 0.1), conn(2, 3)}, []int{2}},
		{"a pause that dwarfs what was before", []*story.Connection{conn(0, 0.1), conn(3, 4)}, []int{1, 1}},
		{"the same pause after a long time", []*story.Connection{conn(0, 30), conn(33, 34)}, []int{2}},
		{"one within another", []*story.Connection{conn(0, 30), conn(1, 2), conn(29, 31)}, []int{3}},
		{"out of order", []*story.Connection{conn(60, 61), conn(0, 1)}, []int{1, 1}},
	}
	for _, tt := range tests {
		var got []int
		for _, e := range episodes(tt.list) {
			got = append(got, len(e.conns))
		}
		if !slices.Equal(got, tt.want) {
			t.Errorf("%s: %v, want %v", tt.name, got, tt.want)
		}
	}
}

// steps tells the arrows of a run's first session.
func steps(p *play) (out []string) {
	w := &writer{Page: p.page(), numbers: p.records.numbers()}
	w.plan()
	for _, s := range w.diagrams[0].Steps {
		text := fmt.Sprintf("%s %d %s %s", s.Conn, s.Lane, s.Way, s.Verb)
		if s.Folded > 0 {
			text += fmt.Sprintf(" +%d", s.Folded)
		}
		out = append(out, text)
	}
	return out
}

func TestDiagram(t *testing.T) {
	p := newPlay()
	p.open("c1")
	p.says("c1", c2s, decode.NS, "USR 1 TWN I alice@example.com", "trid method stage handle", "")
	for range 6 {
		p.says("c1", s2c, decode.NS, "LST bob@example.com Bob 3 0", "handle name lists groups", "")
	}
	for range 4 {
		p.says("c1", s2c, decode.NS, "BPR PHH 1", "type value", "")
	}
	p.says("c1", s2c, decode.NS, "BPR PHW 1", "type value", "", decode.Note{Kind: decode.NoteIssue, Text: "odd"})
	p.record(&decode.Record{Conn: "c2", Kind: decode.KindOpen, Client: "192.0.2.1:1031", ServerAddr: "192.0.2.8:1863", Via: decode.Ref{Conn: "c1", Seq: 2}})
	p.says("c2", c2s, decode.SB, "USR 1 alice@example.com ***1", "trid handle cookie", "")
	got := strings.Join(steps(p), "\n")
	want := strings.Join([]string{
		"c1 1 connection [open]",
		"c1 1 client → NS USR",
		"c1 1 NS → client LST",
		"c1 1 NS → client LST",
		"c1 1 NS → client LST +3",
		"c1 1 NS → client BPR",
		"c1 1 NS → client BPR",
		"c1 1 NS → client BPR",
		"c1 1 NS → client BPR",
		"c1 1 NS → client BPR",
		"c2 2 connection [open]",
		"c2 2 client → SB USR",
	}, "\n")
	if got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestADiagramTellsWhatItLeavesOut(t *testing.T) {
	p := newPlay()
	p.open("c1")
	p.says("c1", c2s, decode.NS, "USR 1 TWN I alice@example.com", "trid method stage handle", "")
	for range maxSteps {
		p.says("c1", c2s, decode.NS, "PNG", "", "")
		p.says("c1", s2c, decode.NS, "QNG", "", "")
	}
	w := &writer{Page: p.page(), numbers: p.records.numbers()}
	w.plan()
	d := w.diagrams[0]
	if len(d.Steps) > maxSteps || len(d.Steps)+d.More != len(p.records.list) {
		t.Errorf("%d arrows and %d more of %d records", len(d.Steps), d.More, len(p.records.list))
	}
}

func TestRawText(t *testing.T) {
	for in, want := range map[string]string{
		"a\r\nb\tc":              "a\nb c",
		"schön \u202e":           `schön \u202e`,
		"\x00\x01MSNP":           "00000000  00 01 4d 53 4e 50                                 |..MSNP|",
		"\xff\xfe":               "00000000  ff fe                                             |..|",
		strings.Repeat("x", 3e3): strings.Repeat("x", maxPayload) + " … 952 more bytes",
	} {
		if got := rawText([]byte(in)); got != want {
			t.Errorf("%q: got %q, want %q", in, got, want)
		}
	}
	if got := rawText(make([]byte, maxDump+5)); !strings.HasSuffix(got, "\n… 5 more bytes") {
		t.Errorf("a long dump ends %q", got[len(got)-40:])
	}
}

func TestClipKeepsCharactersWhole(t *testing.T) {
	if got := clip("ab世界", 4); got != "ab … 6 more bytes" {
		t.Errorf("got %q", got)
	}
}

func TestSaidText(t *testing.T) {
	said := &decode.Payload{Type: "contact-list", Fields: []decode.Field{
		{Name: "initial", Value: true},
		{Name: "contacts", Value: []any{[]decode.Field{{Name: "handle", Value: "bob@example.com"}, {Name: "lists", Value: int64(3)}}, "x"}},
		{Name: "text", Value: "one\r\ntwo"},
	}}
	want := "type: contact-list\ninitial: true\ncontacts[0].handle: bob@example.com\ncontacts[0].lists: 3\ncontacts[1]: x\ntext: one\n    two"
	if got := saidText(&decode.Record{}, said); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestLasted(t *testing.T) {
	for d, want := range map[time.Duration]string{
		1234567 * time.Microsecond: "1.235s", 90 * time.Second: "1m30s", 3*time.Hour + 5*time.Minute + 40*time.Second: "3h6m", 26 * time.Hour: "26h0m",
	} {
		start := time.Date(2004, 5, 17, 12, 0, 0, 0, time.UTC)
		if got := lasted(start, start.Add(d)); got != want {
			t.Errorf("%v is told as %s, want %s", d, got, want)
		}
	}
}

func TestSpellsEndWithTheConnection(t *testing.T) {
	start := time.Date(2004, 5, 17, 12, 0, 0, 0, time.UTC)
	at := func(s int) time.Time { return start.Add(time.Duration(s) * time.Second) }
	e := &episode{from: at(0), to: at(100)}
	by := []*story.Connection{{Start: at(0), End: at(50)}}
	changes := []story.Presence{{Time: at(10), Status: "NLN"}, {Time: at(20), Status: "FLN"}, {Time: at(40), Status: "BSY"}, {Time: at(60), Status: "AWY"}}
	var got []string
	for _, s := range e.spells(changes, 0, by) {
		got = append(got, s.Text+" "+s.X+" "+s.W)
	}
	want := []string{"online 10.00% 10.00%", "busy 40.00% 10.00%", "away 60.00% 40.00%"}
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestAMessageThatWasNotDelivered(t *testing.T) {
	p := newPlay()
	p.open("c1")
	p.says("c1", c2s, decode.SB, "MSG 5 N 4", "trid ack length", "lost")
	p.says("c1", s2c, decode.SB, "NAK 5", "trid", "", decode.Note{Kind: decode.NoteReply, ToSeq: 2, Request: "MSG"})
	p.says("c1", c2s, decode.SB, "MSG 6 N 4", "trid ack length", "well")
	html := write(t, p.page())
	if n := strings.Count(html, `<b class="lost">not delivered</b></p><p class="text" dir="auto">lost</p>`); n != 1 || strings.Count(html, "not delivered") != 1 {
		t.Errorf("it is not told of that message alone")
	}
}
