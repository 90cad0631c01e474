package page

import (
	"maps"
	"slices"

	"msnproxy/internal/display"
)

// staticList is the part of the list of records that is there without a
// script: the first ones, and those that something links to.
type staticList struct {
	html    []byte
	numbers []int // that are in it
	more    int   // records that are not
}

// has tells whether a record is in it.
func (l *staticList) has(number int) bool {
	_, found := slices.BinarySearch(l.numbers, number)
	return found
}

// row is a row of the list of records.
type row struct {
	record
	Number  int
	Skipped int // records before it that are left out
}

// Target is its id.
func (r row) Target() string { return target(r.Number) }

// At is its time.
func (r row) At() string { return exact(r.Time) }

// PayloadHead stands above what its payload says.
func (r row) PayloadHead() string {
	if r.PayloadBytes == 0 {
		return "payload" // of HTTP, which tells no size
	}
	return "payload, " + display.Plural(r.PayloadBytes, "byte", "bytes")
}

// Name is its connection.
func (r row) Name() string { return display.Harmless(r.Conn) }

// layStatic renders that part, as far as there is room. It comes last on the
// page, and what comes before it needs to know what is there.
func (w *writer) layStatic() error {
	before := 0
	for _, n := range w.wanted() {
		if len(w.static.numbers) == maxStatic || len(w.static.html) > maxStaticBytes {
			break
		}
		html, err := render("record", row{record: w.Records.list[n-1], Number: n, Skipped: n - before - 1})
		if err != nil {
			return err
		}
		w.static.html = append(w.static.html, html...)
		w.static.numbers = append(w.static.numbers, n)
		before = n
	}
	w.static.more = len(w.Records.list) - len(w.static.numbers)
	return nil
}

// wanted are the numbers of the records that ought to be there, in order: of
// the arrows, then the first ones, then of the chats, as far as there is room.
func (w *writer) wanted() []int {
	chosen := map[int]bool{}
	choose := func(number int) {
		if number > 0 && len(chosen) < maxStatic {
			chosen[number] = true
		}
	}
	for _, d := range w.diagrams {
		for _, s := range d.Steps {
			choose(s.number)
		}
	}
	for n := range min(firstRecords, len(w.Records.list)) {
		choose(n + 1)
	}
	for _, c := range w.chats {
		for _, s := range c.Said {
			choose(s.number)
		}
	}
	return slices.Sorted(maps.Keys(chosen))
}

// records writes the list of records, for readers and for the script.
func (w *writer) records() error {
	if w.Records == nil {
		return nil
	}
	err := w.put("records-begin", map[string]any{"Kept": len(w.Records.list), "Hidden": w.static.more})
	if err != nil {
		return err
	}
	if _, err := w.out.Write(w.static.html); err != nil {
		return err
	}
	if err := w.put("records-middle", row{}); err != nil {
		return err
	}
	left, err := w.Records.writeJSON(w.out)
	if err != nil {
		return err
	}
	return w.put("records-end", map[string]any{"More": left + w.Records.more, "Script": script})
}
