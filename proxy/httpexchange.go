package proxy

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"strings"
	"sync"
	"time"

	"msnproxy/decode"
	"msnproxy/internal/gateway"
)

// httpExchange is a request on its way to the server, and the answer on its way
// back.
type httpExchange struct {
	g       *httpGateway
	client  *httpClient
	request *http.Request // as the client sent it
	at      decode.Stamp

	query     gateway.Query
	toGateway bool
	session   *gatewaySession // that the request is of; nil if it opens one, or is of none that is known
	target    string          // the gateway or server that the request goes to
	host      string          // whom the session that is opened is to be with
	body      []byte          // of a request to the gateway, all of it
	rest      io.Reader       // what follows the body where that is not all, as there is no room; else nil
	held      held
	service   decode.HTTPService

	mu         sync.Mutex
	carrier    *carrier
	sent       bool
	out        *http.Request // as the server gets it
	resp       *http.Response
	answeredAt time.Time
	asked      gateway.Body
	answered   gateway.Body
	askedTap   *tapBody
	told       bool
}

type exchangeKey struct{}

func exchangeOf(r *http.Request) *httpExchange {
	return r.Context().Value(exchangeKey{}).(*httpExchange)
}

// prepare finds out what the request is. The body of one to the gateway is
// read first: it is small, and the gateway does nothing before it has all of it.
func (x *httpExchange) prepare() error {
	x.target = x.g.upstream
	x.query, x.toGateway = gateway.ParseQuery(x.request.Method, x.request.URL)
	if !x.toGateway {
		x.service = gateway.ServiceOf(x.request)
		return nil
	}
	if err := x.readBody(); err != nil {
		return err
	}
	if x.query.Session == "" {
		x.open()
		return nil
	}
	if x.session = x.g.find(x.query.Session); x.session != nil && x.session.isOf(x.client) {
		x.target = x.session.targetNow()
	}
	return nil
}

// readBody reads the body, unless that takes more than there is room for: then
// the rest goes on as it comes.
func (x *httpExchange) readBody() error {
	in := x.request.Body.(*timedBody)
	in.whole = true
	body, err := io.ReadAll(heldReader{io.LimitReader(in, gateway.MaxBody+1), &x.held})
	if len(body) > gateway.MaxBody {
		return errors.New("the body is too large for a gateway")
	}
	x.body = body
	if errors.Is(err, errNoRoom) {
		in.whole, x.rest = false, in
		x.g.proxy.cfg.Log.Warn().Err(err).Str("client", x.request.RemoteAddr).
			Msg("a request to the gateway goes on as it comes, and its session undecoded from here on")
		return nil
	}
	return err
}

// open finds out whom a session is to be with, and by which gateway.
func (x *httpExchange) open() {
	x.host = x.g.realHost(x)
	client := addrOf(x.client.conn.RemoteAddr())
	if to, ok := x.g.routes.take(client, gatewayRoute, x.g.proxy.cfg.Now()); ok {
		x.target = to.server
	}
}

// context has the exchange told which connection takes the request, and when
// it has gone out.
func (x *httpExchange) context(ctx context.Context) context.Context {
	ctx = context.WithValue(ctx, exchangeKey{}, x)
	return httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		GotConn:      func(info httptrace.GotConnInfo) { x.connected(info.Conn.RemoteAddr()) },
		WroteRequest: func(httptrace.WroteRequestInfo) { x.wentOut() },
	})
}

// outgoing changes the request where the client was told, or believes, that
// the proxy is the server.
func (x *httpExchange) outgoing(in, out *http.Request) {
	out.URL.Scheme, out.URL.Host = "http", x.target
	out.URL.RawQuery = in.URL.RawQuery // ReverseProxy drops what it cannot read
	out.Host = in.Host
	if x.toGateway {
		x.outgoingToGateway(out)
	} else if out.Body != nil && out.Body != http.NoBody {
		out.Body = &seenBody{ReadCloser: out.Body, see: x.seeAsked}
	}
	out.Header.Del("Upgrade") // behind another protocol would be a tunnel
	out.Header.Del("Connection")
	withCapitals(out.Header)
	x.mu.Lock()
	defer x.mu.Unlock()
	x.out = out
}

