package report

import (
	"strings"

	"msnproxy/internal/story"
)

// messages is the section of what people wrote to each other.
func messages(told *story.Story) Section {
	s := Section{Name: "messages", About: "what people wrote", More: told.Cut.Messages, Columns: []Column{
		{Key: "time", Lead: true},
		{Key: "conn", Lead: true},
		{Key: "from", Flex: 3},
		{Key: "to", Flex: 3},
		{Key: "type", Fold: true},
		{Key: "text", Flex: 5},
		{Key: "undelivered"},
	}}
	for _, m := range told.Messages {
		s.Rows = append(s.Rows, []Cell{
			timeCell(m.Time), Text(m.Records[0].Conn), Text(m.From), Text(strings.Join(m.To, ", ")), Text(m.Type), Text(m.Text), flagCell(m.Undelivered),
		})
	}
	return s
}
