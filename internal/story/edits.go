package story

import (
	"slices"
	"strconv"
	"strings"

	"msnproxy/decode"
)

// edits are the edits of a contact list, as XML, that wait for the server's
// confirmation.
type edits struct {
	open  []edit
	began bool // the client has told its list, or begun to
}

// clientLists are the lists that the client tells the server: FL, AL and BL.
const clientLists = 1 | 2 | 4

type edit struct {
	seq      int64
	removes  bool
	contacts []listed
}

// listed is a contact as contact list XML tells it.
type listed struct {
	handle, name string
	lists        uint32
}

// list takes what a command tells about the contact list.
func (t *Teller) list(c *conn, r *decode.Record) {
	if r.Verb == "ADL" || r.Verb == "RML" {
		t.xmlList(c, r)
		return
	}
	if r.Dir == decode.ClientToServer {
		return // a request; what counts is the server's word
	}
	if n := r.Note(decode.NoteError); n != nil {
		c.edits.settle(r) // it is not made
		return
	}
	if tell := listTellers[r.Verb]; tell != nil {
		tell(t, t.rosterOf(c), r)
	}
}

// listTellers are the commands of the server that tell of contact lists.
var listTellers = map[string]func(*Teller, *roster, *decode.Record){
	"USR": func(_ *Teller, o *roster, r *decode.Record) { o.callSelf(textArg(r, "name")) },
	"PRP": func(_ *Teller, o *roster, r *decode.Record) {
		if string(r.Arg("key")) == "MFN" {
			o.callSelf(textArg(r, "value"))
		}
	},
	"SYN": func(_ *Teller, o *roster, _ *decode.Record) { o.anew = true },
	"LSG": func(_ *Teller, o *roster, r *decode.Record) { o.begin(); o.nameGroup(groupArg(r), textArg(r, "name")) },
	"ADG": func(_ *Teller, o *roster, r *decode.Record) { o.nameGroup(groupArg(r), textArg(r, "name")) },
	"REG": func(_ *Teller, o *roster, r *decode.Record) { o.nameGroup(groupArg(r), textArg(r, "name")) },
	"RMG": removeGroup,
	"LST": listContact,
	"ADD": addContact,
	"ADC": addContact,
	"REM": removeContact,
	"REA": renameContact,
	"SBP": func(_ *Teller, o *roster, r *decode.Record) {
		if e := o.find(string(r.Arg("guid"))); e != nil && string(r.Arg("key")) == "MFN" {
			e.rename(textArg(r, "value"))
		}
	},
}

func (o *roster) callSelf(name string) {
	if name != "" {
		o.name = name
	}
}

// listContact takes LST: up to MSNP7 one entry of one list, later a contact
// with the sum of its lists.
func listContact(t *Teller, o *roster, r *decode.Record) {
	o.begin()
	e := t.entry(o, personArg(r, "handle"))
	if e == nil {
		return
	}
	e.rename(textArg(r, "name"))
	o.identify(e, r.Arg("guid"))
	if lists, err := strconv.ParseUint(string(r.Arg("lists")), 10, 32); err == nil {
		e.Lists = uint32(lists)
	}
	e.Lists |= listBit(r.Arg("list"))
	for _, id := range strings.Split(string(r.Arg("groups")), ",") {
		t.join(o, e, clip(id))
	}
}

// addContact takes ADD and ADC. With the id of a contact that is listed, it is
// added to a group.
func addContact(t *Teller, o *roster, r *decode.Record) {
	e := t.entry(o, personArg(r, "handle"))
	if e == nil {
		if e = o.find(string(r.Arg("guid"))); e == nil {
			return
		}
	}
	e.rename(textArg(r, "name"))
	o.identify(e, r.Arg("guid"))
	e.Lists |= listBit(r.Arg("list"))
	t.join(o, e, groupArg(r))
}

// removeContact takes REM, which with a group takes the contact out of that.
func removeContact(_ *Teller, o *roster, r *decode.Record) {
	e := o.find(personArg(r, "contact"))
	if e == nil {
		return
	}
	if group := groupArg(r); group != "" {
		e.leave(group)
		return
	}
	bit := listBit(r.Arg("list"))
	e.Lists &^= bit
	if bit == listBit([]byte("FL")) {
		e.groupIDs = nil
	}
}

func removeGroup(_ *Teller, o *roster, r *decode.Record) { o.dropGroup(groupArg(r)) }

func (o *roster) dropGroup(id string) {
	delete(o.groups, id)
	for _, e := range o.members[id] {
		e.leave(id)
	}
	delete(o.members, id)
}

// renameContact takes REA, which renames the account itself as well.
func renameContact(_ *Teller, o *roster, r *decode.Record) {
	handle, name := personArg(r, "handle"), textArg(r, "name")
	if e := o.find(handle); e != nil {
		e.rename(name)
	}
	if o.is(handle) {
		o.callSelf(name)
	}
}

// xmlList takes ADL and RML: the client's own list at once, its edits when the
// server confirms them, and what the server tells of others.
func (t *Teller) xmlList(c *conn, r *decode.Record) {
	if r.Dir == decode.ServerToClient && !r.HasPayload {
		if e := c.edits.settle(r); e != nil {
			t.apply(t.rosterOf(c), *e)
		}
		return
	}
	said := t.payload(r)
	if said == nil {
		return
	}
	e := edit{seq: r.Seq, removes: r.Verb == "RML", contacts: listedIn(said)}
	switch {
	case r.Dir == decode.ServerToClient:
		t.apply(t.rosterOf(c), e)
		return
	case isInitial(said):
		t.tellAnew(c, e)
		return
	}
	if len(c.edits.open) >= maxOpenEdits {
		c.edits.open = slices.Delete(c.edits.open, 0, 1)
	}
	c.edits.open = append(c.edits.open, e)
}

// tellAnew takes the list, or the next part of it, that the client begins with.
// The lists of a sign-in before no longer count, but for those that only the
// server tells of.
func (t *Teller) tellAnew(c *conn, e edit) {
	o := t.rosterOf(c)
	if !c.edits.began {
		c.edits.began = true
		for _, one := range o.order {
			one.Lists &^= clientLists
		}
	}
	t.apply(o, e)
}

// settle takes out the edit that a reply belongs to.
func (e *edits) settle(r *decode.Record) *edit {
	n := r.Note(decode.NoteReply)
	if n == nil {
		return nil
	}
	i := slices.IndexFunc(e.open, func(one edit) bool { return one.seq == n.ToSeq })
	if i < 0 {
		return nil
	}
	found := e.open[i]
	e.open = slices.Delete(e.open, i, i+1)
	return &found
}

// apply makes an edit of a roster.
func (t *Teller) apply(o *roster, e edit) {
	for _, l := range e.contacts {
		if e.removes {
			if one := o.find(l.handle); one != nil {
				one.Lists &^= l.lists
			}
		} else if one := t.entry(o, l.handle); one != nil {
			one.Lists |= l.lists
			one.rename(l.name)
		}
	}
}

// isInitial tells whether contact list XML is the list that the client begins
// with, which it knows from elsewhere.
func isInitial(said *decode.Payload) bool {
	initial, _ := flagOf(said, "initial")
	return initial
}

// listedIn reads the contacts of contact list XML.
func listedIn(said *decode.Payload) (out []listed) {
	for _, one := range objectsOf(said, "contacts") {
		out = append(out, listed{clip(one.Text("handle")), clip(one.Text("name")), uint32(numberOf(one, "lists"))})
	}
	return out
}
