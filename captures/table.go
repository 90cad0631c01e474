package captures

import (
	"fmt"
	"net/netip"
	"slices"
	"time"

	"msnproxy/decode"
	"msnproxy/internal/gateway"
)

// Limits of what is remembered about connections. Memory follows those that
// are alive, and these bound it. Times are capture time.
const (
	// maxUndecided bounds the connections of which it is not known what they
	// speak: port scans make many. Those of HTTP on which nothing of Messenger
	// has come yet are among them. Each may hold maxHeld bytes, most hold none.
	maxUndecided = 1 << 12
	// maxAccepted bounds the connections with a session, or of HTTP
	// on which there was something of Messenger.
	maxAccepted = 1 << 14
	// maxDone bounds the ones that are only remembered.
	maxDone = 1 << 16
	// idleAfter is when a silent connection is closed. Clients without PNG
	// were silent for hours.
	idleAfter = gateway.IdleAfter
	// forgetAfter is for how long after its last packet a connection that is
	// done is remembered: twice TCP's maximum segment lifetime, and a bit.
	forgetAfter = 5 * time.Minute
	// maxStrays is how many segments in a row may be out of reach before
	// they are taken for a new connection whose handshake was not captured.
	maxStrays = 3
)

// table holds the TCP connections of a run.
type table struct {
	decoder  *Decoder
	byPorts  map[ports]*connection
	file     int   // the number of the file at hand
	made     int64 // connections so far
	accepted int   // connections of MSNP so far, gateway sessions included
	gateway  gatewaySessions

	undecided, sessions, done queue
	wake                      time.Time       // before it, none of them has been silent for too long
	recent                    [64]*connection // those of the last packets, by ports: the next ones tend to be theirs, too
	timers                    [3]timers       // by kind

	room room // for what is not complete in them

	overdue overdue   // the connections whose sessions wait for something
	seen    time.Time // the time of the last packet
	steady  int       // steps in a row that a clock which runs may have made
}

// ports is the key of a connection: its two ends, in one order for both
// directions.
type ports [2]netip.AddrPort

func portsOf(s *segment) ports { return orderedPorts(s.from, s.to) }

func orderedPorts(a, b netip.AddrPort) ports {
	if a.Compare(b) > 0 {
		return ports{b, a}
	}
	return ports{a, b}
}

func newTable(d *Decoder) *table {
	t := &table{decoder: d, byPorts: map[ports]*connection{}, room: room{size: maxUnfinished, share: unfinishedShare}}
	t.gateway.table = t
	return t
}

// packet uses a TCP packet, or says why it does not.
func (t *table) packet(s *segment) (skip string) {
	t.expire(s.at.Time)
	t.runTimers(s.at)
	t.tick(s.at)
	if o := &t.decoder.options; o.OnlyPorts && !o.isService(s.from.Port()) && !o.isService(s.to.Port()) {
		return skipOtherPort
	}
	c := t.find(s)
	if c != nil && (s.syn && c.replacedBy(s) || c.isBehind(s)) {
		t.drop(c, reasonReused)
		c = nil
	}
	if c == nil {
		if !begins(s) {
			return ""
		}
		c = t.add(portsOf(s), s)
	}
	t.touch(c, s.at)
	if c.live == nil {
		return ""
	}
	c.tick(s.at)
	return t.use(c, s)
}

// find returns the connection of a packet, or nil.
func (t *table) find(s *segment) *connection {
	recent := t.recently(s.from, s.to)
	if *recent == nil || !(*recent).joins(s.from, s.to) {
		*recent = t.byPorts[portsOf(s)]
	}
	return *recent
}

// recently is where the connection between two ends is, if it was found lately.
func (t *table) recently(a, b netip.AddrPort) **connection {
	return &t.recent[(a.Port()^b.Port())%uint16(len(t.recent))]
}

// begins tells whether a packet without a connection makes one. The ends of
// one do not.
func begins(s *segment) bool { return s.syn || len(s.data) > 0 || !s.rst && !s.fin }

// use gives a packet to its connection, and does what follows from it.
func (t *table) use(c *connection, s *segment) (skip string) {
	if s.rst {
		t.reset(c, s)
		return ""
	}
	if skip = c.take(t.decoder.assembler, s); skip != "" {
		return t.stray(c, s, skip)
	}
	if len(s.data) > 0 {
		c.strays = 0
	}
	if c.survived(s) {
		c.reset = unknown
	}
	t.settle(c)
	t.time(c, s.at)
	return ""
}

// settle does what follows from what came of a connection.
func (t *table) settle(c *connection) {
	t.decide(c, false)
	if c.live != nil && c.ended() {
		t.finish(c, "")
	}
	t.room.weigh(&c.unfinished, c.held())
	t.watch(c)
}

// stray handles a segment that is out of reach. Several in a row are taken
// for another connection.
func (t *table) stray(c *connection, s *segment, skip string) string {
	if c.strays++; c.strays < maxStrays {
		return skip
	}
	t.drop(c, reasonReused)
	c = t.add(portsOf(s), s)
	return t.use(c, s)
}

// add makes a connection for its first packet.
func (t *table) add(key ports, s *segment) *connection {
	t.made++
	c := newConnection(t.made, s, &t.decoder.assembler.recents)
	c.key = key
	t.byPorts[key], *t.recently(s.from, s.to) = c, c
	t.undecided.push(c)
	return c
}

