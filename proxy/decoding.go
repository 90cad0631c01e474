package proxy

import (
	"bytes"
	"fmt"
	"runtime"
	"sync"

	"msnproxy/decode"
)

// decoding is what a connection holds so that what its ends say can be decoded. Its
// lock guards that, but for what the gate let out (see conn.toClient).
type decoding struct {
	session     *decode.Session // nil once it has ended, or was given up
	broken      bool            // it has panicked or was given up; bytes pass undecoded
	endTold     bool            // by the last record of it
	switchboard bool            // what the client is connected to, once that is known
	weight      weight
	waiting     int          // pieces of it in the backlog
	heard       int          // bytes of the client, until it has greeted
	input       input        // what is decoded at the moment
	gate        gate         // to the client
	asking      *questioning // nil unless the proxy has asked the client something
}

// newSession begins to decode the connection as one with that server.
func (c *conn) newSession(server string) {
	c.session = c.proxy.cfg.newSession(decode.Config{
		Conn: c.id, Client: c.client.RemoteAddr().String(), Server: server,
		Opened: decode.Stamp{Time: c.opened}, Book: &c.proxy.book, Checks: c.proxy.cfg.Checks, Emit: c.record, New: lendRecord,
	})
}

// records are lent to sessions for the record that they make next: the outputs
// get copies.
var records = sync.Pool{New: func() any { return new(decode.Record) }}

func lendRecord() *decode.Record { return records.Get().(*decode.Record) }

// record hands a record on, and takes it back. It passes the gate first, if there
// is one that way, which notes what it changes.
func (c *conn) record(r *decode.Record) {
	c.switchboard = c.switchboard || r.Server == decode.SB
	switch {
	case r.Dir == decode.ServerToClient:
		c.gate.pass(r)
	case r.Dir == decode.ClientToServer && c.asking != nil && c.asking.feeding:
		c.asking.gate.pass(r)
	}
	if c.faults != nil {
		c.faults.mark(r)
	}
	c.proxy.emit(r)
	r.Trim()
	records.Put(r)
}

// input is what one end has sent.
type input struct {
	bytes  []byte
	dir    decode.Direction
	at     decode.Stamp
	passed []byte // what of it goes on, if it has not yet
}

// onward returns what is to go on now of what an end has sent. It decodes that,
// unless it is known that nothing has to be changed: then it can wait until it has
// gone on.
func (c *conn) onward(dir decode.Direction, p []byte) []byte {
	if c.wait(dir, p) {
		return p
	}
	return c.decodeNow(dir, p)
}

// firstBytes is how much goes on before it is decoded. Where more comes at a time
// nobody waits for a single command, and to decode it takes the time of who sent it:
// all others wait for what is in the backlog. To look through it for addresses costs
// half of what decoding does.
const firstBytes = 4 << 10

// wait tells whether what an end has sent goes on as it is, before it is decoded.
// Then it waits for that in the backlog.
func (c *conn) wait(dir decode.Direction, p []byte) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.ending.brokenOff || c.unwatched():
		return true
	case len(p) > firstBytes:
		return false
	case dir == decode.ClientToServer && c.asking != nil, dir == decode.ServerToClient && !c.passesUnchanged(p):
		return false
	}
	c.proxy.backlog.add(c, dir, p, c.now())
	return true
}

// decodeNow decodes what is to go on now, and returns what of it goes on.
func (c *conn) decodeNow(dir decode.Direction, p []byte) []byte {
	c.lockSeen()
	defer c.mu.Unlock()
	if c.ending.brokenOff {
		return p
	}
	c.input = input{bytes: p, dir: dir, at: c.now()}
	c.proxy.stacks.run(c)
	out := c.input.passed
	c.input = input{}
	return out
}

// lockSeen takes the lock when all is decoded that has gone on, of this
// connection at least.
func (c *conn) lockSeen() {
	for {
		c.proxy.backlog.clear()
		c.mu.Lock()
		if c.waiting == 0 {
			return
		}
		c.mu.Unlock()
	}
}

// follow decodes a piece of the backlog, which has gone on.
func (c *conn) follow(dir decode.Direction, p []byte, at decode.Stamp) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.waiting--
	if c.ending.brokenOff || c.unwatched() {
		return
	}
	c.input = input{bytes: p, dir: dir, at: at}
	c.proxy.cfg.Live.Data(c.id, dir, p, at)
	if dir == decode.ServerToClient {
		c.gate.follow(c.feed)
	} else {
		c.feed()
	}
	c.input = input{}
}

// decode decodes what has come, and has the gate tell what of it goes on.
func (c *conn) decode() {
	in := &c.input
	tapped := in.bytes
	if in.dir == decode.ClientToServer {
		in.passed = c.withoutAnswer(in.bytes)
	} else {
		in.passed = c.gate.feed(in.bytes, c.feed)
		if c.proxy.cfg.CaptureClientSide {
			tapped = in.passed
		}
	}
	c.proxy.cfg.Live.Data(c.id, in.dir, tapped, in.at)
}

// feed hands what is decoded at the moment to the decoder. It reports whether all
// went well.
func (c *conn) feed() bool {
	if c.input.dir == decode.ClientToServer && !c.greeted.Load() {
		c.greet(c.input.bytes)
	}
	return c.guard(func() { c.session.Feed(c.input.dir, c.input.bytes, c.input.at) })
}

// guard runs the decoder. If it panics, the connection is relayed undecoded
// from then on. It reports whether all went well.
func (c *conn) guard(decode func()) (ok bool) {
	if c.broken {
		return false
	}
	defer func() {
		if fault := recover(); fault != nil {
			c.broken, ok = true, false
			c.proxy.cfg.Log.Error().Str("conn", c.id).Str("fault", faultText(fault)).
				Msg("the decoder failed; the connection is relayed undecoded from here on")
		}
	}()
	decode()
	c.weigh()
	return true
}

// faultText tells of a panic. What the program itself says of one holds no
// bytes of a connection; anything else may, and only its type is told.
func faultText(fault any) string {
	if err, ok := fault.(runtime.Error); ok {
		return err.Error()
	}
	return fmt.Sprintf("%T", fault)
}

// endSession tells the last record of the connection, unless that was told, and
// lets the session go. The caller holds the lock.
func (c *conn) endSession(reason string) {
	c.tellEnd(reason)
	c.session = nil
	c.weigh()
}

func (c *conn) tellEnd(reason string) {
	if c.endTold {
		return
	}
	c.endTold = true
	if !c.guard(func() { c.session.Close(reason, c.now()) }) {
		c.proxy.emit(&decode.Record{Stamp: c.now(), Conn: c.id, Kind: decode.KindClose, Reason: reason})
	}
}

// sayIfForeign says so at once where a client does not speak MSNP: the opaque
// record comes only when there is more of it, or it ends.
func (c *conn) sayIfForeign(first []byte) {
	const handshake = 0x16 // the type of a TLS record that begins a connection
	what := "something that is not MSNP"
	switch {
	case len(first) > 1 && first[0] == handshake && first[1] == 3:
		what = "TLS"
	case bytes.IndexByte(first, '\n') < 0 || decode.Plausible(firstLine(first), decode.ClientToServer):
		return // MSNP, or too little to tell
	}
	c.proxy.cfg.Log.Warn().Str("conn", c.id).Stringer("client", c.client.RemoteAddr()).
		Msg("the client begins with " + what + "; it is relayed as it is")
}

// firstLine is the first line of bytes, without its end.
func firstLine(b []byte) []byte {
	line, _, _ := bytes.Cut(b, lineEnd)
	return bytes.TrimSuffix(line, []byte("\r"))
}
