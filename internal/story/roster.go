package story

import (
	"slices"
	"strings"
	"time"

	"msnproxy/decode"
)

// Contact is somebody on an account's lists, or whose presence the account was
// told.
type Contact struct {
	Account      string // whose contact; "" where that is not known
	Handle, Name string
	Lists        uint32   // the bits of decode.ListBits
	Groups       []string // by name, where that is known
	Status       string   // the last that was told, as on the wire; FLN for offline
	Capabilities decode.Capabilities
}

// roster is the contact list of an account as the records tell it.
type roster struct {
	owner  *conn  // whose account is the roster's, where that becomes known later
	name   string // of the account itself
	byKey  map[string]*entry
	byGUID map[string]*entry
	order  []*entry
	groups map[string]string // names by id
	anew   bool              // a whole list follows; what was listed before no longer counts

	touched []*entry            // since the last whole list began: others are on no list, and in no group
	members map[string][]*entry // by group: who joined it, and may have left it again

	// Where HTTP told it first, there is no owner, but an account, or the host
	// of the client and when it was there.
	account string
	host    string
	seen    time.Time
}

func newRoster(owner *conn) *roster {
	return &roster{owner: owner, byKey: map[string]*entry{}, byGUID: map[string]*entry{}, groups: map[string]string{}}
}

// is tells whether an address is that of the roster's account.
func (o *roster) is(handle string) bool {
	return same(handle, o.account) || o.owner != nil && same(handle, o.owner.Account)
}

// entry is a contact in a roster.
type entry struct {
	Contact
	guid     string
	groupIDs []string
	touched  bool // it is among the roster's
}

// rosterOf returns the roster of a connection's account, which all connections
// of that account share.
func (t *Teller) rosterOf(c *conn) *roster {
	if c.roster != nil {
		return c.roster
	}
	if c.Account != "" {
		c.roster = t.rosters[key(c.Account)]
	}
	if c.roster == nil {
		c.roster = newRoster(c)
		t.owners = append(t.owners, c.roster)
	}
	if c.Account != "" {
		t.rosters[key(c.Account)] = c.roster
	}
	return c.roster
}

// entry returns somebody's entry, a new one if need be, or nil where there is
// no room or no name.
func (t *Teller) entry(o *roster, handle string) *entry {
	if handle == "" {
		return nil
	}
	e := o.byKey[key(handle)]
	if e == nil && t.budgets.contacts.take(len(handle)) {
		e = &entry{Contact: Contact{Handle: handle}}
		o.byKey[key(handle)] = e
		o.order = append(o.order, e)
	}
	o.touch(e)
	return e
}

// touch notes that an entry may be changed, so that a new list costs no more than
// the changes before it, however many entries there are.
func (o *roster) touch(e *entry) {
	if e != nil && !e.touched {
		e.touched = true
		o.touched = append(o.touched, e)
	}
}

// begin makes way for a list that is told as a whole.
func (o *roster) begin() {
	if !o.anew {
		return
	}
	o.anew = false
	for _, e := range o.touched {
		e.Lists, e.groupIDs, e.touched = 0, nil, false
	}
	o.touched, o.members = nil, nil
}

// rename takes a name that was told, if one was.
func (e *entry) rename(name string) {
	if name != "" {
		e.Name = name
	}
}

// identify takes note of the id by which an edit may name a contact.
func (o *roster) identify(e *entry, guid []byte) {
	if len(guid) > 0 && e.guid == "" {
		e.guid = key(clip(string(guid)))
		o.byGUID[e.guid] = e
	}
}

// find finds a contact by its address or its id.
func (o *roster) find(name string) *entry {
	e := o.byKey[key(name)]
	if e == nil {
		e = o.byGUID[key(name)]
	}
	o.touch(e)
	return e
}

// nameGroup takes note of a group's name.
func (o *roster) nameGroup(id, name string) {
	if _, known := o.groups[id]; id != "" && (known || len(o.groups) < maxGroups) {
		o.groups[id] = name
	}
}

// join puts a contact in a group.
func (t *Teller) join(o *roster, e *entry, group string) {
	if group == "" || len(e.groupIDs) >= maxGroups || slices.Contains(e.groupIDs, group) || !t.budgets.memberships.take(len(group)) {
		return
	}
	e.groupIDs = append(e.groupIDs, group)
	if o.members == nil {
		o.members = map[string][]*entry{}
	}
	o.members[group] = append(o.members[group], e)
}

func (e *entry) leave(group string) {
	e.groupIDs = slices.DeleteFunc(e.groupIDs, func(g string) bool { return g == group })
}

// groupNames are the groups of a contact, by id where the name is not known.
func (o *roster) groupNames(e *entry) []string {
	var names []string
	for _, id := range e.groupIDs {
		name := o.groups[id]
		if name == "" {
			name = id
		}
		names = append(names, name)
	}
	return names
}

// textArg is an argument, percent-decoded for reading.
func textArg(r *decode.Record, name string) string { return clip(decode.PercentDecode(r.Arg(name))) }

// groupArg is the id of the group that a record names.
func groupArg(r *decode.Record) string {
	if id := r.Arg("group_guid"); id != nil {
		return clip(string(id))
	}
	return clip(string(r.Arg("group")))
}

// listBit is the bit of a list by its two letters, or 0.
func listBit(name []byte) uint32 {
	for _, l := range decode.ListBits {
		if strings.HasPrefix(l.Meaning, string(name)) && len(name) == 2 {
			return l.Code
		}
	}
	return 0
}
