package proxy

import (
	"context"
	"time"
)

// tickEvery is how often connections are told the time: what is overdue on one
// on which nothing comes is told so soon.
const tickEvery = time.Second

// every does something at each interval, until the run ends.
func (p *Proxy) every(ctx context.Context, interval time.Duration, do func()) {
	ticker := time.NewTicker(interval)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
			do()
		}
	}
}

// tick tells all connections the time, and looks after clients of HTTP, until the
// run ends.
func (p *Proxy) tick(ctx context.Context) {
	p.every(ctx, tickEvery, func() {
		for _, c := range p.connections() {
			c.tick()
		}
		if p.http != nil {
			p.http.lookForGone()
		}
	})
}

// tick tells the session the time, and looks after the ends.
func (c *conn) tick() {
	c.lockSeen()
	defer c.mu.Unlock()
	c.tellOverdue()
	c.lookForGone()
}

// tellOverdue has the session tell what is overdue by now. An empty segment in
// the capture tells its readers that the connection got to this time. The caller
// holds the lock.
func (c *conn) tellOverdue() {
	if c.session == nil || c.ending.cut() {
		return
	}
	at, told := c.now(), false
	c.guard(func() { told = c.session.Waits() && c.session.Tick(at) })
	if told {
		c.proxy.cfg.Live.Idle(c.id, at.Time)
	}
}
