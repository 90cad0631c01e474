package captures

import (
	"net/http"

	"msnproxy/decode"
	"msnproxy/internal/gateway"
)

// maxOutstanding bounds the requests of a TCP connection that wait for their
// answers, and the other way round. The gateway allowed one.
const maxOutstanding = 16

// maxUnanswered is how many bytes of a client may stand behind a request for a
// tunnel that has no answer. Nobody says as much before there is one: beyond it, the
// answer was not captured.
const maxUnanswered = maxHeld

// httpTalk is the HTTP on a TCP connection: to the gateway, to a service beside
// MSNP, or to a proxy, behind which may be any of them.
type httpTalk struct {
	sessions *gatewaySessions
	conn     *connection
	cutters  [2]httpCutter // by side
	inStep   bool          // responses answer the requests in their order

	requests []*pendingRequest // that wait for their responses
	answers  []*httpMessage    // that came before their requests
	lost     []*pendingRequest // that opened a session, and whose response is missing
	last     string            // the session that a message was about
	mixed    bool              // there were requests to others than the gateway
}

// pendingRequest is a request whose response is not there yet. Of one that was
// not seen, there is no message.
type pendingRequest struct {
	gateway.Query
	toGateway bool
	service   decode.HTTPService
	message   *httpMessage
}

func newHTTPTalk(g *gatewaySessions, c *connection) *httpTalk {
	t := &httpTalk{sessions: g, conn: c, inStep: c.began || c.tunnel != ""}
	for side := range t.cutters {
		responses := side != c.client
		cut := &t.cutters[side]
		*cut = httpCutter{responses: responses, seeking: !c.exact(side), rule: requestRule}
		if responses {
			cut.rule = t.responseRule
		}
	}
	return t
}

// requestRule tells what becomes of the body of a request.
func requestRule(m *httpMessage) bodyRule {
	if m.ofGateway() || gateway.ServiceOf(m.request) != "" || gateway.MayBeWRAP(m.request) {
		return keepBody
	}
	return skipBody
}

// responseRule tells what becomes of the body of a response, by its request.
func (t *httpTalk) responseRule(m *httpMessage) bodyRule {
	n := len(t.answers)
	if n >= len(t.requests) {
		return t.unaskedRule(m)
	}
	switch r := t.requests[n]; {
	case r.message.request.Method == http.MethodHead:
		return noBody
	case r.message.request.Method == http.MethodConnect && m.response.StatusCode/100 == 2:
		return noBody
	case !r.toGateway && r.service == "":
		return skipBody
	}
	return keepBody
}

// unaskedRule is responseRule for a response whose request was not seen. It may
// still come; where the beginning is missing, only the gateway's own count.
func (t *httpTalk) unaskedRule(m *httpMessage) bodyRule {
	if t.inStep || gateway.ParseAnswer(m.response.Header).Session != "" {
		return keepBody
	}
	return skipBody
}

// bytes takes bytes that a side sent.
func (t *httpTalk) bytes(side int, data []byte, at decode.Stamp) {
	cut := &t.cutters[side]
	cut.feed(data, at)
	if n := len(t.requests); cut.waiting && len(cut.buf) > maxUnanswered && n > 0 {
		t.tunnel(t.requests[n-1].message.request.Host)
		return
	}
	t.read(side)
}

// read handles the messages of a side that are complete.
func (t *httpTalk) read(side int) {
	for {
		m := t.cutters[side].next()
		if m == nil {
			return
		}
		t.message(m)
	}
}

// message handles a message.
func (t *httpTalk) message(m *httpMessage) {
	if m.request != nil {
		t.request(m)
		return
	}
	t.response(m)
}

// gap bridges bytes that are missing of a message of the gateway. If they are
// not, or not only, it uses what there is of the message, and forgets which
// response answers which request. How much of the missing bytes was MSNP is not
// known then; the session that the connection was about is told of all of them.
func (t *httpTalk) gap(side int, n int64, at decode.Stamp) {
	cut := &t.cutters[side]
	if cut.broken {
		return
	}
	if cut.head != nil && cut.head.message.ofGateway() {
		if cut.bridge(n, at) {
			t.read(side)
			return
		}
		t.message(cut.cutShort())
	}
	cut.gap()
	if s := t.sessions.find(t.last); s != nil && s.decode != nil {
		s.decode.Gap(t.conn.dir(side), n, at)
		cut.stray = t.strayOf(s, side)
	}
	t.loseStep()
	t.cutters[t.conn.client].waiting = false
}

