package report

import "msnproxy/internal/story"

// presence is the section of who came, went and changed status.
func presence(told *story.Story) Section {
	s := Section{Name: "presence", About: "who came, went, and changed status", More: told.Cut.Presence, Columns: []Column{
		{Key: "time", Lead: true},
		{Key: "account", Fold: true, Flex: 2},
		{Key: "contact", Flex: 2},
		{Key: "status"},
		{Key: "name", Flex: 2},
	}}
	for _, p := range told.Presence {
		s.Rows = append(s.Rows, []Cell{timeCell(p.Time), Text(p.Account), Text(p.Contact), Text(story.StatusName(p.Status)), Text(p.Name)})
	}
	return s
}
