package proxy

import (
	"bytes"

	"msnproxy/decode"
	"msnproxy/rewrite"
)

// gate is what the bytes of one end pass on their way to the other. It holds
// back only the beginning of a command that may have to be changed; every
// other byte goes on at once, long before its command is complete.
type gate struct {
	conn *conn
	dir  decode.Direction
	// mayChange tells whether a command that begins like this may have to be.
	mayChange func(begin []byte) bool
	// change returns what goes on in place of a record.
	change func(*decode.Record) []byte
	// tooLate is called with a record whose beginning has gone on.
	tooLate func(*decode.Record)

	// ahead is how many bytes of the command in the making have gone on.
	ahead int
	// held are its other bytes, where they have not.
	held []byte
	// following tells that all that is decoded now has gone on.
	following bool

	// What is fed at the moment: the bytes that were held, then those that came.
	before, came []byte
	used         int    // how much of them has been dealt with
	edited       bool   // not all of that goes on as it is
	out          []byte // what goes on instead
}

// feed takes what an end has sent, runs the decoder over it and returns what
// goes on. If the decoder fails, the rest goes on as it is.
func (g *gate) feed(p []byte, run func() bool) []byte {
	g.before, g.came, g.used, g.edited = g.held, p, 0, false
	if run() {
		g.keep(g.conn.session.Pending(g.dir))
	} else {
		g.through(len(g.before) + len(p) - g.used)
		g.held, g.ahead = nil, 0
	}
	defer g.done()
	switch {
	case g.edited:
		return g.out
	case len(g.before) == 0:
		return p[:g.used]
	}
	g.out = g.fed(g.out[:0], 0, g.used)
	return g.out
}

// follow runs the decoder over bytes that have gone on already, because nothing
// in them may have to be changed. Nothing is held.
func (g *gate) follow(run func() bool) {
	g.following = true
	defer func() { g.following = false }()
	if run() {
		g.ahead = len(g.conn.session.Pending(g.dir))
	} else {
		g.ahead = 0
	}
	g.done()
}

// done forgets what was fed. Records that the end of a connection makes pass
// too: their bytes have gone on, or are released.
func (g *gate) done() { g.before, g.came, g.used, g.edited = nil, nil, 0, false }

// fed appends a part of what is fed.
func (g *gate) fed(dst []byte, from, to int) []byte {
	n := len(g.before)
	dst = append(dst, g.before[min(from, n):min(to, n)]...)
	return append(dst, g.came[max(0, from-n):max(0, to-n)]...)
}

// through has the next n bytes go on as they are.
func (g *gate) through(n int) {
	if g.edited {
		g.out = g.fed(g.out, g.used, g.used+n)
	}
	g.used += n
}

// instead has other bytes go on in place of the next n.
func (g *gate) instead(n int, b []byte) {
	if !g.edited {
		g.edited, g.out = true, g.fed(g.out[:0], 0, g.used)
	}
	g.out = append(g.out, b...)
	g.used += n
}

// gone is how many bytes go on so far.
func (g *gate) gone() int {
	if g.edited {
		return len(g.out)
	}
	return g.used
}

// pass takes a complete record: the bytes of it that have not gone on go on
// now, changed where none of it has.
func (g *gate) pass(r *decode.Record) {
	if gone := min(g.ahead, len(r.Raw)); gone > 0 {
		g.through(len(r.Raw) - gone)
		g.ahead -= gone
		g.tooLate(r)
		return
	}
	if g.following {
		return
	}
	if b := g.change(r); len(b) != len(r.Raw) || len(b) > 0 && &b[0] != &r.Raw[0] {
		g.instead(len(r.Raw), b)
	} else {
		g.through(len(b))
	}
}

// keep deals with the beginning of a command that is not complete.
func (g *gate) keep(pending []byte) {
	if g.ahead == 0 && g.mayChange(pending) {
		g.held = append([]byte(nil), pending...)
		return
	}
	g.through(len(pending) - g.ahead)
	g.ahead, g.held = len(pending), nil
}

// between tells whether what has gone on ends with a whole command, and
// nothing is held back: something of our own may be said now.
func (g *gate) between() bool {
	return g.ahead == 0 && len(g.held) == 0 && len(g.conn.session.Pending(g.dir)) == 0
}

// rest lets go of memory that an idle connection need not hold.
func (g *gate) rest() {
	if cap(g.out) > idleBuffer {
		g.out = nil
	}
}

// release returns what was held back, when nothing can follow it.
func (g *gate) release() []byte {
	held := g.held
	g.held, g.ahead = nil, 0
	return held
}

// downGate is the gate on the way to the client: it replaces addresses, and
// finds the commands to which something is to happen.
func (c *conn) downGate() gate {
	return gate{conn: c, dir: decode.ServerToClient, mayChange: c.mayHold, change: c.changed, tooLate: c.tellMissed}
}

