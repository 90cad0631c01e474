package story

import (
	"slices"
	"time"

	"msnproxy/decode"
)

// sameMessage is how far apart two sides may see one message: a gateway is
// asked for what came in every few seconds, a client behind a bad line waits
// for a retransmission.
const sameMessage = 2 * time.Minute

// what is the same on every side of a message.
type what struct {
	meeting    *meeting
	from, text string
}

// echoes are the messages in which one person said one thing, by time, and how
// far each side has seen them. A side sees every message at most once, and in
// their order, so that the n-th of one side is the n-th of another unless one
// of them missed some.
type echoes struct {
	list []*echo
	old  int // those before it were said too long ago for any side to come
	seen map[*room]int
}

// echo is a message in the making.
type echo struct {
	*Message
	sent  bool     // its first record is its sending
	whole bool     // so that To is all who were there
	got   []string // whose sides it came in at
}

// exchange makes messages of what the sides of every meeting saw.
func (b *builder) exchange(of map[*room]*meeting) {
	said := map[what]*echoes{}
	sightings := slices.Clone(b.t.sightings)
	slices.SortStableFunc(sightings, func(x, y sighting) int { return x.time.Compare(y.time) })
	for n := range sightings {
		s := &sightings[n]
		from := s.from
		if s.sent {
			from = b.accountOf(s.room.conn)
		}
		m := of[s.room]
		same := what{m, key(from), s.text}
		e := said[same]
		if e == nil {
			e = &echoes{seen: map[*room]int{}}
			said[same] = e
		}
		if another := e.take(s, b.recipients(s, from), b.accountOf(s.room.conn)); another != nil {
			another.From, another.Conversation = from, m.Conversation
			m.Messages = append(m.Messages, another)
		}
	}
}

// take adds what a side saw to the message that it is, or returns a new one.
func (e *echoes) take(s *sighting, to []string, account string) *Message {
	at := e.find(s, s.room.conn.Start)
	if at == len(e.list) {
		at = e.find(s, s.room.conn.Start.Add(-apart))
	}
	e.seen[s.room] = at + 1
	if at < len(e.list) {
		e.list[at].add(s, to, account)
		return nil
	}
	one := &echo{Message: &Message{Time: s.time, Type: plainText, Text: s.text}}
	one.add(s, to, account)
	e.list = append(e.list, one)
	return one.Message
}

// find finds the message that a side saw behind those it has seen: not one that
// was said long before that, nor, if it came in, before its receiver was there.
func (e *echoes) find(s *sighting, there time.Time) int {
	for e.old < len(e.list) && s.time.Sub(e.list[e.old].Time) > sameMessage {
		e.old++
	}
	from := max(e.seen[s.room], e.old)
	for at := from; at < min(len(e.list), from+maxTried); at++ {
		m := e.list[at]
		absent := !s.sent && s.room.peer == "" && m.Time.Before(there)
		if !absent && !(s.sent && m.sent) && s.time.Sub(m.Time) <= sameMessage {
			return at
		}
	}
	return len(e.list)
}

// add adds what a side saw. The sender knows all who were there, unless the
// beginning of that side is missing; else each side knows some.
func (e *echo) add(s *sighting, to []string, account string) {
	ref := decode.Ref{Conn: s.room.conn.ID, Seq: s.seq}
	e.Undelivered = e.Undelivered || s.failed
	switch {
	case s.sent && !e.sent:
		e.sent, e.whole, e.Time = true, s.room.peer == "" && s.room.conn.login.fromStart, s.time
		if e.whole {
			e.To = nil
		}
		e.To = together(to, e.To, e.got)
		e.Records = slices.Insert(e.Records, 0, ref)
		return
	case !s.sent && !same(account, s.from): // not another endpoint of the sender
		e.got = with(e.got, account)
	}
	if e.whole {
		to = e.got
	}
	e.To = together(e.To, to)
	e.Records = append(e.Records, ref)
}

// together are the people of all lists.
func together(lists ...[]string) []string {
	var all []string
	for _, list := range lists {
		for _, p := range list {
			all = with(all, p)
		}
	}
	return all
}

// recipients are those who were there to get a message, as one side tells it.
func (b *builder) recipients(s *sighting, from string) []string {
	if s.sent {
		return s.to
	}
	return without(together([]string{b.accountOf(s.room.conn)}, s.to), from)
}
