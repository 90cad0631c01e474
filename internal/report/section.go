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
	Hidden  int64    // rows behind these that are not shown here
	whole   string   // how to see them
}

// about tells what the rows are, and how many of them there are of each kind.
func (s *Section) about() string {
	if len(s.Counts) == 0 {
		return s.About
	}
	return s.About + " (" + s.Counts.String() + ")"
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

// All stands for every section where sections are chosen by name.
const All = "all"

// first are the sections that tell what happened at first sight. They are what
// formats for people show unless others are asked for.
var first = []string{"captures", "sessions", "conversations", "messages", "errors", "issues"}

// sectionNames are the sections in the order in which they are written.
var sectionNames = New().names

// SectionNames lists the sections in the order in which they are written.
func SectionNames() []string { return slices.Clone(sectionNames) }

// CheckSections returns an error if one of the names is not a section's.
func CheckSections(names []string) error {
	for _, n := range names {
		if n != All && !slices.Contains(sectionNames, n) {
			return fmt.Errorf("there is no section %q; the sections are: %s; %s is all of them", n, strings.Join(sectionNames, ", "), All)
		}
	}
	return nil
}

// Sections returns the sections of those names in their own order, or all.
func (r *Report) Sections(names []string) ([]Section, error) {
	if err := CheckSections(names); err != nil {
		return nil, err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	var out []Section
	for i, c := range r.collectors {
		if isWanted(r.names[i], names) {
			out = append(out, c.section())
		}
	}
	return out, nil
}
