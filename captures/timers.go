package captures

import (
	"time"

	"msnproxy/decode"
)

// Bytes that are missing are told when they are given up, and that is when the
// capture's time has come, not when their connection happens to go on.

// patience is for how long missing bytes are waited for, by kind of timer.
var patience = [2]time.Duration{holePatience, ackPatience}

// timers are those of one kind: as they all last equally long, they end in the
// order in which they begin.
type timers []timer

// timer is for a direction in which bytes are missing.
type timer struct {
	half *half
	due  time.Time
}

// time starts timers for what is missing in a connection.
func (t *table) time(c *connection, now decode.Stamp) {
	if c.live == nil {
		return
	}
	for side := range c.live.halves {
		h := &c.live.halves[side]
		for kind, missing := range h.hole() {
			if missing && !h.timed[kind] {
				h.timed[kind] = true
				t.timers[kind] = append(t.timers[kind], timer{h, now.Time.Add(patience[kind])})
			}
		}
	}
}

// runTimers gives up what was waited for long enough.
func (t *table) runTimers(now decode.Stamp) {
	for kind := range t.timers {
		for len(t.timers[kind]) > 0 && !t.timers[kind][0].due.After(now.Time) {
			h := t.timers[kind][0].half
			t.timers[kind] = t.timers[kind][1:]
			h.timed[kind] = false
			t.ring(h, now)
		}
	}
}

// ring looks at a direction whose timer has ended.
func (t *table) ring(h *half, now decode.Stamp) {
	c := h.conn
	if c.live == nil || h != &c.live.halves[h.side] {
		return // the connection has ended
	}
	h.skipStale(t.decoder.assembler, now)
	h.checkEnd()
	t.settle(c)
	t.time(c, now)
}
