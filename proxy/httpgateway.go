package proxy

import (
	"context"
	"errors"
	"io"
	stdlog "log"
	"net"
	"net/http"
	"net/http/httputil"
	"net/netip"
	"strconv"
	"sync"
	"time"

	"msnproxy/decode"
	"msnproxy/internal/gateway"
)

const (
	// DefaultHTTPPort is the port of HTTP gateways, where an address names none.
	DefaultHTTPPort = "80"
	// maxRequestHeader bounds the header of a request, and of an answer.
	// Passport's cookies make it some KiB.
	maxRequestHeader = 64 << 10
	// keepUnused is for how long a connection to a gateway is kept for the
	// next request: clients poll every few seconds.
	keepUnused = 90 * time.Second
	// keepForServer is how many such connections are kept to one server.
	keepForServer = 256
)

// httpTimes is how long a client of HTTP may take, so that nobody holds a
// connection for nothing.
type httpTimes struct {
	header time.Duration // to send the header of a request
	body   time.Duration // to send the body of one to the gateway, or a piece of another
	idle   time.Duration // between two requests: clients poll every few seconds
	write  time.Duration // to take a piece of an answer
}

var usualTimes = httpTimes{header: 30 * time.Second, body: time.Minute, idle: 5 * time.Minute, write: 2 * time.Minute}

// httpGateway relays HTTP: the sessions of a gateway, which it decodes and in
// which it replaces addresses, and everything else as it is.
type httpGateway struct {
	proxy     *Proxy
	listener  net.Listener
	server    *http.Server
	reverse   *httputil.ReverseProxy
	upstream  string // host:port of the gateway
	targets   targets
	routes    routes    // where clients were referred to, and may open a session with
	allowance allowance // for messages that are not complete

	handling sync.WaitGroup // of requests

	mu       sync.Mutex
	sessions gateway.Sessions[*gatewaySession]
	clients  map[net.Conn]*httpClient
	carriers int // TCP connections that anything was told of, so far
}

// newHTTPGateway opens the listener for HTTP.
func newHTTPGateway(p *Proxy) (*httpGateway, error) {
	listener, err := listenAt(p.cfg.HTTPListen, "http-listen")
	if err != nil {
		return nil, err
	}
	g := &httpGateway{proxy: p, listener: listener, upstream: withHTTPPort(p.cfg.HTTPUpstream), clients: map[net.Conn]*httpClient{}}
	g.targets.g = g
	g.allowance.sizes = p.cfg.unfinished
	logged := stdlog.New(logWriter{p}, "", 0)
	g.reverse = &httputil.ReverseProxy{
		Rewrite: g.outgoing, ModifyResponse: g.incoming, ErrorHandler: g.failed, ErrorLog: logged,
		FlushInterval: -1, // nothing is held back
		Transport: &http.Transport{
			DialContext: g.targets.dial, DisableCompression: true,
			MaxIdleConnsPerHost: keepForServer, IdleConnTimeout: keepUnused, MaxResponseHeaderBytes: maxRequestHeader,
		},
	}
	times := p.cfg.httpTimes
	g.server = &http.Server{
		Handler: g, ReadHeaderTimeout: times.header, IdleTimeout: times.idle,
		ReadTimeout:    times.header + times.body, // of bodies that net/http refuses by itself; see timedBody
		MaxHeaderBytes: maxRequestHeader, ErrorLog: logged,
		ConnContext: g.connContext, ConnState: g.connState,
	}
	return g, nil
}

// logWriter has the operator's log take what net/http has to say.
type logWriter struct{ p *Proxy }

func (w logWriter) Write(text []byte) (int, error) {
	w.p.cfg.Log.Debug().Msg(string(text))
	return len(text), nil
}

// withHTTPPort adds the port of HTTP to an address that has none.
func withHTTPPort(address string) string {
	if _, _, err := net.SplitHostPort(address); err == nil {
		return address
	}
	return net.JoinHostPort(unbracket(address), DefaultHTTPPort)
}

// run serves until the listener is closed.
func (g *httpGateway) run() {
	if err := g.server.Serve(&roomyListener{Listener: g.listener, proxy: g.proxy}); !errors.Is(err, http.ErrServerClosed) {
		g.proxy.cfg.Log.Error().Err(err).Msg("HTTP is no longer served")
	}
}

// stop lets exchanges end for a bounded time, and then ends all.
func (g *httpGateway) stop() {
	ctx, cancel := context.WithTimeout(context.Background(), g.proxy.cfg.drainTime)
	defer cancel()
	if g.server.Shutdown(ctx) != nil {
		g.server.Close() // polls wait for news that will not come
	}
	g.handling.Wait()
	g.reverse.Transport.(*http.Transport).CloseIdleConnections()
}

