package report

import (
	"strings"

	"msnproxy/internal/story"
)

// conversations is the section of who talked with whom.
func conversations(told *story.Story) Section {
	s := Section{Name: "conversations", About: "who talked with whom", Columns: []Column{
		{Key: "conn", Lead: true, Flex: 1},
		{Key: "start"},
		{Key: "end"},
		{Key: "participants", Flex: 3},
		{Key: "messages", Right: true},
		{Key: "typing", Right: true},
		{Key: "other", Right: true},
	}}
	for _, c := range told.Conversations {
		s.Rows = append(s.Rows, []Cell{
			Text(connectionIDs(c.Connections)), timeCell(c.Start), timeCell(c.End), Text(strings.Join(c.Participants, ", ")),
			Number(c.Count), Number(c.Typing), Number(c.Other),
		})
	}
	return s
}
