package story

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"msnproxy/decode"
)

// Contact lists by HTTP: since MSNP13, clients keep them in an address book,
// and ask for it beside MSNP.

// exchange takes what a request of HTTP and its answer tell. A request that
// failed, or whose answer is not there, changed nothing that is known.
func (t *Teller) exchange(r *decode.Record) {
	if r.HTTP == nil || r.HTTP.Payload == nil || r.HTTP.Status/100 != 2 {
		return
	}
	said := r.HTTP.Payload
	for _, f := range said.Fields {
		if f.Name == "fault" {
			return
		}
	}
	switch decode.HTTPService(said.Type) {
	case decode.AddressBook:
		t.readBook(r, said)
	case decode.OfflineMessages:
		t.offline(r, said)
	}
}

// readBook takes an exchange about the address book, or about who may do what.
func (t *Teller) readBook(r *decode.Record, said *decode.Payload) {
	if len(t.owners) >= maxRosters {
		return
	}
	t.told = nil
	o := t.bookOf(r, said)
	for _, g := range objectsOf(said, "groups") {
		o.bookGroup(g)
	}
	for _, c := range objectsOf(said, "contacts") {
		t.bookContact(o, c, r.HTTP.Action == "ABContactDelete")
	}
	for _, m := range objectsOf(said, "members") {
		t.bookMember(o, m, r.HTTP.Action == "DeleteMember")
	}
}

// bookOf returns the roster that an exchange is about: that of the owner it
// tells, else that of the exchanges before it on the same TCP connection.
func (t *Teller) bookOf(r *decode.Record, said *decode.Payload) *roster {
	owner, o := ownerIn(said), t.books[r.Conn]
	switch {
	case owner == "" && o != nil:
		return o
	case owner == "":
		o = newRoster(nil)
		o.host, o.seen = decode.HostOf(r.Client), r.Time
		t.owners = append(t.owners, o)
	case o == nil || o.account != "":
		o = t.rosterNamed(owner)
	default:
		o = t.nameRoster(o, owner)
	}
	if len(t.books) < maxRosters {
		t.books[r.Conn] = o
	}
	return o
}

// ownerIn is whose address book an exchange is about, if it tells.
func ownerIn(said *decode.Payload) string {
	if owner := said.Text("owner"); owner != "" {
		return person([]byte(owner))
	}
	for _, c := range objectsOf(said, "contacts") {
		if c.Text("type") == "Me" {
			return person([]byte(c.Text("handle")))
		}
	}
	return ""
}

// rosterNamed returns an account's roster, which connections of it share.
func (t *Teller) rosterNamed(account string) *roster {
	o := t.rosters[key(account)]
	if o == nil {
		o = newRoster(nil)
		o.account = account
		t.rosters[key(account)] = o
		t.owners = append(t.owners, o)
	}
	return o
}

// nameRoster gives a roster its account, of which there may be one already.
func (t *Teller) nameRoster(o *roster, account string) *roster {
	known := t.rosters[key(account)]
	if known == nil {
		o.account = account
		t.rosters[key(account)] = o
		return o
	}
	for _, e := range o.order {
		if one := t.entry(known, e.Handle); one != nil {
			one.Lists |= e.Lists
			one.rename(e.Name)
			known.identify(one, []byte(e.guid))
		}
	}
	o.order = nil // told there
	return known
}

func (o *roster) bookGroup(g *decode.Payload) {
	id := clip(g.Text("id"))
	if deleted, _ := flagOf(g, "deleted"); deleted {
		o.dropGroup(id)
		return
	}
	o.nameGroup(id, clip(g.Text("name")))
}

