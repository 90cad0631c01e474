package report

import (
	"fmt"
	"slices"
	"strings"
)

// maxFirst is how many rows of a section are shown where nobody asked for that
// section: a screenful of what happened, not all of it.
const maxFirst = 20

// digest is what a format for people shows: whole sections where they were
// asked for by name, else the beginnings of those that come first, and what
// there is beside them.
type digest struct {
	sections []Section
	empty    []string // sections with nothing to show
	rest     []string // sections that were not asked for, and how many rows they have
	whole    func(section string) string
}

// byFlag is how analyze shows the whole of a section.
func byFlag(section string) string { return "with --section " + section }

func (r *Report) digest(opts Options) (d digest, err error) {
	names := opts.Sections
	d.whole = byFlag
	if opts.Whole != nil {
		d.whole = opts.Whole
	}
	if err := CheckSections(names); err != nil {
		return d, err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	for i, c := range r.collectors {
		switch l, isLong := c.(long); {
		case !isWanted(r.names[i], names):
		case isLong && len(names) == 0:
			d.mention(r.names[i], int64(l.count()), nil)
		default:
			s := c.section()
			if r.brief {
				s.Hidden, s.More = s.More, 0
			}
			d.take(s, len(names) > 0)
		}
	}
	return d, nil
}

// mention tells how many rows a section has that nobody asked for, and how many
// of them are of each kind, if it counts kinds.
func (d *digest) mention(name string, rows int64, counts Counts) {
	switch {
	case rows == 0:
	case len(counts) > 0:
		d.rest = append(d.rest, fmt.Sprintf("%s (%s)", name, counts))
	default:
		d.rest = append(d.rest, fmt.Sprintf("%s (%d)", name, rows))
	}
}

// take adds a section. Of one that nobody asked for by name it keeps no more
// than it shows.
func (d *digest) take(s Section, asked bool) {
	switch {
	case !asked && !slices.Contains(first, s.Name):
		d.mention(s.Name, int64(len(s.Rows))+s.Hidden, s.Counts)
		return
	case len(s.Rows) == 0:
		d.empty = append(d.empty, s.Name)
		return
	case !asked && len(s.Rows) > maxFirst:
		s.Hidden += int64(len(s.Rows) - maxFirst)
		s.Rows = slices.Clone(s.Rows[:maxFirst])
	}
	s.whole = d.whole(s.Name)
	d.sections = append(d.sections, s)
}

// leftOut tells of the rows of a section that are not shown, or "".
func (s *Section) leftOut() string {
	var parts []string
	if s.Hidden > 0 {
		parts = append(parts, fmt.Sprintf("%d more %s", s.Hidden, s.whole))
	}
	if s.More > 0 {
		parts = append(parts, fmt.Sprintf("%d more, which were not kept", s.More))
	}
	if len(parts) == 0 {
		return ""
	}
	return "and " + strings.Join(parts, ", and ")
}

// closing are the lines at the end: what has nothing to show, and what else
// there is.
func (d *digest) closing() (lines []string) {
	if len(d.empty) > 0 {
		lines = append(lines, "nothing to show: "+strings.Join(d.empty, ", "))
	}
	if len(d.rest) > 0 {
		lines = append(lines, "more "+d.whole("NAME, or --section "+All)+": "+strings.Join(d.rest, ", "))
	}
	return lines
}
