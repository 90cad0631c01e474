package report

import (
	"time"

	"msnproxy/internal/story"
)

// latency is the section of how long servers took to reply.
func latency(told *story.Story) Section {
	s := Section{Name: "latency", About: "how long servers took to reply, in milliseconds", Columns: []Column{
		{Key: "verb", Lead: true},
		{Key: "count", Right: true},
		{Key: "min_ms", Right: true},
		{Key: "p50_ms", Right: true},
		{Key: "p95_ms", Right: true},
		{Key: "max_ms", Right: true},
		{Key: "unanswered", Right: true},
	}}
	for _, l := range told.Latencies {
		row := []Cell{Text(l.Verb), Number(l.Count), nil, nil, nil, nil, Number(l.Unanswered)}
		if l.Count > 0 {
			for i, d := range [...]time.Duration{l.Min, l.P50, l.P95, l.Max} {
				row[2+i] = Millis(d)
			}
		}
		s.Rows = append(s.Rows, row)
	}
	return s
}
