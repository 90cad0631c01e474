package story

import (
	"cmp"
	"slices"
	"time"

	"msnproxy/decode"
)

const (
	// followLife is how long after a referral a connection may follow it.
	// Clients connect within seconds; through a gateway, within a minute.
	followLife = 2 * time.Minute
	// apart is how far the clocks of two sides of a capture may differ.
	apart = 5 * time.Second
	// maxTried bounds how many referrals or conversations a connection is
	// compared with, and a message with how many of the same words. Those that
	// fit are among the last; more are only there where somebody made them up.
	maxTried = 64
)

// builder puts a story together from what a Teller has kept.
type builder struct {
	t           *Teller
	connections []*Connection  // copies, by start
	conns       []*conn        // what was told of each of them
	number      map[string]int // where a connection stands in both
	parents     []int          // the connection that led to each; -1 is none
	roots       []int          // the first of those that did, once it was asked for
	referrals   []*Referral    // copies, by time
	bySeq       map[decode.Ref]*Referral
	told        []*Session // once they are worked out

	signIns  map[string][]*Connection // by host, once somebody asks for them
	nameless *nameless
}

// unknownRoot stands for one that nobody has asked for.
const unknownRoot = -1

func newBuilder(t *Teller) *builder {
	b := &builder{t: t, number: map[string]int{}, bySeq: map[decode.Ref]*Referral{}}
	b.conns = slices.Clone(t.order)
	slices.SortStableFunc(b.conns, func(a, c *conn) int { return a.Start.Compare(c.Start) })
	for i, c := range b.conns {
		facts := c.Connection
		b.connections = append(b.connections, &facts)
		b.parents = append(b.parents, -1)
		b.roots = append(b.roots, unknownRoot)
		b.number[c.ID] = i
	}
	for _, f := range t.referrals {
		one := *f
		b.referrals = append(b.referrals, &one)
		b.bySeq[f.Ref] = &one
	}
	slices.SortStableFunc(b.referrals, func(a, c *Referral) int { return a.Time.Compare(c.Time) })
	return b
}

// link finds what led to each connection: first what is certain, a cookie,
// then what the records say, unless the accounts differ, then what fits best
// among the referrals that nobody followed, at last the account by itself.
func (b *builder) link() {
	b.nameByEcho()
	b.linkBy(b.byCookie())
	b.linkBy(b.byRecord)
	b.linkBy(b.byReferral())
	b.linkAsRecorded()
	b.linkByAccount()
}

// linkAsRecorded keeps what the records say of referrals that are not among
// those kept.
func (b *builder) linkAsRecorded() {
	for i, c := range b.connections {
		via := b.conns[i].Via
		from, known := b.number[via.Conn]
		if b.parents[i] >= 0 || via == (decode.Ref{}) || b.bySeq[via] != nil {
			continue
		}
		c.Via = via
		if known && from != i && !differ(b.connections[from].Account, c.Account) {
			b.parents[i] = from
		}
	}
}

// linkBy links those that are not linked yet as find tells.
func (b *builder) linkBy(find func(i int) *Referral) {
	for i, c := range b.connections {
		if b.parents[i] >= 0 {
			continue
		}
		f := find(i)
		if f == nil {
			c.Via = decode.Ref{}
			continue
		}
		c.Via = f.Ref
		if f.FollowedBy == "" {
			f.FollowedBy = c.ID
		}
		if from, ok := b.number[f.Conn]; ok && from != i {
			b.parents[i] = from
		}
	}
}

// byCookie finds the referral that gave the cookie which opened a switchboard.
// Masked secrets of two runs can look equal, so the time must fit as well.
func (b *builder) byCookie() func(int) *Referral {
	given := map[string][]*Referral{}
	for _, f := range b.referrals {
		if f.cookie != "" {
			given[f.cookie] = append(given[f.cookie], f)
		}
	}
	return func(i int) *Referral {
		c := b.conns[i]
		return lastOf(given[c.login.cookie], func(f *Referral) bool {
			return c.login.cookie != "" && within(f.Time, c.Start, followLife) && b.sameHost(i, f)
		})
	}
}

// byRecord finds the referral that the records name, unless another account
// got it: of two clients behind one address, the book takes the last.
func (b *builder) byRecord(i int) *Referral {
	f := b.bySeq[b.conns[i].Via]
	if f == nil || f.FollowedBy != "" || b.accountsDiffer(i, f) {
		return nil
	}
	return f
}

