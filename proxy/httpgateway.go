package proxy

import (
	"context"
	"errors"
	stdlog "log"
	"net"
	"net/http"
	"net/http/httputil"
	"sync"
	"time"

	"msnproxy/internal/gateway"
)

const (
	// maxRequestHeader bounds the header of a request, and of an answer.
	// Passport's cookies make it some KiB.
	maxRequestHeader = 64 << 10
	// keepUnused is for how long a connection to a gateway is kept for the
	// next request: clients poll every few seconds.
	keepUnused = 90 * time.Second
	// keepForServer is how many such connections are kept to one server.
	keepForServer = 256
)

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
	g := &httpGateway{proxy: p, listener: listener, upstream: withPort(p.cfg.HTTPUpstream, defaultHTTPPort), clients: map[net.Conn]*httpClient{}}
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

// ServeHTTP relays a request.
func (g *httpGateway) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	g.handling.Add(1)
	defer g.handling.Done()
	answer := newHTTPAnswer(w, r.Body, g.proxy.cfg.httpTimes)
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

// failed tells a client that its request came to nothing. Where that is because the
// server has ended the connection, so does the client's: no server has said 502, and
// clients ask again where a connection that they have used before turns out to be over.
func (g *httpGateway) failed(w http.ResponseWriter, r *http.Request, err error) {
	if r.Context().Err() == nil {
		g.proxy.cfg.Log.Error().Err(err).Str("client", r.RemoteAddr).Msg("an HTTP request came to nothing")
	}
	x := exchangeOf(r)
	x.failed()
	if x.endedBy(err) {
		x.client.conn.Close() // what net/http makes of it gets nowhere
		return
	}
	w.WriteHeader(http.StatusBadGateway)
}

// port is the port of the listener.
func (g *httpGateway) port() string {
	_, port, _ := net.SplitHostPort(g.listener.Addr().String())
	return port
}

// told is the address of the listener for HTTP as clients are told it: without
// a port if that is the usual one.
func (g *httpGateway) told(local net.Addr) string {
	host := g.proxy.hostFor(local)
	if port := g.port(); port != defaultHTTPPort {
		return net.JoinHostPort(host, port)
	}
	return bracketed(host)
}
