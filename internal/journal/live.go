package journal

import (
	"fmt"
	"sync"
	"time"

	"msnproxy/decode"
)

// closeTime is how long the outputs may take to write what is queued when the
// run ends.
const closeTime = 5 * time.Second

// Tap takes the bytes of connections as they were seen, for a capture file.
type Tap interface {
	// Open begins a connection; client and server are host:port, and so is the
	// address by which the client connected.
	Open(conn, client, server, by string, at time.Time) error
	// Data tells what one end sent, or the proxy in its place. The bytes must
	// not change during the call.
	Data(conn string, dir decode.Direction, p []byte, at decode.Stamp) error
	// Lost tells that n bytes of one end were dropped: the tap was too slow.
	Lost(conn string, dir decode.Direction, n int64) error
	// Idle tells that a connection got to a time at which nothing came.
	Idle(conn string, at time.Time) error
	// End tells that one end has said all; Reset that it broke off.
	End(conn string, dir decode.Direction, at time.Time) error
	Reset(conn string, dir decode.Direction, at time.Time) error
	// Close ends the capture.
	Close() error
}

// Output is a sink or a tap of a live run, with the name it has in messages.
type Output struct {
	Name string
	Sink Sink
	Tap  Tap
}

const (
	// gatherTime is how long what is queued may wait for more before an output
	// does it: to wake somebody costs more than a record does, and takes a
	// processor that the relay, or who speaks through it, may be about to need.
	// It is too short to be seen.
	gatherTime = 50 * time.Millisecond
	// promptTime is the same for what comes after a pause: whoever reads the
	// output, and says something then, waits for it.
	promptTime = 2 * time.Millisecond
	// gatherEvents and gatherBytes are how much is not waited for any longer: a
	// small part of what may be queued.
	gatherEvents = queueLength / 32
	gatherBytes  = queueBytes / 32
)

// Flusher is a sink that holds back what it has written until it is told that
// there is nothing more for the moment.
type Flusher interface {
	Flush() error
}

// Live hands what happens in a live run to its outputs, each in a goroutine
// of its own behind a bounded queue: a slow output misses records, and is told
// how many, but holds up nobody. Its methods are safe for concurrent use.
type Live struct {
	mu      sync.Mutex
	masker  *decode.Masker
	queues  []*queue
	sinks   []*queue // those of them that are for records
	taps    []*queue // and those for bytes
	batches batches
	closed  bool
	done    chan struct{} // closed with it
	onError func(output string, err error)
}

// Missed is a record that tells what an output missed in all, for the report.
func Missed(output string, n int64, at time.Time) *decode.Record {
	r := missedRecord(n, at)
	r.Notes[0].Text = fmt.Sprintf("%s missed %d records: it was too slow", output, n)
	return r
}

// NewLive starts the outputs. OnError is called once for each that fails, in a
// goroutine of its own.
func NewLive(showSecrets bool, onError func(output string, err error), outputs ...Output) *Live {
	l := &Live{onError: onError, done: make(chan struct{})}
	if !showSecrets {
		l.masker = decode.NewMasker()
	}
	for _, o := range outputs {
		q := newQueue(o)
		l.queues = append(l.queues, q)
		if o.Sink != nil {
			l.sinks = append(l.sinks, q)
		}
		if o.Tap != nil {
			l.taps = append(l.taps, q)
		}
		go l.serve(q)
	}
	return l
}

// serve does what is queued for one output, and ends it. One that fails gets
// nothing more, and says so once.
func (l *Live) serve(q *queue) {
	defer close(q.finished)
	for l.take(q) {
		if err := q.tell(); err != nil {
			q.failed = true
			l.onError(q.Name, err)
		}
		l.giveBack(q)
	}
	if err := q.end(); err != nil && !q.failed {
		l.onError(q.Name, err)
	}
}

// take waits for what is pending for an output, and has it taken. It reports
// false once there is nothing and nothing more comes.
func (l *Live) take(q *queue) bool {
	for {
		l.gather(q)
		closed := l.takePending(q)
		switch {
		case len(q.taken) > 0:
			return true
		case closed:
			return false
		}
	}
}

// gather waits until something is pending for an output, and a little longer, for
// more; after a pause, only a very little.
func (l *Live) gather(q *queue) {
	select {
	case <-q.wake:
	case <-l.done:
		return
	}
	patience := gatherTime
	if time.Since(q.gathered) > gatherTime {
		patience = promptTime
	}
	q.gather.Reset(patience)
	select {
	case <-q.gather.C:
	case <-q.much:
	case <-l.done:
	}
	q.gathered = time.Now()
}