// strayOf takes for a session's what comes behind missing bytes, up to the next
// message: as a rule, the body whose header is missing. That would be wrong
// where others than the gateway are spoken to as well.
func (t *httpTalk) strayOf(s *gatewaySession, side int) func(bodyPart) {
	if t.mixed {
		return nil
	}
	return func(p bodyPart) {
		if s.decode != nil {
			s.decode.Feed(t.conn.dir(side), p.data, p.at)
		}
	}
}

// ofGateway tells whether a message is one of the gateway, by its header.
func (m *httpMessage) ofGateway() bool {
	if m.response != nil {
		return gateway.ParseAnswer(m.response.Header).Session != ""
	}
	_, is := gateway.ParseQuery(m.request.Method, m.request.URL)
	return is
}

// loseStep gives up bringing requests and responses together: those that wait
// have lost their others.
func (t *httpTalk) loseStep() {
	requests, answers := t.requests, t.answers
	t.requests, t.answers, t.inStep = nil, nil, false
	for _, r := range requests {
		t.lose(r)
	}
	for _, m := range answers {
		t.answer(&pendingRequest{toGateway: true}, m)
	}
}

// end tells that a side has ended.
func (t *httpTalk) end(side int) {
	t.cutters[side].end()
	t.read(side)
}

// request handles a request. If its session is known, so is where its body
// belongs; the id of a session that it opens comes with the response.
func (t *httpTalk) request(m *httpMessage) {
	r := &pendingRequest{message: m}
	if r.Query, r.toGateway = gateway.ParseQuery(m.request.Method, m.request.URL); !r.toGateway {
		t.mixed = true
		r.service = gateway.ServiceOfBody(m.request, m.bytes())
	}
	if r.toGateway && r.Session != "" {
		t.adopt(r.Session)
		t.deliver(r.Session, decode.ClientToServer, m)
		m.body, m.dropped = nil, 0
	}
	if !r.toGateway && r.service == "" {
		m.body = nil
	}
	t.cutters[t.conn.client].waiting = m.request.Method == http.MethodConnect
	if t.requests = append(t.requests, r); len(t.requests) > maxOutstanding {
		t.lose(t.requests[0])
		t.requests = t.requests[1:]
	}
	t.pair()
}

// response handles a response. One that comes before its request waits for
// that, if it will come: where the beginning is missing, it may not.
func (t *httpTalk) response(m *httpMessage) {
	switch {
	case m.response.StatusCode == http.StatusSwitchingProtocols:
		t.cutters[0].breakOff()
		t.cutters[1].breakOff()
		return
	case m.response.StatusCode < http.StatusOK:
		return // 100 Continue: the response is still to come
	case len(t.requests) == 0 && (!t.inStep || len(t.answers) >= maxOutstanding):
		t.answer(&pendingRequest{toGateway: true}, m)
		return
	}
	t.answers = append(t.answers, m)
	t.pair()
}

// pair brings requests and responses together.
func (t *httpTalk) pair() {
	for len(t.requests) > 0 && len(t.answers) > 0 {
		r, m := t.requests[0], t.answers[0]
		t.requests, t.answers = t.requests[1:], t.answers[1:]
		t.answer(r, m)
	}
}

// answer handles a response together with its request.
func (t *httpTalk) answer(r *pendingRequest, m *httpMessage) {
	switch {
	case r.toGateway:
		t.fromGateway(r, m)
	case r.service != "":
		t.exchange(r, m)
	case r.message.request.Method == http.MethodConnect && m.response.StatusCode/100 == 2:
		t.tunnel(r.message.request.Host)
	case r.message.request.Method == http.MethodConnect:
		client := t.conn.client
		t.cutters[client].waiting = false
		t.read(client)
	}
}

// fromGateway handles a response of the gateway.
func (t *httpTalk) fromGateway(r *pendingRequest, m *httpMessage) {
	about := gateway.ParseAnswer(m.response.Header)
	if about.Session == "" {
		about.Session = r.Session
		if !gateway.HoldsCommands(m.response) && !about.Closed {
			return // an error, or a page of a proxy
		}
	}
	if about.Session == "" {
		return
	}
	if r.opens() {
		t.open(about.Session, r)
	}
	t.deliver(about.Session, decode.ServerToClient, m)
	if s := t.sessions.find(about.Session); s != nil && about.Closed {
		t.sessions.close(s, reasonServerClosed, m.done)
	}
}