// byReferral finds a referral to the connection's server, or to its session,
// that nobody followed and that went to the same client and account.
func (b *builder) byReferral() func(int) *Referral {
	byHost := map[string][]*Referral{}
	for _, f := range b.referrals {
		if i, ok := b.number[f.Conn]; ok {
			host := b.connections[i].host()
			byHost[host] = append(byHost[host], f)
		}
	}
	return func(i int) *Referral {
		c := b.conns[i]
		return lastOf(byHost[c.host()], func(f *Referral) bool {
			return f.FollowedBy == "" && f.Conn != c.ID && within(f.Time, c.Start, followLife) && b.fits(i, f)
		})
	}
}

// fits tells whether a referral names where a connection goes, for the same
// account.
func (b *builder) fits(i int, f *Referral) bool {
	c := b.conns[i]
	if b.accountsDiffer(i, f) || c.Server != 0 && f.toSwitchboard() != (c.Server == decode.SB) {
		return false
	}
	if f.session != "" && c.login.invited != "" {
		return f.session == c.login.invited
	}
	from, ok := b.number[f.Conn]
	return f.names(c.ServerAddr) && ok && same(b.connections[from].Account, c.Account)
}

// lastOf returns the last of the referrals that fits, looking at the last few.
func lastOf(list []*Referral, fits func(*Referral) bool) *Referral {
	for n := len(list) - 1; n >= 0 && n >= len(list)-maxTried; n-- {
		if fits(list[n]) {
			return list[n]
		}
	}
	return nil
}

func (b *builder) accountsDiffer(i int, f *Referral) bool {
	from, ok := b.number[f.Conn]
	return ok && differ(b.connections[from].Account, b.connections[i].Account)
}

func (b *builder) sameHost(i int, f *Referral) bool {
	from, ok := b.number[f.Conn]
	return ok && b.connections[from].host() == b.connections[i].host()
}

// linkByAccount links what no referral tells of, because the capture lacks it,
// to the sign-in of the same account from the same host: a switchboard to the
// notification connection that was open at the time, or else to the last
// switchboard; a notification server to the dispatch server just before it.
func (b *builder) linkByAccount() {
	last := map[string]int{}   // by account and host
	lastSB := map[string]int{} // of those, switchboards without a sign-in
	for i, c := range b.connections {
		if c.Account == "" {
			continue
		}
		who := key(c.Account) + " " + c.host()
		before, known := last[who]
		switch {
		case c.Server == decode.SB && b.parents[i] < 0:
			if known && b.connections[before].isOpenAt(c.Start) {
				b.parents[i] = before
			} else if first, ok := lastSB[who]; ok {
				b.parents[i] = first
			} else {
				lastSB[who] = i
			}
		case c.Server != decode.SB:
			if known && b.parents[i] < 0 && b.mayDispatch(before) && within(b.connections[before].Start, c.Start, followLife) {
				b.parents[i] = before
			}
			last[who] = i
			delete(lastSB, who)
		}
	}
}

// mayDispatch tells whether a connection is one to a dispatch server, or may be:
// nobody signed in on it, and what the server said is missing.
func (b *builder) mayDispatch(i int) bool {
	l := &b.conns[i].login
	return b.connections[i].Server == decode.DS || l.unheard() && !l.acts && b.connections[i].Server != decode.SB
}

// isOpenAt tells whether a connection was open at a time, or a little before.
func (c *Connection) isOpenAt(at time.Time) bool {
	return !at.Before(c.Start) && (!c.Closed || !at.After(c.End.Add(apart)))
}

// root follows the links from a connection to the first. Each connection links
// to another one, and a circle (which only made-up records have) ends where it
// began. What was found out is kept: a way may be as long as there are connections.
func (b *builder) root(i int) int {
	var way []int
	for ; b.roots[i] == unknownRoot; i = b.parents[i] {
		b.roots[i] = i // where the way comes back to, it ends
		way = append(way, i)
		if b.parents[i] < 0 {
			break
		}
	}
	for _, passed := range way {
		b.roots[passed] = b.roots[i]
	}
	return b.roots[i]
}

// byStart sorts what has a start.
func byStart[T any](list []T, start func(T) time.Time) {
	slices.SortStableFunc(list, func(a, c T) int { return start(a).Compare(start(c)) })
}

// compareText compares without regard to case, so that order does not depend
// on how a client writes an address.
func compareText(a, b string) int { return cmp.Or(cmp.Compare(key(a), key(b)), cmp.Compare(a, b)) }
