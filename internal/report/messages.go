package report

import (
	"strings"

	"msnproxy/decode"
)

// messages is the section of what people wrote to each other.
type messages struct {
	bounded
	people  map[string]*people // by connection
	payload func(*decode.Record) *decode.Payload
}

const plainText = "text/plain"

func newMessages() *messages {
	return &messages{people: map[string]*people{}, payload: (*decode.Record).DecodePayload}
}

func (m *messages) record(r *decode.Record) {
	switch r.Kind {
	case decode.KindClose:
		delete(m.people, r.Conn)
	case decode.KindCommand:
		p := m.peopleOf(r.Conn)
		p.learn(r)
		m.message(r, p)
	}
}

func (m *messages) peopleOf(conn string) *people {
	p := m.people[conn]
	if p == nil {
		p = &people{}
		m.people[conn] = p
	}
	return p
}

// message adds a row if the record is a chat message.
func (m *messages) message(r *decode.Record, p *people) {
	if !r.MayChat() {
		return
	}
	said := m.payload(r)
	text, ok := r.Chat(said)
	if !ok {
		return
	}
	from, to := p.ends(r, said)
	m.add(Time(r.Time), Text(r.Conn), Text(from), Text(to), Text(plainText), Text(text))
}

func (m *messages) section() Section {
	return Section{Name: "messages", About: "what people wrote", Rows: m.rows, More: m.more, Columns: []Column{
		{Key: "time", Lead: true},
		{Key: "conn", Lead: true},
		{Key: "from", Flex: 3},
		{Key: "to", Flex: 3},
		{Key: "type", Fold: true},
		{Key: "text", Flex: 5},
	}}
}

// people is who is at the two ends of a connection.
type people struct {
	account string   // who signed in
	here    []string // who else is on the switchboard
	called  []string // who was invited to it
}

// learn takes what a command tells about people.
func (p *people) learn(r *decode.Record) {
	switch r.Verb {
	case "USR", "ANS", "CAL", "JOI", "IRO", "BYE":
	case "MSG": // the capture may have begun after its sender joined
		if r.Server == decode.NS {
			return
		}
	default:
		return
	}
	if handle := string(decode.Account(r.Arg("handle"))); handle != "" {
		p.learnOf(r.Verb, handle)
	}
}

// learnOf takes what a command tells about somebody.
func (p *people) learnOf(verb, handle string) {
	switch verb {
	case "USR", "ANS":
		p.account = handle
	case "CAL":
		p.called = with(p.called, handle)
	case "BYE":
		p.here, p.called = remove(p.here, handle), remove(p.called, handle)
	default:
		p.join(handle)
	}
}

// join takes note of somebody on the switchboard: not of the account itself,
// which joins from its other endpoints.
func (p *people) join(handle string) {
	if !strings.EqualFold(handle, p.account) {
		p.here = with(p.here, handle)
	}
}

// others lists who gets what the account writes.
func (p *people) others() string {
	if len(p.here) == 0 {
		return strings.Join(p.called, ", ")
	}
	return strings.Join(p.here, ", ")
}

// ends tells from whom a message is, and to whom.
func (p *people) ends(r *decode.Record, said *decode.Payload) (from, to string) {
	handle := string(decode.Account(r.Arg("handle")))
	switch {
	case r.Verb == "SDG" && said != nil:
		return said.Text("from"), said.Text("to")
	case r.Verb == "UUM":
		return p.account, handle
	case r.Dir == decode.ClientToServer:
		return p.account, p.others()
	}
	if recipient := string(decode.Account(r.Arg("recipient"))); recipient != "" {
		return handle, recipient
	}
	return handle, p.account
}

// maxPeople is how many people of one switchboard are told. The service
// allowed some 25; a hostile server might invent any number.
const maxPeople = 100

// with returns the handles and another one, if it is not among them.
func with(handles []string, handle string) []string {
	for _, h := range handles {
		if strings.EqualFold(h, handle) {
			return handles
		}
	}
	if len(handles) >= maxPeople {
		return handles
	}
	return append(handles, handle)
}

// remove returns the handles without one.
func remove(handles []string, handle string) []string {
	for i, h := range handles {
		if strings.EqualFold(h, handle) {
			return append(handles[:i], handles[i+1:]...)
		}
	}
	return handles
}
