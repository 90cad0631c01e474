package page

import (
	"strings"
	"time"

	"msnproxy/internal/display"
)

// cell is a value as a table shows it.
type cell struct {
	Text   string // harmless
	Time   time.Time
	Right  bool
	Target string // a record
}

// tables writes the tables that no other part has.
func (w *writer) tables() error {
	for _, t := range w.plain() {
		if err := w.putTable(t); err != nil {
			return err
		}
		if t.Name == "messages" && !w.has("conversations") {
			if err := w.putChats(); err != nil {
				return err
			}
		}
		if err := w.put("section-end", nil); err != nil {
			return err
		}
	}
	return nil
}

// putTable writes a table and its heading, and leaves its section open.
func (w *writer) putTable(t *Table) error {
	head := map[string]any{"Name": t.Name, "Title": sentence(t.Name), "About": sentence(display.Harmless(t.About)), "Columns": t.Columns, "Empty": t.Len == 0}
	if err := w.put("table-begin", head); err != nil || t.Len == 0 {
		return err
	}
	n, err := putWithin(w, "row", func(yield func([]cell) bool) {
		left := maxRows
		for row := range t.Rows {
			if left--; left < 0 || !yield(w.cells(t, row)) {
				return
			}
		}
	}, maxTableBytes)
	if err != nil {
		return err
	}
	return w.put("table-end", map[string]any{"Name": t.Name, "Hidden": t.Len - n, "More": t.More})
}

// cells makes a row as the table shows it.
func (w *writer) cells(t *Table, row []Cell) []cell {
	out := make([]cell, len(row))
	for i, c := range row {
		out[i] = cell{Text: clip(strings.Join(display.Lines(c.Text), "\n"), maxPayload), Time: c.Time, Right: t.Columns[i].Right}
		if n := w.numbers[c.Ref]; n > 0 && w.static.has(n) {
			out[i].Target = target(n)
		}
	}
	return out
}
