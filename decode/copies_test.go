package decode

import (
	"bytes"
	"reflect"
	"testing"
	"time"
)

// copied collects the copies of all records that a session makes of a stream,
// beside clones of them.
func copied(data []byte) (*Copies, []*Record) {
	var c Copies
	var clones []*Record
	s := NewSession(Config{Conn: "c1", Emit: func(r *Record) {
		c.Add(r)
		clones = append(clones, r.Clone())
	}})
	s.Feed(ServerToClient, data, Stamp{Time: time.Unix(1e9, 0)})
	s.Close("end", Stamp{})
	return &c, clones
}

func TestCopiesAreTheRecords(t *testing.T) {
	data, _ := chatTraffic(64 << 10)
	data = append(data, "911 3\r\nNLN NLN a@b.c N%20m 12\r\n\x00\x01 no command\r\nXFR 4 SB 10.0.0.1:1863 CKI secret\r\n"...)
	c, clones := copied(data)
	if c.Len() != len(clones) || c.Len() < 10 {
		t.Fatalf("%d copies of %d records", c.Len(), len(clones))
	}
	i := 0
	c.Each(func(r *Record) {
		if got, want := normal(r), normal(clones[i]); !reflect.DeepEqual(got, want) {
			t.Fatalf("record %d:\n got %+v\nwant %+v", i, got, want)
		}
		i++
	})
}

// normal is a record with its empty lists made equal.
func normal(r *Record) *Record {
	n := r.Clone()
	for _, b := range []*[]byte{&n.Raw, &n.Line, &n.Payload} {
		if len(*b) == 0 {
			*b = nil
		}
	}
	if len(n.Notes) == 0 {
		n.Notes = nil
	}
	if len(n.Args) == 0 {
		n.Args = nil
	}
	n.memory = nil
	for i := range n.Args {
		if len(n.Args[i].Value) == 0 {
			n.Args[i].Value = nil
		}
	}
	return n
}

// Masking puts other bytes into a record: line, arguments and payload are then
// no part of what came in.
func TestCopiesOfMaskedRecords(t *testing.T) {
	var c Copies
	m := NewMasker()
	s := NewSession(Config{Conn: "c1", Emit: func(r *Record) {
		m.Mask(r)
		c.Add(r)
	}})
	s.Feed(ServerToClient, []byte("XFR 4 SB 10.0.0.1:1863 CKI 17262740.1050826919.32308\r\n"), Stamp{})
	c.Each(func(r *Record) {
		if r.Kind == KindCommand && (string(r.Line) != "XFR 4 SB 10.0.0.1:1863 CKI ***1" || string(r.Arg("cookie")) != "***1") {
			t.Errorf("line %q, cookie %q", r.Line, r.Arg("cookie"))
		}
	})
}

func TestCopiesHoldEachByteOnce(t *testing.T) {
	data, commands := chatTraffic(256 << 10)
	c, _ := copied(data)
	if len(c.bytes) > len(data) {
		t.Errorf("%d bytes copied of %d", len(c.bytes), len(data))
	}
	records := make([]*Record, 0, commands)
	c.Each(func(r *Record) { records = append(records, r.Clone()) })
	var again Copies
	fill := func() {
		again.Reset()
		for _, r := range records {
			again.Add(r)
		}
	}
	fill()
	if allocs := testing.AllocsPerRun(5, fill); allocs > 1 {
		t.Errorf("%.0f allocations for %d records where there is room already", allocs, len(records))
	}
}

func TestResetCopiesForgetsWhatIsHuge(t *testing.T) {
	var c Copies
	c.Add(&Record{Raw: bytes.Repeat([]byte("x"), maxRoom+1), Args: make([]Arg, maxRoom/argBytes+1)})
	if c.Size() < 2*maxRoom {
		t.Errorf("%d bytes are counted", c.Size())
	}
	c.Reset()
	if c.Len() != 0 || c.Size() != 0 || cap(c.bytes) != 0 || cap(c.args) != 0 {
		t.Errorf("%d records, %d bytes, room for %d and %d arguments", c.Len(), c.Size(), cap(c.bytes), cap(c.args))
	}
}