func (x *httpExchange) outgoingToGateway(out *http.Request) {
	x.outgoingBody(out)
	if x.host != x.query.Host {
		out.URL.RawQuery = gateway.WithHost(out.URL.RawQuery, x.host)
	}
	real := strings.TrimSuffix(x.target, ":"+defaultHTTPPort)
	if x.session != nil {
		real = x.session.hostNow(real)
	}
	if x.isOwn(out.Host) {
		out.Host = real
	}
	if named := out.Header.Get(gateway.HostHeader); named != "" && x.isOwn(named) {
		out.Header.Set(gateway.HostHeader, real)
	}
}

// outgoingBody gives the request its body.
func (x *httpExchange) outgoingBody(out *http.Request) {
	if x.rest != nil { // the length is what the client says, if it does
		all := io.MultiReader(bytes.NewReader(x.body), x.rest)
		out.Body = &seenBody{ReadCloser: io.NopCloser(all), see: x.seeAsked}
		return
	}
	out.Body, out.ContentLength = http.NoBody, int64(len(x.body))
	if len(x.body) > 0 {
		out.GetBody = func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(x.body)), nil }
		out.Body, _ = out.GetBody()
	}
}

// isOwn tells whether a host, perhaps with a port, is the proxy as the client
// knows it.
func (x *httpExchange) isOwn(host string) bool {
	name, port, err := net.SplitHostPort(host)
	if err != nil {
		name, port = unbracket(host), defaultHTTPPort
	}
	return name == x.g.proxy.hostFor(x.client.conn.LocalAddr()) && port == x.g.port()
}

// connected takes note of the server that the request goes to. With a
// connection that turns out to be dead, that happens again.
func (x *httpExchange) connected(server net.Addr) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.carrier != nil {
		return
	}
	x.carrier = x.client.carrierFor(server)
	if !x.toGateway || x.rest != nil {
		x.askedTap = x.carrier.tapRequest(x.seenRequest(), nil)
	}
}

// seenRequest is the request as the capture shows it: as it would have been
// without the proxy, or as the client sent it.
func (x *httpExchange) seenRequest() *http.Request {
	if x.g.proxy.cfg.CaptureClientSide {
		return x.request
	}
	return asServed(x.out)
}

// asServed is an outgoing request as a server reads it: the names of its headers
// are written as clients write them, which are not the capitals that net/http
// knows them by.
func asServed(out *http.Request) *http.Request {
	r := *out
	r.Header = make(http.Header, len(out.Header))
	for name, values := range out.Header {
		r.Header[http.CanonicalHeaderKey(name)] = values
	}
	r.RequestURI = out.URL.RequestURI()
	r.URL = &url.URL{Path: out.URL.Path, RawPath: out.URL.RawPath, RawQuery: out.URL.RawQuery}
	return &r
}

// wentOut decodes what has been sent to the gateway. If the answer comes first,
// that is done then: a reply is never decoded before its request.
func (x *httpExchange) wentOut() {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.sent || !x.toGateway || x.carrier == nil {
		return
	}
	x.sent = true
	if x.rest == nil {
		x.carrier.tapRequest(x.seenRequest(), x.body)
	}
	if x.query.Session == "" {
		return // the session is known by the answer
	}
	if x.session == nil && len(x.body) > 0 {
		x.session = x.g.joined(x, x.query.Session)
	}
	if x.session != nil {
		x.decodeAsked(x.session)
		x.g.touch(x.query.Session)
	}
}

// decodeAsked decodes what the request brings of a session.
func (x *httpExchange) decodeAsked(s *gatewaySession) {
	if x.rest == nil {
		s.up(x.body, x.at)
		return
	}
	s.upUndecoded()
}

// errSwitched is told of a server that does what it was not asked for.
var errSwitched = errors.New("the server switches to another protocol, which is not relayed")

// errStatus is told of a server whose answer says nothing that there is.
var errStatus = errors.New("the server answers with a status that does not exist")

// incoming deals with the response.
func (x *httpExchange) incoming(resp *http.Response) error {
	switch {
	case resp.StatusCode == http.StatusSwitchingProtocols:
		return errSwitched
	case resp.StatusCode < 100 || resp.StatusCode > 999:
		return errStatus // net/http would panic over it
	}
	x.wentOut()
	resp.Body = &answerBody{ReadCloser: resp.Body, x: x}
	x.mu.Lock()
	x.resp, x.answeredAt = resp, x.g.proxy.cfg.Now()
	original := x.carrier.tapResponse(resp) // before anything of it changes
	x.mu.Unlock()
	if x.toGateway && x.fromGateway(resp, original) {
		return nil
	}
	tap := original
	if x.g.proxy.cfg.CaptureClientSide {
		tap = x.carrier.tapResponse(resp)
	}
	tap.begin()
	resp.Body = &seenBody{ReadCloser: resp.Body, see: func(p []byte, done bool) {
		x.held.collect(&x.answered, p)
		tap.see(p, done)
		if done {
			x.tell()
		}
	}}
	return nil
}

