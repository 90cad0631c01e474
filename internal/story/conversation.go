package story

import (
	"slices"
	"strings"
	"time"

	"msnproxy/decode"
)

// Conversation is what people said to each other on a switchboard, or, without
// one, what two of them did. Where several of its clients are in the capture,
// it is told once.
type Conversation struct {
	Connections  []*Connection // its sides, by start
	Start, End   time.Time
	Participants []string // those who were there, in the order of their coming
	Messages     []*Message
	Count        int64 // of chat messages, those too that are beyond what is kept
	Typing       int64 // typing notices
	Other        int64 // nudges, files, client capabilities, and the like
}

// Message is a chat message, told once however many sides of it there are.
type Message struct {
	Time         time.Time
	Conversation *Conversation
	From         string   // "" where it is not known
	To           []string // who was there to get it
	Type         string   // MIME type
	Text         string
	Undelivered  bool         // the server said so, of one of them at least
	Records      []decode.Ref // where it is in the records: where it was sent, if that is there, first
}

// plainText is the type of chat messages.
const plainText = "text/plain"

// meeting is a conversation in the making.
type meeting struct {
	*Conversation
	rooms  []*room
	people crowd  // who is there, or was called
	sides  crowd  // whose sides it has
	id     string // of the session
	open   bool   // a side of it has not ended
	ended  time.Time
}

// conversations works out who talked with whom, and what was said.
func (b *builder) conversations() ([]*Conversation, []*Message) {
	table := newTables(b)
	for i, c := range b.conns {
		if c.room != nil || c.Server == decode.SB {
			table.seat(i)
		}
		for _, talk := range c.talkOrder {
			table.pair(i, talk)
		}
	}
	b.exchange(table.of)
	var list []*Conversation
	var messages []*Message
	for _, m := range table.all {
		m.finish(b)
		list = append(list, m.Conversation)
		messages = append(messages, m.Messages...)
	}
	byStart(list, func(c *Conversation) time.Time { return c.Start })
	byStart(messages, func(m *Message) time.Time { return m.Time })
	return list, messages
}

// tables are the meetings so far, and find the one that another side may belong
// to.
type tables struct {
	b        *builder
	all      []*meeting
	of       map[*room]*meeting
	byID     map[string][]*meeting // by the switchboard's session id
	byPerson map[string][]*meeting // by who is there or was called
	byPair   map[string]*meeting   // without a switchboard, by the two
}

func newTables(b *builder) *tables {
	return &tables{b: b, of: map[*room]*meeting{}, byID: map[string][]*meeting{}, byPerson: map[string][]*meeting{}, byPair: map[string]*meeting{}}
}

// begin begins another meeting.
func (t *tables) begin(start, end time.Time) *meeting {
	m := &meeting{Conversation: &Conversation{Start: start, End: end}, people: crowd{}, sides: crowd{}}
	t.all = append(t.all, m)
	return m
}

// seat finds the meeting that a switchboard connection is a side of, or begins
// one.
func (t *tables) seat(i int) {
	c, told := t.b.conns[i], t.b.connections[i]
	side := c.room
	if side == nil {
		side = &room{conn: c}
	}
	id := t.b.sessionID(i)
	m := t.find(told, side, id)
	for _, partner := range t.b.nameless.partners[side] {
		if m == nil {
			m = t.of[partner]
		}
	}
	if m == nil {
		m = t.begin(told.Start, told.End)
		if m.id = id; id != "" {
			t.byID[id] = append(t.byID[id], m)
		}
	}
	t.of[side] = m
	m.take(told, side)
	m.open = m.open || !told.Closed
	m.ended = later(m.ended, told.End)
	t.introduce(m, told.Account, side)
}

// sessionID is the session id of a switchboard connection, by its own commands
// or by the RNG that invited to it; "" where it is not known.
func (b *builder) sessionID(i int) string {
	if id := b.conns[i].login.invited; id != "" {
		return id
	}
	if f := b.bySeq[b.connections[i].Via]; f != nil {
		return f.session
	}
	return ""
}