// httpClient is a TCP connection of a client.
type httpClient struct {
	g    *httpGateway
	conn net.Conn

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

// ServeHTTP relays a request.
func (g *httpGateway) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	g.handling.Add(1)
	defer g.handling.Done()
	answer := &namedHeaders{ResponseWriter: w, control: http.NewResponseController(w), time: g.proxy.cfg.httpTimes.write}
	answer.asked = &timedBody{ReadCloser: r.Body, control: answer.control, time: g.proxy.cfg.httpTimes.body, ended: r.Body == http.NoBody}
	client := r.Context().Value(clientKey{}).(*httpClient)
	defer answer.finish(client)
	r.Body, w = answer.asked, answer
	if r.Method == http.MethodConnect {
		g.proxy.cfg.Log.Warn().Str("client", r.RemoteAddr).Str("target", r.Host).Msg("a client asks for a tunnel, which is not relayed")
		http.Error(w, "msnproxy makes no tunnels", http.StatusNotImplemented)
		return
	}
	x := &httpExchange{g: g, client: client, request: r, at: g.proxy.now(), held: held{allowance: &g.allowance}}
	defer x.held.end()
	if err := x.prepare(); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	defer x.tell() // also of an exchange that ended early; ReverseProxy panics then
	g.reverse.ServeHTTP(w, r.WithContext(x.context(r.Context())))
}

// outgoing makes the request that goes to the server: as it came, but for the
// addresses of the proxy in it.
func (g *httpGateway) outgoing(pr *httputil.ProxyRequest) { exchangeOf(pr.Out).outgoing(pr.In, pr.Out) }

// incoming deals with a response on its way to the client.
func (g *httpGateway) incoming(resp *http.Response) error {
	return exchangeOf(resp.Request).incoming(resp)
}

// failed tells a client that its request came to nothing.
func (g *httpGateway) failed(w http.ResponseWriter, r *http.Request, err error) {
	if r.Context().Err() == nil {
		g.proxy.cfg.Log.Error().Err(err).Str("client", r.RemoteAddr).Msg("an HTTP request came to nothing")
	}
	w.WriteHeader(http.StatusBadGateway)
}

// port is the port of the listener.
func (g *httpGateway) port() string {
	_, port, _ := net.SplitHostPort(g.listener.Addr().String())
	return port
}

// nextCarrier makes the id of a TCP connection that something is told of.
func (g *httpGateway) nextCarrier() string {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.carriers++
	return "h" + strconv.Itoa(g.carriers)
}

// expire ends the sessions that were silent for too long, or are too many. The
// caller holds the lock.
func (g *httpGateway) expire() {
	now := g.proxy.cfg.Now()
	for one := g.sessions.Stale(now, gateway.IdleAfter); one != nil; one = g.sessions.Stale(now, gateway.IdleAfter) {
		one.State.close("idle")
		g.sessions.Remove(one)
	}
}

// finish ends the sessions that are left when the run ends.
func (g *httpGateway) finish() {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, one := range g.sessions.All() {
		one.State.close("capture ended") // as its capture tells it
	}
}

// now is the time as records have it.
func (p *Proxy) now() decode.Stamp { return decode.Stamp{Time: p.cfg.Now()} }

// hostFor is the host at which a client can reach the proxy.
func (p *Proxy) hostFor(local net.Addr) string {
	if p.cfg.Advertise != "" {
		return p.cfg.Advertise
	}
	return addrOf(local).String()
}

// told is the address of the listener for HTTP as clients are told it: without
// a port if that is the usual one.
func (g *httpGateway) told(local net.Addr) string {
	host := g.proxy.hostFor(local)
	if port := g.port(); port != DefaultHTTPPort {
		return net.JoinHostPort(host, port)
	}
	return host
}

// targets are the gateways that requests go to: the upstream one, and those
// that answers (GW-IP) or referrals (XFR, mode G) have named.
type targets struct {
	g  *httpGateway
	mu sync.Mutex
	by map[string]target
}

// target is a gateway that was named.
type target struct {
	from   netip.Addr // by whom
	failed time.Time  // when it could not be reached
}

const (
	// maxTargets bounds the gateways that are remembered.
	maxTargets = 1 << 10
	// targetTime is how long a gateway that was named may take to accept a
	// connection: the upstream one will do as well.
	targetTime = 3 * time.Second
	// targetRest is for how long one that could not be reached is not tried.
	targetRest = 10 * time.Minute
)

