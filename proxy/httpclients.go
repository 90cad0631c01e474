package proxy

import (
	"context"
	"net"
	"net/http"
	"sync"
	"time"
)

// httpClient is a TCP connection of a client.
type httpClient struct {
	g     *httpGateway
	conn  net.Conn
	leave context.CancelFunc // ends what it has asked for

	quiet time.Time // since when it asks nothing, or zero; the gateway's lock guards it

	mu       sync.Mutex
	opened   time.Time
	carriers []*carrier  // of the dialogue with each server
	late     *time.Timer // ends the connection, unless what is under way comes to its end
}

// mustEnd gives the client some time for the rest of a request that has its
// answer. net/http waits for that, and in doing so takes back any deadline
// where the server did not wait for it.
func (c *httpClient) mustEnd(within time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.late = time.AfterFunc(within, func() { c.conn.Close() })
}

// inTime takes note that it has come.
func (c *httpClient) inTime() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.late != nil {
		c.late.Stop()
	}
}

type clientKey struct{}

func (g *httpGateway) connContext(ctx context.Context, c net.Conn) context.Context {
	now := g.proxy.cfg.Now()
	client := &httpClient{g: g, conn: c, opened: now, quiet: now}
	ctx, client.leave = context.WithCancel(ctx)
	g.mu.Lock()
	defer g.mu.Unlock()
	g.clients[c] = client
	return context.WithValue(ctx, clientKey{}, client)
}

// connState turns clients away when there are too many, and takes note of what
// they do and of their ends.
func (g *httpGateway) connState(c net.Conn, state http.ConnState) {
	g.mu.Lock()
	client, many := g.clients[c], len(g.clients) > maxConnections
	if state == http.StateClosed || state == http.StateHijacked {
		delete(g.clients, c)
	}
	if client != nil {
		client.note(state)
	}
	g.mu.Unlock()
	if client != nil && state != http.StateNew {
		client.inTime()
	}
	switch {
	case state == http.StateNew && many && !g.makeRoom():
		g.proxy.cfg.Log.Error().Int("connections", maxConnections).Msg("too many connections for HTTP; a client was turned away")
		c.Close()
	case state == http.StateClosed && client != nil:
		client.leave()
		client.ended()
	}
}

// note takes note of what the client does. The caller holds the gateway's lock.
func (c *httpClient) note(state http.ConnState) {
	switch state {
	case http.StateActive:
		c.quiet = time.Time{}
	case http.StateIdle:
		c.quiet = c.g.proxy.cfg.Now()
	}
}

// makeRoom ends the connection that has asked nothing for longest, and reports
// whether there was one. Its client may connect again; who only waits must not
// keep the others out.
func (g *httpGateway) makeRoom() bool {
	idlest := g.takeQuiet(g.proxy.cfg.Now().Add(-firstLineTime))
	if idlest == nil {
		return false
	}
	g.proxy.cfg.Log.Warn().Stringer("client", idlest.conn.RemoteAddr()).Msg("a client of HTTP that asks nothing makes room for others")
	idlest.conn.Close()
	return true
}

// takeQuiet finds the client that asks nothing since before a time, and longest,
// and takes it for good; nil if there is none.
func (g *httpGateway) takeQuiet(since time.Time) (idlest *httpClient) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, c := range g.clients {
		if c != nil && !c.quiet.IsZero() && c.quiet.Before(since) {
			idlest, since = c, c.quiet
		}
	}
	if idlest != nil {
		idlest.quiet = time.Time{}
	}
	return idlest
}
