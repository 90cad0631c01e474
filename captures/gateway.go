package captures

import (
	"bytes"
	"container/list"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"msnproxy/decode"
)

// MSNP over HTTP: Messenger had a gateway for those who could connect in no
// other way. The client posts commands, or nothing, to ask for news; the
// commands of the server are in the bodies of the responses. A session goes
// over any number of TCP connections, which may serve others too; its id is
// what holds it together. So each session is a connection of MSNP here, and
// the TCP connections only bring its bytes.

const (
	// gatewayPath ends the path of every request to the gateway.
	gatewayPath = "/gateway/gateway.dll"
	// gatewayHeader tells in each response which session it belongs to.
	gatewayHeader = "X-MSN-Messenger"
	// gatewayType is the content type of a body of commands.
	gatewayType = "application/x-msn-messenger"
	// maxRequestLine bounds the first line of a request, while it is not
	// known whether it is one to the gateway.
	maxRequestLine = 4 << 10
	// maxOutstanding bounds the requests of a TCP connection that wait for
	// their responses, and the other way round. The gateway allowed one.
	maxOutstanding = 16
	// maxGatewaySessions bounds the sessions that are remembered. Those that
	// have ended are: a late request must not bring them back.
	maxGatewaySessions = 1 << 12
)

// gateway holds the gateway sessions of a file.
type gateway struct {
	table *table
	byID  map[string]*list.Element
	order list.List // of *gatewaySession; the one silent longest is the first
}

// gatewaySession is a session at the gateway.
type gatewaySession struct {
	id      string
	number  int             // in the order of the sessions
	session *decode.Session // nil when it has ended
	last    decode.Stamp
}

// gatewayQuery is what a request asks of the gateway.
type gatewayQuery struct {
	session string // its id; empty in a request that opens one
	host    string // of a request that opens one: whom it is to be with
}

// parseGatewayQuery reads the URL of a request, if it is one to the gateway.
func parseGatewayQuery(u *url.URL) (gatewayQuery, bool) {
	if n := len(u.Path) - len(gatewayPath); n < 0 || !strings.EqualFold(u.Path[n:], gatewayPath) {
		return gatewayQuery{}, false
	}
	values := u.Query()
	if server := values.Get("Server"); strings.EqualFold(values.Get("Action"), "open") {
		return gatewayQuery{host: values.Get("IP")}, strings.EqualFold(server, "NS") || strings.EqualFold(server, "SB")
	}
	id := sessionKey(values.Get("SessionID"))
	return gatewayQuery{session: id}, id != ""
}

// sessionKey is the part of a session id that stays: what follows the dot
// changes with every response.
func sessionKey(id string) string {
	key, _, _ := strings.Cut(id, ".")
	return key
}

// gatewayAnswer is what the gateway says about a session.
type gatewayAnswer struct {
	session string
	closed  bool
}

// parseGatewayAnswer reads the header that names the session:
// SessionID=954547325.13160; GW-IP=207.46.110.18; Session=close
func parseGatewayAnswer(header http.Header) (a gatewayAnswer) {
	for field := range strings.SplitSeq(header.Get(gatewayHeader), ";") {
		name, value, _ := strings.Cut(strings.TrimSpace(field), "=")
		switch {
		case strings.EqualFold(name, "SessionID"):
			a.session = sessionKey(value)
		case strings.EqualFold(name, "Session"):
			a.closed = strings.EqualFold(value, "close")
		}
	}
	return a
}

// sessionServer is whom a session is with: the server named when it was
// opened, not the gateway, which is only the way there. By that address a
// referral (XFR, RNG) is found again, and those name a port: without one, it
// is that of the service.
func sessionServer(host, gateway string) string {
	if host == "" {
		return gateway // all that is known
	}
	if _, _, err := net.SplitHostPort(host); err == nil {
		return host
	}
	return net.JoinHostPort(strings.Trim(host, "[]"), fmt.Sprint(msnpPort))
}

func newGateway(t *table) *gateway {
	return &gateway{table: t, byID: map[string]*list.Element{}}
}

// find returns a session that is known, or nil.
func (g *gateway) find(id string) *gatewaySession {
	if e := g.byID[id]; e != nil {
		return e.Value.(*gatewaySession)
	}
	return nil
}

// open makes a session. An id that is given out anew was free again.
func (g *gateway) open(id string, cfg decode.Config) *gatewaySession {
	if old := g.find(id); old != nil {
		g.forget(old, reasonServerClosed)
	}
	conn, number := g.table.nextID()
	o := g.table.decoder.options
	cfg.Conn, cfg.Book, cfg.Checks, cfg.Emit = conn, o.Book, o.Checks, o.Emit
	s := &gatewaySession{id: id, number: number, session: decode.NewSession(cfg), last: cfg.Opened}
	g.byID[id] = g.order.PushBack(s)
	return s
}

// feed passes bytes of a direction on to a session. A session that has ended
// takes no more.
func (g *gateway) feed(s *gatewaySession, dir decode.Direction, m *httpMessage) {
	s.last = m.done
	g.order.MoveToBack(g.byID[s.id])
	if s.session == nil {
		return
	}
	for _, p := range m.body {
		s.session.Feed(dir, p.data, p.at)
	}
}

