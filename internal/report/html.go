package report

import (
	"io"
	"time"

	"msnproxy/decode"
	"msnproxy/internal/page"
)

// WriteHTML writes the report as a page: the sections that were asked for, or
// all of them, with pictures of some. The diagrams and the list of records are
// on it if the report was made with NewFor, of all sections.
func (r *Report) WriteHTML(w io.Writer, opts Options) error {
	sections, err := r.Sections(opts.Sections)
	if err != nil {
		return err
	}
	p := &page.Page{Story: r.Story()}
	for i := range sections {
		p.Tables = append(p.Tables, sections[i].page())
	}
	if isWanted(All, opts.Sections) {
		p.Files, p.Records = r.kept()
	}
	return p.Write(w)
}

// kept returns the names of the files that were read, and the records.
func (r *Report) kept() (files []string, records *page.Records) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, row := range r.captures.rows {
		files = append(files, row.File)
	}
	if r.records != nil {
		records = r.records.Snapshot()
	}
	return files, records
}

// page is the section as a page shows it, without the columns in which no row
// has anything.
func (s *Section) page() page.Table {
	t := page.Table{Name: s.Name, About: s.about(), Len: len(s.Rows), More: s.More, Wrong: s.Counts.of(string(decode.VerdictWrong))}
	columns := s.busy()
	for _, i := range columns {
		t.Columns = append(t.Columns, page.Column{Title: title(s.Columns[i]), Right: s.Columns[i].Right})
	}
	t.Rows = func(yield func([]page.Cell) bool) {
		for _, row := range s.Rows {
			if !yield(s.cells(row, columns)) {
				return
			}
		}
	}
	return t
}

// cells are the cells of a row in those columns. What tells of a record leads
// to it.
func (s *Section) cells(row []Cell, columns []int) []page.Cell {
	out := make([]page.Cell, len(columns))
	for n, i := range columns {
		if t, ok := row[i].(Time); ok {
			out[n].Time = time.Time(t)
			continue
		}
		out[n].Text = text(row[i])
		if s.Columns[i].Key == "seq" {
			out[n].Ref = s.ref(row)
		}
	}
	return out
}

// ref is the record that a row tells of.
func (s *Section) ref(row []Cell) (ref decode.Ref) {
	for i, c := range s.Columns {
		switch v := row[i].(type) {
		case Text:
			if c.Key == "conn" {
				ref.Conn = string(v)
			}
		case Number:
			if c.Key == "seq" {
				ref.Seq = int64(v)
			}
		}
	}
	return ref
}
