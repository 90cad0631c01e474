package story

import (
	"fmt"
	"time"

	"msnproxy/decode"
)

// Session is a sign-in: the connections of one client that belong together.
// Every connection belongs to one.
type Session struct {
	ID          string // s1, s2, … by start
	Account     string // "" where it is not known
	Software    string // the client, as well as it can be known
	Dialect     decode.Dialect
	Start, End  time.Time
	Connections []*Connection // by start
	Outcome     string        // how sign-in went, and how it ended
}

// sessions works out the sign-ins.
func (b *builder) sessions() []*Session {
	byRoot := map[int]*Session{}
	members := map[*Session][]int{}
	for i, c := range b.connections {
		root := b.root(i)
		s := byRoot[root]
		if s == nil {
			s = &Session{Start: c.Start}
			byRoot[root] = s
			b.told = append(b.told, s)
		}
		c.Session = s
		s.Connections = append(s.Connections, c)
		members[s] = append(members[s], i)
	}
	byStart(b.told, func(s *Session) time.Time { return s.Start })
	for n, s := range b.told {
		s.ID = fmt.Sprintf("s%d", n+1)
		b.describe(s, members[s])
	}
	return b.told
}

// describe tells what the connections of a session tell together.
func (b *builder) describe(s *Session, members []int) {
	var client software
	main := members[0]
	for _, i := range members {
		c := b.conns[i]
		client = client.better(c.software)
		if c.End.After(s.End) {
			s.End = c.End
		}
		if s.Account == "" || c.login.done && c.Server != decode.SB && c.Account != "" {
			s.Account = b.connections[i].Account
		}
		if tells(c) >= tells(b.conns[main]) {
			main = i
		}
	}
	s.Software = client.String()
	s.Dialect = b.connections[main].Dialect
	s.Outcome = b.outcome(main)
	for _, i := range members {
		if c := b.connections[i]; c.Account == "" {
			c.Account = s.Account
		}
	}
}

// tells says how much a connection tells of the fate of its sign-in: the
// notification server's most, a switchboard least.
func tells(c *conn) int {
	switch {
	case c.Server == decode.SB:
		return 0
	case c.Server == decode.DS || !c.login.begun:
		return 1
	}
	return 2
}

func (b *builder) outcome(main int) string {
	if b.conns[main].Server == decode.SB {
		return "only switchboards are in the capture"
	}
	return b.conns[main].login.outcome(b.connections[main])
}
