package decode

import (
	"fmt"
	"reflect"
	"strconv"
	"strings"
	"testing"
)

func textMessage(format, text string) *Record {
	return message("text/plain; charset=UTF-8", "X-MMS-IM-Format: "+format, text)
}

func typingNotice(who string) *Record {
	return message("text/x-msmsgscontrol", "TypingUser: "+who, "\r\n")
}

// message is one that the server hands on, with one header more than its type.
func message(contentType, header, body string) *Record {
	payload := "MIME-Version: 1.0\r\nContent-Type: " + contentType + "\r\n" + header + "\r\n\r\n" + body
	return &Record{Kind: KindCommand, Dir: ServerToClient, Verb: "MSG", HasPayload: true, Payload: []byte(payload), PayloadBytes: int64(len(payload))}
}

// manyPayloads are such as a reader remembers things of, and more of each kind
// than it does.
func manyPayloads() (records []*Record) {
	for i := range 3 * maxMemory {
		format := fmt.Sprintf("FN=Font%%20%d; EF=B; CO=%x; CS=0; PF=22; XX=%d", i%(maxMemory+9), i, i%3)
		records = append(records,
			textMessage(format, strings.Repeat("x", i%150)),
			textMessage(format, fmt.Sprint("\xff", i)),
			textMessage("FN="+strings.Repeat("y", maxMemorySize), strings.Repeat("z", maxRecentText+i%3-1)),
			message(fmt.Sprintf("text/x-msmsgscontrol; v=%d", i), fmt.Sprintf("TypingUser: user%d@example.com", i%300), ""),
			message("text/plain; charset=iso-8859-1", "P4-Context: me", fmt.Sprint("\xe9t\xe9 ", i%5)),
			&Record{Kind: KindCommand, Verb: "UBX", HasPayload: true, Payload: []byte("<Data><PSM>hi</PSM></Data>")},
			&Record{Kind: KindCommand, Verb: "MSG", HasPayload: true})
	}
	return records
}

// TestValuesOfAPayloadStayAsTheyWere whatever the reader decodes later, and are
// what a new one makes of the payload.
func TestValuesOfAPayloadStayAsTheyWere(t *testing.T) {
	var reader PayloadReader
	var memory []byte // that all payloads come in
	var said, want []Payload
	for _, r := range manyPayloads() {
		want = append(want, *r.DecodePayload())
		memory = append(memory[:0], r.Payload...)
		r.Payload = memory
		p := reader.Decode(r)
		said = append(said, Payload{p.Type, append([]Field(nil), p.Fields...)})
	}
	for i := range said {
		if !reflect.DeepEqual(said[i], want[i]) {
			t.Fatalf("payload %d:\n got %+v\nwant %+v", i, said[i], want[i])
		}
	}
	if len(reader.formats) > maxMemory || len(reader.types) > maxMemory {
		t.Errorf("%d formats and %d types are remembered", len(reader.formats), len(reader.types))
	}
}

func TestDecodedPayloadsOfRecordsStayWhole(t *testing.T) {
	r := textMessage("FN=Arial", "one")
	one := r.DecodePayload()
	copy(r.Payload[len(r.Payload)-3:], "two")
	r.DecodePayload()
	if got := one.Text("text"); got != "one" || one.Text("font") != "Arial" {
		t.Errorf("the first payload has become %+v", one)
	}
}

func TestAnOutlineLeavesOutWhatIsSaid(t *testing.T) {
	reader := PayloadReader{Outline: true}
	text := textMessage("FN=Arial", "how are you?")
	said := reader.Decode(text)
	if chat, ok := text.Chat(said); !ok || chat != "" || said.Text("font") != "" {
		t.Errorf("%+v is a chat: %t", said, ok)
	}
	if said := reader.Decode(typingNotice("bob@example.com")); said.Text("typing") != "bob@example.com" {
		t.Errorf("who types is not told: %+v", said)
	}
	reader.Outline = false
	if said := reader.Decode(text); said.Text("text") != "how are you?" {
		t.Errorf("without the outline: %+v", said)
	}
}

func TestDecodingWhatCameBeforeAllocatesNothing(t *testing.T) {
	for name, r := range map[string]*Record{
		"a text that comes in where it was sent to": textMessage("FN=Segoe%20UI; EF=B; CO=ff; CS=0; PF=22", "how are you?"),
		"the same person types":                     typingNotice("bob@example.com"),
	} {
		var reader PayloadReader
		if allocs := testing.AllocsPerRun(100, func() { reader.Decode(r) }); allocs > 0 {
			t.Errorf("%s: %.0f allocations, want none", name, allocs)
		}
	}
}

func TestDecodingATextAllocatesTheTextOnly(t *testing.T) {
	r := textMessage("FN=Segoe%20UI; EF=B; CO=ff; CS=0; PF=22", "how are you, 1000")
	number := r.Payload[len(r.Payload)-4:]
	n := int64(1000)
	var reader PayloadReader
	const most = 2 // the text, and once more as a value
	allocs := testing.AllocsPerRun(100, func() {
		n++
		strconv.AppendInt(number[:0], n, 10)
		reader.Decode(r)
	})
	if allocs > most {
		t.Errorf("%.0f allocations, want %d", allocs, most)
	}
}

func BenchmarkPayloadReader(b *testing.B) {
	var records []*Record
	size := 0
	for i := range 1000 {
		body := strings.Repeat("what a person writes ", 1+i%12) + fmt.Sprint(i)
		if i%3 == 0 {
			body += " привет, naïve 日本語"
		}
		text, notice := textMessage("FN=Segoe%20UI; EF=; CO=0; CS=0; PF=22", body), typingNotice(fmt.Sprintf("user%d@example.com", i%12))
		records = append(records, notice, text)
		size += len(text.Payload) + len(notice.Payload)
	}
	var reader PayloadReader
	b.SetBytes(int64(size))
	b.ReportAllocs()
	for b.Loop() {
		for _, r := range records {
			reader.Decode(r)
		}
	}
}
