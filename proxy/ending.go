package proxy

import (
	"errors"
	"io"
	"net"
	"time"

	"msnproxy/decode"
)

// end is one of the two ends of a connection.
type end uint8

const (
	theClient end = iota + 1
	theServer
)

// String is how reasons and the log name the end.
func (e end) String() string {
	if e == theServer {
		return "server"
	}
	return "client"
}

// says is the direction of what the end says.
func (e end) says() decode.Direction {
	if e == theServer {
		return decode.ServerToClient
	}
	return decode.ClientToServer
}

// ending is how a connection ends, as far as is known. It takes note of what
// happens, in whatever order that is, and does nothing about it itself.
type ending struct {
	reason    string // of the first that ended it; "" so far
	closed    uint8  // ends that have said all
	last      end    // of those
	deaf      end    // took nothing any more, if one did: the first
	bothDeaf  bool   // the other one did not either
	brokenOff bool   // an end broke the connection off: nothing after that is told
	aborted   bool   // the proxy ended it
	waited    waited // since the deaf end broke off, see lookForGone
}

// saysAll takes note that an end has said all. It reports whether that was in
// peace: a reset is told once, to the write that failed, and after that the end
// is read as if it had said all.
func (e *ending) saysAll(who end) bool {
	if e.isDeaf(who) {
		return false
	}
	e.because(who.String() + " closed")
	e.closed++
	e.last = who
	return true
}

// breaksOff takes note that an end broke the connection off, and reports whether
// that is news.
func (e *ending) breaksOff(who end) bool {
	if e.brokenOff {
		return false
	}
	e.because(who.String() + " reset")
	e.brokenOff = true
	return true
}

// takesNothing takes note that an end takes nothing any more. What it has sent
// before may still be on its way: the other direction goes on until it ends by
// itself.
func (e *ending) takesNothing(who end) {
	if e.deaf == 0 {
		e.deaf = who
	}
	e.bothDeaf = e.bothDeaf || e.deaf != who
}

// abort takes note that the proxy ends the connection.
func (e *ending) abort(reason string) {
	e.because(reason)
	e.aborted = true
}

// isDeaf tells whether an end takes nothing any more.
func (e *ending) isDeaf(who end) bool { return e.deaf == who || e.bothDeaf }

// because remembers the first reason for which a connection ends.
func (e *ending) because(reason string) {
	if e.reason == "" {
		e.reason = reason
	}
}

// begun tells whether there is any sign of the end: nobody is to be asked
// anything any more.
func (e *ending) begun() bool { return e.closed > 0 || e.cut() }

// cut tells whether the connection ended before both ends had said all.
func (e *ending) cut() bool { return e.brokenOff || e.aborted }

// culprit returns the end that must have broken the connection off, if both ways
// are over and that was not told: a write has failed, and no read told why.
func (e *ending) culprit() (who end, missing bool) {
	who = theClient
	if e.deaf == theServer {
		who = theServer
	}
	return who, e.closed < 2 && !e.cut()
}

// ended passes on that one end has said all, or has broken off.
func (c *conn) ended(who end, err error) {
	peace := errors.Is(err, io.EOF)
	if peace {
		c.awaitVerdict(who)
	}
	c.lockSeen()
	defer c.mu.Unlock()
	from, to := c.client, c.server
	if who == theServer {
		from, to = to, from
	}
	switch {
	case peace && c.ending.saysAll(who):
		c.tellHalf(who)
		closeWrite(to)
	case errors.Is(err, net.ErrClosed): // the other way has ended it, and said why
	default:
		c.breakOff(who)
		reset(to)
		from.Close()
	}
}

// verdictTime is how long the end of what somebody sends may wait for a write
// to the same end that is under way. That fails at once if the end is gone, and
// then has to get to say so, which on a busy machine takes its time; an end that
// has said all and takes nothing more is in no hurry.
const verdictTime = 3 * time.Second

// awaitVerdict waits for a write to an end whose last byte has been read. The
// system tells of a reset only once: to the write, and then the read sees an
// end in peace.
func (c *conn) awaitVerdict(who end) {
	writing := &c.writingDown
	if who == theServer {
		writing = &c.writingUp
	}
	for waited := time.Duration(0); writing.underWay() && waited < verdictTime; waited += time.Millisecond {
		time.Sleep(time.Millisecond)
	}
}

// tellHalf tells that an end has said all. The caller holds the lock.
func (c *conn) tellHalf(who end) {
	if c.ending.brokenOff {
		return
	}
	at := c.now()
	c.proxy.cfg.Live.End(c.id, who.says(), at.Time)
	c.guard(func() { c.session.End(who.says(), at) })
}

// breakOff takes note that an end broke the connection off, and tells of it. The
// caller holds the lock.
func (c *conn) breakOff(who end) {
	if !c.ending.breaksOff(who) {
		return
	}
	c.faults.end()
	c.proxy.cfg.Log.Info().Str("conn", c.id).Stringer("end", who).Msg("the connection was broken off by one end, and is for the other")
	c.proxy.cfg.Live.Reset(c.id, who.says(), c.now().Time)
}

// writeFailed takes note that an end takes nothing any more.
func (c *conn) writeFailed(to end, err error) {
	if errors.Is(err, net.ErrClosed) {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.ending.takesNothing(to)
}

// finish ends the session.
func (c *conn) finish() {
	c.lockSeen()
	defer c.mu.Unlock()
	if who, missing := c.ending.culprit(); missing {
		c.breakOff(who)
	}
	c.endSession(c.ending.reason)
	c.faults.end()
}

// abort ends a connection at once, when the recording of it ends.
func (c *conn) abort(reason string) {
	c.lockSeen()
	defer c.mu.Unlock()
	c.tellOverdue()
	c.ending.abort(reason)
	c.faults.end()
	c.client.Close()
	if c.server != nil {
		c.server.Close()
	}
}

// lingerTime is how long a client may take to notice that its connection ended.
const lingerTime = time.Second

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
