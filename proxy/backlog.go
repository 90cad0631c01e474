package proxy

import (
	"bytes"
	"sync"
	"time"

	"msnproxy/decode"
)

const (
	// backlogTime is how long what has gone on may wait to be decoded: many
	// commands of a busy run go through the decoder in one go, while what it
	// needs is at hand. Nobody sees so short a time.
	backlogTime = 50 * time.Millisecond
	// backlogPrompt is the same for what comes after a pause: whoever reads the
	// records, and says something then, waits for it.
	backlogPrompt = 5 * time.Millisecond
	// backlogPieces, backlogLines and backlogBytes bound what waits. To decode that
	// takes a millisecond, or some where somebody means to make it take long, which is
	// what the answer of a server may have to wait for. There are hardly more records
	// than lines, and messages have half a dozen of those.
	backlogPieces = 1024
	backlogLines  = 4096
	backlogBytes  = 64 << 10
)

// backlog is what has gone on, or is about to, on all connections and is not
// decoded yet. It is decoded in the order in which it came: by the next who
// decodes something, by who finds that it is full, or when its time is up.
// A reply is never decoded before its request, nor what somebody says on one
// connection after what another hears of it.
type backlog struct {
	stacks *stacks
	timer  *time.Timer // of the first piece

	mu      sync.Mutex // guards what waits
	waits   pieces
	full    bool
	cleared time.Time // when all was taken that had waited, last

	decoding sync.Mutex // is held while some is decoded
	taken    pieces     // only who holds decoding uses it
}

// pieces are what was read at several times, on one connection or another.
type pieces struct {
	list  []piece
	bytes []byte
	lines int
}

// piece is what was read at one time. Its bytes follow those of the piece before.
type piece struct {
	conn *conn
	dir  decode.Direction
	at   decode.Stamp
	size int
}

func newBacklog(s *stacks) *backlog {
	b := &backlog{stacks: s}
	b.timer = time.AfterFunc(backlogTime, b.clear)
	return b
}

// add has something wait that is about to go on. The caller holds the lock of the
// connection.
func (b *backlog) add(c *conn, dir decode.Direction, p []byte, at decode.Stamp) {
	c.waiting++
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.waits.list) == 0 {
		b.timer.Reset(b.patience())
	}
	b.waits.list = append(b.waits.list, piece{c, dir, at, len(p)})
	b.waits.bytes = append(b.waits.bytes, p...)
	b.waits.lines += bytes.Count(p, lineEnd)
	b.full = len(b.waits.list) >= backlogPieces || len(b.waits.bytes) >= backlogBytes || b.waits.lines >= backlogLines
}

var lineEnd = []byte("\n")

// patience is how long the first piece waits. The caller holds the lock.
func (b *backlog) patience() time.Duration {
	if time.Since(b.cleared) > backlogTime {
		return backlogPrompt
	}
	return backlogTime
}

// bound decodes what waits if it has become much. It is called after each write,
// so that nobody adds more before there is room.
func (b *backlog) bound() {
	b.mu.Lock()
	full := b.full
	b.mu.Unlock()
	if full {
		b.clear()
	}
}

// clear decodes all that waits. The caller holds the lock of no connection.
func (b *backlog) clear() {
	b.decoding.Lock()
	defer b.decoding.Unlock()
	b.mu.Lock()
	if len(b.waits.list) > 0 {
		b.cleared = time.Now()
	}
	b.waits, b.taken = b.taken, b.waits
	b.full = false
	b.mu.Unlock()
	if len(b.taken.list) > 0 {
		b.stacks.run(b)
	}
}

// decode decodes what was taken.
func (b *backlog) decode() {
	rest := b.taken.bytes
	for _, p := range b.taken.list {
		p.conn.follow(p.dir, rest[:p.size], p.at)
		rest = rest[p.size:]
	}
	b.taken.reset()
}

// reset forgets the pieces, and keeps room for as many as there are as a rule.
func (p *pieces) reset() {
	clear(p.list)
	p.list, p.bytes, p.lines = p.list[:0], p.bytes[:0], 0
	if cap(p.list) > 2*backlogPieces {
		p.list = nil
	}
	if cap(p.bytes) > 2*backlogBytes {
		p.bytes = nil
	}
}
