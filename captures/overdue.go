package captures

import (
	"container/heap"
	"time"

	"msnproxy/decode"
)

// overdue holds the connections whose sessions wait for something, the one first
// whose time comes first: so those whose time has not come cost nothing, whatever
// the clocks of a capture do. It is a heap.Interface.
type overdue []*connection

// waitingFor is the place of a connection among those whose sessions wait.
type waitingFor struct {
	due   time.Time // zero for those that do not
	place int
}

func (o overdue) Len() int           { return len(o) }
func (o overdue) Less(i, j int) bool { return o[i].due.Before(o[j].due) }

func (o overdue) Swap(i, j int) {
	o[i], o[j] = o[j], o[i]
	o[i].place, o[j].place = i, j
}

// Push implements heap.Interface.
func (o *overdue) Push(c any) {
	one := c.(*connection)
	one.place = len(*o)
	*o = append(*o, one)
}

// Pop implements heap.Interface.
func (o *overdue) Pop() any {
	last := len(*o) - 1
	one := (*o)[last]
	(*o)[last] = nil
	*o = (*o)[:last]
	return one
}

// set notes when a connection is due; zero is never.
func (o *overdue) set(c *connection, due time.Time) {
	before := c.due
	c.due = due
	switch {
	case before.Equal(due):
	case before.IsZero():
		heap.Push(o, c)
	case due.IsZero():
		heap.Remove(o, c.place)
	default:
		heap.Fix(o, c.place)
	}
}

const (
	// steadyStep and steadySteps tell a clock that runs from one that was set,
	// or from the clocks of several hosts: by such a one, something may seem
	// overdue to connections that have seen nothing of it.
	steadyStep  = time.Minute
	steadySteps = 3
)

// tick tells the time to the sessions for which it has come: what is overdue on a
// connection on which nothing comes is told where it belongs.
func (t *table) tick(now decode.Stamp) {
	step := now.Time.Sub(t.seen)
	t.seen = now.Time
	switch {
	case step < 0 || step > steadyStep:
		t.steady = 0
	case step > 0:
		t.steady++
	}
	for t.steady >= steadySteps && len(t.overdue) > 0 && !t.overdue[0].due.After(now.Time) {
		c := t.overdue[0]
		c.tick(now)
		t.watch(c)
	}
}

// tick tells the session the time, if it waits for something.
func (c *connection) tick(now decode.Stamp) {
	if !c.due.IsZero() {
		c.live.session.Tick(now)
	}
}

// watch has a connection told the time once its session will have waited too long
// for something.
func (t *table) watch(c *connection) {
	var due time.Time
	if c.live != nil && c.live.session != nil {
		due = c.live.session.Due()
	}
	t.overdue.set(c, due)
}
