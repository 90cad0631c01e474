package captures

import "time"

// resetPatience is for how long, in capture time, a connection lasts behind a
// RST: what the other side had sent by then is yet to come, and capturing on
// several queues lets a RST overtake what its own side sent before.
const resetPatience = time.Second

// resetBy tells whether a RST belongs to the connection as it stands, and takes
// note of it. The first one counts.
func (c *connection) resetBy(s *segment) bool {
	side := c.sideOf(s)
	h := &c.live.halves[side]
	if h.started && !h.reaches(h.offset(s.seq)) {
		return false
	}
	if c.reset == unknown {
		c.reset, c.resetAt, c.resetSeq = side, s.at, s.seq
	}
	return true
}

// survived tells whether the side that sent the RST goes on sending behind it:
// then it was not from there, or nobody heeded it.
func (c *connection) survived(s *segment) bool {
	return c.reset != unknown && c.reset == c.sideOf(s) && len(s.data) > 0 && s.seq-c.resetSeq < maxAhead
}

// reset takes a RST. A connection on which nothing was said ends at once: scans
// of ports make many.
func (t *table) reset(c *connection, s *segment) {
	switch {
	case !c.resetBy(s):
	case c.live.halves[0].passed+c.live.halves[1].passed == 0:
		t.finish(c, "")
	default:
		t.time(c, s.at)
	}
}
