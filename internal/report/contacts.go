package report

import (
	"strings"

	"msnproxy/decode"
	"msnproxy/internal/story"
)

// contacts is the section of the contact lists.
func contacts(told *story.Story) Section {
	s := Section{Name: "contacts", About: "who is on whose contact list", More: told.Cut.Contacts, Columns: []Column{
		{Key: "account", Lead: true, Fold: true, Flex: 2},
		{Key: "contact", Lead: true, Flex: 2},
		{Key: "name", Flex: 2},
		{Key: "lists"},
		{Key: "groups", Flex: 1},
		{Key: "last_status", Part: 1},
		{Key: "client_capabilities", Part: 1, Flex: 1},
	}}
	for _, c := range told.Contacts {
		s.Rows = append(s.Rows, []Cell{
			Text(c.Account), Text(c.Handle), Text(c.Name), Text(strings.Join(decode.ListNames(c.Lists), " ")), Text(strings.Join(c.Groups, ", ")),
			Text(story.StatusName(c.Status)), Text(capabilities(c.Capabilities)),
		})
	}
	return s
}

// capabilities tells what a client is and can do, in words.
func capabilities(c decode.Capabilities) string {
	names := strings.Join(c.Names(), ", ")
	switch {
	case c.Generation() == 0:
		return names
	case names == "":
		return c.ClientRelease()
	}
	return c.ClientRelease() + ": " + names
}