// giveBack gives back what an output had taken.
func (l *Live) giveBack(q *queue) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for i := range q.taken {
		if b := q.taken[i].batch; b != nil {
			l.batches.done(b)
		}
		if m := q.taken[i].mark; m != nil {
			close(m)
		}
	}
	clear(q.taken) // what is for a tap may be large
	q.taken, q.inHand, q.bytes[1] = q.taken[:0], 0, 0
}

// takePending has an output take what is pending. It reports whether nothing more
// comes.
func (l *Live) takePending(q *queue) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	q.pending, q.taken = q.taken, q.pending
	q.waits, q.inHand = 0, q.waits
	q.bytes = [2]int64{0, q.bytes[0]}
	takeBack(q.wake)
	takeBack(q.much)
	for i := range q.taken {
		l.batches.taken(q.taken[i].batch)
	}
	return l.closed
}

// signal says something to who waits for it, once. TakeBack has it not said.
func signal(to chan struct{}) {
	select {
	case to <- struct{}{}:
	default: // it was said
	}
}

func takeBack(of chan struct{}) {
	select {
	case <-of:
	default:
	}
}

// Emit hands a record to every sink.
func (l *Live) Emit(r *decode.Record) {
	if len(l.sinks) == 0 {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return
	}
	var kept *batch // made only if somebody has room for it
	var at int
	for _, q := range l.sinks {
		if !q.hasRoom(r) {
			continue
		}
		if kept == nil {
			mask(l.masker, r)
			kept, at = l.batches.add(r)
		}
		q.pushRecord(kept, at, r.Held())
	}
}

// tap hands an event to every tap. Bytes, if they are what it is about, may be
// dropped; a tap that misses some is told how many.
func (l *Live) tap(bytes lostBytes, do func(Tap) error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return
	}
	for _, q := range l.taps {
		q.putTap(bytes, do)
	}
}

// Open tells every tap of a new connection.
func (l *Live) Open(conn, client, server, by string, at time.Time) {
	l.tap(lostBytes{}, func(t Tap) error { return t.Open(conn, client, server, by, at) })
}

// Data tells every tap what one end sent.
func (l *Live) Data(conn string, dir decode.Direction, p []byte, at decode.Stamp) {
	if len(l.taps) == 0 {
		return
	}
	kept := append([]byte(nil), p...)
	l.tap(lostBytes{stream{conn, dir}, int64(len(p))}, func(t Tap) error { return t.Data(conn, dir, kept, at) })
}

// Idle tells every tap that a connection got to a time at which nothing came.
func (l *Live) Idle(conn string, at time.Time) {
	l.tap(lostBytes{}, func(t Tap) error { return t.Idle(conn, at) })
}

// End tells every tap that one end has said all.
func (l *Live) End(conn string, dir decode.Direction, at time.Time) {
	l.tap(lostBytes{}, func(t Tap) error { return t.End(conn, dir, at) })
}

// Reset tells every tap that one end broke off.
func (l *Live) Reset(conn string, dir decode.Direction, at time.Time) {
	l.tap(lostBytes{}, func(t Tap) error { return t.Reset(conn, dir, at) })
}

// Silent tells whether there is no output.
func (l *Live) Silent() bool { return len(l.queues) == 0 }

// Close lets every output finish what is queued, for a bounded time, and ends
// it. It returns how many events each output missed, by name, where it missed
// any; one that does not finish in time is reported as failed.
func (l *Live) Close() map[string]int64 {
	l.mu.Lock()
	l.closed = true
	missed := map[string]int64{}
	for _, q := range l.queues {
		if q.total > 0 {
			missed[q.Name] += q.total
		}
		if n := q.missed; n > 0 {
			q.last = missedRecord(n, time.Now())
		}
	}
	close(l.done)
	l.mu.Unlock()
	late := time.After(closeTime)
	for _, q := range l.queues {
		if !q.finishes(late) {
			late = closedTime
			l.onError(q.Name, errTooSlow)
		}
	}
	return missed
}

// finishes waits until an output has written all, or it is too late. An output
// that was in time is, although another one made us late.
func (q *queue) finishes(late <-chan time.Time) bool {
	select {
	case <-q.finished:
		return true
	default:
	}
	select {
	case <-q.finished:
		return true
	case <-late:
		return false
	}
}

// closedTime is a time that has come.
var closedTime = func() <-chan time.Time {
	c := make(chan time.Time)
	close(c)
	return c
}()

// errTooSlow is what an output failed with that was not finished in time.
var errTooSlow = fmt.Errorf("it took over %v to write what was left, and is not complete", closeTime)
