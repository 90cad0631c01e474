package captures

import "msnproxy/internal/gateway"

// What is not complete has to be held. Connections are bounded one by one, at
// some megabytes; thousands of them, as a hostile capture has, amount to more than
// a machine may have. So they are bounded together as well, and those that hold
// much make room.
const (
	// maxUnfinished bounds what the connections together hold of commands,
	// chunked messages and messages of HTTP that are not complete. Real ones
	// hold some kilobytes each.
	maxUnfinished = 512 << 20
	// unfinishedShare is what each may hold whatever the others do: all of them
	// together half of the bound.
	unfinishedShare = maxUnfinished / 2 / (maxAccepted + gateway.MaxSessions)
)

// room bounds what connections hold together.
type room struct {
	size, share int64 // maxUnfinished and unfinishedShare, but for tests
	used        int64
}

// weigh notes what something holds now, beside what it held before.
func (r *room) weigh(before *int64, now int64) {
	r.used += now - *before
	*before = now
}

// lacks tells whether there is too little. When room is made, it is until a
// quarter of it is free, so that it is not made all the time.
func (r *room) lacks() bool   { return r.used > r.size }
func (r *room) lacking() bool { return r.used > r.size/4*3 }

// held is about how many bytes the connection holds of what is not complete.
func (c *connection) held() int64 {
	switch {
	case c.live == nil:
		return 0
	case c.live.session != nil:
		return c.live.session.Held()
	case c.live.http != nil:
		return c.live.http.held()
	}
	return 0 // undecided: see maxHeld
}

// held is what a connection of HTTP holds of messages.
func (t *httpTalk) held() int64 {
	n := 0
	for side := range t.cutters {
		n += cap(t.cutters[side].storage)
	}
	for _, m := range t.answers {
		n += m.held()
	}
	for _, list := range [...][]*pendingRequest{t.requests, t.lost} {
		for _, r := range list {
			n += r.message.held()
		}
	}
	return int64(n)
}

// held is what the message holds; nil holds nothing.
func (m *httpMessage) held() (n int) {
	if m != nil {
		for _, p := range m.body {
			n += cap(p.data)
		}
	}
	return n
}

// held is what the session holds of what is not complete.
func (s *gatewaySession) held() int64 {
	if s.decode == nil {
		return 0
	}
	return s.decode.Held()
}

// makeRoom gives up connections that hold much until there is room, those that
// were silent longest first.
func (t *table) makeRoom() {
	for _, q := range [...]*queue{&t.sessions, &t.undecided} { // HTTP is among the latter
		for c := q.first; c != nil && t.room.lacking(); {
			next := c.next
			if c.unfinished > t.room.share {
				t.evict(c, reasonUnfinished)
			}
			c = next
		}
	}
	for _, one := range t.gateway.known.All() {
		if t.room.lacking() && one.State.unfinished > t.room.share {
			t.gateway.evict(one)
		}
	}
}
