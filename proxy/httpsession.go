package proxy

import (
	"bytes"
	"io"
	"net"
	"net/http"
	"strconv"

	"msnproxy/decode"
	"msnproxy/internal/gateway"
)

// gatewaySession is a session at the gateway: a connection of MSNP without a
// TCP connection of its own.
type gatewaySession struct {
	*conn
	target string // the gateway that its requests go to
	told   string // the host of it that the server named, "" if none
	ended  bool
	silent bool // it was joined, and has said nothing yet: nobody hears of it
}

// endpoint is an end of a connection that is not one of TCP.
type endpoint struct {
	net.Conn
	local, remote net.Addr
}

func (e endpoint) LocalAddr() net.Addr  { return e.local }
func (e endpoint) RemoteAddr() net.Addr { return e.remote }

// Close does nothing: the session ends otherwise.
func (e endpoint) Close() error { return nil }

// find returns a session that is known, or nil.
func (g *httpGateway) find(id string) *gatewaySession {
	g.mu.Lock()
	defer g.mu.Unlock()
	if one := g.sessions.Find(id); one != nil {
		return one.State
	}
	return nil
}

// touch notes that a session has shown life.
func (g *httpGateway) touch(id string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if one := g.sessions.Find(id); one != nil {
		g.sessions.Touch(one, g.proxy.cfg.Now())
	}
}

// answered notes that an answer was about a session.
func (g *httpGateway) answered(id string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if one := g.sessions.Find(id); one != nil {
		g.sessions.Answered(one, g.proxy.cfg.Now())
	}
}

// opened makes the session that a request has opened, and decodes the request.
func (g *httpGateway) opened(x *httpExchange, id string) *gatewaySession {
	s := g.add(x, id, x.sessionToOpen())
	if s != nil {
		x.decodeAsked(s)
	}
	return s
}

// unanswered tells of the session that a request was to open, and did not as far as
// is known.
func (g *httpGateway) unanswered(x *httpExchange, reason string) {
	if s := g.make(x, x.sessionToOpen()); s != nil {
		x.decodeAsked(s)
		s.close(reason)
	}
}

// sessionToOpen is the session that the request is to open.
func (x *httpExchange) sessionToOpen() decode.Config {
	return decode.Config{Server: gateway.SessionServer(x.host, x.carrier.server.String())}
}

// joined makes a session that was opened before the run.
func (g *httpGateway) joined(x *httpExchange, id string) *gatewaySession {
	return g.add(x, id, decode.Config{Server: x.carrier.server.String(), MidStream: true})
}

// make makes a session, or returns nil if there are too many connections.
func (g *httpGateway) make(x *httpExchange, cfg decode.Config) *gatewaySession {
	p := g.proxy
	c := p.newConn(endpoint{local: x.client.conn.LocalAddr(), remote: x.client.conn.RemoteAddr()}, destination{server: x.target})
	if c == nil {
		p.cfg.Log.Error().Int("connections", maxConnections).Msg("too many connections; a session at the gateway is not recorded")
		return nil
	}
	s := &gatewaySession{conn: c, target: x.target, silent: cfg.MidStream}
	s.begin(x, cfg)
	return s
}

