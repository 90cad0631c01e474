package journal

import (
	"testing"
	"testing/synctest"
	"time"

	"msnproxy/decode"
)

func TestWhoeverAsksWhatAnOutputHasMadeOfARunHearsOfAllThatHasHappened(t *testing.T) {
	asked, other := &fakeSink{}, &fakeSink{gate: make(chan struct{})}
	l := NewLive(false, nil, Output{Name: "asked", Sink: asked}, Output{Name: "other", Sink: other})
	for i := range 10 {
		l.Emit(numbered(i))
		l.Settle("asked")
		if len(asked.lines) != i+1 {
			t.Fatalf("after %d records the output has %d", i+1, len(asked.lines))
		}
	}
	close(other.gate)
	l.Close()
	l.Settle("asked")
	if len(other.lines) != 10 {
		t.Errorf("the other output has %d records", len(other.lines))
	}
}

func TestAnOutputThatStandsStillIsNotWaitedForForEver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		slow := &fakeSink{gate: make(chan struct{})}
		l := NewLive(false, nil, Output{Name: "slow", Sink: slow})
		l.Emit(numbered(1))
		begun := time.Now()
		l.Settle("slow")
		if waited := time.Since(begun); waited != settleTime {
			t.Errorf("it was waited for %v", waited)
		}
		close(slow.gate)
		l.Close()
	})
}

func TestAnOutputThatHasFailedIsNotWaitedFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := NewLive(false, func(string, error) {}, Output{Name: "bad", Sink: &brokenSink{}})
		l.Emit(&decode.Record{Kind: decode.KindCommand})
		begun := time.Now()
		l.Settle("bad")
		l.Settle("bad")
		if waited := time.Since(begun); waited >= settleTime {
			t.Errorf("it was waited for %v", waited)
		}
		l.Close()
	})
}

// count is how many records the sink has taken.
func (s *fakeSink) count() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.lines)
}

// What comes slowly is done together with what comes shortly after, and what comes
// fast is not waited with.
func TestAnOutputIsWokenForManyRecordsAtATime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sink := &fakeSink{}
		l := NewLive(false, nil, Output{Name: "test", Sink: sink})
		l.Emit(numbered(0))
		synctest.Wait()
		time.Sleep(gatherTime - 1)
		l.Emit(numbered(1))
		if synctest.Wait(); sink.count() != 0 {
			t.Errorf("%d records came before their time", sink.count())
		}
		time.Sleep(time.Nanosecond)
		if synctest.Wait(); sink.count() != 2 {
			t.Errorf("%d records came when their time was up", sink.count())
		}
		for i := range gatherEvents {
			l.Emit(numbered(i))
		}
		if synctest.Wait(); sink.count() != 2+gatherEvents {
			t.Errorf("%d records of many came at once", sink.count()-2)
		}
		l.Emit(&decode.Record{Kind: decode.KindCommand, Bytes: gatherBytes})
		if synctest.Wait(); sink.count() != 3+gatherEvents {
			t.Errorf("a large record has to wait")
		}
		l.Close()
	})
}
