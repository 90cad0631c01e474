package captures

import "msnproxy/decode"

// maxRemarks bounds the remarks that wait for a record.
const maxRemarks = 64

// remark is something irregular about how bytes came, which their record is to
// tell.
type remark struct {
	side   int
	offset int64
	text   string
}

// remark makes a remark about a byte of a side.
func (c *connection) remark(side int, offset int64, text string) {
	if c.live.http == nil && len(c.live.remarks) < maxRemarks {
		c.live.remarks = append(c.live.remarks, remark{side, offset, text})
	}
}

// remarking has records bear the remarks about their bytes. Where a record is
// out already, the next one of its direction does, or the last one of the
// connection.
func (c *connection) remarking(emit func(*decode.Record)) func(*decode.Record) {
	live := c.live
	return func(r *decode.Record) {
		if len(live.remarks) > 0 {
			live.remarks = c.bear(r, live.remarks)
		}
		emit(r)
	}
}

// bear adds to a record the remarks that it is to bear, and returns the rest.
func (c *connection) bear(r *decode.Record, remarks []remark) (rest []remark) {
	for _, m := range remarks {
		if r.Kind == decode.KindClose || r.Dir == c.dir(m.side) && r.Offset+r.Bytes > m.offset {
			r.Notes = append(r.Notes, decode.Note{Kind: decode.NoteIssue, Text: m.text})
		} else {
			rest = append(rest, m)
		}
	}
	return rest
}