// close ends a session.
func (s *gatewaySession) close(reason string, at decode.Stamp) {
	if s.session != nil {
		s.session.Close(reason, at)
		s.session = nil
	}
}

// forget ends a session, and takes it out.
func (g *gateway) forget(s *gatewaySession, reason string) {
	s.close(reason, s.last)
	g.order.Remove(g.byID[s.id])
	delete(g.byID, s.id)
}

// expire forgets the sessions that were silent for too long, or that are too
// many.
func (g *gateway) expire(now time.Time) {
	for e := g.order.Front(); e != nil; e = g.order.Front() {
		s := e.Value.(*gatewaySession)
		if g.order.Len() <= maxGatewaySessions && now.Sub(s.last.Time) <= idleAfter {
			return
		}
		g.forget(s, reasonIdle)
	}
}

// finish closes all sessions at the end of the capture, in the order in which
// they began.
func (g *gateway) finish(at decode.Stamp) {
	var left []*gatewaySession
	for e := g.order.Front(); e != nil; e = e.Next() {
		left = append(left, e.Value.(*gatewaySession))
	}
	slices.SortFunc(left, func(a, b *gatewaySession) int { return a.number - b.number })
	for _, s := range left {
		s.close(reasonCaptureEnded, at)
	}
}

// gatewayTalk is the HTTP on a TCP connection to the gateway, or to a proxy.
type gatewayTalk struct {
	gateway *gateway
	conn    *connection
	cutters [2]httpCutter // by side
	inStep  bool          // responses answer the requests in their order

	requests []*gatewayRequest // that wait for their responses
	answers  []*httpMessage    // that came before their requests
	lost     []*gatewayRequest // that opened a session, and whose response is missing
	last     *gatewaySession   // that a message was about
}

// gatewayRequest is a request whose response is not there yet.
type gatewayRequest struct {
	gatewayQuery
	toGateway bool // there may be others, to other servers, through a proxy
	message   *httpMessage
}

func newGatewayTalk(g *gateway, c *connection) *gatewayTalk {
	t := &gatewayTalk{gateway: g, conn: c, inStep: c.began}
	for side := range t.cutters {
		t.cutters[side] = httpCutter{responses: side != c.client, seeking: !c.live.halves[side].exact}
	}
	return t
}

// bytes takes bytes that a side sent.
func (t *gatewayTalk) bytes(side int, data []byte, at decode.Stamp) {
	t.cutters[side].feed(data, at)
	t.read(side)
}

// read handles the messages of a side that are complete.
func (t *gatewayTalk) read(side int) {
	for {
		switch m := t.cutters[side].next(); {
		case m == nil:
			return
		case m.request != nil:
			t.request(m)
		default:
			t.response(m)
		}
	}
}

// gap forgets which response answers which request. How much of the missing
// bytes was MSNP is not known; the session that the connection was about is
// told of all of them, and of the message that they cut.
func (t *gatewayTalk) gap(side int, n int64, at decode.Stamp) {
	if t.cutters[side].broken {
		return
	}
	n += t.cutters[side].gap()
	if s := t.last; s != nil && s.session != nil {
		s.session.Gap(t.conn.dir(side), n, at)
	}
	for _, r := range t.requests {
		t.lose(r)
	}
	t.requests, t.answers, t.inStep = nil, nil, false
}

// end tells that a side has ended.
func (t *gatewayTalk) end(side int) {
	t.cutters[side].end()
	t.read(side)
}

// request handles a request. If its session is known, so is where its body
// belongs; the id of a session that it opens comes with the response.
func (t *gatewayTalk) request(m *httpMessage) {
	query, ok := parseGatewayQuery(m.request.URL)
	r := &gatewayRequest{query, ok && m.request.Method == http.MethodPost, m}
	if r.toGateway && query.session != "" {
		t.deliver(query.session, decode.ClientToServer, m)
		m.body = nil
	}
	if t.requests = append(t.requests, r); len(t.requests) > maxOutstanding {
		t.lose(t.requests[0])
		t.requests = t.requests[1:]
	}
	t.pair()
}

// response handles a response. One that comes before its request waits for
// that, if it will come: where the beginning is missing, it may not.
func (t *gatewayTalk) response(m *httpMessage) {
	switch {
	case m.response.StatusCode < http.StatusOK:
		return // 100 Continue: the response is still to come
	case len(t.requests) == 0 && (!t.inStep || len(t.answers) >= maxOutstanding):
		t.answer(&gatewayRequest{toGateway: true}, m)
		return
	}
	t.answers = append(t.answers, m)
	t.pair()
}

// pair brings requests and responses together.
func (t *gatewayTalk) pair() {
	for len(t.requests) > 0 && len(t.answers) > 0 {
		r, m := t.requests[0], t.answers[0]
		t.requests, t.answers = t.requests[1:], t.answers[1:]
		t.answer(r, m)
	}
}