// bookContact takes a contact. Those who do not use Messenger are in address
// books too.
func (t *Teller) bookContact(o *roster, c *decode.Payload, deletes bool) {
	handle, id := person([]byte(c.Text("handle"))), key(clip(c.Text("id")))
	if c.Text("type") == "Me" {
		o.callSelf(clip(c.Text("name")))
		return
	}
	e := o.byGUID[id]
	if known := o.byKey[key(handle)]; known != nil {
		e = known
	}
	deleted, _ := flagOf(c, "deleted")
	listed := !deletes && !deleted && usesMessenger(c)
	if e == nil && listed {
		e = t.entry(o, handle)
	}
	if e == nil {
		return
	}
	o.touch(e)
	e.rename(clip(cmp.Or(c.Text("name"), c.Text("nick"))))
	o.identify(e, []byte(id))
	friends := listBit([]byte("FL"))
	if !listed {
		e.Lists, e.groupIDs = e.Lists&^friends, nil
		return
	}
	e.Lists |= friends
	for _, g := range textsOf(c, "group_ids") {
		t.join(o, e, clip(g))
	}
}

// usesMessenger tells whether a contact is one of Messenger: it says so, or one
// of its mail addresses is used with it, or it says nothing of that.
func usesMessenger(c *decode.Payload) bool {
	for _, e := range objectsOf(c, "emails") {
		if on, _ := flagOf(e, "messenger"); on {
			return true
		}
	}
	uses, told := flagOf(c, "messenger_user")
	return uses || !told
}

// bookMember takes who may see the user or not, and who has the user as a
// contact.
func (t *Teller) bookMember(o *roster, m *decode.Payload, deletes bool) {
	handle, list := person([]byte(m.Text("handle"))), listBit([]byte(m.Text("list")))
	if service := m.Text("service"); list == 0 || service != "" && service != "Messenger" {
		return
	}
	if deleted, _ := flagOf(m, "deleted"); deleted || deletes {
		if e := o.byKey[key(handle)]; e != nil {
			e.Lists &^= list
		}
		return
	}
	if e := t.entry(o, handle); e != nil {
		e.Lists |= list
		if e.Name == "" {
			e.rename(clip(m.Text("name")))
		}
	}
}

// accountFrom is the account that signed in from a host before a time, or else
// after it.
func (b *builder) accountFrom(host string, at time.Time) (account string) {
	if b.signIns == nil {
		b.signIns = map[string][]*Connection{}
		for _, c := range b.connections {
			if c.Account != "" && c.Server != decode.SB {
				b.signIns[c.host()] = append(b.signIns[c.host()], c)
			}
		}
	}
	list := b.signIns[host]
	if len(list) == 0 {
		return ""
	}
	after, _ := slices.BinarySearchFunc(list, at, func(c *Connection, at time.Time) int { return c.Start.Compare(at) })
	return list[max(0, after-1)].Account
}

// objectsOf are the objects in a list of a payload.
func objectsOf(said *decode.Payload, name string) (out []*decode.Payload) {
	for _, one := range listOf(said, name) {
		if fields, ok := one.([]decode.Field); ok {
			out = append(out, &decode.Payload{Fields: fields})
		}
	}
	return out
}

// textsOf are the texts in a list of a payload.
func textsOf(said *decode.Payload, name string) (out []string) {
	for _, one := range listOf(said, name) {
		if text, ok := one.(string); ok {
			out = append(out, text)
		}
	}
	return out
}

func listOf(said *decode.Payload, name string) []any {
	for _, f := range said.Fields {
		if list, ok := f.Value.([]any); ok && f.Name == name {
			return list
		}
	}
	return nil
}

// numberOf is a number in a payload, or 0.
func numberOf(said *decode.Payload, name string) int64 {
	for _, f := range said.Fields {
		if n, ok := f.Value.(int64); ok && f.Name == name {
			return n
		}
	}
	return 0
}

// flagOf is what a payload says of something, and whether it does.
func flagOf(said *decode.Payload, name string) (so, told bool) {
	for _, f := range said.Fields {
		if f.Name == name {
			so, told = f.Value.(bool)
		}
	}
	return so, told
}

// addressIn takes the address out of "Bob <bob@example.com>".
func addressIn(text string) string {
	if open := strings.LastIndexByte(text, '<'); open >= 0 {
		text, _, _ = strings.Cut(text[open+1:], ">")
	}
	return person([]byte(strings.TrimSpace(text)))
}