// passesUnchanged tells whether what the server has sent can go on before it is
// decoded: on a switchboard, which refers nobody, if nothing in it looks like an
// address all the same. The caller holds the lock.
func (c *conn) passesUnchanged(p []byte) bool {
	return c.relaysChat() && len(c.gate.held) == 0 && !mayHaveAddress(p)
}

// unwatched tells whether nobody would know if the connection was no longer
// decoded: nothing is recorded, and nothing of a switchboard concerns the proxy
// itself. What was held back before that was known goes on first. Once it is so it
// stays so. The caller holds the lock.
func (c *conn) unwatched() bool {
	return c.relaysChat() && len(c.gate.held) == 0 && c.proxy.cfg.Live.Silent()
}

// relaysChat tells whether this is a switchboard, with which the proxy does
// nothing of its own.
func (c *conn) relaysChat() bool { return c.switchboard && c.faults == nil && c.asking == nil }

// mayHaveAddress tells whether a command that may tell an address begins
// anywhere in what was sent, or at its end, or a header that may.
func mayHaveAddress(p []byte) bool {
	for _, start := range heldStarts {
		if bytes.Contains(p, start) || endsWithin(p, start) {
			return true
		}
	}
	return mayHaveRoster(p)
}

// endsWithin tells whether bytes end with the beginning of a word.
func endsWithin(p, word []byte) bool {
	for n := min(len(p), len(word)-1); n > 0; n-- {
		if bytes.HasSuffix(p, word[:n]) {
			return true
		}
	}
	return false
}

var rosterHeader = []byte("roster")

// mayHaveRoster tells whether a line of what was sent begins like the header of
// a message that tells the address of a switchboard.
func mayHaveRoster(p []byte) bool {
	for {
		if n := len(rosterHeader); len(p) > n && p[0]|0x20 == 'r' && bytes.EqualFold(p[:n], rosterHeader) {
			return true
		}
		end := bytes.IndexByte(p, '\n')
		if end < 0 {
			return false
		}
		p = p[end+1:]
	}
}

// mayHold tells whether a command that begins like this must be complete before
// a byte of it goes on.
func (c *conn) mayHold(begin []byte) bool {
	return mayHoldAddress(begin) || c.faults != nil && c.faults.mayConcern(begin)
}

// changed returns what goes on in place of a command of the server.
func (c *conn) changed(r *decode.Record) []byte {
	out := c.withAddresses(r)
	if c.faults != nil {
		c.faults.strike(r, c.gate.gone(), len(out))
	}
	return out
}

// withAddresses returns a command of the server with its addresses replaced,
// and notes what it changed.
func (c *conn) withAddresses(r *decode.Record) []byte {
	if r.Injected {
		return r.Raw // ours
	}
	replaced, changes := rewrite.Command(r, r.Raw, c.translate)
	for _, change := range changes {
		r.Notes = append(r.Notes, decode.Note{Kind: decode.NoteRewrite, From: change.Text, To: change.To})
	}
	return replaced
}

// tellMissed says so where a command tells an address that can no longer be
// replaced, because its beginning has gone on: a command that follows something
// undecodable, or a message with a Roster, that comes in pieces.
func (c *conn) tellMissed(r *decode.Record) {
	rewrite.Command(r, r.Raw, func(a rewrite.Address) (string, bool) {
		c.proxy.cfg.Log.Error().Str("conn", c.id).Str("address", a.Text).
			Msg("an address went through unchanged: its command came in pieces, and the first had gone on")
		return "", false
	})
}

// heldStarts are the beginnings of commands that may tell an address: the
// whole command must be seen before a byte of it goes on.
var heldStarts = [][]byte{[]byte("XFR "), []byte("RNG "), []byte("UBN "), []byte("UUN "), []byte("MSG Hotmail ")}

// mayHoldAddress tells whether a command that begins like this may tell one.
func mayHoldAddress(begin []byte) bool {
	if len(begin) == 0 || len(begin) > maxHeld {
		return false
	}
	for _, start := range heldStarts {
		if bytes.HasPrefix(start, begin) {
			return true
		}
		if bytes.HasPrefix(begin, start) {
			return stillMay(begin)
		}
	}
	return false
}

// stillMay looks at what is there of a held command: once its line is there,
// a notification must be of type 5, and once its headers tell what a message
// is, it must be the profile.
func stillMay(begin []byte) bool {
	line, payload, complete := bytes.Cut(begin, lineEnd)
	if !complete {
		return true
	}
	switch line[0] {
	case 'U':
		words := decode.Words(nil, line)
		return len(words) > 2 && string(words[2]) == "5"
	case 'M':
		_, rest, told := bytes.Cut(payload, []byte("Content-Type:"))
		kind, _, whole := bytes.Cut(rest, lineEnd)
		return !told || !whole || bytes.Contains(kind, []byte("profile"))
	}
	return true
}

// maxHeld bounds what is held back. The profile of an account is some 2 KiB,
// everything else that tells an address far less.
const maxHeld = 16 << 10
