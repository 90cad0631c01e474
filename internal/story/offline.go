package story

import (
	"slices"
	"time"

	"msnproxy/decode"
)

// offlineType is the type of messages that were left for those who are offline.
const offlineType = "offline"

// offlineMessage is such a message as one exchange of HTTP told it: the one
// that left it with the service, or the one that fetched it.
type offlineMessage struct {
	from, to, text string
	time           time.Time
	fetched        bool
	ref            decode.Ref
}

// offline takes an exchange about messages for those who are offline.
func (t *Teller) offline(r *decode.Record, said *decode.Payload) {
	m := offlineMessage{text: said.Text("text"), time: r.Time, ref: decode.Ref{Conn: r.Conn, Seq: r.Seq}}
	if sender := said.Text("mail_from"); sender != "" {
		m.from, m.to, m.fetched = addressIn(sender), addressIn(said.Text("mail_to")), true
	} else {
		m.from, m.to = person([]byte(said.Text("from"))), person([]byte(said.Text("to")))
	}
	if m.text == "" || m.from == "" || t.fetchedBefore(m, said) || !t.budgets.offlines.take(len(m.text)) {
		return
	}
	t.told = nil
	t.offlines = append(t.offlines, m)
}

// fetchedBefore tells whether a message is one that was fetched already: who
// does not delete it gets it again at the next sign-in.
func (t *Teller) fetchedBefore(m offlineMessage, said *decode.Payload) bool {
	ids := textsOf(said, "message_ids")
	if !m.fetched || len(ids) != 1 {
		return false
	}
	id := key(m.to) + " " + clip(ids[0])
	if t.fetched[id] {
		return true
	}
	if len(t.fetched) < maxKept {
		t.fetched[id] = true
	}
	return false
}

// offlineMessages tells the messages that were left and fetched, each once.
func (b *builder) offlineMessages() (out []*Message) {
	type what struct{ from, to, text string }
	waiting := map[what][]*Message{}
	list := slices.Clone(b.t.offlines)
	slices.SortStableFunc(list, func(x, y offlineMessage) int { return x.time.Compare(y.time) })
	for _, m := range list {
		same := what{key(m.from), key(m.to), m.text}
		if left := waiting[same]; m.fetched && len(left) > 0 {
			left[0].Records = append(left[0].Records, m.ref)
			waiting[same] = left[1:]
			continue
		}
		one := &Message{Time: m.time, From: m.from, To: with(nil, m.to), Type: offlineType, Text: m.text, Records: []decode.Ref{m.ref}}
		if !m.fetched {
			waiting[same] = append(waiting[same], one)
		}
		out = append(out, one)
	}
	return out
}
