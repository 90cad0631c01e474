package journal

import (
	"errors"
	"fmt"
	"time"

	"msnproxy/decode"
)

const (
	// queueLength and queueBytes bound what an output may be behind: a thousand
	// clients that sign in at once, each with its contact list, are some ten
	// thousand records more than a busy machine writes meanwhile. Most are of
	// some hundred bytes, but payloads and the pieces for a tap may be large.
	queueLength = 1 << 15
	queueBytes  = 32 << 20
	// eventCost is what an event takes beside the bytes that it is about.
	eventCost = 512
	// queueReserve is kept for the beginnings and ends of connections: bytes
	// and records that are missing can be counted, these cannot.
	queueReserve = queueLength / 4
	// maxLost is how many directions of connections a tap is told of that it
	// missed bytes of: while it stands still, others come and go.
	maxLost = 1 << 16
)

// item is what an output is told: some of the records of a batch, a record of
// the queue's own, or something for a tap. A mark is told to who waits for it.
type item struct {
	batch    *batch
	from, to int
	own      *decode.Record
	lost     map[stream]int64 // bytes that the tap did not get before
	tap      func(Tap) error
	mark     chan struct{} // instead: closed when the output is done with what came before
}

// queue is what waits for one output.
type queue struct {
	Output

	// Guarded by Live.mu.
	pending []item
	waits   int              // records and events that are pending
	inHand  int              // those that the output is at
	bytes   [2]int64         // what is pending holds, and what is in hand
	missed  int64            // since the output was last told
	total   int64            // in all
	lost    map[stream]int64 // bytes that a tap missed, not yet told
	last    *decode.Record   // what a sink missed at the end, once that has come

	wake     chan struct{} // something is pending
	much     chan struct{} // and that is much
	finished chan struct{} // closed when all is written

	// Used by the goroutine of the output only.
	gather   *time.Timer // how long to wait for more
	gathered time.Time   // when that was over, last
	taken    []item      // what the output is at
	failed   bool
}

// stream is a direction of a connection.
type stream struct {
	conn string
	dir  decode.Direction
}

// lostBytes are bytes that a tap may not get.
type lostBytes struct {
	stream
	n int64
}

func newQueue(o Output) *queue {
	return &queue{Output: o, wake: make(chan struct{}, 1), much: make(chan struct{}, 1), gather: time.NewTimer(0), finished: make(chan struct{})}
}

// missedRecord stands in an output for records that it was too slow for.
func missedRecord(n int64, at time.Time) *decode.Record {
	text := fmt.Sprintf("%d records are missing here: this output was too slow", n)
	return &decode.Record{
		Stamp: decode.Stamp{Time: at}, Kind: decode.KindGap,
		Notes: []decode.Note{{Kind: decode.NoteIssue, Text: text}},
	}
}

// waiting is how many records and events the output is behind.
func (q *queue) waiting() int { return q.waits + q.inHand }

// isCrowded tells whether there is room for beginnings and ends only.
func (q *queue) isCrowded() bool {
	return q.waiting() >= queueLength-queueReserve || q.bytes[0]+q.bytes[1] >= queueBytes
}

// push queues an item that is about so many bytes. The caller has looked whether
// there is room.
func (q *queue) push(i item, bytes int64) {
	q.pending = append(q.pending, i)
	q.queued(bytes)
}

// pushRecord queues a record of a batch. Those that follow each other there are
// one item.
func (q *queue) pushRecord(b *batch, at int, bytes int64) {
	if n := len(q.pending); n > 0 && q.pending[n-1].batch == b && q.pending[n-1].to == at {
		q.pending[n-1].to++
		q.queued(bytes)
		return
	}
	b.users++
	q.push(item{batch: b, from: at, to: at + 1}, bytes)
}

func (q *queue) queued(bytes int64) {
	q.waits++
	q.bytes[0] += bytes + eventCost
	signal(q.wake)
	if q.waits >= gatherEvents || q.bytes[0] >= gatherBytes {
		signal(q.much)
	}
}

// hasRoom tells whether a sink can be given a record, and counts it as missed
// if not. It queues word of those that were missed before. Room is kept for
// the beginnings and ends of connections.
func (q *queue) hasRoom(r *decode.Record) bool {
	full := q.waiting() >= queueLength
	if r.Kind != decode.KindOpen && r.Kind != decode.KindClose {
		full = q.isCrowded()
	}
	if full || q.missed > 0 && q.waiting()+1 >= queueLength {
		q.missed++
		q.total++
		return false
	}
	if q.missed > 0 {
		q.push(item{own: missedRecord(q.missed, time.Now())}, 0)
		q.missed = 0
	}
	return true
}

// putTap queues an event for a tap, after word of the bytes dropped before it.
func (q *queue) putTap(bytes lostBytes, do func(Tap) error) {
	switch {
	case bytes.n > 0 && q.isCrowded():
		q.miss(bytes)
	case q.waiting() >= queueLength:
		q.total++
	default:
		q.push(item{tap: do, lost: q.lost}, bytes.n)
		q.lost = nil
	}
}

// miss takes note of bytes that a tap does not get.
func (q *queue) miss(b lostBytes) {
	q.total++
	if q.lost == nil {
		q.lost = map[stream]int64{}
	}
	if _, known := q.lost[b.stream]; known || len(q.lost) < maxLost {
		q.lost[b.stream] += b.n
	}
}

// tell hands what was taken to the output, and has it write it. One that has failed
// gets nothing more. One that panics has failed: what strangers send must not end
// the relay by way of what shows it. The panic's value may hold what they sent, and
// is not told.
func (q *queue) tell() (err error) {
	defer func() {
		if fault := recover(); fault != nil {
			err = fmt.Errorf("it broke down over a record (%T)", fault)
		}
	}()
	if q.failed {
		return nil
	}
	for i := range q.taken {
		if err := q.one(&q.taken[i]); err != nil {
			return err
		}
		q.taken[i].tap = nil // it may hold much, and others wait behind it
	}
	if f, ok := q.Sink.(Flusher); ok {
		return f.Flush()
	}
	return nil
}

func (q *queue) one(i *item) error {
	switch {
	case i.batch != nil:
		return q.records(i)
	case i.own != nil:
		return q.Sink.Record(i.own)
	case i.mark != nil:
		return nil
	}
	for of, n := range i.lost {
		if err := q.Tap.Lost(of.conn, of.dir, n); err != nil {
			return err
		}
	}
	return i.tap(q.Tap)
}

// records hands a sink its part of a batch.
func (q *queue) records(i *item) (err error) {
	at := 0
	i.batch.Each(func(r *decode.Record) {
		if at >= i.from && at < i.to && err == nil {
			err = q.Sink.Record(r)
		}
		at++
	})
	return err
}

// end closes the output, after word of what it missed last.
func (q *queue) end() error {
	var err error
	if q.Sink != nil {
		if q.last != nil && !q.failed {
			err = q.Sink.Record(q.last)
		}
		err = errors.Join(err, q.Sink.Close())
	}
	if q.Tap != nil {
		err = errors.Join(err, q.Tap.Close())
	}
	return err
}
