package peers

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"

	"msnproxy/decode"
)

// pollTime is how long a gateway holds a poll when there is no news.
const pollTime = 20 * time.Millisecond

// Gateway is an HTTP gateway in front of a server: each of its sessions is a
// connection to it (MSNP.md §9).
type Gateway struct {
	// Chunked has answers come in chunks, without a length.
	Chunked bool

	server   *Server
	listener net.Listener
	http     *http.Server
	running  sync.WaitGroup

	mu       sync.Mutex
	sessions map[string]*tunnelled
	opened   int
	errors   []error
}

// tunnelled is a session at the gateway.
type tunnelled struct {
	id     string
	conn   net.Conn
	news   chan struct{} // tells that something has come
	mu     sync.Mutex
	in     bytes.Buffer // from the server, not yet fetched
	ended  bool
	answer int // how many answers were given: the id changes with each
}

// NewGateway starts a gateway in front of a server.
func NewGateway(s *Server) (*Gateway, error) {
	l, err := net.Listen("tcp", defaultAddress)
	if err != nil {
		return nil, err
	}
	g := &Gateway{server: s, listener: l, sessions: map[string]*tunnelled{}}
	g.http = &http.Server{Handler: g}
	g.running.Go(func() { g.http.Serve(l) })
	return g, nil
}

// Addr is the address, host:port, at which the gateway listens.
func (g *Gateway) Addr() string { return g.listener.Addr().String() }

// Close ends all sessions, and waits until nothing of the gateway is left.
func (g *Gateway) Close() error {
	err := g.http.Close()
	g.mu.Lock()
	for _, s := range g.sessions {
		s.conn.Close()
	}
	g.mu.Unlock()
	g.running.Wait()
	return err
}

// Errors are the things that clients should not have sent.
func (g *Gateway) Errors() []error {
	g.mu.Lock()
	defer g.mu.Unlock()
	return append([]error(nil), g.errors...)
}

// Sessions is how many sessions were opened.
func (g *Gateway) Sessions() int {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.opened
}

// ServeHTTP answers a request.
func (g *Gateway) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err == nil {
		err = g.serve(w, r, body)
	}
	if err != nil {
		g.mu.Lock()
		g.errors = append(g.errors, err)
		g.mu.Unlock()
		http.Error(w, err.Error(), http.StatusBadRequest)
	}
}

func (g *Gateway) serve(w http.ResponseWriter, r *http.Request, body []byte) error {
	if r.Method != http.MethodPost || r.URL.Path != "/gateway/gateway.dll" {
		return fmt.Errorf("%s %s is not for a gateway", r.Method, r.URL)
	}
	if r.Host != g.Addr() && r.Host != strings.Split(g.Addr(), ":")[0] {
		return fmt.Errorf("host %s is not this gateway", r.Host)
	}
	s, err := g.sessionOf(r)
	if err != nil {
		return err
	}
	if _, err := s.conn.Write(body); err != nil && !s.over() {
		return err
	}
	s.wait(pollTime)
	g.reply(w, s)
	return nil
}

// sessionOf finds the session of a request, or opens it: with a server of the
// service, at the address that the client names, and with no other.
func (g *Gateway) sessionOf(r *http.Request) (*tunnelled, error) {
	query := r.URL.Query()
	if query.Get("Action") != "open" {
		id, _, _ := strings.Cut(query.Get("SessionID"), ".")
		g.mu.Lock()
		defer g.mu.Unlock()
		if s := g.sessions[id]; s != nil {
			return s, nil
		}
		return nil, fmt.Errorf("session %q is not known", id)
	}
	target, kind := query.Get("IP"), query.Get("Server")
	known := kind == "SB" && target == g.server.Addr(decode.SB) ||
		kind == "NS" && (target == g.server.Addr(decode.DS) || target == g.server.Addr(decode.NS))
	if !known {
		return nil, fmt.Errorf("a session of %s with %s, where there is no such server", kind, target)
	}
	return g.open(target)
}

func (g *Gateway) open(target string) (*tunnelled, error) {
	conn, err := net.Dial("tcp", target)
	if err != nil {
		return nil, err
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.opened++
	s := &tunnelled{id: fmt.Sprintf("9545473%d", g.opened), conn: conn, news: make(chan struct{}, 1)}
	g.sessions[s.id] = s
	g.running.Go(s.read)
	return s, nil
}

// read takes what the server sends, until it ends.
func (s *tunnelled) read() {
	piece := make([]byte, 4<<10)
	for {
		n, err := s.conn.Read(piece)
		s.mu.Lock()
		s.in.Write(piece[:n])
		s.ended = err != nil
		s.mu.Unlock()
		select {
		case s.news <- struct{}{}:
		default:
		}
		if err != nil {
			s.conn.Close()
			return
		}
	}
}

func (s *tunnelled) over() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.ended
}

// wait waits for news, for a bounded time.
func (s *tunnelled) wait(patience time.Duration) {
	s.mu.Lock()
	there := s.in.Len() > 0 || s.ended
	s.mu.Unlock()
	if there {
		return
	}
	select {
	case <-s.news:
	case <-time.After(patience):
	}
}

// reply answers with the news. The address that it names for the next request
// is its host without a port, as gateways did.
func (g *Gateway) reply(w http.ResponseWriter, s *tunnelled) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.answer++
	host, _, _ := net.SplitHostPort(g.Addr())
	about := fmt.Sprintf("SessionID=%s.%d; GW-IP=%s", s.id, s.answer, host)
	if s.ended {
		about += "; Session=close"
	}
	h := w.Header()
	h["X-MSN-Messenger"] = []string{about}
	h["X-MSN-Host"] = []string{host}
	h.Set("Content-Type", "application/x-msn-messenger")
	if g.Chunked {
		w.WriteHeader(http.StatusOK)
		w.(http.Flusher).Flush() // from here on there is no length
	}
	w.Write(s.in.Bytes())
	s.in.Reset()
}

