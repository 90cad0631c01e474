package story

import (
	"time"

	"msnproxy/decode"
)

// Teller takes the records of a run, in their order, and can tell its story at
// any time. It is not safe for concurrent use.
type Teller struct {
	conns   map[string]*conn
	order   []*conn
	rosters map[string]*roster // by account
	owners  []*roster          // all of them, those of unknown accounts too
	books   map[string]*roster // by the TCP connection of HTTP that brought them

	referrals []*Referral
	presence  []change
	sightings []sighting
	offlines  []offlineMessage
	fetched   map[string]bool // offline messages, by recipient and id
	latencies latencies

	budgets struct{ referrals, presence, sightings, offlines, contacts, memberships budget }
	left    int64 // connections beyond maxConnections

	names  names
	reader decode.PayloadReader
	told   *Story // the story so far, if no record came since it was told
}

// NewTeller returns a Teller to which nothing has happened yet.
func NewTeller() *Teller {
	t := &Teller{
		conns: map[string]*conn{}, rosters: map[string]*roster{}, books: map[string]*roster{}, fetched: map[string]bool{},
		names: names{},
	}
	t.budgets.memberships.limit = maxMemberships
	return t
}

// payload returns what a record's payload says; see decode.PayloadReader.
func (t *Teller) payload(r *decode.Record) *decode.Payload {
	t.reader.Outline = false
	return t.reader.Decode(r)
}

// message is payload for a message, whose text is left out once no more of them
// are kept.
func (t *Teller) message(r *decode.Record) *decode.Payload {
	t.reader.Outline = t.budgets.sightings.full()
	return t.reader.Decode(r)
}

// Keep bounds the rows that are told of messages, and of changes of presence,
// to fewer than usual. The others are counted.
func (t *Teller) Keep(rows int) {
	t.budgets.presence.limit, t.budgets.sightings.limit, t.budgets.offlines.limit = rows, rows, rows
}

// Record takes a record, which is valid only during the call.
func (t *Teller) Record(r *decode.Record) {
	switch {
	case r.Conn == "": // of the run
		return
	case r.Kind == decode.KindHTTP: // of no connection of MSNP
		t.exchange(r)
		return
	}
	t.told = nil
	c := t.connOf(r)
	if c == nil {
		return
	}
	c.learn(r)
	switch r.Kind {
	case decode.KindCommand:
		t.command(c, r)
	case decode.KindClose:
		t.latencies.giveUp(c)
		c.forget()
	}
}

// connOf returns the connection of a record, which may be its first, or nil if
// there are too many.
func (t *Teller) connOf(r *decode.Record) *conn {
	c := t.conns[r.Conn]
	if c != nil {
		return c
	}
	if len(t.order) >= maxConnections {
		if r.Kind == decode.KindOpen {
			t.left++
		}
		return nil
	}
	c = &conn{Connection: Connection{ID: r.Conn, Start: r.Time}}
	t.conns[r.Conn] = c
	t.order = append(t.order, c)
	return c
}

// command takes what a command tells.
func (t *Teller) command(c *conn, r *decode.Record) {
	t.latencies.pair(c, r)
	c.login.learn(c, r)
	c.software.learn(r)
	t.refer(c, r)
	if r.Server != decode.SB {
		t.list(c, r)
		t.show(c, r)
	} else {
		t.meet(c, r)
	}
	t.hear(c, r)
	t.fail(c, r)
}

// Story is what happened in a run.
type Story struct {
	Sessions      []*Session // by start, as all others
	Connections   []*Connection
	Referrals     []*Referral
	Latencies     []Latency // by verb
	Contacts      []Contact // by account, and each account's in the order of its list
	Presence      []Presence
	Conversations []*Conversation
	Messages      []*Message
	Cut           Cut
}

// Cut counts what was beyond the limits and is not told.
type Cut struct{ Connections, Referrals, Contacts, Presence, Messages int64 }

// Story tells what has happened so far. It may be kept: it does not change
// when more records come.
func (t *Teller) Story() *Story {
	if t.told == nil {
		t.told = t.tell()
	}
	return t.told
}

func (t *Teller) tell() *Story {
	b := newBuilder(t)
	b.link()
	s := &Story{Connections: b.connections, Referrals: b.referrals, Sessions: b.sessions(), Latencies: t.latencies.list()}
	var untold int64
	s.Contacts, untold = b.contacts()
	s.Presence = b.presences()
	s.Conversations, s.Messages = b.conversations()
	s.Cut = Cut{t.left, t.budgets.referrals.refused, t.budgets.contacts.refused + untold, t.budgets.presence.refused, t.budgets.offlines.refused}
	if t.budgets.sightings.refused > 0 {
		s.Cut.Messages += countMessages(s.Conversations) - int64(len(s.Messages))
	}
	s.Messages = append(s.Messages, b.offlineMessages()...)
	byStart(s.Messages, func(m *Message) time.Time { return m.Time })
	return s
}

// countMessages counts the chat messages of conversations, those too that were
// not kept.
func countMessages(list []*Conversation) (n int64) {
	for _, c := range list {
		n += c.Count
	}
	return n
}

// within tells whether b is at a or at most d later.
func within(a, b time.Time, d time.Duration) bool {
	gap := b.Sub(a)
	return gap >= 0 && gap <= d
}
