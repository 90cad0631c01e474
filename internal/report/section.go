package report

import (
	"fmt"
	"slices"
	"strings"
)

// Section is a part of the report: a table with typed cells, and nothing of
// any format. What collects a section knows no format, and what writes a
// format knows no section.
type Section struct {
	Name    string // its key in JSON, and in --section
	About   string // what its rows are, in a few words
	Columns []Column
	Counts  Counts   // of its rows by what matters most, told in its title
	Rows    [][]Cell // a Cell for each column; nil where nothing is known
	More    int64    // rows beyond the bound on what is kept
}

// Column is a column of a section.
type Column struct {
	Key   string // its key in JSON; with spaces, its title in tables
	Right bool   // aligned to the right, as numbers are

	// How it behaves where a table is wider than the page.
	Lead bool // tells rows apart: repeated where a table is split in two
	Part int  // columns of one part stay together then
	Flex int  // may be narrower than its cells: its share of the room
	Fold bool // told once above the table where all rows have the same
	Rare bool // left out where all rows have 0
}

// notFound tells of a section that does not exist, and of those that do.
func notFound(name string) error {
	return fmt.Errorf("there is no section %q; the sections are: %s", name, strings.Join(SectionNames(), ", "))
}

// SectionNames lists the sections in the order in which they are written.
func SectionNames() []string {
	var names []string
	for _, c := range New().collectors {
		names = append(names, c.section().Name)
	}
	return names
}

// CheckSections returns an error if one of the names is not a section's.
func CheckSections(names []string) error {
	known := SectionNames()
	for _, n := range names {
		if !slices.Contains(known, n) {
			return notFound(n)
		}
	}
	return nil
}

// Sections returns the sections of those names in their own order, or all.
func (r *Report) Sections(names []string) ([]Section, error) {
	if err := CheckSections(names); err != nil {
		return nil, err
	}
	var out []Section
	for _, c := range r.collectors {
		if s := c.section(); len(names) == 0 || slices.Contains(names, s.Name) {
			out = append(out, s)
		}
	}
	return out, nil
}
