package decode

import (
	"fmt"
	"reflect"
	"strings"
	"testing"
)

func textMessage(format, text string) *Record {
	payload := "MIME-Version: 1.0\r\nContent-Type: text/plain; charset=UTF-8\r\nX-MMS-IM-Format: " + format + "\r\n\r\n" + text
	return &Record{Kind: KindCommand, Dir: ServerToClient, Verb: "MSG", HasPayload: true, Payload: []byte(payload), PayloadBytes: int64(len(payload))}
}

// TestPayloadReaderKeepsNothingBack: what it returned stays as it was, whatever
// it decodes later, and is what a new one makes of the payload.
func TestPayloadReaderKeepsNothingBack(t *testing.T) {
	var records []*Record
	for i := range 3 * maxFormats {
		format := fmt.Sprintf("FN=Font%%20%d; EF=B; CO=%x; CS=0; PF=22; XX=%d", i%(maxFormats+9), i, i%3)
		records = append(records, textMessage(format, strings.Repeat("x", i)),
			textMessage("FN="+strings.Repeat("y", maxFormatSize), "long"),
			&Record{Kind: KindCommand, Verb: "UBX", HasPayload: true, Payload: []byte("<Data><PSM>hi</PSM></Data>")},
			&Record{Kind: KindCommand, Verb: "MSG", HasPayload: true})
	}
	var reader PayloadReader
	var said []*Payload
	for _, r := range records {
		said = append(said, reader.Decode(r))
	}
	for i, r := range records {
		if want := r.DecodePayload(); !reflect.DeepEqual(said[i], want) {
			t.Fatalf("payload %d:\n got %+v\nwant %+v", i, said[i], want)
		}
	}
	if len(reader.formats) > maxFormats {
		t.Errorf("%d formats are remembered", len(reader.formats))
	}
}

func TestDecodingATextAllocatesLittle(t *testing.T) {
	r := textMessage("FN=Segoe%20UI; EF=B; CO=ff; CS=0; PF=22", "how are you?")
	var reader PayloadReader
	// The text, once more as a value, the list of fields, and what holds them.
	const most = 4
	if allocs := testing.AllocsPerRun(100, func() { reader.Decode(r) }); allocs > most {
		t.Errorf("%.0f allocations, want %d", allocs, most)
	}
}