// find finds a meeting that a connection is another side of: of the same
// session id, or, where one of the two ids is not known, of people who met
// each other at the time.
func (t *tables) find(c *Connection, m *room, id string) *meeting {
	for _, one := range lastFew(t.byID[id]) {
		if id != "" && one.isOpen(c.Start) && one.mayHave(c, m) {
			return one
		}
	}
	for _, one := range lastFew(t.byPerson[key(c.Account)]) {
		if (id == "" || one.id == "") && one.isOpen(c.Start) && one.metBy(c, m) {
			return one
		}
	}
	return nil
}

func lastFew(list []*meeting) []*meeting { return list[max(0, len(list)-maxTried):] }

// isOpen tells whether somebody was there at a time, or a little before.
func (m *meeting) isOpen(at time.Time) bool {
	return m.open || !at.After(m.ended.Add(apart))
}

// mayHave tells whether a connection can be a side of a meeting with the same
// session id, which another server may use as well: if anybody is known by
// name on both sides, or nobody is.
func (m *meeting) mayHave(c *Connection, r *room) bool {
	if c.Account == "" || len(m.people) == 0 {
		return true
	}
	return m.knows(c, r)
}

// knows tells whether the connection's account was there, or those it met were.
func (m *meeting) knows(c *Connection, r *room) bool {
	return m.people.has(c.Account) || slices.ContainsFunc(slices.Concat(r.everyone, r.called), m.people.has)
}

// metBy tells whether a connection is the side of somebody who met those of
// the other sides, and whom they met, and who has no side yet.
func (m *meeting) metBy(c *Connection, r *room) bool {
	return m.people.has(c.Account) && !m.sides.has(c.Account) &&
		slices.ContainsFunc(slices.Concat(r.everyone, r.called), m.sides.has)
}

// introduce takes note of who is at a meeting.
func (t *tables) introduce(m *meeting, account string, r *room) {
	for _, p := range slices.Concat([]string{account}, r.everyone, r.called) {
		if p != "" && !m.people.has(p) && len(m.people) < maxPeople {
			m.people.add(p)
			t.byPerson[key(p)] = append(t.byPerson[key(p)], m)
		}
	}
}

// pair finds the meeting of two who talk without a switchboard, or of a group,
// or begins it.
func (t *tables) pair(i int, side *room) {
	told := t.b.connections[i]
	two := []string{key(told.Account), key(side.peer)}
	slices.Sort(two)
	name := strings.Join(two, " ")
	if side.group {
		name = key(side.peer)
	}
	m := t.byPair[name]
	if m == nil || told.Account == "" && !side.group {
		m = t.begin(side.start, side.end)
		t.byPair[name] = m
	}
	t.of[side] = m
	m.take(told, side)
	m.Start = earlier(m.Start, side.start)
	m.End = later(m.End, side.end)
}

// take adds a side.
func (m *meeting) take(c *Connection, r *room) {
	m.rooms = append(m.rooms, r)
	if n := len(m.Connections); n == 0 || m.Connections[n-1] != c { // those of one connection come one behind the other
		m.Connections = append(m.Connections, c)
		m.sides.add(c.Account)
	}
	if r.peer == "" {
		c.Conversation = m.Conversation
		m.End = later(m.End, c.End)
	}
	m.Participants = with(m.Participants, c.Account)
	for _, p := range r.everyone {
		m.Participants = with(m.Participants, p)
	}
}

// finish counts what was said. Each side counts what it saw of everybody; who
// has a side of their own sent what that says, and others what most saw.
func (m *meeting) finish(b *builder) {
	byPerson := map[string]counts{}
	for _, r := range m.rooms {
		who := key(b.accountOf(r.conn))
		byPerson[who] = byPerson[who].atLeast(r.sent)
		for _, n := range r.received {
			byPerson[n.from] = byPerson[n.from].atLeast(n.counts)
		}
	}
	for _, n := range byPerson {
		m.Count, m.Typing, m.Other = m.Count+n.texts, m.Typing+n.typing, m.Other+n.other
	}
	m.Count = max(m.Count, int64(len(m.Messages)))
	byStart(m.Messages, func(one *Message) time.Time { return one.Time })
}

func (n counts) atLeast(o counts) counts {
	return counts{max(n.texts, o.texts), max(n.typing, o.typing), max(n.other, o.other)}
}

func earlier(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}