// add makes a session that goes by an id.
func (g *httpGateway) add(x *httpExchange, id string, cfg decode.Config) *gatewaySession {
	s := g.make(x, cfg)
	if s == nil {
		return nil
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if old := g.sessions.Find(id); old != nil { // the id was free again
		old.State.close("server closed")
		g.sessions.Remove(old)
	}
	g.sessions.Add(id, s, x.at.Time)
	g.expire()
	return s
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

// begin makes the connection of a session. Others know of it already: who tells
// all connections the time, for one.
func (s *gatewaySession) begin(x *httpExchange, cfg decode.Config) {
	c, p := s.conn, s.proxy
	c.mu.Lock()
	defer c.mu.Unlock()
	c.server = endpoint{remote: x.carrier.server}
	c.opened = x.at.Time
	cfg.Conn, cfg.Client, cfg.Opened = c.id, x.client.conn.RemoteAddr().String(), x.at
	cfg.Carrier = decode.Carrier{Conn: x.carrier.id(), Addr: x.carrier.shown()}
	cfg.Book, cfg.Checks, cfg.Emit, cfg.New = &p.book, p.cfg.Checks, c.record, lendRecord
	c.session = p.cfg.newSession(cfg)
	c.gate = c.downGate()
	c.ending.closed = 2 // there is nobody to be asked anything but in an answer
}

// up decodes what the client has sent.
func (s *gatewaySession) up(p []byte, at decode.Stamp) {
	s.lockSeen()
	defer s.proxy.boundUnfinished()
	defer s.mu.Unlock()
	if len(p) > 0 && !s.ended {
		s.silent = false
		s.guard(func() { s.session.Feed(decode.ClientToServer, p, at) })
	}
}

// upUndecoded takes note that what the client has sent is not to be had.
func (s *gatewaySession) upUndecoded() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.ended {
		s.silent = false
		s.giveUp()
	}
}

// down decodes what the server has sent and returns what the client is to get.
func (s *gatewaySession) down(p []byte, at decode.Stamp) []byte {
	s.lockSeen()
	defer s.proxy.boundUnfinished()
	defer s.mu.Unlock()
	if s.ended { // what was held back then goes on now
		return append(s.gate.release(), p...)
	}
	s.silent = s.silent && len(p) == 0
	return bytes.Clone(s.gate.feed(p, func() bool {
		return s.guard(func() { s.session.Feed(decode.ServerToClient, p, at) })
	}))
}

// release returns what the gate has held back, when nothing follows it.
func (s *gatewaySession) release() []byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.gate.release()
}

// close ends the session.
func (s *gatewaySession) close(reason string) {
	s.proxy.forget(s.conn) // before the lock: ends come from the other side too
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ended {
		return
	}
	s.ended = true
	if s.silent {
		return
	}
	s.endSession(reason)
}

// isOf tells whether a client is on the machine that the session began on: the
// gateway that the server named is for nobody else.
func (s *gatewaySession) isOf(c *httpClient) bool {
	return addrOf(s.client.RemoteAddr()) == addrOf(c.conn.RemoteAddr())
}

// targetNow is the gateway that the next request goes to.
func (s *gatewaySession) targetNow() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.target
}

// hostNow is that gateway's host as the server named it.
func (s *gatewaySession) hostNow(otherwise string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.told != "" {
		return s.told
	}
	return otherwise
}

// moveTo takes note of the gateway that the server names for the next requests.
// Where that is the one that has answered, its port stays: GW-IP names none.
func (s *gatewaySession) moveTo(ip string, x *httpExchange) {
	s.mu.Lock()
	defer s.mu.Unlock()
	known := s.told == ip
	s.told = ip
	host := hostOnly(ip)
	if known || host == hostOnly(s.target) || host == addrOf(x.carrier.server).String() {
		return
	}
	address := withPort(ip, defaultHTTPPort)
	if err := x.g.targets.name(address, x.carrier.server); err != nil {
		x.g.proxy.cfg.Log.Warn().Err(err).Str("conn", s.id).Msg("the session stays with its gateway")
		return
	}
	s.target = address
}

// downWay is the body of an answer of the gateway on its way to the client.
type downWay struct {
	x       *httpExchange
	session *gatewaySession
	id      string
	closes  bool
	tap     *tapBody // nil where the client's side is captured
	body    io.ReadCloser
	out     bytes.Buffer // decoded, and not yet with the client
	opaque  bool         // not decoded
	done    bool
	err     error // why it is: io.EOF where that is its end
	read    int64 // how much of it was
}

