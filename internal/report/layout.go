package report

import (
	"slices"
	"strings"

	"msnproxy/internal/display"
)

const (
	// gap is how many columns stand between the cells of a row.
	gap = 2
	// minFlexWidth is the least that a column that may be narrower gets:
	// with fewer columns, text turns into a tower of half words.
	minFlexWidth = 14
	// maxCellLines is how many lines a cell may have. A table is for
	// looking over; the whole of a long text is in the transcript and JSON.
	maxCellLines = 8
	// widestCharacter is how many columns a character may take.
	widestCharacter = 2
)

// grid is a section with its cells as harmless text, ready to be laid out.
type grid struct {
	columns []Column
	natural []int        // the width that each column would like
	rows    [][][]string // the lines of each cell
}

// newGrid makes the cells of a section text, and leaves out the columns that
// have nothing to tell. What is the same in all rows is told by the title.
func newGrid(s *Section) *grid {
	g := &grid{rows: make([][][]string, len(s.Rows))}
	clock := dateOf(s) != ""
	for i, c := range s.Columns {
		if isIdle(s, i) || folded(s, i) != "" {
			continue
		}
		g.addColumn(c, s.Rows, i, clock)
	}
	return g
}

func (g *grid) addColumn(c Column, rows [][]Cell, i int, clock bool) {
	width := widestWord(title(c))
	for r, row := range rows {
		lines := cellLines(row[i], clock)
		g.rows[r] = append(g.rows[r], lines)
		for _, l := range lines {
			width = max(width, display.Width(l))
		}
	}
	g.columns = append(g.columns, c)
	g.natural = append(g.natural, width)
}

// title is the key with its words apart.
func title(c Column) string { return strings.ReplaceAll(c.Key, "_", " ") }

func widestWord(s string) (width int) {
	for _, w := range strings.Fields(s) {
		width = max(width, display.Width(w))
	}
	return width
}

// cellLines returns a cell as lines of harmless text.
func cellLines(c Cell, clock bool) []string {
	switch v := c.(type) {
	case nil:
		return nil
	case Time:
		if clock {
			return []string{v.clock()}
		}
	}
	return display.Lines(c.String())
}

// isIdle tells whether a column has nothing to tell: all its cells are empty,
// or 0 in a column of what is rare.
func isIdle(s *Section, i int) bool {
	for _, row := range s.Rows {
		if t := text(row[i]); t != "" && !(s.Columns[i].Rare && t == "0") {
			return false
		}
	}
	return true
}

// folded returns the value that all rows have in a column that may be told
// once, or "".
func folded(s *Section, i int) string {
	if !s.Columns[i].Fold || len(s.Rows) == 0 {
		return ""
	}
	first := text(s.Rows[0][i])
	for _, row := range s.Rows {
		if text(row[i]) != first {
			return ""
		}
	}
	return first
}

// text returns a cell as text, or "" where nothing is known.
func text(c Cell) string {
	if c == nil {
		return ""
	}
	return c.String()
}

// dateOf returns the date of all times of a section, or "" if they differ.
func dateOf(s *Section) string {
	date := ""
	for _, row := range s.Rows {
		for _, c := range row {
			t, ok := c.(Time)
			if ok && date == "" {
				date = t.date()
			}
			if ok && t.date() != date {
				return ""
			}
		}
	}
	return date
}

// panel is a table that fits the page: which columns, and how wide.
type panel struct {
	columns, widths []int
	further         bool // not the first table of its section
}

// tells tells whether a row belongs into a panel: into a further one only if
// it says more there than which row it is.
func (p panel) tells(g *grid, row int) bool {
	for _, i := range p.columns {
		if !p.further || !g.columns[i].Lead && len(g.rows[row][i]) > 0 {
			return true
		}
	}
	return false
}

