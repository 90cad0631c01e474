package journal

import (
	"errors"
	"fmt"
	"testing"

	"msnproxy/decode"
)

// keeper is a sink that keeps what records say, and fails when it has enough.
type keeper struct {
	got    []string
	enough int
	closed bool
}

var errFull = errors.New("full")

func (k *keeper) Record(r *decode.Record) error {
	if k.enough > 0 && len(k.got) == k.enough {
		return errFull
	}
	k.got = append(k.got, fmt.Sprintf("%d %s %s", r.Seq, r.Line, r.Payload))
	return nil
}

func (k *keeper) Close() error {
	k.closed = true
	return nil
}

// pool is records that are done with, in which the next ones are made.
type pool struct {
	spare []*decode.Record
	made  int
}

func (p *pool) takeBack(used ...*decode.Record) {
	for _, r := range used {
		r.Line, r.Payload = []byte("used"), []byte("again") // nobody may look at it any more
		p.spare = append(p.spare, r)
	}
}

func (p *pool) next() *decode.Record {
	if n := len(p.spare); n > 0 {
		r := p.spare[n-1]
		p.spare = p.spare[:n-1]
		return r
	}
	p.made++
	return &decode.Record{}
}

// emitMany emits records of a pool.
func emitMany(emit func(*decode.Record), records *pool, n int) (want []string) {
	for i := range n {
		r := records.next()
		r.Kind, r.Seq = decode.KindCommand, int64(i)
		r.Line, r.Payload = fmt.Appendf(nil, "MSG %d", i), fmt.Appendf(nil, "%0*d", i%900, i)
		r.Bytes = int64(len(r.Line) + len(r.Payload))
		want = append(want, fmt.Sprintf("%d %s %s", i, r.Line, r.Payload))
		emit(r)
	}
	return want
}

func TestAsideHandsOnAllInOrder(t *testing.T) {
	for _, n := range []int{0, 1, asideRecords - 1, asideRecords, asideRecords + 1, 20 * asideRecords} {
		sink, records := &keeper{}, &pool{}
		a := NewAside(New(true, sink), records.takeBack)
		want := emitMany(a.Emit, records, n)
		a.Close()
		if fmt.Sprint(sink.got) != fmt.Sprint(want) {
			t.Errorf("%d records: got %d, or others", n, len(sink.got))
		}
		if a.Failed() || sink.closed {
			t.Errorf("%d records: failed %t, sink closed %t", n, a.Failed(), sink.closed)
		}
		if most := asideBatches * asideRecords; records.made > most {
			t.Errorf("%d records were made, more than the %d that can be under way", records.made, most)
		}
	}
}

// TestRecordsThatWereReadBackCountAsLargeAsTheyWere: what they tell of their bytes
// on the wire, anybody may have written.
func TestRecordsThatWereReadBackCountAsLargeAsTheyWere(t *testing.T) {
	a := NewAside(New(true, &keeper{}), func(...*decode.Record) {})
	defer a.Close()
	a.Emit(&decode.Record{Kind: decode.KindCommand, Size: asideBytes - 1})
	if len(a.filling) != 1 {
		t.Error("a record of less than a batch is handed over at once")
	}
	a.Emit(&decode.Record{Kind: decode.KindCommand, Bytes: -asideBytes, Size: 1})
	if len(a.filling) != 0 {
		t.Error("records of a whole batch wait for more of them")
	}
}

func TestAsideTellsOfASinkThatFails(t *testing.T) {
	sink := &keeper{enough: 10}
	j := New(true, sink)
	a := NewAside(j, func(...*decode.Record) {})
	emitMany(a.Emit, &pool{}, 10*asideRecords)
	a.Close()
	if !a.Failed() || len(sink.got) != 10 {
		t.Errorf("failed %t after %d records", a.Failed(), len(sink.got))
	}
	if err := j.Close(); !errors.Is(err, errFull) || !sink.closed {
		t.Errorf("closing tells %v", err)
	}
}