// GatewayDialer connects over a gateway, for Client.Dial.
type GatewayDialer struct {
	// Addr is the address, host:port, of the gateway.
	Addr string

	mu   sync.Mutex
	seen []string
}

// Seen returns the hosts that answers named for the next requests.
func (d *GatewayDialer) Seen() []string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return append([]string(nil), d.seen...)
}

// Dial opens a session. Nothing goes out before there is something to say.
func (d *GatewayDialer) Dial(_ context.Context, kind decode.Server, address string) (net.Conn, error) {
	if kind == decode.DS {
		kind = decode.NS
	}
	ctx, cancel := context.WithCancel(context.Background())
	c := &gatewayConn{
		dialer: d, address: address, kind: kind, ctx: ctx, cancel: cancel, host: d.Addr,
		out: make(chan []byte), http: &http.Client{Transport: &http.Transport{}},
	}
	var write *io.PipeWriter
	c.in, write = io.Pipe()
	go c.run(write)
	return c, nil
}

// gatewayConn is a session at a gateway as its client sees it. One goroutine
// makes the requests, one after the other.
type gatewayConn struct {
	dialer  *GatewayDialer
	address string
	kind    decode.Server
	http    *http.Client
	ctx     context.Context
	cancel  func()
	out     chan []byte
	in      *io.PipeReader
	session string
	host    string // of the next request
}

// run makes requests until the session ends.
func (c *gatewayConn) run(write *io.PipeWriter) {
	defer c.http.CloseIdleConnections()
	defer c.cancel()
	for {
		body, more := c.next()
		if !more {
			write.CloseWithError(net.ErrClosed)
			return
		}
		answer, ended, err := c.request(body)
		if err != nil {
			write.CloseWithError(err)
			return
		}
		if _, err := write.Write(answer); err != nil || ended {
			write.Close()
			return
		}
	}
}

// next is what the next request brings: what there is to say, or nothing, once
// a session is open.
func (c *gatewayConn) next() (body []byte, more bool) {
	if c.session == "" {
		select {
		case body = <-c.out:
			return body, true
		case <-c.ctx.Done():
			return nil, false
		}
	}
	select {
	case body = <-c.out:
	case <-c.ctx.Done():
		return nil, false
	default:
	}
	return body, true
}

func (c *gatewayConn) request(body []byte) (answer []byte, ended bool, err error) {
	query := "Action=poll&Lifespan=1&SessionID=" + c.session
	switch {
	case c.session == "":
		query = fmt.Sprintf("Action=open&Server=%v&IP=%s", c.kind, c.address)
	case len(body) > 0:
		query = "SessionID=" + c.session
	}
	req, err := http.NewRequestWithContext(c.ctx, http.MethodPost, "http://"+c.dialer.Addr+"/gateway/gateway.dll?"+query, bytes.NewReader(body))
	if err != nil {
		return nil, false, err
	}
	req.Host = c.host
	req.Header.Set("Content-Type", "application/x-msn-messenger")
	resp, err := c.http.Do(req)
	if err != nil {
		return nil, false, err
	}
	defer resp.Body.Close()
	if answer, err = io.ReadAll(resp.Body); err == nil && resp.StatusCode != http.StatusOK {
		err = fmt.Errorf("the gateway answers %s: %s", resp.Status, answer)
	}
	return answer, c.learn(resp.Header.Get("X-MSN-Messenger"), resp.Header.Get("X-MSN-Host")), err
}

// learn takes what an answer says about the session.
func (c *gatewayConn) learn(about, host string) (ended bool) {
	c.dialer.mu.Lock()
	defer c.dialer.mu.Unlock()
	for field := range strings.SplitSeq(about, "; ") {
		switch name, value, _ := strings.Cut(field, "="); name {
		case "SessionID":
			c.session = value
		case "GW-IP":
			c.host = value
			c.dialer.seen = append(c.dialer.seen, value, host)
		case "Session":
			ended = value == "close"
		}
	}
	return ended
}

// Read reads what answers brought.
func (c *gatewayConn) Read(p []byte) (int, error) {
	n, err := c.in.Read(p)
	if errors.Is(err, io.ErrClosedPipe) {
		err = net.ErrClosed
	}
	return n, err
}

// Write hands bytes to the next request.
func (c *gatewayConn) Write(p []byte) (int, error) {
	select {
	case c.out <- bytes.Clone(p):
		return len(p), nil
	case <-c.ctx.Done():
		return 0, net.ErrClosed
	}
}

// Close ends the session on this side. The gateway is not told: there is no way.
func (c *gatewayConn) Close() error {
	err := c.in.Close() // first: who reads is to see that, and not a request that was given up
	c.cancel()
	return err
}

// LocalAddr and RemoteAddr have no address to tell; deadlines are the business
// of whoever closes.
func (c *gatewayConn) LocalAddr() net.Addr              { return &net.TCPAddr{} }
func (c *gatewayConn) RemoteAddr() net.Addr             { return &net.TCPAddr{} }
func (c *gatewayConn) SetDeadline(time.Time) error      { return nil }
func (c *gatewayConn) SetReadDeadline(time.Time) error  { return nil }
func (c *gatewayConn) SetWriteDeadline(time.Time) error { return nil }
