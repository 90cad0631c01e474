package proxy

import (
	"errors"
	"io"
	"net"
	"time"

	"msnproxy/decode"
)

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
	c.endSession(c.reason)
	c.faults.end()
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