// failed takes note that no answer comes that can be read, or nobody to read it is
// there any more.
func (x *httpExchange) failed() {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.carrier == nil {
		return
	}
	reason := "client closed"
	if x.request.Context().Err() == nil {
		reason = "server closed"
		x.client.breakOff(x.carrier)
	}
	if x.sent && x.query.Session == "" && len(x.body) > 0 {
		x.g.unanswered(x, reason)
	}
	x.sent = true // what of it goes out yet is not told
}

// fromGateway deals with a response of the gateway, unless it is an error or a
// page.
func (x *httpExchange) fromGateway(resp *http.Response, tap *tapBody) bool {
	about := gateway.ParseAnswer(resp.Header)
	if about.Session == "" {
		about.Session = x.query.Session
		if !gateway.HoldsCommands(resp) && !about.Closed {
			return false
		}
	}
	s := x.sessionOf(about.Session)
	if s == nil {
		return false
	}
	x.g.answered(about.Session)
	x.replaceAddresses(resp, about, s)
	way := &downWay{x: x, session: s, id: about.Session, closes: about.Closed, tap: tap, body: resp.Body}
	way.start(resp)
	return true
}

// sessionOf returns the session that an answer is about, and makes it if the
// request has opened it.
func (x *httpExchange) sessionOf(id string) *gatewaySession {
	switch {
	case id == "":
		return nil
	case x.query.Session == "":
		return x.g.opened(x, id)
	case x.session != nil && id == x.query.Session:
		return x.session
	}
	if s := x.g.find(id); s != nil {
		return s
	}
	return x.g.joined(x, id)
}

// replaceAddresses puts the proxy where the answer names the gateway for the
// next requests.
func (x *httpExchange) replaceAddresses(resp *http.Response, about gateway.Answer, s *gatewaySession) {
	own := x.g.told(x.client.conn.LocalAddr())
	if about.IP != "" {
		s.moveTo(about.IP, x)
		resp.Header.Set(gateway.Header, gateway.WithIP(resp.Header.Get(gateway.Header), own))
	}
	if resp.Header.Get(gateway.HostHeader) != "" {
		resp.Header.Set(gateway.HostHeader, own)
	}
}

// seeAsked takes note of the body of a request that is relayed as it is.
func (x *httpExchange) seeAsked(p []byte, done bool) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if !x.toGateway {
		x.held.collect(&x.asked, p)
	}
	if x.askedTap != nil {
		x.askedTap.see(p, done)
	}
}

// tell makes the record of an exchange with a service beside MSNP.
func (x *httpExchange) tell() {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.told || x.toGateway || x.carrier == nil || x.out == nil {
		return
	}
	x.told = true
	seen := asServed(x.out)
	asked := x.asked.Plain(seen.Header)
	if x.service == "" {
		x.service = gateway.ServiceOfBody(seen, asked)
	}
	if x.service == "" {
		return
	}
	e := gateway.Exchange{Service: x.service, Request: seen, RequestBody: asked, RequestDropped: x.asked.Dropped}
	if x.resp != nil {
		e.Response, e.ResponseBody = x.resp, x.answered.Plain(x.resp.Header)
		e.ResponseDropped = x.answered.Dropped
		e.Latency = x.answeredAt.Sub(x.at.Time)
	}
	x.carrier.emit(e.Record(), x.at)
}

// seenBody is a body that is looked at on its way.
type seenBody struct {
	io.ReadCloser
	see  func(p []byte, done bool)
	done bool
}

func (b *seenBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if !b.done && (n > 0 || err != nil) {
		b.done = err != nil
		b.see(p[:n], b.done)
	}
	return n, err
}

// Close ends the body, wherever it has got to.
func (b *seenBody) Close() error {
	if !b.done {
		b.done = true
		b.see(nil, true)
	}
	return b.ReadCloser.Close()
}
