package decode

import (
	"bytes"
	"reflect"
	"testing"
	"time"
)

// Records of the receiver's own that keep their bytes stay as they are while
// what was fed is overwritten and the session goes on.
func TestRecordsOfTheReceiverStayWhenKept(t *testing.T) {
	data, _ := chatTraffic(64 << 10)
	var kept, clones []*Record
	s := NewSession(Config{Conn: "c1", New: func() *Record { return &Record{} }, Emit: func(r *Record) {
		clones = append(clones, r.Clone())
		r.Keep()
		kept = append(kept, r)
	}})
	buffer := make([]byte, 777)
	for len(data) > 0 {
		n := copy(buffer, data)
		s.Feed(ServerToClient, buffer[:n], Stamp{Time: time.Unix(1e9, 0)})
		clear(buffer)
		data = data[n:]
	}
	s.Close("end", Stamp{})
	if len(kept) < 100 {
		t.Fatalf("only %d records", len(kept))
	}
	for i := range kept {
		if got, want := normal(kept[i]), normal(clones[i]); !reflect.DeepEqual(got, want) {
			t.Fatalf("record %d:\n got %+v\nwant %+v", i, got, want)
		}
	}
}

// A record that was used before, and whatever is in it, makes no difference.
func TestRecordsThatAreUsedAgain(t *testing.T) {
	data := []byte("VER 1 MSNP8 CVR0\r\nUSR 2 TWN S t=1&p=2\r\nMSG 3 A 5\r\nhello\x00\r\nno command\r\nOUT\r\n")
	collect := func(next func() *Record) (out []*Record) {
		s := NewSession(Config{Conn: "c1", New: next, Emit: func(r *Record) { out = append(out, r.Clone()) }})
		s.Feed(ClientToServer, data, Stamp{Time: time.Unix(1e9, 0)})
		s.Close("end", Stamp{})
		return out
	}
	used := func() *Record {
		r := &Record{
			Verb: "XXX", TrID: 9, HasTrID: true, Reason: "no", Client: "c", HTTP: &HTTP{}, Joined: &JoinedMessage{}, Said: &Payload{},
			Line: []byte("XXX 9"), Args: []Arg{{Name: "a", Value: []byte("9"), Secret: true}}, Notes: []Note{{Kind: NoteIssue}},
		}
		r.Keep()
		return r
	}
	got, want := collect(used), collect(nil)
	if len(got) != len(want) {
		t.Fatalf("%d records, want %d", len(got), len(want))
	}
	for i := range got {
		if !reflect.DeepEqual(normal(got[i]), normal(want[i])) {
			t.Errorf("record %d:\n got %+v\nwant %+v", i, got[i], want[i])
		}
	}
}

func TestTrimLetsGoOfWhatIsHuge(t *testing.T) {
	small := &Record{Raw: []byte("PNG\r\n"), Args: make([]Arg, 2)}
	huge := &Record{Raw: bytes.Repeat([]byte("x"), spareBytes+1), Args: make([]Arg, spareArgs+1)}
	for _, r := range []*Record{small, huge} {
		r.Keep()
		r.Trim()
		if r.Raw != nil || r.Line != nil || r.Payload != nil {
			t.Errorf("it still points to %d bytes", len(r.Raw))
		}
	}
	if cap(small.memory) == 0 || cap(small.Args) == 0 {
		t.Error("the room that the next one needs is gone")
	}
	if cap(huge.memory) != 0 || cap(huge.Args) != 0 {
		t.Errorf("room for %d bytes and %d arguments is kept", cap(huge.memory), cap(huge.Args))
	}
}