// name takes note of a gateway that a server has named, and tells whether
// requests may go there.
func (t *targets) name(address string, from net.Addr) error {
	if err := t.g.proxy.cfg.mayRefer(from, address); err != nil {
		return err
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.by == nil || len(t.by) >= maxTargets {
		t.by = map[string]target{}
	}
	// Of those who name it, the one counts that may name least.
	if old, ok := t.by[address]; !ok || !isPublic(old.from) {
		t.by[address] = target{from: addrOf(from), failed: old.failed}
	}
	return nil
}

// dial connects to a gateway. Of one that was named and cannot be reached, the
// upstream one takes the place: revival servers name what is no more.
func (t *targets) dial(ctx context.Context, _, address string) (net.Conn, error) {
	p, upstream := t.g.proxy, t.g.upstream
	if address != upstream && t.usable(address) {
		c, err := t.dialNamed(ctx, address)
		if err == nil {
			return c, nil
		}
		p.cfg.Log.Warn().Err(err).Str("gateway", address).Msg("the gateway that the server named cannot be reached; staying with the upstream one")
		t.fail(address)
	}
	return p.dialHTTP(ctx, upstream, nil)
}

func (t *targets) dialNamed(ctx context.Context, address string) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, targetTime)
	defer cancel()
	t.mu.Lock()
	from := t.by[address].from
	t.mu.Unlock()
	return t.g.proxy.dialHTTP(ctx, address, t.g.proxy.allowFrom(from))
}

func (t *targets) usable(address string) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	one, ok := t.by[address]
	return ok && (one.failed.IsZero() || t.g.proxy.cfg.Now().Sub(one.failed) > targetRest)
}

func (t *targets) fail(address string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	one := t.by[address]
	one.failed = t.g.proxy.cfg.Now()
	t.by[address] = one
}

// namedHeaders gives the names of headers of the answer the capitals that
// Messenger's have: old clients may compare them. It keeps net/http from adding
// what the server did not send, and has the client take the answer in time.
type namedHeaders struct {
	http.ResponseWriter
	control *http.ResponseController
	time    time.Duration
	asked   *timedBody // of the request
}

// capitals are the names whose capitals are not those of net/http.
var capitals = map[string]string{
	"X-Msn-Messenger": "X-MSN-Messenger", "X-Msn-Host": "X-MSN-Host", "X-Msn-Gwcapabilities": "X-MSN-GWCapabilities",
	"Passporturls": "PassportURLs", "Soapaction": "SOAPAction", "Www-Authenticate": "WWW-Authenticate", "P3p": "P3P", "Etag": "ETag",
}

func withCapitals(h http.Header) {
	for name, written := range capitals {
		if values, ok := h[name]; ok {
			delete(h, name)
			h[written] = values
		}
	}
}

// WriteHeader passes the header on.
func (w *namedHeaders) WriteHeader(status int) {
	h := w.Header()
	withCapitals(h)
	for _, name := range [...]string{"Date", "Content-Type"} {
		if _, ok := h[name]; !ok {
			h[name] = nil
		}
	}
	w.mustBeTaken()
	w.ResponseWriter.WriteHeader(status)
}

// mustBeTaken gives the client some time for what is written next. Before an
// answer, net/http reads what there is left of the request.
func (w *namedHeaders) mustBeTaken() {
	_ = w.control.SetWriteDeadline(time.Now().Add(w.time)) // a closed connection takes nothing
	w.asked.mustCome()
}

// finish leaves to net/http what is left of the exchange.
func (w *namedHeaders) finish(client *httpClient) {
	w.mustBeTaken()
	if !w.asked.leave() {
		client.mustEnd(w.asked.time)
	}
}

// Write passes on a piece of the body.
func (w *namedHeaders) Write(p []byte) (int, error) {
	w.mustBeTaken()
	return w.ResponseWriter.Write(p)
}

// timedBody is the body of a request that must come in time: pieces of it, or
// all of it.
type timedBody struct {
	io.ReadCloser
	control *http.ResponseController
	time    time.Duration
	whole   bool
	begun   bool

	mu    sync.Mutex // an answer may begin, and end, while the end is read
	ended bool       // or left: what time there is is not its business any more
}

// mustCome gives the client some time for what is read next. When all is there,
// it may wait for its answer for as long as it likes.
func (b *timedBody) mustCome() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if !b.ended {
		_ = b.control.SetReadDeadline(time.Now().Add(b.time))
	}
}

// leave leaves the connection to net/http, which gives the client its time from
// here on: whoever still reads the body must not take that back. It reports whether
// the body had ended.
func (b *timedBody) leave() (ended bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	ended, b.ended = b.ended, true
	return ended
}

func (b *timedBody) end() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if !b.ended {
		b.ended = true
		_ = b.control.SetReadDeadline(time.Time{})
	}
}

// Read waits for a piece.
func (b *timedBody) Read(p []byte) (int, error) {
	if !b.whole || !b.begun {
		b.begun = true
		b.mustCome()
	}
	n, err := b.ReadCloser.Read(p)
	if err == io.EOF {
		b.end()
	}
	return n, err
}

// Unwrap lets net/http flush.
func (w *namedHeaders) Unwrap() http.ResponseWriter { return w.ResponseWriter }
