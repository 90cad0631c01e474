package story

import (
	"slices"
)

// contacts tells the contacts of every account, those of the first sign-in
// first, and counts those for whose text there is no room: the names of their
// groups are told with each contact anew.
func (b *builder) contacts() (out []Contact, untold int64) {
	var left budget
	place := map[string]int{} // of a contact of an account
	partly := map[int]bool{}  // by place: HTTP told it, which tells parts of a list
	for _, o := range b.t.owners {
		account := b.ownerOf(o)
		for _, e := range o.order {
			c := e.Contact
			c.Account, c.Groups = account, o.groupNames(e)
			if !left.take(len(c.Handle) + len(c.Name) + lengthOf(c.Groups)) {
				continue
			}
			at := key(account) + " " + key(c.Handle)
			if i, ok := place[at]; ok && account != "" {
				if o.owner == nil || partly[i] {
					c.Lists |= out[i].Lists
				}
				out[i] = out[i].update(c)
				continue
			}
			place[at], partly[len(out)] = len(out), o.owner == nil
			out = append(out, c)
		}
	}
	slices.SortStableFunc(out, func(a, b Contact) int { return compareText(a.Account, b.Account) })
	return out, left.refused
}

// update takes what another connection of the account tells of a contact.
func (c Contact) update(later Contact) Contact {
	if later.Name == "" {
		later.Name = c.Name
	}
	if later.Lists == 0 {
		later.Lists, later.Groups = c.Lists, c.Groups
	}
	if later.Status == "" {
		later.Status, later.Capabilities = c.Status, c.Capabilities
	}
	return later
}

// presences tells the changes of presence.
func (b *builder) presences() []Presence {
	var out []Presence
	for _, one := range b.t.presence {
		p := one.Presence
		p.Account = b.accountOf(one.conn)
		if p.Contact == "" {
			p.Contact = p.Account
		}
		out = append(out, p)
	}
	slices.SortStableFunc(out, func(a, b Presence) int { return a.Time.Compare(b.Time) })
	return out
}

// ownerOf is the account that a roster belongs to.
func (b *builder) ownerOf(o *roster) string {
	switch {
	case o.owner != nil:
		return b.accountOf(o.owner)
	case o.account != "":
		return o.account
	}
	return b.accountFrom(o.host, o.seen)
}

// accountOf is the account of a connection, as its whole session tells it.
func (b *builder) accountOf(c *conn) string { return b.connections[b.number[c.ID]].Account }
