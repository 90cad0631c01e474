package proxy

import (
	"io"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"msnproxy/decode"
)

// conn is one relayed connection.
type conn struct {
	proxy  *Proxy
	id     string
	client net.Conn
	to     destination
	opened time.Time

	// start adds these, under the lock, before the two ways begin.
	server     net.Conn
	faults     *faulty   // nil if there are none (Config.Faults)
	fromServer io.Reader // the server, as near as the faults have it

	// What needs no lock.
	underWay               atomic.Int32   // ways that have not ended
	greeted                atomic.Bool    // the client has said something, see greet
	writingUp, writingDown passing        // on to the server, and to the client
	asked                  atomic.Bool    // asking is not nil
	speaking               sync.WaitGroup // those who speak aside, see speakAside

	// toClient is held while something is written to the client, and so is
	// what the gate let out.
	toClient sync.Mutex

	mu       sync.Mutex // guards what follows: the session sees bytes in one order
	decoding            // of what both ends say
	ending   ending
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
	if c.ending.aborted {
		server.Close()
		c.faults.end()
	}
	c.newSession(server.RemoteAddr().String())
	c.gate = c.downGate()
	shown := server.RemoteAddr()
	if c.proxy.cfg.CaptureClientSide {
		shown = c.client.LocalAddr()
	}
	c.proxy.cfg.Live.Open(c.id, c.client.RemoteAddr().String(), shown.String(), c.client.LocalAddr().String(), c.opened)
}

func (c *conn) now() decode.Stamp { return c.proxy.now() }

// upstreamWay passes on what the client sends, and decodes it before or after.
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
			c.ended(theClient, err)
			return
		}
	}
}

// passUp writes to the server what the client has sent.
func (c *conn) passUp(p []byte) bool {
	p = c.onward(decode.ClientToServer, p)
	c.writingUp.begin()
	_, err := c.server.Write(p)
	if err != nil {
		c.writeFailed(theServer, err)
	}
	c.writingUp.end()
	c.proxy.backlog.bound()
	c.proxy.boundUnfinished()
	c.speakAside()
	if c.faults != nil {
		c.proxy.backlog.clear() // some faults are of what the client says
		c.faults.carryOut()
	}
	return err == nil
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
			c.ended(theServer, err)
			return
		}
	}
}

// passDown decodes what the server has sent, writes to the client what it is to
// get now, and says what the proxy itself has to say after that.
func (c *conn) passDown(p []byte) bool {
	c.toClient.Lock()
	c.speakFirst()
	c.writingDown.begin()
	err := c.writeDown(c.onward(decode.ServerToClient, p))
	c.gate.rest()
	c.toClient.Unlock()
	if err != nil {
		c.writeFailed(theClient, err)
	}
	c.writingDown.end()
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

// release passes on what the gate has held back, when nothing follows it.
func (c *conn) release() {
	c.mu.Lock()
	held := c.gate.release()
	if c.proxy.cfg.CaptureClientSide && len(held) > 0 && !c.ending.brokenOff {
		c.proxy.cfg.Live.Data(c.id, decode.ServerToClient, held, c.now())
	}
	c.mu.Unlock()
	if len(held) > 0 {
		c.toClient.Lock()
		defer c.toClient.Unlock()
		c.client.Write(held) // the client may be gone, which is no news here
	}
}