// start takes the body over. If its length is told, so must be that of what
// the client gets: all of it is read first. Otherwise, or if it is too large,
// it goes on as it comes. One that is cut off is so for the client.
func (w *downWay) start(resp *http.Response) {
	clientSide := w.x.g.proxy.cfg.CaptureClientSide
	if !clientSide {
		w.tap.begin()
	}
	length := resp.ContentLength
	if gateway.Zipped(resp.Header) {
		w.unzip(resp)
	} else if length >= 0 && length <= gateway.MaxBody {
		w.readAll()
	}
	resp.Header.Del("Content-Length")
	resp.ContentLength = -1
	if w.done {
		resp.ContentLength = int64(w.out.Len())
		if w.err != io.EOF { // the client is to see that, too
			resp.ContentLength += length - w.read
		}
		resp.Header.Set("Content-Length", strconv.FormatInt(resp.ContentLength, 10))
	}
	resp.Body = w
	if clientSide {
		tap := w.x.carrier.tapResponse(resp)
		tap.begin()
		resp.Body = &seenBody{ReadCloser: w, see: tap.see}
	}
}

// readAll reads the body to its end, or as far as there is room.
func (w *downWay) readAll() {
	piece := make([]byte, idleBuffer)
	for !w.done && !w.x.held.tooMuch() {
		before := w.out.Len()
		w.more(piece)
		w.x.held.add(w.out.Len() - before)
	}
}

// unzip reads a compressed body: the client gets it as it is without that. One
// that is too large, for the room that there is perhaps, or cannot be unpacked, goes
// on as it is.
func (w *downWay) unzip(resp *http.Response) {
	zipped, err := io.ReadAll(heldReader{io.LimitReader(w.body, gateway.MaxBody+1), &w.x.held})
	w.see(zipped)
	plain, unpacked := gateway.Unzip(zipped)
	switch {
	case err == nil && unpacked == nil && len(zipped) <= gateway.MaxBody:
		resp.Header.Del("Content-Encoding")
		w.out.Write(w.session.down(plain, w.x.g.proxy.now()))
		w.end(io.EOF)
		return
	case err == nil && len(zipped) <= gateway.MaxBody:
		w.end(io.EOF)
	}
	w.opaque = true
	w.out.Write(zipped)
	w.x.g.proxy.cfg.Log.Warn().Str("conn", w.session.id).Int("bytes", len(zipped)).
		Msg("a compressed body cannot be unpacked, or is too large, and goes on undecoded")
}

// more decodes the next piece of the body.
func (w *downWay) more(piece []byte) {
	n, err := w.body.Read(piece)
	w.read += int64(n)
	if n > 0 {
		w.see(piece[:n])
		if w.opaque {
			w.out.Write(piece[:n])
		} else {
			w.out.Write(w.session.down(piece[:n], w.x.g.proxy.now()))
		}
	}
	if err != nil {
		w.end(err)
	}
}

// see shows the capture what the server has sent.
func (w *downWay) see(p []byte) {
	if !w.x.g.proxy.cfg.CaptureClientSide {
		w.tap.see(p, false)
	}
}

// end takes note that the body has ended, and perhaps the session with it.
func (w *downWay) end(err error) {
	w.done, w.err = true, err
	switch {
	case w.x.g.proxy.cfg.CaptureClientSide: // which shows what the client gets
	case err != io.EOF:
		w.x.client.breakOff(w.x.carrier)
	default:
		w.tap.see(nil, true)
	}
	w.x.g.touch(w.id)
	if w.closes {
		w.out.Write(w.session.release())
		w.session.close("server closed")
	}
}

// Read gives what the client is to get.
func (w *downWay) Read(p []byte) (int, error) {
	for w.out.Len() == 0 && !w.done {
		w.more(p)
	}
	if w.out.Len() == 0 {
		return 0, w.err
	}
	return w.out.Read(p)
}

// Close ends the body, wherever it has got to.
func (w *downWay) Close() error {
	if !w.done {
		w.end(io.EOF)
	}
	return w.body.Close()
}
