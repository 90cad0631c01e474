package report

import (
	"encoding/csv"
	"errors"
	"io"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"

	"msnproxy/internal/display"
)

// WriteCSV writes one section as comma-separated values, all its rows and
// columns, the first line being the keys. Times are as in JSON. A text that a
// spreadsheet would take for a formula gets an apostrophe in front.
func (r *Report) WriteCSV(w io.Writer, opts Options) error {
	sections, err := r.Sections(opts.Sections)
	if err != nil {
		return err
	}
	if len(sections) != 1 {
		return errors.New("CSV holds one section; choose one")
	}
	s := &sections[0]
	out := csv.NewWriter(w)
	record := make([]string, len(s.Columns))
	for i, c := range s.Columns {
		record[i] = c.Key
	}
	_ = out.Write(record) // its error stays with the writer
	for _, row := range s.Rows {
		for i, c := range row {
			record[i] = csvCell(c)
		}
		_ = out.Write(record)
	}
	out.Flush()
	return out.Error()
}

// csvCell returns a cell as it stands in the file.
func csvCell(c Cell) string {
	switch v := c.(type) {
	case nil:
		return ""
	case Time:
		return v.exact()
	case Number, Millis, Flag:
		return v.String()
	}
	return withoutFormula(strings.Join(display.Lines(c.String()), "\n"))
}

// formulaStarts are what the text of a formula begins with, in one spreadsheet
// or another; the wide forms are for those that are set to Japanese.
const formulaStarts = "=+-@\t\r＝＋－＠"

// behindSemicolon is a formula where a semicolon parts cells, as it does for
// spreadsheets in much of Europe. A minus is one before what can be counted
// only, so that ";-)" stays what it is.
var behindSemicolon = regexp.MustCompile(`(;[\s\p{Z}]*)([=+@＝＋＠]|-(?:[0-9]|[0-9A-Za-z]{2}))`)

func withoutFormula(s string) string {
	s = behindSemicolon.ReplaceAllString(s, "$1'$2")
	first, _ := utf8.DecodeRuneInString(strings.TrimLeftFunc(s, unicode.IsSpace))
	if strings.ContainsRune(formulaStarts, first) {
		return "'" + s
	}
	return s
}