// open makes the session that a request opened.
func (t *httpTalk) open(id string, r *pendingRequest) *gatewaySession {
	s := t.sessions.open(id, decode.Config{
		Client: t.conn.clientAddr(), Server: gateway.SessionServer(r.Host, t.conn.serverAddr()),
		Carrier: t.carrier(), Opened: r.message.at,
	})
	t.last = id
	t.sessions.feed(id, decode.ClientToServer, r.message)
	return s
}

// adopt takes an unknown session for the one that the request before opened, as
// long as that has no response: a client waits for it, so it was not captured.
func (t *httpTalk) adopt(id string) {
	if t.sessions.find(id) != nil {
		return
	}
	for _, list := range [...][]*pendingRequest{t.requests, t.lost} {
		if n := len(list); n > 0 && list[n-1].opens() {
			t.open(id, list[n-1])
			list[n-1].Session = id
			return
		}
	}
}

// opens tells whether the request opens a session.
func (r *pendingRequest) opens() bool { return r.toGateway && r.Session == "" && r.message != nil }

// deliver passes a body on to its session. One that is not known was opened
// before the capture began; it is made when there is something to pass on.
func (t *httpTalk) deliver(id string, dir decode.Direction, m *httpMessage) {
	if t.sessions.find(id) == nil {
		if len(m.body) == 0 {
			return
		}
		t.sessions.open(id, decode.Config{
			Client: t.conn.clientAddr(), Server: t.conn.serverAddr(), Carrier: t.carrier(), Opened: m.at, MidStream: true,
		})
	}
	t.last = id
	t.sessions.feed(id, dir, m)
}

// exchange makes the record of a request to a service, and of its answer,
// which may be missing.
func (t *httpTalk) exchange(r *pendingRequest, m *httpMessage) {
	x := gateway.Exchange{
		Service: r.service, Request: r.message.request, RequestBody: r.message.bytes(), RequestDropped: r.message.dropped,
	}
	if m != nil {
		x.Response, x.ResponseBody, x.ResponseDropped = m.response, m.bytes(), m.dropped
		x.Latency = m.at.Time.Sub(r.message.at.Time)
	}
	c := t.conn
	record := x.Record()
	record.Stamp, record.Conn = r.message.at, t.carrier().Conn
	record.Client, record.ServerAddr = c.clientAddr(), c.serverAddr()
	t.sessions.table.decoder.files[r.message.at.Input].Exchanges++
	c.exchanged++
	record.Seq = c.exchanged
	c.exchanges.emit(record)
}

// carrier is the connection as that which carries others. It has an id of its
// own, once there is anything to tell of it.
func (t *httpTalk) carrier() decode.Carrier { return t.conn.asCarrier(t.sessions.table) }

// tunnel makes the connection one to another server: what it speaks is found
// out as for any other.
func (t *httpTalk) tunnel(target string) {
	c := t.conn
	c.carrier = t.carrier()
	c.tunnel = gateway.SessionServer(target, c.serverAddr())
	c.live.http, c.live.held = nil, &held{}
	for _, side := range [...]int{c.client, 1 - c.client} {
		ended := t.cutters[side].ended
		t.cutters[side].rest(func(data []byte, at decode.Stamp) { c.live.held.bytes(side, data, at) })
		if ended {
			c.live.held.end(side, c.last)
		}
	}
	t.requests, t.answers = nil, nil
}

// lose notes that a request will not see its response.
func (t *httpTalk) lose(r *pendingRequest) {
	switch {
	case r.service != "":
		t.exchange(r, nil)
	case r.opens() && len(r.message.body) > 0 && len(t.lost) < maxOutstanding:
		t.lost = append(t.lost, r)
	}
}

// close reads what there is of the last messages. What was sent to open a
// session is shown even if nothing is known of the session; the ones that are
// known do not end with the connection.
func (t *httpTalk) close(reason string, at decode.Stamp) {
	t.end(t.conn.client)
	t.end(1 - t.conn.client)
	t.loseStep()
	for _, r := range t.lost {
		if !r.opens() {
			continue // its session is known by now
		}
		s := t.open("", r)
		s.last = at
		t.sessions.forget(t.sessions.known.Find(""), reason)
	}
}
