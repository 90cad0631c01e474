package captures

import (
	"net"
	"net/netip"
	"strconv"

	"msnproxy/decode"
)

// Why a connection was closed. The live proxy uses the same words, but for
// reasonReused and reasonEvicted, which only a capture can show.
const (
	reasonClientClosed = "client closed"
	reasonServerClosed = "server closed"
	reasonClientReset  = "client reset"
	reasonServerReset  = "server reset"
	reasonCaptureEnded = "capture ended"
	reasonIdle         = "idle"
	reasonReused       = "ports used again"
	reasonEvicted      = "too many connections"
	reasonUnfinished   = "too much of it is unfinished"
)

// unknown stands for a side of a connection that is not known.
const unknown = -1

// connection is a TCP connection. It is undecided, then either accepted as
// MSNP, and has a session, or as HTTP, which brings bytes of sessions at the
// gateway, and may become a tunnel and undecided again; or it is done: rejected, or closed. A connection that is
// done stays in the table for a while, so that its last packets are not taken
// for a new one.
type connection struct {
	queued
	waitingFor
	number   int64             // in order of their first packets
	ends     [2]netip.AddrPort // ends[0] sent the first packet
	client   int               // the side that is the client, or unknown
	began    bool              // its handshake was seen
	opened   decode.Stamp      // its first packet
	last     decode.Stamp      // its last packet so far
	closing  int               // the side that sent the first FIN, or unknown
	reset    int               // the side that sent a RST, or unknown
	resetAt  decode.Stamp      // when it did
	resetSeq uint32            // and with which sequence number
	strays   int               // segments in a row that were out of reach

	unfinished int64 // bytes of what is not complete, when it was weighed last

	carrier   decode.Carrier // its id as that which carries others, once it has one
	exchanges *lane          // what records of HTTP go through, from then on
	exchanged int64          // and how many there are
	tunnel    string         // the server at the end of the tunnel that it is, or ""

	isn  [2]isn
	over *[2]uint32 // sequence numbers: what is beyond them is of another connection
	live *live      // nil when done
}

// isn is the initial sequence number of a side.
type isn struct {
	value uint32
	known bool
}

// live is what a connection holds until it is done.
type live struct {
	halves  [2]half
	held    *held           // until it is decided whether this is MSNP
	session *decode.Session // from then on
	http    *httpTalk       // instead, where MSNP is within HTTP
	remarks []remark        // that no record bears yet
}

func newConnection(number int64, s *segment, kept *recents) *connection {
	c := &connection{
		number: number, ends: [2]netip.AddrPort{s.from, s.to},
		client: unknown, closing: unknown, reset: unknown,
		opened: s.at, last: s.at, live: &live{held: &held{}},
	}
	for side := range c.live.halves {
		c.live.halves[side] = half{conn: c, side: side, fin: -1, cut: -1, first: firstSeen{recents: kept}}
	}
	return c
}

// joins tells whether a connection is one between two ends.
func (c *connection) joins(a, b netip.AddrPort) bool {
	return c.ends[0] == a && c.ends[1] == b || c.ends[0] == b && c.ends[1] == a
}

// sideOf tells which side sent a segment.
func (c *connection) sideOf(s *segment) int {
	if s.from == c.ends[0] {
		return 0
	}
	return 1
}

// replacedBy tells whether a SYN begins another connection between the same
// ports, and is not one of this connection sent again.
func (c *connection) replacedBy(s *segment) bool {
	side := c.sideOf(s)
	if c.isn[side].known {
		return c.isn[side].value != s.seq
	}
	if c.live != nil && c.live.halves[side].beginsBehind(s.seq) {
		return false // it was overtaken
	}
	// The first SYN+ACK answers the SYN of the other side.
	peer := c.isn[1-side]
	return !s.acks || !peer.known || peer.value+1 != s.ack
}

// isBehind tells whether a segment cannot be of this connection because both of
// its sides have ended: another one, whose SYN was not captured, uses its ports.
// Or it was reset, and goes on all the same.
func (c *connection) isBehind(s *segment) bool {
	if c.over == nil || len(s.data) == 0 {
		return false
	}
	distance := int32(s.seq - c.over[c.sideOf(s)])
	return distance > 0 || distance < -maxAhead
}

// noteEnds notes where the sides have ended, if they have, or how far they came
// until a RST.
func (c *connection) noteEnds() {
	a, b := &c.live.halves[0], &c.live.halves[1]
	switch {
	case c.ended():
		c.over = &[2]uint32{a.behindFIN(), b.behindFIN()}
	case c.reset != unknown:
		c.over = &[2]uint32{a.lastSent(), b.lastSent()}
	}
}

// handshake takes from a SYN who the client is, and where the directions
// begin. A SYN+ACK tells both.
func (c *connection) handshake(s *segment) {
	side := c.sideOf(s)
	c.began = true
	c.startAt(side, s.seq)
	switch {
	case s.acks:
		c.startAt(1-side, s.ack-1)
		c.setClient(1 - side)
	default:
		c.setClient(side)
	}
}

func (c *connection) startAt(side int, seq uint32) {
	if c.isn[side].known {
		return
	}
	c.isn[side] = isn{value: seq, known: true}
	c.live.halves[side].start(seq+1, true)
}

func (c *connection) setClient(side int) {
	if c.client == unknown {
		c.client = side
	}
}