// touch notes that a connection has shown life.
func (t *table) touch(c *connection, at decode.Stamp) {
	c.last = at
	if q := c.in; q.last != c {
		q.remove(c)
		q.push(c)
	}
}

// decide finds out whether a connection is MSNP, if what it holds tells.
func (t *table) decide(c *connection, final bool) {
	if c.live == nil || c.live.held == nil {
		return
	}
	h := c.live.held
	final = final || h.full()
	if !h.fresh && !final {
		return
	}
	h.fresh = false
	switch verdict, client := c.detect(final, &t.decoder.options); verdict {
	case isMSNP:
		c.client = client
		t.move(c)
		id, _ := t.nextIDIn(int(c.opened.Input))
		c.accept(id, t.decoder.options, t.decoder.order.lane())
	case isHTTP:
		c.client = client
		c.acceptHTTP(&t.gateway)
		t.decide(c, final) // there may be a tunnel in it
	case isOther:
		t.retire(c)
	}
}

// move puts a connection with those that were accepted.
func (t *table) move(c *connection) {
	c.in.remove(c)
	t.sessions.push(c)
}

// nextID makes the id of a connection of MSNP, and its number.
func (t *table) nextID() (id string, number int) { return t.nextIDIn(t.file) }

// nextIDIn does so for a connection that began in a file of the run.
func (t *table) nextIDIn(file int) (id string, number int) {
	t.accepted++
	if file < len(t.decoder.files) {
		t.decoder.files[file].Connections++
	}
	return fmt.Sprintf("c%d", t.accepted), t.accepted
}

// nextCarrierID makes the id of a TCP connection of HTTP.
func (t *table) nextCarrierID() string {
	t.decoder.carriers++
	return fmt.Sprintf("h%d", t.decoder.carriers)
}

// retire ends a connection, of which only its ports are remembered.
func (t *table) retire(c *connection) {
	for side := range c.live.halves {
		h := &c.live.halves[side]
		h.discard(t.decoder.assembler)
	}
	c.live.session, c.live.http, c.live.held = nil, nil, nil // the library still points into c.live
	c.live = nil
	t.room.weigh(&c.unfinished, 0)
	t.watch(c)
	c.in.remove(c)
	t.done.push(c)
}

// finish closes a connection that is not done: what it still has is decoded,
// and if that is MSNP, its session is closed. The reason given holds where no
// FIN and no RST tells another one.
func (t *table) finish(c *connection, reason string) {
	if c.reset != unknown {
		c.last = c.resetAt // what came later was under way
	}
	c.drain(t.decoder.assembler)
	c.noteEnds()
	t.decide(c, true)
	if c.live == nil {
		return
	}
	c.close(c.reason(reason))
	t.retire(c)
}

// drop closes a connection and forgets it.
func (t *table) drop(c *connection, reason string) {
	if c.live != nil {
		t.finish(c, reason)
	}
	c.in.remove(c)
	delete(t.byPorts, c.key)
	*t.recently(c.ends[0], c.ends[1]) = nil
}

// expire closes and forgets the connections that were silent for too long, or
// that are too many.
func (t *table) expire(now time.Time) {
	if t.room.lacks() {
		t.makeRoom()
	}
	t.expireConnections(now)
	t.gateway.expire(now)
}

func (t *table) expireConnections(now time.Time) {
	if now.Before(t.wake) && t.undecided.size <= maxUndecided && t.sessions.size <= maxAccepted && t.done.size <= maxDone {
		return
	}
	t.undecided.expire(now, idleAfter, maxUndecided, t.dropIdle, t.evictOne)
	t.sessions.expire(now, idleAfter, maxAccepted, t.dropIdle, t.evictOne)
	t.done.expire(now, forgetAfter, maxDone, t.dropIdle, t.dropIdle)
	t.wake = t.done.due(t.sessions.due(t.undecided.due(now.Add(forgetAfter), idleAfter), idleAfter), forgetAfter)
}

// dropIdle drops a connection that was silent for too long. If its last packet
// was in an earlier file, what happened to it was not captured.
func (t *table) dropIdle(c *connection) {
	if int(c.last.Input) != t.file {
		t.drop(c, reasonCaptureEnded)
		return
	}
	t.drop(c, reasonIdle)
}

// evictOne drops a connection of too many.
func (t *table) evictOne(c *connection) { t.evict(c, reasonEvicted) }

// evict drops a connection to make room.
func (t *table) evict(c *connection, reason string) {
	t.decoder.files[t.file].Evicted++
	t.drop(c, reason)
}

// finishAll closes all connections at the end of the run, in the order in
// which they began. Each ends with the file that its last packet was in.
func (t *table) finishAll() {
	var left []*connection
	for _, c := range t.byPorts {
		if c.live != nil {
			left = append(left, c)
		}
	}
	slices.SortFunc(left, func(a, b *connection) int { return int(a.number - b.number) })
	for _, c := range left {
		c.last = t.endOf(int(c.last.Input))
		t.finish(c, reasonCaptureEnded)
	}
	t.gateway.finish()
}

// endOf is when a file ended.
func (t *table) endOf(file int) decode.Stamp {
	if file >= len(t.decoder.files) {
		return decode.Stamp{}
	}
	sum := t.decoder.files[file]
	return decode.Stamp{Time: sum.Last, Packet: sum.Packets, Input: int32(file)}
}
