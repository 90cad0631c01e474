package proxy

import (
	"net"
	"strconv"
	"time"
)

// maxConnections bounds the connections at one time. Each holds two sockets and,
// at rest, some 10 KiB.
const maxConnections = 20000

// newConn registers a connection, unless there are too many.
func (p *Proxy) newConn(client net.Conn, to destination) *conn {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.conns) >= maxConnections {
		return nil
	}
	p.number++
	c := &conn{proxy: p, id: "c" + strconv.Itoa(p.number), client: client, to: to, opened: p.cfg.Now()}
	p.conns[c] = struct{}{}
	return c
}

// forget takes a connection off the list, once all of it is over.
func (p *Proxy) forget(c *conn) {
	p.mu.Lock()
	delete(p.conns, c)
	if len(p.conns) == 0 {
		p.stacks.drop()
	}
	p.mu.Unlock()
	c.to.end()
}

// makeRoom ends the connection whose client has been there longest without
// saying anything, and reports whether there was one. All clients speak first,
// and at once; who does not must not keep the others out.
func (p *Proxy) makeRoom() bool {
	idlest := p.takeSilent(p.cfg.Now().Add(-firstLineTime))
	if idlest == nil {
		return false
	}
	p.cfg.Log.Warn().Str("conn", idlest.id).Stringer("client", idlest.client.RemoteAddr()).
		Msg("a client that has said nothing, or no whole line, makes room for others")
	idlest.abort("silent, and there were too many connections")
	return true
}

// takeSilent takes out the connection that is silent since before a time, and
// longest; nil if there is none. Sessions at the gateway are not silent.
func (p *Proxy) takeSilent(since time.Time) (idlest *conn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for c := range p.conns {
		if _, session := c.client.(endpoint); !session && !c.greeted.Load() && c.opened.Before(since) {
			idlest, since = c, c.opened
		}
	}
	delete(p.conns, idlest)
	return idlest
}
