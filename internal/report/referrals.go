package report

import "msnproxy/internal/story"

// referrals is the section of the servers that clients were sent to.
func referrals(told *story.Story) Section {
	s := Section{Name: "referrals", About: "where servers sent clients", More: told.Cut.Referrals, Columns: []Column{
		{Key: "conn", Lead: true},
		{Key: "time"},
		{Key: "type"},
		{Key: "address", Flex: 1},
		{Key: "rewritten_to", Flex: 1},
		{Key: "followed_by"},
	}}
	for _, f := range told.Referrals {
		s.Rows = append(s.Rows, []Cell{Text(f.Conn), timeCell(f.Time), Text(f.Type), Text(f.Address), Text(f.RewrittenTo), Text(f.FollowedBy)})
	}
	return s
}
