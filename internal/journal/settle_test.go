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

// What comes shortly after something else is done together with what follows, and
// what comes fast is not waited with.
func TestAnOutputIsWokenForManyRecordsAtATime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sink := &fakeSink{}
		l := NewLive(false, nil, Output{Name: "test", Sink: sink})
		want := func(n int, what string) {
			t.Helper()
			if synctest.Wait(); sink.count() != n {
				t.Errorf("%s: %d records have come, want %d", what, sink.count(), n)
			}
		}
		l.Emit(numbered(0))
		synctest.Wait()
		time.Sleep(promptTime)
		want(1, "after a pause")
		l.Emit(numbered(1))
		synctest.Wait()
		time.Sleep(gatherTime - 1)
		l.Emit(numbered(2))
		want(1, "shortly after")
		time.Sleep(time.Nanosecond)
		want(3, "when the time is up")
		for i := range gatherEvents {
			l.Emit(numbered(i))
		}
		want(3+gatherEvents, "many at once")
		l.Emit(&decode.Record{Kind: decode.KindCommand, Bytes: gatherBytes})
		want(4+gatherEvents, "a large one")
		time.Sleep(2 * gatherTime)
		l.Emit(numbered(3))
		time.Sleep(promptTime)
		want(5+gatherEvents, "after another pause")
		l.Close()
	})
}
