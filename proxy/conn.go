package proxy

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"msnproxy/decode"
)

// lingerTime is how long a client may take to notice that its connection ended.
const lingerTime = time.Second

// conn is one relayed connection.
type conn struct {
	proxy    *Proxy
	id       string
	client   net.Conn
	server   net.Conn
	to       destination
	opened   time.Time
	greeted  atomic.Bool  // the client has said something
	underWay atomic.Int32 // ways that have not ended

	// toClient is held while something is written to the client, and so is
	// what the gate let out.
	toClient sync.Mutex

	writingUp, writingDown atomic.Bool // a write is under way, or has failed and that is not noted yet
	asked                  atomic.Bool // asking is not nil
	speaking               sync.WaitGroup

	faults     *faulty   // nil if there are none (Config.Faults)
	fromServer io.Reader // the server, as near as the faults have it

	mu          sync.Mutex // guards what follows: the session sees bytes in one order
	session     *decode.Session
	broken      bool         // decoding has panicked or was given up; bytes pass undecoded
	endTold     bool         // by the last record of it
	unfinished  int64        // what of it counts as held, see allowance
	weighed     int64        // when that changed last
	switchboard bool         // what the client is connected to, once that is known
	waiting     int          // pieces of it in the backlog
	input       input        // what is decoded at the moment
	passed      []byte       // what of it goes on, if it has not yet
	gate        gate         // to the client
	asking      *questioning // nil unless the proxy has asked the client something
	reason      string       // why the connection ended, as far as is known
	ends        int          // how many ends have said all
	deaf        string       // the end that took nothing any more, if one did
	over        bool         // an end broke the connection off: nothing after that is told
	aborted     bool
}

// run has both ways relayed, each in a goroutine of its own that begins there: a
// deeper one would need a larger stack for as long as the connection lasts.
func (c *conn) run(first []byte) {
	c.to.first = nil
	c.underWay.Store(2)
	c.proxy.wait.Go(func() { c.upstreamWay(first) })
	c.proxy.wait.Go(c.downstreamWay)
}

// wayEnds ends the connection with the last of its ways.
func (c *conn) wayEnds() {
	if c.underWay.Add(-1) > 0 {
		return
	}
	c.client.Close()
	c.server.Close()
	c.speaking.Wait()
	c.finish()
	c.proxy.forget(c)
}

// start makes the session, once the server is reached.
func (c *conn) start(server net.Conn) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.server = server
	c.faults = c.newFaulty()
	c.fromServer = c.faults.reader(server)
	if c.aborted {
		server.Close()
		c.faults.end()
	}
	c.newSession(server.RemoteAddr().String())
	c.gate = c.downGate()
	shown := server.RemoteAddr()
	if c.proxy.cfg.CaptureClientSide {
		shown = c.client.LocalAddr()
	}
	c.proxy.cfg.Live.Open(c.id, c.client.RemoteAddr().String(), shown.String(), c.opened)
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

// unreachable ends a connection that got to no server, for a reason.
func (c *conn) unreachable(reason string) {
	closeWrite(c.client)
	c.client.SetReadDeadline(time.Now().Add(lingerTime))
	io.Copy(io.Discard, c.client) // what was not read would turn the end into a reset
	c.client.Close()
	c.mu.Lock()
	defer c.mu.Unlock()
	c.newSession(c.to.server)
	c.session.Close(reason, c.now())
}

func (c *conn) now() decode.Stamp { return decode.Stamp{Time: c.proxy.cfg.Now()} }

// upstreamWay passes on what the client sends, and decodes it after.
func (c *conn) upstreamWay(first []byte) {
	defer c.wayEnds()
	if len(first) > 0 && !c.passUp(first) {
		return
	}
	in := newInlet(c.client)
	for {
		p, err := in.next()
		if len(p) > 0 && !c.passUp(p) {
			return
		}
		if err != nil {
			c.releaseUp()
			c.ended(decode.ClientToServer, err)
			return
		}
	}
}

// input is what one end has sent.
type input struct {
	bytes []byte
	dir   decode.Direction
	at    decode.Stamp
}

