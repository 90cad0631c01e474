package journal

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"msnproxy/decode"
)

// fakeSink keeps the lines of records, fails when told to, and waits at a gate
// if it has one.
type fakeSink struct {
	mu     sync.Mutex
	lines  []string
	fail   error
	gate   chan struct{}
	closed bool
}

func (s *fakeSink) Record(r *decode.Record) error {
	if s.gate != nil {
		<-s.gate
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.fail != nil {
		return s.fail
	}
	line := string(r.Line)
	if n := r.Note(decode.NoteIssue); n != nil {
		line = n.Text
	}
	s.lines = append(s.lines, line)
	return nil
}

func (s *fakeSink) Close() error {
	s.closed = true
	return nil
}

// secretRecord is a record as a session emits it.
func secretRecord() *decode.Record { return recordOf("USR 4 TWN S t=tick&p=prof\r\n") }

// recordOf is the record of a command of a client.
func recordOf(command string) *decode.Record {
	var kept *decode.Record
	s := decode.NewSession(decode.Config{Conn: "c1", Emit: func(r *decode.Record) { kept = r.Clone() }})
	s.Feed(decode.ClientToServer, []byte(command), decode.Stamp{})
	return kept
}

func numbered(i int) *decode.Record {
	return &decode.Record{Kind: decode.KindCommand, Line: fmt.Appendf(nil, "PNG %d", i)}
}

func TestSecretsAreMaskedBeforeAnySinkSeesThem(t *testing.T) {
	for _, show := range []bool{false, true} {
		want := "USR 4 TWN S t=***1&p=***2"
		if show {
			want = "USR 4 TWN S t=tick&p=prof"
		}
		offline, live := &fakeSink{}, &fakeSink{}
		j := New(show, offline)
		j.Emit(secretRecord())
		if err := j.Close(); err != nil {
			t.Fatal(err)
		}
		l := NewLive(show, nil, Output{Name: "live", Sink: live})
		l.Emit(secretRecord())
		l.Close()
		for _, s := range []*fakeSink{offline, live} {
			if got := strings.Join(s.lines, "\n"); got != want {
				t.Errorf("show secrets %t: got %q, want %q", show, got, want)
			}
		}
	}
}

func TestMaskedRecordsHaveNoRawBytes(t *testing.T) {
	r := secretRecord()
	mask(decode.NewMasker(), r)
	if r.Raw != nil {
		t.Errorf("the masked record still holds %q", r.Raw)
	}
}

func TestASinkThatFailsGetsNothingMore(t *testing.T) {
	bad, good := &fakeSink{fail: errors.New("full")}, &fakeSink{}
	j := New(false, bad, good)
	j.Emit(numbered(1))
	bad.fail = nil
	j.Emit(numbered(2))
	if err := j.Failed(); err == nil || err.Error() != "full" {
		t.Errorf("Failed is %v, want full", err)
	}
	if err := j.Close(); err == nil || !bad.closed || !good.closed {
		t.Errorf("Close is %v; closed %t and %t", err, bad.closed, good.closed)
	}
	if len(bad.lines) != 0 || len(good.lines) != 2 {
		t.Errorf("the failed sink got %d records, the other %d", len(bad.lines), len(good.lines))
	}
}

func TestALiveOutputThatFailsSaysSoOnceAndTheOthersGoOn(t *testing.T) {
	bad, good := &fakeSink{fail: errors.New("disk full")}, &fakeSink{}
	var told []string
	l := NewLive(false, func(name string, err error) { told = append(told, name+": "+err.Error()) },
		Output{Name: "bad", Sink: bad}, Output{Name: "good", Sink: good})
	for i := range 5 {
		l.Emit(numbered(i))
	}
	l.Close()
	if len(told) != 1 || told[0] != "bad: disk full" || len(good.lines) != 5 {
		t.Errorf("told %q; the other got %d records", told, len(good.lines))
	}
}

func TestASlowLiveOutputMissesRecordsAndIsToldHowMany(t *testing.T) {
	slow, quick := &fakeSink{gate: make(chan struct{})}, &fakeSink{}
	l := NewLive(false, nil, Output{Name: "slow", Sink: slow}, Output{Name: "quick", Sink: quick})
	const extra = 100
	emitted := 0
	const room = queueLength - queueReserve
	for ; emitted < room+extra; emitted++ {
		l.Emit(numbered(emitted))
		if emitted%1000 == 0 {
			waitFor(t, quick, emitted+1)
		}
	}
	l.Emit(&decode.Record{Kind: decode.KindClose, Line: []byte("close")}) // there is room for that
	close(slow.gate)
	l.idle(t)
	l.Emit(numbered(emitted))
	missed := l.Close()
	if missed["quick"] != 0 || len(quick.lines) != emitted+2 {
		t.Errorf("the quick output got %d of %d", len(quick.lines), emitted+2)
	}
	// The queue has room for so many, and one record may be in the sink's hands.
	if n := missed["slow"]; n < extra-1 || n > extra {
		t.Errorf("the slow output missed %d, want about %d", n, extra)
	}
	want := []string{fmt.Sprintf("%d records are missing here: this output was too slow", missed["slow"]), "close", fmt.Sprintf("PNG %d", emitted)}
	if last := slow.lines[len(slow.lines)-3:]; !slices.Equal(last, want) {
		t.Errorf("the slow output ends with %q", last)
	}
}

func TestASlowOutputHoldsABoundedNumberOfBytes(t *testing.T) {
	sink, tap := &fakeSink{gate: make(chan struct{})}, &gatedTap{gate: make(chan struct{})}
	l := NewLive(false, nil, Output{Name: "sink", Sink: sink}, Output{Name: "tap", Tap: tap})
	const size, extra = 64 << 10, 100
	const fits = queueBytes / (size + eventCost)
	l.Open("c1", "a", "b", "p", time.Time{}) // the gate holds it
	for range fits + extra {
		r := numbered(1)
		r.Bytes = size
		l.Emit(r)
		l.Data("c1", decode.ServerToClient, make([]byte, size), decode.Stamp{})
	}
	l.Emit(&decode.Record{Kind: decode.KindClose, Line: []byte("close")}) // there is room for that
	l.End("c1", decode.ServerToClient, time.Time{})
	close(sink.gate)
	close(tap.gate)
	l.idle(t)
	missed := l.Close()
	for _, name := range []string{"sink", "tap"} {
		if n := missed[name]; n < extra-2 || n > extra+2 {
			t.Errorf("the %s missed %d, want about %d", name, n, extra)
		}
	}
	if last := sink.lines[len(sink.lines)-1]; last != "close" {
		t.Errorf("the sink ends with %q", last)
	}
	if last := tap.lines[len(tap.lines)-1]; last != "end c1 s2c" {
		t.Errorf("the tap ends with %.40q", last)
	}
}

// idle waits until no output is behind, nor at anything. Closing waits for a
// bounded time only.
func (l *Live) idle(t *testing.T) {
	t.Helper()
	for range 60000 {
		behind := 0
		l.mu.Lock()
		for _, q := range l.queues {
			behind += q.waiting()
		}
		l.mu.Unlock()
		if behind == 0 {
			return
		}
		time.Sleep(time.Millisecond)
	}
	t.Fatal("the outputs are behind for ever")
}

// waitFor waits until a sink has taken so many records.
func waitFor(t *testing.T, s *fakeSink, n int) {
	t.Helper()
	for range 60000 {
		if s.count() >= n {
			return
		}
		time.Sleep(time.Millisecond)
	}
	t.Fatalf("the sink did not take %d records", n)
}

func TestWhatComesAfterCloseIsDropped(t *testing.T) {
	s := &fakeSink{}
	l := NewLive(false, nil, Output{Name: "x", Sink: s})
	l.Close()
	l.Emit(numbered(1))
	if len(s.lines) != 0 || !s.closed {
		t.Errorf("got %d records, closed %t", len(s.lines), s.closed)
	}
}

// fakeTap writes what it is told as text.
type fakeTap struct{ fakeSink }

func (s *fakeTap) note(format string, args ...any) error {
	s.lines = append(s.lines, fmt.Sprintf(format, args...))
	return nil
}

func (s *fakeTap) Open(conn, client, server, _ string, _ time.Time) error {
	return s.note("open %s %s %s", conn, client, server)
}
func (s *fakeTap) Data(conn string, dir decode.Direction, p []byte, _ decode.Stamp) error {
	return s.note("data %s %s %s", conn, dir, p)
}
func (s *fakeTap) Lost(conn string, dir decode.Direction, n int64) error {
	return s.note("lost %s %s %d", conn, dir, n)
}
func (s *fakeTap) Idle(conn string, _ time.Time) error { return s.note("idle %s", conn) }
func (s *fakeTap) End(conn string, dir decode.Direction, _ time.Time) error {
	return s.note("end %s %s", conn, dir)
}
func (s *fakeTap) Reset(conn string, dir decode.Direction, _ time.Time) error {
	return s.note("reset %s %s", conn, dir)
}

func TestATapSeesTheBytesAsTheyWere(t *testing.T) {
	tap := &fakeTap{}
	l := NewLive(false, nil, Output{Name: "tap", Tap: tap})
	buffer := []byte("PNG\r\n")
	l.Open("c1", "a", "b", "p", time.Time{})
	l.Data("c1", decode.ClientToServer, buffer, decode.Stamp{})
	copy(buffer, "XXXXX") // the caller uses its buffer again
	l.Idle("c1", time.Time{})
	l.End("c1", decode.ClientToServer, time.Time{})
	l.Reset("c1", decode.ServerToClient, time.Time{})
	l.Close()
	want := "open c1 a b|data c1 c2s PNG\r\n|idle c1|end c1 c2s|reset c1 s2c"
	if got := strings.Join(tap.lines, "|"); got != want || !tap.closed {
		t.Errorf("got %q, closed %t", got, tap.closed)
	}
}

// gatedTap is a fakeTap that takes nothing until its gate opens.
type gatedTap struct {
	fakeTap
	gate chan struct{}
}

func (s *gatedTap) Open(conn, client, server, by string, at time.Time) error {
	<-s.gate
	return s.fakeTap.Open(conn, client, server, by, at)
}

func TestASlowTapIsToldOfTheBytesItMissesAndOfEveryEnd(t *testing.T) {
	tap := &gatedTap{gate: make(chan struct{})}
	l := NewLive(false, nil, Output{Name: "tap", Tap: tap})
	l.Open("c1", "a", "b", "p", time.Time{})
	sent := 0
	for range queueLength + 500 {
		l.Data("c1", decode.ClientToServer, []byte("12345"), decode.Stamp{})
		sent += 5
	}
	l.End("c1", decode.ClientToServer, time.Time{})
	close(tap.gate)
	l.idle(t)
	if missed := l.Close(); missed["tap"] < 500 {
		t.Errorf("%d events were missed, want more than 500", missed["tap"])
	}
	got := 0
	for _, line := range tap.lines {
		var n int
		if _, err := fmt.Sscanf(line, "lost c1 c2s %d", &n); err == nil {
			got += n
		} else if strings.HasPrefix(line, "data") {
			got += 5
		}
	}
	if got != sent || tap.lines[len(tap.lines)-1] != "end c1 c2s" {
		t.Errorf("the tap accounts for %d of %d bytes and ends with %q", got, sent, tap.lines[len(tap.lines)-1])
	}
}

func TestLiveMayBeUsedFromManyGoroutines(t *testing.T) {
	s := &fakeSink{}
	l := NewLive(false, nil, Output{Name: "x", Sink: s})
	var all sync.WaitGroup
	for range 8 {
		all.Add(1)
		go func() {
			defer all.Done()
			for range 200 {
				l.Emit(secretRecord())
			}
		}()
	}
	all.Wait()
	l.Close()
	if len(s.lines) != 1600 {
		t.Errorf("got %d records, want 1600", len(s.lines))
	}
}

func TestLiveRecordsAreCopiedIntoMemoryThatIsUsedAgain(t *testing.T) {
	first, second := &countingSink{gate: make(chan struct{})}, &countingSink{}
	l := NewLive(false, nil, Output{Name: "first", Sink: first}, Output{Name: "second", Sink: second})
	r := recordOf("MSG 3 A 43\r\nContent-Type: text/plain\r\n\r\nwhat people say")
	const records = queueLength - queueReserve // what a queue holds
	emit := func() {
		for range records {
			l.Emit(r)
		}
	}
	emit() // what is made once is made now, and that is most if one output is late
	close(first.gate)
	l.idle(t)
	allocations := testing.AllocsPerRun(10, func() { emit(); l.idle(t) })
	l.Close()
	if n := int64(12 * records); first.n.Load() != n || second.n.Load() != n {
		t.Errorf("the outputs got %d and %d records, want %d", first.n.Load(), second.n.Load(), n)
	}
	if perRecord := allocations / records; perRecord > 0.01 {
		t.Errorf("%.2f allocations for a record in two outputs, want next to none", perRecord)
	}
}

// countingSink counts, and waits at a gate if it has one.
type countingSink struct {
	n    atomic.Int64
	gate chan struct{}
}

func (s *countingSink) Record(*decode.Record) error {
	if s.gate != nil {
		<-s.gate
	}
	s.n.Add(1)
	return nil
}

func (s *countingSink) Close() error { return nil }

func TestOutputsThatTakeTheSameRecordsAtDifferentTimesGetAllOfThemInOrder(t *testing.T) {
	slow, quick := &fakeSink{gate: make(chan struct{}, 1)}, &fakeSink{}
	l := NewLive(false, nil, Output{Name: "slow", Sink: slow}, Output{Name: "quick", Sink: quick})
	var want []string
	for i := range 3 * batchRecords {
		l.Emit(numbered(i))
		want = append(want, fmt.Sprintf("PNG %d", i))
		if i%10 == 0 { // the slow one takes what there is, then waits
			slow.gate <- struct{}{}
			time.Sleep(gatherTime / 4)
		}
	}
	close(slow.gate)
	l.Close()
	for name, s := range map[string]*fakeSink{"slow": slow, "quick": quick} {
		if !slices.Equal(s.lines, want) {
			t.Errorf("the %s output got %d records, or in another order: %.200q", name, len(s.lines), s.lines)
		}
	}
}

func TestOneBatchHoldsNoMoreThanItsBound(t *testing.T) {
	var b batches
	large := &decode.Record{Kind: decode.KindCommand, Payload: make([]byte, batchBytes-1)}
	first, _ := b.add(large)
	if again, at := b.add(large); again != first || at != 1 {
		t.Errorf("the second record is at %d, of the same batch: %t", at, again == first)
	}
	if other, at := b.add(large); other == first || at != 0 {
		t.Errorf("the third record is at %d, of the same batch: %t", at, other == first)
	}
	b = batches{}
	for range batchRecords {
		first, _ = b.add(numbered(1))
	}
	if other, _ := b.add(numbered(1)); other == first || first.Len() != batchRecords {
		t.Errorf("a batch has %d records", first.Len())
	}
}

func TestTheBatchesOfAFullQueueAreUsedAgain(t *testing.T) {
	var b batches
	r := recordOf("MSG 3 A 43\r\nContent-Type: text/plain\r\n\r\nwhat people say")
	used := make([]*batch, 0, queueLength)
	fillAndEmpty := func() {
		used = used[:0]
		for range queueLength {
			to, at := b.add(r)
			if at == 0 {
				to.users++
				used = append(used, to)
			}
		}
		for _, one := range used {
			b.taken(one)
			b.done(one)
		}
	}
	fillAndEmpty()
	if n := testing.AllocsPerRun(5, fillAndEmpty); n > 0 {
		t.Errorf("%g allocations for %d records", n, queueLength)
	}
}

func TestAnOutputThatIsReadyIsNotLateBecauseAnotherOneIs(t *testing.T) {
	q := &queue{finished: make(chan struct{})}
	close(q.finished)
	for range 100 {
		if !q.finishes(closedTime) {
			t.Fatal("an output that has written all is said to be late")
		}
	}
	if (&queue{finished: make(chan struct{})}).finishes(closedTime) {
		t.Error("an output that has not written all is said to be in time")
	}
}

// brokenSink panics over records, with what they hold.
type brokenSink struct{ fakeSink }

func (*brokenSink) Record(r *decode.Record) error { panic(string(r.Line)) }

func TestAnOutputThatPanicsHasFailedAndTheOthersGoOn(t *testing.T) {
	good, told := &fakeSink{}, make(chan string, 9)
	l := NewLive(false, func(name string, err error) { told <- name + ": " + err.Error() },
		Output{Name: "bad", Sink: &brokenSink{}}, Output{Name: "good", Sink: good})
	for i := range 5 {
		l.Emit(numbered(i))
	}
	l.Close()
	close(told)
	if got := <-told; got != "bad: it broke down over a record (string)" || len(told) != 0 || len(good.lines) != 5 {
		t.Errorf("told %q and %d more; the other got %d records", got, len(told), len(good.lines))
	}
}

// TestATapThatStandsStillCostsNoMemory: what it misses is added up.
func TestATapThatStandsStillCostsNoMemory(t *testing.T) {
	tap := &gatedTap{gate: make(chan struct{})}
	l := NewLive(false, nil, Output{Name: "tap", Tap: tap})
	l.Open("c1", "a:1", "b:2", "p:3", time.Time{})
	const pieces = 10 * queueLength
	for range pieces {
		l.Data("c1", decode.ClientToServer, []byte("xx"), decode.Stamp{})
	}
	lost := l.queues[0].lost
	if n := lost[stream{"c1", decode.ClientToServer}]; len(lost) != 1 || n < 2*(pieces-queueLength) || n > 2*pieces {
		t.Errorf("%d losses are remembered of one direction, %d bytes", len(lost), n)
	}
	for n := range maxLost + 1 {
		l.Data(fmt.Sprint("d", n), decode.ServerToClient, []byte("x"), decode.Stamp{})
	}
	if len(lost) != maxLost {
		t.Errorf("%d losses are remembered, want %d", len(lost), maxLost)
	}
	close(tap.gate)
	l.idle(t)
	if missed := l.Close()["tap"]; missed < pieces-queueLength+maxLost {
		t.Errorf("%d events were missed", missed)
	}
}
