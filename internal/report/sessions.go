package report

import (
	"strings"

	"msnproxy/internal/story"
)

// sessions is the section of the sign-ins.
func sessions(told *story.Story) Section {
	s := Section{Name: "sessions", About: "who signed in, with what, and how it ended", Columns: []Column{
		{Key: "session", Lead: true},
		{Key: "account", Flex: 2},
		{Key: "client_software", Flex: 3},
		{Key: "dialect"},
		{Key: "start", Part: 1},
		{Key: "end", Part: 1},
		{Key: "connections", Part: 1, Flex: 1},
		{Key: "outcome", Part: 1, Flex: 2},
	}}
	for _, one := range told.Sessions {
		s.Rows = append(s.Rows, []Cell{
			Text(one.ID), Text(one.Account), Text(one.Software), Text(one.Dialect.String()),
			timeCell(one.Start), timeCell(one.End), Text(connectionIDs(one.Connections)), Text(one.Outcome),
		})
	}
	return s
}

func connectionIDs(list []*story.Connection) string {
	ids := make([]string, len(list))
	for i, c := range list {
		ids[i] = c.ID
	}
	return strings.Join(ids, ", ")
}
