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
	list []*Message
	sent []bool // whether the first record of a message is its sending
	seen map[*room]int
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
		if another := e.take(s, b.recipients(s, from)); another != nil {
			another.From, another.Conversation = from, m.Conversation
			m.Messages = append(m.Messages, another)
		}
	}
}

// take adds what a side saw to the message that it is, or returns a new one.
func (e *echoes) take(s *sighting, to []string) *Message {
	ref := decode.Ref{Conn: s.room.conn.ID, Seq: s.seq}
	at := e.seen[s.room]
	for at < len(e.list) && (s.sent && e.sent[at] || s.time.Sub(e.list[at].Time) > sameMessage) {
		at++
	}
	e.seen[s.room] = at + 1
	if at == len(e.list) {
		e.list = append(e.list, &Message{Time: s.time, To: to, Type: plainText, Text: s.text, Records: []decode.Ref{ref}})
		e.sent = append(e.sent, s.sent)
		return e.list[at]
	}
	m := e.list[at]
	if s.sent && !e.sent[at] {
		e.sent[at], m.Time, m.To = true, s.time, to
		m.Records = slices.Insert(m.Records, 0, ref)
		return nil
	}
	m.Records = append(m.Records, ref)
	return nil
}

// recipients are those who were there to get a message.
func (b *builder) recipients(s *sighting, from string) []string {
	if s.sent {
		return s.to
	}
	to := with(nil, b.accountOf(s.room.conn))
	for _, p := range s.to {
		if !same(p, from) {
			to = with(to, p)
		}
	}
	return to
}
