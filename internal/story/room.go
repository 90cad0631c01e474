package story

import (
	"slices"
	"strings"
	"time"

	"msnproxy/decode"
)

// room is what one connection tells of a conversation: of a switchboard, or of
// what an account and somebody else wrote to each other without one.
type room struct {
	conn       *conn
	peer       string    // without a switchboard: the other end
	group      bool      // which is a group
	here       []string  // who is there now beside the account; replaced, never changed
	called     []string  // who was invited and may still come; likewise
	everyone   []string  // who ever was there
	start, end time.Time // without a switchboard: of what was said
	sent       counts
	received   []received // by sender, in the order of their first messages
}

// received is what somebody sent, as it came in.
type received struct {
	from string
	counts
}

// counts are how many messages of each kind somebody sent.
type counts struct{ texts, typing, other int64 }

// meet takes what a command tells about who is on a switchboard.
func (t *Teller) meet(c *conn, r *decode.Record) {
	if c.room == nil {
		c.room = &room{conn: c}
	}
	switch r.Verb {
	case "CAL", "JOI", "IRO", "BYE", "MSG":
	default:
		return
	}
	handle := t.names.personArg(r, "handle")
	switch {
	case handle == "" || same(handle, c.Account):
		// the account itself joins from its other endpoints
	case r.Verb == "CAL":
		c.room.called = with(slices.Clip(c.room.called), handle)
	case r.Verb == "BYE":
		c.room.here, c.room.called = without(c.room.here, handle), without(c.room.called, handle)
	default: // MSG too: the capture may have begun after its sender joined
		c.room.here = with(slices.Clip(c.room.here), handle)
		c.room.everyone = with(c.room.everyone, handle)
	}
}

// others are those who get what the account writes.
func (m *room) others() []string {
	switch {
	case m.peer != "":
		return []string{m.peer}
	case len(m.here) == 0:
		return m.called
	}
	return m.here
}

// sighting is a chat message as one connection saw it. Usually there are two
// of a message: where it was sent, and where it came in.
type sighting struct {
	room *room
	seq  int64
	time time.Time
	sent bool
	from string   // where it came in
	to   []string // others who got it
	text string

	failed bool // the server said that it could not deliver it
}

// hear takes a message that people or their clients sent one another.
func (t *Teller) hear(c *conn, r *decode.Record) {
	if !r.MayChat() || r.Verb == "MSG" && r.Server == decode.NS {
		return // not a message, or one of the service itself
	}
	said := t.message(r)
	if said == nil {
		return
	}
	c.software.hear(r, said)
	m, from := t.roomOf(c, r, said)
	if m == nil {
		return
	}
	if m.start.IsZero() {
		m.start = r.Time
	}
	m.end = r.Time
	text, isText := r.Chat(said)
	m.count(r, said, from, isText)
	// Who was there is told with each message anew: it counts as its text does.
	if to := m.others(); isText && t.budgets.sightings.take(len(text)+lengthOf(to)) {
		t.sightings = append(t.sightings, sighting{room: m, seq: r.Seq, time: r.Time,
			sent: r.Dir == decode.ClientToServer, from: from, to: to, text: text})
	}
}

// fail takes the server's word that a message was not delivered: a NAK, or an
// error in reply to it.
func (t *Teller) fail(c *conn, r *decode.Record) {
	reply := r.Note(decode.NoteReply)
	if reply == nil || r.Verb != "NAK" && r.Note(decode.NoteError) == nil {
		return
	}
	for n := len(t.sightings) - 1; n >= 0 && n >= len(t.sightings)-maxOpenRequests; n-- {
		if s := &t.sightings[n]; s.room.conn == c && s.seq == reply.ToSeq {
			s.failed = true
			return
		}
	}
}

// roomOf finds where a message belongs, and tells who sent it, if that was not
// the account.
func (t *Teller) roomOf(c *conn, r *decode.Record, said *decode.Payload) (m *room, from string) {
	handle := t.names.personArg(r, "handle")
	if r.Verb == "MSG" {
		if r.Server != decode.SB {
			t.meet(c, r) // of a switchboard that is not known for one yet
		}
		return c.room, handle
	}
	peer := handle // of UUM and UBM
	if r.Verb == "SDG" {
		handle, peer = clip(said.Text("from")), clip(said.Text("to"))
		if isGroup(said) {
			return c.talkIn(peer, handle), handle
		}
		if r.Dir == decode.ServerToClient && (peer == "" || same(peer, c.Account)) {
			peer = handle
		}
	}
	return c.talk(peer), handle
}

// isGroup tells whether a routed message goes to a circle (9), to a group that
// people made for a while (10), or to one of Skype (19).
func isGroup(said *decode.Payload) bool {
	for _, f := range said.Fields {
		if f.Name == "groups" {
			network, _, _ := strings.Cut(findText(fieldsOf(f.Value), "To"), ":")
			return network == "9" || network == "10" || network == "19"
		}
	}
	return false
}

// talkIn returns the room of what is said in a group, or nil if there are too
// many.
func (c *conn) talkIn(group, from string) *room {
	m := c.talk(group)
	if m != nil {
		m.group, m.everyone = true, with(m.everyone, from)
	}
	return m
}

// talk returns the room of what is said without a switchboard, or nil if there
// are too many.
func (c *conn) talk(peer string) *room {
	m := c.talks[key(peer)]
	if m == nil && len(c.talks) < maxTalks {
		if c.talks == nil {
			c.talks = map[string]*room{}
		}
		m = &room{conn: c, peer: peer, everyone: with(nil, peer)}
		c.talks[key(peer)] = m
		c.talkOrder = append(c.talkOrder, m)
	}
	return m
}

// count counts a message by its kind. Of a chunked message, its end counts.
func (m *room) count(r *decode.Record, said *decode.Payload, from string, isText bool) {
	if r.Joined == nil && said.Text("message_id") != "" {
		return
	}
	n := &m.sent
	if r.Dir == decode.ServerToClient {
		n = m.receivedFrom(key(from))
	}
	if n == nil {
		return
	}
	switch {
	case isText:
		n.texts++
	case said.Text("typing") != "" || said.Text("recording") != "":
		n.typing++
	default:
		n.other++
	}
}

// receivedFrom are the counts of a sender, or nil if there are too many.
func (m *room) receivedFrom(from string) *counts {
	for i := range m.received {
		if m.received[i].from == from {
			return &m.received[i].counts
		}
	}
	if len(m.received) >= maxPeople {
		return nil
	}
	m.received = append(m.received, received{from: from})
	return &m.received[len(m.received)-1].counts
}
