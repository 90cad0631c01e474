package story

import (
	"time"

	"msnproxy/decode"
)

// Presence is a change of somebody's status or name, as an account was told it.
type Presence struct {
	Time    time.Time
	Account string // who was told; "" where that is not known
	Contact string // whose status; the account itself where it set its own
	Status  string // as on the wire; FLN for offline
	Name    string
}

// change is a Presence whose account may become known later.
type change struct {
	conn *conn
	Presence
}

// shown is what a connection last told of somebody.
type shown struct{ status, name string }

// show takes what a command tells about presence.
func (t *Teller) show(c *conn, r *decode.Record) {
	if r.Dir != decode.ServerToClient {
		return
	}
	switch r.Verb {
	case "CHG":
		t.present(c, r, c.Account, clip(string(r.Arg("status"))), t.rosterOf(c).name)
	case "ILN", "NLN":
		t.presentContact(c, r, clip(string(r.Arg("status"))))
	case "FLN":
		t.presentContact(c, r, "FLN")
	}
}

// presentContact takes the status of somebody that the account is told.
func (t *Teller) presentContact(c *conn, r *decode.Record, status string) {
	handle := personArg(r, "handle")
	name := textArg(r, "name")
	if !same(handle, c.Account) {
		if e := t.entry(t.rosterOf(c), handle); e != nil {
			e.rename(name)
			e.Status, name = status, e.Name
			if caps, ok := decode.ParseCapabilities(r.Arg("caps")); ok && status != "FLN" {
				e.Capabilities = caps
			}
		}
	}
	t.present(c, r, handle, status, name)
}

// present keeps a status if it is news on its connection.
func (t *Teller) present(c *conn, r *decode.Record, contact, status, name string) {
	now := shown{status, name}
	if c.presence == nil {
		c.presence = map[string]shown{}
	}
	if before, ok := c.presence[key(contact)]; ok && before == now {
		return
	}
	if !t.room.presence.take(len(contact) + len(name)) {
		return
	}
	c.presence[key(contact)] = now
	t.presence = append(t.presence, change{c, Presence{Time: r.Time, Contact: contact, Status: status, Name: name}})
}

// StatusName is a status in words, or as it is where there are none for it.
func StatusName(code string) string {
	for _, s := range decode.Statuses {
		if s.Code == code {
			return s.Meaning
		}
	}
	return code
}