// passUp writes to the server what the client has sent, which is decoded after
// that.
func (c *conn) passUp(p []byte) bool {
	p = c.beforeServer(p)
	c.writingUp.Store(true)
	_, err := c.server.Write(p)
	if err != nil {
		c.writeFailed("server", err)
	}
	c.writingUp.Store(false)
	c.proxy.backlog.bound()
	c.proxy.boundUnfinished()
	c.speakAside()
	if c.faults != nil {
		c.proxy.backlog.clear() // some faults are of what the client says
		c.faults.carryOut()
	}
	return err == nil
}

// beforeServer returns what the server is to get now of what the client has
// sent.
func (c *conn) beforeServer(p []byte) []byte {
	if c.wait(decode.ClientToServer, p) {
		return p
	}
	return c.decodeNow(decode.ClientToServer, p)
}

// wait tells whether what an end has sent goes on as it is, before it is decoded.
// Then it waits for that in the backlog.
func (c *conn) wait(dir decode.Direction, p []byte) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.over || c.unwatched():
		return true
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
	if c.over {
		return p
	}
	c.input = input{p, dir, c.now()}
	c.proxy.stacks.run(c)
	out := c.passed
	c.input, c.passed = input{}, nil
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
	line, _, _ := bytes.Cut(b, []byte("\n"))
	return bytes.TrimSuffix(line, []byte("\r"))
}

// follow decodes a piece of the backlog, which has gone on.
func (c *conn) follow(dir decode.Direction, p []byte, at decode.Stamp) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.waiting--
	if c.over || c.unwatched() {
		return
	}
	c.input = input{p, dir, at}
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
		c.passed = c.withoutAnswer(in.bytes)
	} else {
		c.passed = c.gate.feed(in.bytes, c.feed)
		if c.proxy.cfg.CaptureClientSide {
			tapped = c.passed
		}
	}
	c.proxy.cfg.Live.Data(c.id, in.dir, tapped, in.at)
}