// answer handles a response together with its request, of which nothing is
// known if there is no message.
func (t *gatewayTalk) answer(r *gatewayRequest, m *httpMessage) {
	if !r.toGateway {
		return
	}
	about := parseGatewayAnswer(m.response.Header)
	if about.session == "" {
		about.session = r.session
		if !holdsCommands(m.response) && !about.closed {
			return // an error, or a page of a proxy
		}
	}
	if about.session == "" {
		return
	}
	if r.message != nil && r.session == "" {
		t.open(about.session, r)
	}
	t.deliver(about.session, decode.ServerToClient, m)
	if s := t.gateway.find(about.session); s != nil && about.closed {
		s.close(reasonServerClosed, m.done)
	}
}

// holdsCommands tells whether a response without the header of the gateway
// has commands all the same.
func holdsCommands(r *http.Response) bool {
	return r.StatusCode == http.StatusOK && strings.HasPrefix(r.Header.Get("Content-Type"), gatewayType)
}

// open makes the session that a request opened.
func (t *gatewayTalk) open(id string, r *gatewayRequest) *gatewaySession {
	s := t.gateway.open(id, decode.Config{
		Client: t.clientAddr(), Server: sessionServer(r.host, t.gatewayAddr()), Opened: r.message.at,
	})
	t.last = s
	t.gateway.feed(s, decode.ClientToServer, r.message)
	return s
}

// deliver passes a body on to its session. One that is not known was opened
// before the capture began; it is made when there is something to pass on.
func (t *gatewayTalk) deliver(id string, dir decode.Direction, m *httpMessage) {
	s := t.gateway.find(id)
	if s == nil {
		if len(m.body) == 0 {
			return
		}
		s = t.gateway.open(id, decode.Config{
			Client: t.clientAddr(), Server: t.gatewayAddr(), Opened: m.at, MidStream: true,
		})
	}
	t.last = s
	t.gateway.feed(s, dir, m)
}

func (t *gatewayTalk) clientAddr() string  { return t.conn.ends[t.conn.client].String() }
func (t *gatewayTalk) gatewayAddr() string { return t.conn.ends[1-t.conn.client].String() }

// lose notes that a request will not see its response.
func (t *gatewayTalk) lose(r *gatewayRequest) {
	if r.toGateway && r.session == "" && len(r.message.body) > 0 && len(t.lost) < maxOutstanding {
		t.lost = append(t.lost, r)
	}
}

// close reads what there is of the last messages. What was sent to open a
// session is shown even if nothing is known of the session; the ones that are
// known do not end with the connection.
func (t *gatewayTalk) close(reason string, at decode.Stamp) {
	t.end(t.conn.client)
	t.end(1 - t.conn.client)
	for _, m := range t.answers {
		t.answer(&gatewayRequest{toGateway: true}, m)
	}
	for _, r := range t.requests {
		t.lose(r)
	}
	for _, r := range t.lost {
		s := t.open("", r)
		s.last = at
		t.gateway.forget(s, reason)
	}
}

// detectGateway decides whether a connection is one to the gateway, by the
// first message of a side, and which side is the client then.
func (c *connection) detectGateway(final bool) (verdict, int) {
	found := isOther
	for side, data := range c.live.held.data {
		for _, m := range [...]struct {
			verdict
			client int
		}{{gatewayRequestLine(data), side}, {gatewayResponse(data), 1 - side}} {
			switch {
			case m.verdict == isOther || c.client == 1-m.client:
			case m.verdict == isGateway:
				return isGateway, m.client
			case !final:
				found = undecided
			}
		}
	}
	return found, unknown
}

// gatewayRequestLine tells whether data begins with a request to the gateway.
// It is undecided while that may still come of it, at which it must have begun.
func gatewayRequestLine(data []byte) verdict {
	method := []byte(http.MethodPost + " ")
	if !startsAlike(data, method) {
		return isOther
	}
	line, _, ended := bytes.Cut(data, []byte("\n"))
	switch {
	case !ended && len(data) <= maxRequestLine:
		return undecided
	case !ended:
		return isOther
	}
	words := strings.Fields(string(line[len(method):]))
	if len(words) != 2 || !strings.HasPrefix(words[1], "HTTP/1.") {
		return isOther
	}
	u, err := url.Parse(words[0])
	if err != nil {
		return isOther
	}
	if _, ok := parseGatewayQuery(u); !ok {
		return isOther
	}
	return isGateway
}

// gatewayResponse tells the same of a response: a capture may begin between a
// request and its response.
func gatewayResponse(data []byte) verdict {
	if !startsAlike(data, []byte("HTTP/1.")) {
		return isOther
	}
	c := httpCutter{responses: true, buf: data}
	size := c.headerSize()
	switch {
	case size == 0 && len(data) <= maxHTTPHeader:
		return undecided
	case size == 0:
		return isOther
	}
	h := parseHead(data[:size], true)
	if h == nil || parseGatewayAnswer(h.message.response.Header).session == "" {
		return isOther
	}
	return isGateway
}

// startsAlike tells whether data begins with some bytes, or with the first of
// them and nothing else.
func startsAlike(data, with []byte) bool {
	n := min(len(data), len(with))
	return n > 0 && bytes.Equal(data[:n], with[:n])
}
