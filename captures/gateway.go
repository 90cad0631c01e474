package captures

import (
	"slices"
	"time"

	"msnproxy/decode"
	"msnproxy/internal/gateway"
)

// gatewaySessions are the sessions at HTTP gateways of a file: each is a
// connection of MSNP, whose bytes the TCP connections only bring.
type gatewaySessions struct {
	table *table
	known gateway.Sessions[*gatewaySession]
}

// gatewaySession is a session at the gateway.
type gatewaySession struct {
	number int             // in the order of the sessions
	decode *decode.Session // nil when it has ended
	last   decode.Stamp

	unfinished int64 // bytes of what is not complete, when it was weighed last
}

// find returns a session that is known, or nil.
func (g *gatewaySessions) find(id string) *gatewaySession {
	if one := g.known.Find(id); one != nil {
		return one.State
	}
	return nil
}

// open makes a session. An id that is given out anew was free again.
func (g *gatewaySessions) open(id string, cfg decode.Config) *gatewaySession {
	if old := g.known.Find(id); old != nil {
		g.forget(old, reasonServerClosed)
	}
	conn, number := g.table.nextID()
	o := g.table.decoder.options
	order := &g.table.decoder.order
	cfg.Conn, cfg.Book, cfg.Checks, cfg.Effort = conn, o.Book, o.Checks, o.effort
	cfg.New, cfg.Emit = order.unused, order.lane().emit
	s := &gatewaySession{number: number, decode: decode.NewSession(cfg), last: cfg.Opened}
	g.known.Add(id, s, cfg.Opened.Time)
	return s
}

// feed passes bytes of a direction on to a session. A session that has ended
// takes no more.
func (g *gatewaySessions) feed(id string, dir decode.Direction, m *httpMessage) {
	one := g.known.Find(id)
	s := one.State
	s.last = m.done
	if dir == decode.ServerToClient {
		g.known.Answered(one, m.done.Time)
	} else {
		g.known.Touch(one, m.done.Time)
	}
	if s.decode == nil {
		return
	}
	for _, p := range m.body {
		if p.missing {
			s.decode.Gap(dir, int64(len(p.data)), p.at)
			continue
		}
		s.decode.Feed(dir, p.data, p.at)
	}
	s.decode.Gap(dir, m.dropped, m.done)
	g.table.room.weigh(&s.unfinished, s.held())
}

// close ends a session.
func (g *gatewaySessions) close(s *gatewaySession, reason string, at decode.Stamp) {
	if s.decode != nil {
		s.decode.Close(reason, at)
		s.decode = nil
		g.table.room.weigh(&s.unfinished, 0)
	}
}

// forget ends a session, and takes it out.
func (g *gatewaySessions) forget(one *gateway.Session[*gatewaySession], reason string) {
	g.close(one.State, reason, one.State.last)
	g.known.Remove(one)
}

// evict forgets a session to make room.
func (g *gatewaySessions) evict(one *gateway.Session[*gatewaySession]) {
	g.table.decoder.files[g.table.file].Evicted++
	g.forget(one, reasonUnfinished)
}

// expire forgets the sessions that were silent for too long, or that are too
// many.
func (g *gatewaySessions) expire(now time.Time) {
	for one := g.known.Stale(now, idleAfter); one != nil; one = g.known.Stale(now, idleAfter) {
		g.forget(one, reasonIdle)
	}
}

// finish closes all sessions at the end of the run, in the order in which they
// began. Each ends with the file that its last message was in.
func (g *gatewaySessions) finish() {
	left := g.known.All()
	slices.SortFunc(left, func(a, b *gateway.Session[*gatewaySession]) int { return a.State.number - b.State.number })
	for _, one := range left {
		g.close(one.State, reasonCaptureEnded, g.table.endOf(int(one.State.last.Input)))
	}
}
