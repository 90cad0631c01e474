package report

const (
	// maxRows is how many rows a section keeps of what can happen without
	// end. A hundred thousand chats or issues are more than anybody reads,
	// and some ten megabytes.
	maxRows = 100_000
	// maxRowText is how much text these rows may hold together: enough for
	// maxRows usual messages, and a bound where every one is huge.
	maxRowText = 64 << 20
)

// bounded keeps rows up to a limit, and counts the others.
type bounded struct {
	rows [][]Cell
	text int
	more int64
}

func (b *bounded) add(row ...Cell) {
	size := textSize(row)
	if len(b.rows) >= maxRows || b.text+size > maxRowText {
		b.more++
		return
	}
	b.text += size
	b.rows = append(b.rows, row)
}

func textSize(row []Cell) (n int) {
	for _, c := range row {
		if t, ok := c.(Text); ok {
			n += len(t)
		}
	}
	return n
}
