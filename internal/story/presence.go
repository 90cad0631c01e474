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
	if r.Verb == "NFY" || r.Verb == "PUT" && r.Dir == decode.ClientToServer {
		t.showPublished(c, r)
		return
	}
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
	handle, name := t.names.personArg(r, "handle"), textArg(r, "name")
	t.present(c, r, handle, status, t.noteStatus(c, handle, status, name, r.Arg("caps")))
}

// noteStatus keeps the status of a contact, and returns the contact's name.
func (t *Teller) noteStatus(c *conn, handle, status, name string, caps []byte) string {
	if same(handle, c.Account) {
		return name
	}
	e := t.entry(t.rosterOf(c), handle)
	if e == nil {
		return name
	}
	e.rename(name)
	e.Status = status
	if parsed, ok := decode.ParseCapabilities(caps); ok && status != "FLN" {
		e.Capabilities = parsed
	}
	return e.Name
}

// showPublished takes what MSNP21 has instead: the XML that people publish of
// themselves. Most of it says nothing of the status.
func (t *Teller) showPublished(c *conn, r *decode.Record) {
	said := t.payload(r)
	if said == nil || said.Text("uri") != "/user" {
		return
	}
	handle, status, name := clip(said.Text("from")), clip(findText(said.Fields, "Status")), clip(findText(said.Fields, "FriendlyName"))
	if string(r.Arg("action")) == "DEL" {
		status = "FLN"
	}
	if handle == "" || status == "" {
		return
	}
	caps := findText(said.Fields, "Capabilities")
	t.present(c, r, handle, status, t.noteStatus(c, handle, status, name, []byte(caps)))
}

// findText finds the first text of that name in fields, however deep.
func findText(fields []decode.Field, name string) string {
	for _, f := range fields {
		if text, ok := f.Value.(string); ok && f.Name == name {
			return text
		}
		if text := findIn(f.Value, name); text != "" {
			return text
		}
	}
	return ""
}

func findIn(value any, name string) string {
	switch v := value.(type) {
	case []decode.Field:
		return findText(v, name)
	case []any:
		for _, one := range v {
			if text := findIn(one, name); text != "" {
				return text
			}
		}
	}
	return ""
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
	kept := t.budgets.presence.take(len(contact) + len(name))
	if _, known := c.presence[key(contact)]; kept || known || len(c.presence) < maxTalks {
		c.presence[key(contact)] = now
	}
	if !kept {
		return
	}
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
