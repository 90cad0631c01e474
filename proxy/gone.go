package proxy

import (
	"maps"
	"net"
	"slices"
	"sync/atomic"
)

// goneTicks is how many ticks an end that has broken off is given for what it
// has sent before, while the other end takes nothing of it. Who takes nothing for so
// many seconds will not, as a rule.
const goneTicks = 10

// passing tells whether something is being passed on to an end, or could not be
// and that is not noted yet.
type passing struct{ turns atomic.Uint32 } // odd while it is so

func (p *passing) begin()         { p.turns.Add(1) }
func (p *passing) end()           { p.turns.Add(1) }
func (p *passing) underWay() bool { return p.turns.Load()%2 != 0 }

// waited is how long the end of somebody who has broken off has waited for a
// write to the other end.
type waited struct {
	turn  uint32 // of that write
	ticks int
}

// lookForGone finds an end that has broken off while nobody reads from it: it had
// said all, or the other end does not take what it has sent. Else that would be found
// out when the other one says or takes something, which it may never do. Where
// faults have writes wait, the server is left alone. The caller holds the lock.
func (c *conn) lookForGone() {
	if c.ending.cut() || c.server == nil {
		return
	}
	c.lookAt(theClient, c.client, c.server, &c.writingUp)
	if c.faults == nil && !c.ending.cut() {
		c.lookAt(theServer, c.server, c.client, &c.writingDown)
	}
}

// lookAt looks at an end, what of which is written to the other one.
func (c *conn) lookAt(who end, from, to net.Conn, writes *passing) {
	e := &c.ending
	saidAll, turn := e.last == who, writes.turns.Load()
	if !e.isDeaf(who) && (saidAll || turn%2 != 0) && hasBrokenOff(from) {
		e.takesNothing(who)
	}
	switch {
	case !e.isDeaf(who):
	case saidAll: // and the other end is to get it, however slow it is
		from.Close()
		to.Close()
	case turn%2 == 0 || turn != e.waited.turn:
		e.waited = waited{turn: turn}
	default:
		if e.waited.ticks++; e.waited.ticks == goneTicks {
			c.breakOff(who)
			reset(to)
			from.Close()
		}
	}
}

// lookForGone finds the clients that have broken off while nobody reads from them:
// the server takes nothing of a request, or the next one was there before the
// answer, behind which net/http does not look. What they have asked for ends.
func (g *httpGateway) lookForGone() {
	g.mu.Lock()
	clients := slices.Collect(maps.Values(g.clients))
	g.mu.Unlock()
	for _, c := range clients {
		if c != nil && hasBrokenOff(c.conn) {
			c.leave()
			c.conn.Close()
		}
	}
}
