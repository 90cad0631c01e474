package report

import "cmp"

const (
	// maxRows is how many rows a section keeps of what can happen without
	// end. A hundred thousand chats or issues are more than anybody reads,
	// and some ten megabytes.
	maxRows = 100_000
	// maxRowText is how much text these rows may hold together: enough for
	// maxRows usual messages, and a bound where every one is huge.
	maxRowText = 64 << 20
	// briefRows is the same for a report of which only the beginnings of
	// sections are shown: more than those, as rows are sorted by time.
	briefRows = 1000
)

// bounded keeps rows up to a limit, and counts the others.
type bounded struct {
	limit int // of rows; 0 is maxRows
	rows  [][]Cell
	text  int
	more  int64
}

func (b *bounded) add(row ...Cell) {
	size := textSize(row)
	if b.full() || b.text+size > maxRowText {
		b.more++
		return
	}
	b.text += size
	b.rows = append(b.rows, row)
}

// full tells whether there is no room for another row.
func (b *bounded) full() bool { return len(b.rows) >= cmp.Or(b.limit, maxRows) }

func textSize(row []Cell) (n int) {
	for _, c := range row {
		if t, ok := c.(Text); ok {
			n += len(t)
		}
	}
	return n
}
