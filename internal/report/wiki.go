package report

import (
	"bytes"
	"fmt"
	"io"
	"strings"

	"msnproxy/internal/display"
)

// WriteWiki writes the report as tables in the markup of MediaWiki, which takes
// Markdown's tables for text and its headings for numbered lists: the same
// sections and columns as in Markdown.
func (r *Report) WriteWiki(w io.Writer, opts Options) error {
	return r.writeMarkup(w, opts, writeWiki)
}

// writeWiki writes a section, each cell on a line of its own: two bars or two
// exclamation marks would part cells within one. Behind the space in front of
// it, nothing in a cell stands where lines begin.
func writeWiki(out *bytes.Buffer, s *Section) {
	columns := s.busy()
	fmt.Fprintf(out, "=== %s ===\n\n%s\n\n{| class=\"wikitable\"\n", s.Name, markup(s.sentence()))
	for _, i := range columns {
		fmt.Fprintf(out, "! %s\n", title(s.Columns[i]))
	}
	for _, row := range s.Rows {
		out.WriteString("|-\n")
		for _, i := range columns {
			style := ""
			if s.Columns[i].Right {
				style = ` style="text-align: right" |`
			}
			out.WriteString(strings.TrimRight("|"+style+" "+markup(text(row[i])), " ") + "\n")
		}
	}
	out.WriteString("|}\n\n")
	if text := s.leftOut(); text != "" {
		fmt.Fprintf(out, "%s\n\n", markup(display.Ellipsis+" "+text))
	}
}
