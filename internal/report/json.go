package report

import (
	"io"
	"strconv"

	"msnproxy/internal/display"
)

// WriteJSON writes the report as one JSON object: each section a key with an
// array of rows, each row an object with the section's columns as keys, a row
// a line. Where rows were beyond the bound on what is kept, the key left_out
// counts them by section.
func (r *Report) WriteJSON(w io.Writer, opts Options) error {
	sections, err := r.Sections(opts.Sections)
	if err != nil {
		return err
	}
	out := display.NewJSONWriter(w)
	buf := []byte("{")
	for i := range sections {
		if i > 0 {
			buf = append(buf, ',')
		}
		buf = writeSection(out, buf, &sections[i])
	}
	buf = appendLeftOut(buf, sections)
	_, _ = out.Write(append(buf, "\n}\n"...))
	return out.Err()
}

// writeSection writes a section row by row, and returns what is not written.
func writeSection(w io.Writer, buf []byte, s *Section) []byte {
	buf = append(appendString(append(buf, "\n  "...), s.Name), ": ["...)
	for i, row := range s.Rows {
		if i > 0 {
			buf = append(buf, ',')
		}
		buf = appendRow(append(buf, "\n    "...), s.Columns, row)
		_, _ = w.Write(buf) // its error stays with the writer
		buf = buf[:0]
	}
	if len(s.Rows) > 0 {
		buf = append(buf, "\n  "...)
	}
	return append(buf, ']')
}

func appendRow(buf []byte, columns []Column, row []Cell) []byte {
	buf = append(buf, '{')
	for i, c := range columns {
		if i > 0 {
			buf = append(buf, ", "...)
		}
		buf = append(appendString(buf, c.Key), ": "...)
		if row[i] == nil {
			buf = append(buf, "null"...)
		} else {
			buf = row[i].appendJSON(buf)
		}
	}
	return append(buf, '}')
}

func appendLeftOut(buf []byte, sections []Section) []byte {
	first := true
	for _, s := range sections {
		if s.More == 0 {
			continue
		}
		if first {
			buf = append(buf, ",\n  \"left_out\": {"...)
		} else {
			buf = append(buf, ", "...)
		}
		first = false
		buf = append(appendString(buf, s.Name), ": "...)
		buf = strconv.AppendInt(buf, s.More, 10)
	}
	if !first {
		buf = append(buf, '}')
	}
	return buf
}
