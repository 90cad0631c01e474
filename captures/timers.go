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

const (
	// tickEvery is how often, in capture time, sessions are told the time that
	// wait for something.
	tickEvery = time.Second
	// steadyStep and steadySteps tell a clock that runs from one that was set,
	// or from the clocks of several hosts: by such a one, something may seem
	// overdue to connections that have seen nothing of it.
	steadyStep  = time.Minute
	steadySteps = 3
)

// tick tells the time to the sessions that wait for something: what is overdue on
// a connection on which nothing comes is told where it belongs.
func (t *table) tick(now decode.Stamp) {
	step := now.Time.Sub(t.seen)
	t.seen = now.Time
	switch {
	case step < 0 || step > steadyStep:
		t.steady = 0
	case step > 0:
		t.steady++
	}
	if len(t.waiting) == 0 || now.Time.Sub(t.ticked).Abs() < tickEvery {
		return
	}
	t.ticked = now.Time
	t.waiting = slices.DeleteFunc(t.waiting, func(c *connection) bool {
		if t.steady >= steadySteps {
			c.tick(now)
		}
		c.waits = c.live != nil && c.live.session != nil && c.live.session.Waits()
		return !c.waits
	})
}

// tick tells the session the time, if it waits for something.
func (c *connection) tick(now decode.Stamp) {
	if c.waits && c.live != nil && c.live.session != nil {
		c.live.session.Tick(now)
	}
}

// watch has a connection told the time, if its session waits for something.
func (t *table) watch(c *connection) {
	if !c.waits && c.live != nil && c.live.session != nil && c.live.session.Waits() {
		c.waits = true
		t.waiting = append(t.waiting, c)
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