// panels lays the grid out for a page. Where not all columns fit side by side,
// there are several tables below each other, each with the columns that tell
// the rows apart.
func (g *grid) panels(page int) []panel {
	all := g.pick(func(Column) bool { return true })
	if widths, ok := g.fit(all, page); ok {
		return []panel{{columns: all, widths: widths}}
	}
	var out []panel
	lead := g.pick(func(c Column) bool { return c.Lead })
	now := lead
	for _, unit := range g.units(lead, page) {
		wider := slices.Concat(now, unit)
		if _, ok := g.fit(wider, page); !ok && len(now) > len(lead) {
			out = append(out, g.panel(now, page, len(out) > 0))
			wider = slices.Concat(lead, unit)
		}
		now = wider
	}
	return append(out, g.panel(now, page, len(out) > 0))
}

func (g *grid) panel(columns []int, page int, further bool) panel {
	widths, ok := g.fit(columns, page)
	if !ok {
		squeeze(widths, page-gap*(len(widths)-1))
	}
	return panel{columns, widths, further}
}

// squeeze makes the widest columns narrower until all fit the room, on a page
// that is too narrow for what should stay in one piece.
func squeeze(widths []int, room int) {
	over := -room
	for _, w := range widths {
		over += w
	}
	for ; over > 0; over-- {
		widest := slices.Index(widths, slices.Max(widths))
		if widths[widest] == widestCharacter {
			return
		}
		widths[widest]--
	}
}

// pick lists the columns that are wanted.
func (g *grid) pick(want func(Column) bool) []int {
	var out []int
	for i, c := range g.columns {
		if want(c) {
			out = append(out, i)
		}
	}
	return out
}

// units lists the columns that stay together: the parts of the section, or
// single columns where a part is too wide for the page by itself.
func (g *grid) units(lead []int, page int) [][]int {
	var out [][]int
	for part := 0; part <= g.lastPart(); part++ {
		unit := g.pick(func(c Column) bool { return c.Part == part && !c.Lead })
		if _, ok := g.fit(slices.Concat(lead, unit), page); ok {
			out = append(out, unit)
			continue
		}
		for _, i := range unit {
			out = append(out, []int{i})
		}
	}
	return out
}

func (g *grid) lastPart() (last int) {
	for _, c := range g.columns {
		last = max(last, c.Part)
	}
	return last
}

// fit finds the widths of columns beside each other. It reports false if they
// are wider than the page even so.
func (g *grid) fit(columns []int, page int) ([]int, bool) {
	widths := make([]int, len(columns))
	room := page - gap*(len(columns)-1)
	var flexible []int
	for n, i := range columns {
		widths[n] = g.natural[i]
		room -= widths[n]
		if g.columns[i].Flex > 0 && g.natural[i] > minFlexWidth {
			flexible = append(flexible, n)
		}
	}
	if room >= 0 {
		return widths, true
	}
	for _, n := range flexible {
		room += widths[n]
	}
	return widths, g.share(widths, columns, flexible, room)
}

// share divides room among the flexible columns by their weights. Those that
// need less than their share leave the rest to the others.
func (g *grid) share(widths, columns, flexible []int, room int) bool {
	for len(flexible) > 0 {
		weights := 0
		for _, n := range flexible {
			weights += g.columns[columns[n]].Flex
		}
		modest := slices.IndexFunc(flexible, func(n int) bool { return widths[n]*weights <= room*g.columns[columns[n]].Flex })
		if modest < 0 {
			return g.divide(widths, columns, flexible, room, weights)
		}
		room -= widths[flexible[modest]]
		flexible = slices.Delete(flexible, modest, modest+1)
	}
	return room >= 0
}

// divide gives every flexible column its share, of which none needs less.
func (g *grid) divide(widths, columns, flexible []int, room, weights int) bool {
	enough := true
	for k, n := range flexible {
		weight := g.columns[columns[n]].Flex
		share := room * weight / weights
		if k == len(flexible)-1 {
			share = room
		}
		room, weights = room-share, weights-weight
		enough = enough && share >= minFlexWidth
		widths[n] = max(share, minFlexWidth)
	}
	return enough
}