// take uses a segment of the connection.
func (c *connection) take(a *assembler, s *segment) (skip string) {
	side := c.sideOf(s)
	h, peer := &c.live.halves[side], &c.live.halves[1-side]
	if s.syn {
		c.handshake(s)
		s.seq++ // a SYN counts as a byte; data may come with it
	}
	if s.acks {
		peer.acknowledge(s.ack)
		peer.skipStale(a, s.at)
		peer.checkEnd()
	}
	if len(s.data)+s.lost > 0 {
		skip = h.take(a, s)
	}
	if s.fin && skip == "" {
		c.noteFIN(h, s)
	}
	h.skipStale(a, s.at)
	h.checkEnd()
	return skip
}

func (c *connection) noteFIN(h *half, s *segment) {
	if h.finish(s) && c.closing == unknown {
		c.closing = h.side
	}
}

// ended tells whether both directions have.
func (c *connection) ended() bool {
	return c.live.halves[0].ended && c.live.halves[1].ended
}

// drain delivers all that the assembler keeps, the client's side first.
func (c *connection) drain(a *assembler) {
	first := max(c.client, 0)
	c.live.halves[first].drain(a, c.last)
	c.live.halves[1-first].drain(a, c.last)
}

// reason says why the connection was closed. Who sent the first FIN comes
// before all that happened later, and a RST before what is known otherwise.
func (c *connection) reason(otherwise string) string {
	byClient, byServer, by := reasonClientClosed, reasonServerClosed, c.closing
	if by == unknown {
		byClient, byServer, by = reasonClientReset, reasonServerReset, c.reset
	}
	switch by {
	case unknown:
		return otherwise
	case c.client:
		return byClient
	}
	return byServer
}

// dir is the direction of what a side sends.
func (c *connection) dir(side int) decode.Direction {
	if side == c.client {
		return decode.ClientToServer
	}
	return decode.ServerToClient
}

// bytes passes on bytes that are in order: to the session, or to where they
// wait for it.
func (c *connection) bytes(side int, data []byte, at decode.Stamp) {
	switch {
	case c.live.session != nil:
		c.live.session.Feed(c.dir(side), data, at)
	case c.live.http != nil:
		c.live.http.bytes(side, data, at)
	default:
		c.live.held.bytes(side, data, at)
	}
}

// gap passes on that bytes are missing.
func (c *connection) gap(side int, n int64, at decode.Stamp) {
	switch {
	case c.live.session != nil:
		c.live.session.Gap(c.dir(side), n, at)
	case c.live.http != nil:
		c.live.http.gap(side, n, at)
	default:
		c.live.held.gap(side, n, at)
	}
}

// end passes on that a direction has ended.
func (c *connection) end(side int, at decode.Stamp) {
	switch {
	case c.live.session != nil:
		c.live.session.End(c.dir(side), at)
	case c.live.http != nil:
		c.live.http.end(side)
	default:
		c.live.held.end(side, at)
	}
}

// accept gives the connection a session, and feeds it what was held.
func (c *connection) accept(id string, o Options, out *lane) {
	c.live.session = decode.NewSession(decode.Config{
		Conn: id, Client: c.clientAddr(), Server: c.serverAddr(), Carrier: c.carrier,
		Opened: c.opened, MidStream: !c.began && c.tunnel == "", Book: o.Book, Checks: o.Checks, Effort: o.effort,
		New: out.sorter.unused, Emit: c.remarking(out.emit),
	})
	c.replay()
}

// acceptHTTP has the connection read as HTTP.
func (c *connection) acceptHTTP(g *gatewaySessions) {
	c.live.http = newHTTPTalk(g, c)
	c.replay()
}

func (c *connection) clientAddr() string { return c.addr(c.client) }

// addr is the address of a side, as its host knows it: a Writer maps that of one
// kind into the other where the two ends have different ones.
func (c *connection) addr(side int) string {
	end := c.ends[side]
	return netip.AddrPortFrom(end.Addr().Unmap(), end.Port()).String()
}

// serverAddr is the server's address: that at the end of the tunnel, if there
// is one.
func (c *connection) serverAddr() string {
	if c.tunnel != "" {
		return c.tunnel
	}
	return c.addr(1 - c.client)
}

// asCarrier makes of the connection one that carries others, with an id.
func (c *connection) asCarrier(t *table) decode.Carrier {
	if c.carrier.Conn == "" {
		t.move(c)
		c.exchanges = t.decoder.order.lane()
		c.carrier = decode.Carrier{Conn: t.nextCarrierID(), Addr: c.addr(1 - c.client)}
	}
	return c.carrier
}

// exact tells whether the first byte of a side is the first one that it sent.
func (c *connection) exact(side int) bool { return c.tunnel != "" || c.live.halves[side].exact }

// port is the port of a side; at the end of a tunnel, that of the server there.
func (c *connection) port(side int) uint16 {
	if c.tunnel != "" && side != c.client {
		_, text, _ := net.SplitHostPort(c.tunnel)
		port, _ := strconv.ParseUint(text, 10, 16)
		return uint16(port)
	}
	return c.ends[side].Port()
}

// replay passes on what was held until the connection was accepted.
func (c *connection) replay() {
	h := c.live.held
	c.live.held = nil
	h.replay(c)
}

// close ends what the connection was accepted as.
func (c *connection) close(reason string) {
	if c.live.http != nil {
		c.live.http.close(reason, c.last)
		return
	}
	c.live.session.Close(reason, c.last)
}
