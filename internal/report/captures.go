package report

import (
	"time"

	"msnproxy/decode"
)

// CaptureRow is a file that was read.
type CaptureRow struct {
	File, Kind     string
	Packets, Bytes int64
	First, Last    time.Time
	Connections    int
	Exchanges      int              // of HTTP that carry no MSNP but belong to it
	Skipped        map[string]int64 // packets that were left out, by reason
}

// captures is the section of the files that were read.
type captures struct{ rows []CaptureRow }

func (c *captures) record(*decode.Record) {}

func (c *captures) section() Section {
	s := Section{Name: "captures", About: "the files that were read", Columns: []Column{
		{Key: "file", Lead: true, Flex: 2},
		{Key: "kind"},
		{Key: "packets", Right: true},
		{Key: "bytes", Right: true},
		{Key: "first"},
		{Key: "last"},
		{Key: "connections", Right: true, Part: 1},
		{Key: "skipped_packets", Part: 1, Flex: 2},
		{Key: "http_exchanges", Right: true, Part: 1, Rare: true},
	}}
	for _, r := range c.rows {
		s.Rows = append(s.Rows, []Cell{
			Text(r.File), Text(r.Kind), Number(r.Packets), Number(r.Bytes), timeCell(r.First), timeCell(r.Last),
			Number(r.Connections), countsOf(r.Skipped), Number(r.Exchanges),
		})
	}
	return s
}
