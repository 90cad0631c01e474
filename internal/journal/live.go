package journal

import (
	"fmt"
	"sync"
	"time"

	"msnproxy/decode"
)

// queueLength bounds what a sink may be behind. Records are some hundred bytes
// to some KiB each, so a queue holds a few MiB at the most.
const queueLength = 4096

// Tap takes the bytes of connections as they were seen, for a capture file.
type Tap interface {
	// Open begins a connection; client and server are host:port.
	Open(conn, client, server string, at time.Time) error
	// Data tells what one end sent. The bytes must not change during the call.
	Data(conn string, dir decode.Direction, p []byte, at time.Time) error
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

// Live hands what happens in a live run to its outputs, each in a goroutine
// of its own behind a bounded queue: a slow output misses records, and is told
// how many, but holds up nobody. Its methods are safe for concurrent use.
type Live struct {
	mu      sync.Mutex
	masker  *decode.Masker
	queues  []*queue
	closed  bool
	onError func(output string, err error)
	done    sync.WaitGroup
}

// queue is what waits for one output.
type queue struct {
	Output
	events chan func(*queue) error
	missed int64 // since the output was last told; guarded by Live.mu
	total  int64 // in all; guarded by Live.mu
	failed bool  // only its own goroutine uses it
}

// missedRecord stands in an output for records that it was too slow for.
func missedRecord(n int64, at time.Time) *decode.Record {
	text := fmt.Sprintf("%d records are missing here: this output was too slow", n)
	return &decode.Record{
		Stamp: decode.Stamp{Time: at}, Kind: decode.KindGap,
		Notes: []decode.Note{{Kind: decode.NoteIssue, Text: text}},
	}
}

// NewLive starts the outputs. OnError is called once for each that fails, in a
// goroutine of its own.
func NewLive(showSecrets bool, onError func(output string, err error), outputs ...Output) *Live {
	l := &Live{onError: onError}
	if !showSecrets {
		l.masker = decode.NewMasker()
	}
	for _, o := range outputs {
		q := &queue{Output: o, events: make(chan func(*queue) error, queueLength)}
		l.queues = append(l.queues, q)
		l.done.Add(1)
		go l.serve(q)
	}
	return l
}

// serve does what is queued for one output. One that fails gets nothing more,
// and says so once.
func (l *Live) serve(q *queue) {
	defer l.done.Done()
	for event := range q.events {
		if q.failed {
			continue
		}
		if err := event(q); err != nil {
			q.failed = true
			l.onError(q.Name, err)
		}
	}
}

// Emit hands a record to every sink.
func (l *Live) Emit(r *decode.Record) {
	if !l.has(func(q *queue) bool { return q.Sink != nil }) {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	mask(l.masker, r)
	kept := r.Clone()
	l.put(func(q *queue) error { return q.Sink.Record(kept) }, func(q *queue) bool { return q.Sink != nil })
}

// tap hands an event to every tap.
func (l *Live) tap(event func(Tap) error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.put(func(q *queue) error { return event(q.Tap) }, func(q *queue) bool { return q.Tap != nil })
}

// put queues an event for the outputs that want it. The caller holds the lock.
func (l *Live) put(event func(*queue) error, wants func(*queue) bool) {
	if l.closed {
		return
	}
	for _, q := range l.queues {
		if wants(q) {
			q.put(event)
		}
	}
}

// put queues an event, after word of the records that were missed before it.
func (q *queue) put(event func(*queue) error) {
	if missed := q.missed; missed > 0 && q.Sink != nil {
		next := event
		event = func(q *queue) error {
			if err := q.Sink.Record(missedRecord(missed, time.Now())); err != nil {
				return err
			}
			return next(q)
		}
	}
	select {
	case q.events <- event:
		q.missed = 0
	default:
		q.missed++
		q.total++
	}
}

// Open tells every tap of a new connection.
func (l *Live) Open(conn, client, server string, at time.Time) {
	l.tap(func(t Tap) error { return t.Open(conn, client, server, at) })
}

// Data tells every tap what one end sent.
func (l *Live) Data(conn string, dir decode.Direction, p []byte, at time.Time) {
	if !l.has(func(q *queue) bool { return q.Tap != nil }) {
		return
	}
	kept := append([]byte(nil), p...)
	l.tap(func(t Tap) error { return t.Data(conn, dir, kept, at) })
}

// End tells every tap that one end has said all.
func (l *Live) End(conn string, dir decode.Direction, at time.Time) {
	l.tap(func(t Tap) error { return t.End(conn, dir, at) })
}

// Reset tells every tap that one end broke off.
func (l *Live) Reset(conn string, dir decode.Direction, at time.Time) {
	l.tap(func(t Tap) error { return t.Reset(conn, dir, at) })
}

// has tells whether there is an output of a kind.
func (l *Live) has(kind func(*queue) bool) bool {
	for _, q := range l.queues {
		if kind(q) {
			return true
		}
	}
	return false
}

// Close lets every output finish what is queued and ends it. It returns how
// many events each output missed, by name, where it missed any.
func (l *Live) Close() map[string]int64 {
	l.mu.Lock()
	l.closed = true
	missed := map[string]int64{}
	for _, q := range l.queues {
		if q.total > 0 {
			missed[q.Name] += q.total
		}
		close(q.events)
	}
	l.mu.Unlock()
	l.done.Wait()
	for _, q := range l.queues {
		l.end(q)
	}
	return missed
}

// end closes one output.
func (l *Live) end(q *queue) {
	var err error
	if q.Sink != nil {
		err = q.Sink.Close()
	}
	if q.Tap != nil && err == nil {
		err = q.Tap.Close()
	}
	if err != nil && !q.failed {
		l.onError(q.Name, err)
	}
}

// LockedBook is a decode.Book for sessions that run at the same time. The zero
// LockedBook is ready.
type LockedBook struct {
	mu   sync.Mutex
	book decode.Book
}

// Add remembers a referral.
func (b *LockedBook) Add(r decode.Referral) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.book.Add(r)
}

// ByCookie finds the referral that gave a cookie.
func (b *LockedBook) ByCookie(cookie []byte) (decode.Referral, bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.book.ByCookie(cookie)
}

// ByAddress finds the last referral of a client to a server.
func (b *LockedBook) ByAddress(client, server string, kind decode.Server, opened time.Time) (decode.Referral, bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.book.ByAddress(client, server, kind, opened)
}
