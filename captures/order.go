package captures

import (
	"cmp"
	"slices"
	"time"

	"msnproxy/decode"
)

// Records come out sorted, although some are known late: an open record when
// its connection turns out to be MSNP, a command when its last packet is there,
// what stands behind missing bytes when those are given up. So records wait for
// older ones, within limits.
const (
	// window is how long, in capture time, a record waits for older ones. Missing
	// bytes are given up after half of it. Where somebody may be watching, Flush
	// ends the waiting.
	window = 2 * holePatience
	// maxWaiting bounds the records that wait, to some 8 MB.
	maxWaiting = 8 << 10
	// maxWaitingBytes bounds what these hold, for when all have large payloads,
	// or very many arguments.
	maxWaitingBytes = 16 << 20
	// maxSpare bounds the records that are kept for those to come, to some
	// 2 MB: as many as wait in most captures, and are being written.
	maxSpare = 1 << 10
)

// place is where a record stands in the order of a run.
type place struct {
	at   decode.Stamp
	conn string
}

// compare orders by time, then by packet, then by connection.
func (p place) compare(q place) int {
	return cmp.Or(p.at.Time.Compare(q.at.Time), cmp.Compare(p.at.Input, q.at.Input), cmp.Compare(p.at.Packet, q.at.Packet), compareIDs(p.conn, q.conn))
}

// compareIDs orders ids of connections: a letter and a number.
func compareIDs(a, b string) int {
	if a == b || a == "" || b == "" {
		return cmp.Compare(a, b)
	}
	return cmp.Or(cmp.Compare(a[0], b[0]), cmp.Compare(len(a), len(b)), cmp.Compare(a, b))
}

// sorter sorts the records of a run. The records of a connection stay in their
// order: one that began before the record in front of it stands right behind
// that one.
type sorter struct {
	emit    func(*decode.Record)
	waiting []waitingRecord // in order, from first on
	first   int
	bytes   int64            // held by those that wait
	spare   []*decode.Record // not in use
}

type waitingRecord struct {
	place
	record *decode.Record
}

// lane is what the records of one connection go through, in their order.
type lane struct {
	sorter *sorter
	last   place // of its record before
}

// lane makes the lane of a connection.
func (s *sorter) lane() *lane { return &lane{sorter: s} }

// emit takes a record over, but not the bytes that it points to.
func (l *lane) emit(r *decode.Record) {
	at := place{r.Stamp, r.Conn}
	if l.last.compare(at) < 0 {
		l.last = at
	}
	r.Keep()
	l.sorter.add(waitingRecord{l.last, r})
}

// add has a record wait at its place.
func (s *sorter) add(w waitingRecord) {
	s.bytes += w.record.Held()
	if n := len(s.waiting); n == s.first || s.waiting[n-1].compare(w.place) <= 0 {
		s.waiting = append(s.waiting, w)
		return
	}
	i, _ := slices.BinarySearchFunc(s.waiting[s.first:], w.place, func(w waitingRecord, at place) int {
		return cmp.Or(w.compare(at), -1) // behind those of the same place
	})
	s.waiting = slices.Insert(s.waiting, s.first+i, w)
}

// unused returns a record that is not in use.
func (s *sorter) unused() *decode.Record {
	n := len(s.spare)
	if n == 0 {
		return &decode.Record{}
	}
	r := s.spare[n-1]
	s.spare = s.spare[:n-1]
	return r
}

// takeBack has a record used again.
func (s *sorter) takeBack(r *decode.Record) {
	if len(s.spare) < maxSpare {
		r.Trim()
		s.spare = append(s.spare, r)
	}
}

// release hands out the records that have waited for long enough, or are too
// many.
func (s *sorter) release(now time.Time) {
	for limit := now.Add(-window); s.first < len(s.waiting) && s.due(limit); {
		s.next()
	}
	if s.first > maxWaiting {
		s.waiting = slices.Delete(s.waiting, 0, s.first)
		s.first = 0
	}
}

// due tells whether the first record waits no longer: it is from before a
// time, or there are too many.
func (s *sorter) due(limit time.Time) bool {
	return len(s.waiting)-s.first > maxWaiting || s.bytes > maxWaitingBytes ||
		s.waiting[s.first].at.Time.Before(limit)
}

// next hands out the first record.
func (s *sorter) next() {
	r := s.waiting[s.first].record
	s.waiting[s.first] = waitingRecord{}
	s.first++
	s.bytes -= r.Held()
	s.emit(r)
}

// flush hands out all.
func (s *sorter) flush() {
	for s.first < len(s.waiting) {
		s.next()
	}
	s.waiting, s.first = s.waiting[:0], 0
}
