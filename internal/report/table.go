package report

import (
	"bytes"
	"fmt"
	"io"
	"strings"

	"github.com/olekukonko/tablewriter"
	"github.com/olekukonko/tablewriter/tw"

	"msnproxy/internal/display"
)

const (
	// defaultWidth is used where the width of the page is not known.
	defaultWidth = 80
	// minWidth is the narrowest page: it holds a clock time and what tells the
	// rows apart, with no word in more pieces than can be read.
	minWidth = 40
)

// WriteTables writes the report as tables that fit the page: the sections that
// were asked for, or what comes first of all of them. What has nothing to show
// is named at the end, and so is what was not shown.
func (r *Report) WriteTables(w io.Writer, opts Options) error {
	d, err := r.digest(opts)
	if err != nil {
		return err
	}
	page := defaultWidth
	if opts.Width != 0 {
		page = max(opts.Width, minWidth)
	}
	var out bytes.Buffer
	for i := range d.sections {
		if err := writeTable(&out, &d.sections[i], page); err != nil {
			return err
		}
	}
	for _, line := range d.closing() {
		writeWrapped(&out, line, page)
	}
	_, err = w.Write(trimLines(out.Bytes()))
	return err
}

// writeTable writes a section: its title, its tables, what was left out.
func writeTable(out *bytes.Buffer, s *Section, page int) error {
	writeWrapped(out, heading(s), page)
	g := newGrid(s)
	for _, p := range g.panels(page) {
		out.WriteByte('\n')
		if err := g.render(out, p); err != nil {
			return fmt.Errorf("the table of %s: %w", s.Name, err)
		}
	}
	if text := s.leftOut(); text != "" {
		writeWrapped(out, display.Ellipsis+" "+text, page)
	}
	out.WriteString("\n\n")
	return nil
}

// heading names a section and tells what all its rows have in common.
func heading(s *Section) string {
	text := strings.ToUpper(s.Name) + "  " + s.about()
	for i, c := range s.Columns {
		if v := folded(s, i); v != "" {
			text += ", all of " + title(c) + " " + v
		}
	}
	if date := dateOf(s); date != "" {
		return text + ", on " + date + " UTC"
	}
	if hasTimes(s) {
		text += ", times in UTC"
	}
	return text
}

func hasTimes(s *Section) bool {
	for _, row := range s.Rows {
		for _, c := range row {
			if _, ok := c.(Time); ok {
				return true
			}
		}
	}
	return false
}

// writeWrapped writes a line of text around the tables. Records of a stranger
// may have filled any part of it.
func writeWrapped(out *bytes.Buffer, text string, page int) {
	for _, l := range display.Wrap(display.Harmless(text), page, page) {
		out.WriteString(l + "\n")
	}
}

// render writes one table. Its cells are wrapped already.
func (g *grid) render(out *bytes.Buffer, p panel) error {
	table := tablewriter.NewTable(out, tableOptions(newRuler(g, p))...)
	table.Header(g.header(p))
	for r := range g.rows {
		if p.tells(g, r) {
			if err := table.Append(g.cells(p, r)); err != nil {
				return err
			}
		}
	}
	return table.Render()
}

// cells returns a row of a panel.
func (g *grid) cells(p panel, row int) []string {
	cells := make([]string, len(p.columns))
	for n, i := range p.columns {
		cells[n] = wrapCell(g.rows[row][i], p.widths[n])
	}
	return cells
}

// header returns the titles, wrapped to the widths and standing on the line
// below them.
func (g *grid) header(p panel) []string {
	titles := make([][]string, len(p.columns))
	most := 0
	for n, i := range p.columns {
		titles[n] = display.Wrap(title(g.columns[i]), p.widths[n], p.widths[n])
		most = max(most, len(titles[n]))
	}
	out := make([]string, len(titles))
	for n, t := range titles {
		out[n] = strings.Repeat(" \n", most-len(t)) + strings.Join(t, "\n")
	}
	return out
}

// wrapCell wraps the lines of a cell, and isolates each.
func wrapCell(lines []string, width int) string {
	var out []string
	for _, l := range lines {
		for _, wrapped := range display.Wrap(l, width, width) {
			out = append(out, display.Isolate(wrapped))
		}
	}
	if len(out) > maxCellLines {
		out = append(out[:maxCellLines-1], display.Shorten(fmt.Sprintf("%s %d lines", display.Ellipsis, len(out)-maxCellLines+1), width))
	}
	return strings.Join(out, "\n")
}

// tableOptions keeps tablewriter from changing or wrapping any cell.
func tableOptions(r *ruler) []tablewriter.Option {
	cells := tw.CellConfig{Formatting: tw.CellFormatting{AutoWrap: tw.WrapNone, AutoFormat: tw.Off}}
	return []tablewriter.Option{
		tablewriter.WithConfig(tablewriter.Config{Header: cells, Row: cells, Behavior: tw.Behavior{TrimSpace: tw.Off, TrimTab: tw.Off, TrimLine: tw.Off}}),
		tablewriter.WithRenderer(r),
	}
}

// trimLines takes the spaces off the ends of lines, and the empty lines off
// the end of the text.
func trimLines(text []byte) []byte {
	lines := bytes.Split(bytes.TrimRight(text, " \n"), []byte("\n"))
	for i, l := range lines {
		lines[i] = bytes.TrimRight(l, " ")
	}
	return append(bytes.Join(lines, []byte("\n")), '\n')
}
