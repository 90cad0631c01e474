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

// emitMany emits records in memory that is used again and again.
func emitMany(emit func(*decode.Record), n int) (want []string) {
	var line, payload []byte
	for i := range n {
		line = fmt.Appendf(line[:0], "MSG %d", i)
		payload = fmt.Appendf(payload[:0], "%0*d", i%900, i)
		r := &decode.Record{Kind: decode.KindCommand, Seq: int64(i), Line: line, Payload: payload}
		want = append(want, fmt.Sprintf("%d %s %s", i, line, payload))
		emit(r)
	}
	return want
}

func TestAsideHandsOnAllInOrder(t *testing.T) {
	for _, n := range []int{0, 1, asideRecords - 1, asideRecords, asideRecords + 1, 20 * asideRecords} {
		sink := &keeper{}
		a := NewAside(New(true, sink))
		want := emitMany(a.Emit, n)
		a.Close()
		if fmt.Sprint(sink.got) != fmt.Sprint(want) {
			t.Errorf("%d records: got %d, or others", n, len(sink.got))
		}
		if a.Failed() || sink.closed {
			t.Errorf("%d records: failed %t, sink closed %t", n, a.Failed(), sink.closed)
		}
	}
}

func TestAsideTellsOfASinkThatFails(t *testing.T) {
	sink := &keeper{enough: 10}
	j := New(true, sink)
	a := NewAside(j)
	emitMany(a.Emit, 10*asideRecords)
	a.Close()
	if !a.Failed() || len(sink.got) != 10 {
		t.Errorf("failed %t after %d records", a.Failed(), len(sink.got))
	}
	if err := j.Close(); !errors.Is(err, errFull) || !sink.closed {
		t.Errorf("closing tells %v", err)
	}
}