// feed hands what is decoded at the moment to the decoder. It reports whether all
// went well.
func (c *conn) feed() bool {
	if c.input.dir == decode.ClientToServer && !c.greeted.Swap(true) {
		c.sayIfForeign(c.input.bytes)
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

// downstreamWay passes on what the server sends, and decodes it before or after.
func (c *conn) downstreamWay() {
	defer c.wayEnds()
	in := newInlet(c.fromServer)
	for {
		p, err := in.next()
		if len(p) > 0 && !c.passDown(p) {
			return
		}
		if err != nil {
			c.release()
			c.ended(decode.ServerToClient, err)
			return
		}
	}
}

// passDown decodes what the server has sent, writes to the client what it is to
// get now, and says what the proxy itself has to say after that.
func (c *conn) passDown(p []byte) bool {
	c.toClient.Lock()
	c.speakFirst()
	c.writingDown.Store(true)
	err := c.writeDown(c.beforeClient(p))
	c.gate.rest()
	c.toClient.Unlock()
	if err != nil {
		c.writeFailed("client", err)
	}
	c.writingDown.Store(false)
	c.proxy.backlog.bound()
	c.proxy.boundUnfinished()
	if err == nil {
		c.speak()
	}
	return err == nil
}

// writeDown writes to the client. The caller holds toClient.
func (c *conn) writeDown(out []byte) error {
	if c.faults != nil {
		return c.faults.write(out)
	}
	_, err := c.client.Write(out)
	return err
}

// beforeClient returns what the client is to get now of what the server has
// sent. It decodes that, unless it is known that nothing has to be changed: then
// it can wait until it has gone on.
func (c *conn) beforeClient(p []byte) []byte {
	if c.wait(decode.ServerToClient, p) {
		return p
	}
	return c.decodeNow(decode.ServerToClient, p)
}

// release passes on what the gate has held back, when nothing follows it.
func (c *conn) release() {
	c.mu.Lock()
	held := c.gate.release()
	if c.proxy.cfg.CaptureClientSide && len(held) > 0 && !c.over {
		c.proxy.cfg.Live.Data(c.id, decode.ServerToClient, held, c.now())
	}
	c.mu.Unlock()
	if len(held) > 0 {
		c.toClient.Lock()
		defer c.toClient.Unlock()
		c.client.Write(held) // the client may be gone, which is no news here
	}
}

// ended passes on that one end has said all, or has broken off.
func (c *conn) ended(dir decode.Direction, err error) {
	if errors.Is(err, io.EOF) {
		c.awaitVerdict(dir)
	}
	c.lockSeen()
	defer c.mu.Unlock()
	from, to, who := c.client, c.server, "client"
	if dir == decode.ServerToClient {
		from, to, who = c.server, c.client, "server"
	}
	at := c.now()
	if errors.Is(err, io.EOF) && c.deaf != who { // a reset is told once: to the write that failed
		c.because(who + " closed")
		c.ends++
		if !c.over {
			c.proxy.cfg.Live.End(c.id, dir, at.Time)
			c.guard(func() { c.session.End(dir) })
		}
		closeWrite(to)
		return
	}
	if errors.Is(err, net.ErrClosed) {
		return // the other way has ended it, and said why
	}
	c.breakOff(dir, who, at)
	reset(to)
	from.Close()
}

// verdictTime is how long the end of what somebody sends may wait for a write
// to the same end that is under way. That fails at once if the end is gone, and
// then has to get to say so, which on a busy machine takes its time; an end that
// has said all and takes nothing more is in no hurry.
const verdictTime = 3 * time.Second

// awaitVerdict waits for a write to an end whose last byte has been read. The
// system tells of a reset only once: to the write, and then the read sees an
// end in peace.
func (c *conn) awaitVerdict(dir decode.Direction) {
	writing := &c.writingDown
	if dir == decode.ServerToClient {
		writing = &c.writingUp
	}
	for waited := time.Duration(0); writing.Load() && waited < verdictTime; waited += time.Millisecond {
		time.Sleep(time.Millisecond)
	}
}

// breakOff takes note that an end broke the connection off. The caller holds
// the lock.
func (c *conn) breakOff(dir decode.Direction, who string, at decode.Stamp) {
	if c.over {
		return
	}
	c.because(who + " reset")
	c.over = true
	c.faults.end()
	c.proxy.cfg.Log.Info().Str("conn", c.id).Str("end", who).Msg("the connection was broken off by one end, and is for the other")
	c.proxy.cfg.Live.Reset(c.id, dir, at.Time)
}

// writeFailed takes note that an end takes nothing any more. What it has sent
// before may still be on its way: the other direction goes on until it ends by
// itself.
func (c *conn) writeFailed(who string, err error) {
	if errors.Is(err, net.ErrClosed) {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.deaf = who
}

// because remembers the first reason for which a connection ends.
func (c *conn) because(reason string) {
	if c.reason == "" {
		c.reason = reason
	}
}

// finish ends the session.
func (c *conn) finish() {
	c.lockSeen()
	defer c.mu.Unlock()
	if c.ends < 2 && !c.aborted && !c.over { // a write has failed, and no read told why
		dir, who := decode.ClientToServer, "client"
		if c.deaf == "server" {
			dir, who = decode.ServerToClient, "server"
		}
		c.breakOff(dir, who, c.now())
	}
	defer c.faults.end()
	c.tellEnd(c.reason)
	c.session = nil
	c.weigh()
}

// tellEnd has the last record of the connection told, unless it was. The caller
// holds the lock.
func (c *conn) tellEnd(reason string) {
	if c.endTold {
		return
	}
	c.endTold = true
	if !c.guard(func() { c.session.Close(reason, c.now()) }) {
		c.proxy.emit(&decode.Record{Stamp: c.now(), Conn: c.id, Kind: decode.KindClose, Reason: reason})
	}
}

// abort ends a connection at once, when the recording of it ends.
func (c *conn) abort(reason string) {
	c.lockSeen()
	defer c.mu.Unlock()
	c.tellOverdue()
	c.because(reason)
	c.aborted = true
	c.faults.end()
	c.client.Close()
	if c.server != nil {
		c.server.Close()
	}
}

// closeWrite tells an end that nothing more comes, while it may go on.
func closeWrite(to net.Conn) {
	if half, ok := to.(interface{ CloseWrite() error }); ok {
		half.CloseWrite()
		return
	}
	to.Close()
}

// reset breaks a connection off, as the other end did.
func reset(c net.Conn) {
	if tcp, ok := c.(*net.TCPConn); ok {
		tcp.SetLinger(0)
	}
	c.Close()
}
