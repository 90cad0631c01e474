package captures

import (
	"slices"
	"time"

	"msnproxy/decode"
)

// Bytes that are missing are told when they are given up, and that is when the
// capture's time has come, not when their connection happens to go on.

// patience is for how long missing bytes are waited for, and what comes behind a
// RST, by kind of timer.
var patience = [3]time.Duration{holePatience, ackPatience, resetPatience}

// maxTimers bounds the timers of a kind. Each direction that is alive has one
// at most; but a direction that is not still has its own until that has ended,
// and a flood of small connections can leave any number of them.
const maxTimers = 2 * 2 * (maxUndecided + maxAccepted)

// timers are those of one kind: as they all last equally long, they end in the
// order in which they begin.
type timers []timer

// timer is for a direction in which bytes are missing, or whose sender sent a
// RST. It holds its connection, whose directions go when it ends.
type timer struct {
	conn *connection
	side int
	due  time.Time
}

// time starts the timers that a connection needs.
func (t *table) time(c *connection, now decode.Stamp) {
	if c.live == nil {
		return
	}
	for side := range c.live.halves {
		h := &c.live.halves[side]
		for kind, needed := range h.waits() {
			if needed && !h.timed[kind] {
				h.timed[kind] = true
				t.timers[kind] = append(t.timers[kind].bounded(), timer{c, side, now.Time.Add(patience[kind])})
			}
		}
	}
}

// bounded takes out the timers of what has ended, if they are too many.
func (list timers) bounded() timers {
	if len(list) < maxTimers {
		return list
	}
	return slices.DeleteFunc(list, func(one timer) bool { return one.conn.live == nil })
}

// runTimers gives up what was waited for long enough.
func (t *table) runTimers(now decode.Stamp) {
	for kind := range t.timers {
		for len(t.timers[kind]) > 0 && !t.timers[kind][0].due.After(now.Time) {
			one := t.timers[kind][0]
			t.timers[kind] = t.timers[kind][1:]
			if one.conn.live != nil {
				h := &one.conn.live.halves[one.side]
				h.timed[kind] = false
				t.ring(h, now)
			}
		}
	}
}

// ring looks at a direction whose timer has ended.
func (t *table) ring(h *half, now decode.Stamp) {
	c := h.conn
	if c.reset != unknown && now.Time.Sub(c.resetAt.Time) >= resetPatience {
		t.finish(c, "")
		return
	}
	h.skipStale(t.decoder.assembler, now)
	h.checkEnd()
	t.settle(c)
	t.time(c, now)
}
