package report

import (
	"io"
	"strings"

	"github.com/olekukonko/tablewriter/renderer"
	"github.com/olekukonko/tablewriter/tw"

	"msnproxy/internal/display"
)

// ruler renders the lines of a table for tablewriter: the cells in columns, a
// line below the titles and nothing else. tablewriter's own renderers count
// the columns of each code point by itself, and so move the cells behind an
// emoji of several; package display counts whole characters.
type ruler struct {
	*renderer.Blueprint // what is not about lines

	w      io.Writer
	widths []int
	right  []bool
}

func newRuler(g *grid, p panel) *ruler {
	r := &ruler{widths: p.widths, Blueprint: renderer.NewBlueprint(tw.Rendition{
		Borders: tw.Border{Left: tw.Off, Right: tw.Off, Top: tw.Off, Bottom: tw.Off},
		Settings: tw.Settings{
			Separators: tw.Separators{BetweenRows: tw.Off},
			Lines:      tw.Lines{ShowTop: tw.Off, ShowBottom: tw.Off, ShowHeaderLine: tw.On},
		},
	})}
	for _, i := range p.columns {
		r.right = append(r.right, g.columns[i].Right)
	}
	return r
}

// Start takes note of where to write.
func (r *ruler) Start(w io.Writer) error {
	r.w = w
	return r.Blueprint.Start(w)
}

// Header writes one line of titles.
func (r *ruler) Header(_ [][]string, ctx tw.Formatting) { r.cells(ctx) }

// Row writes one line of a row.
func (r *ruler) Row(_ []string, ctx tw.Formatting) { r.cells(ctx) }

// Line writes the line below the titles.
func (r *ruler) Line(tw.Formatting) {
	total := gap * (len(r.widths) - 1)
	for _, w := range r.widths {
		total += w
	}
	r.put(strings.Repeat("─", total))
}

func (r *ruler) cells(ctx tw.Formatting) {
	var line strings.Builder
	for i, width := range r.widths {
		if i > 0 {
			line.WriteString(strings.Repeat(" ", gap))
		}
		cell := ctx.Row.GetCell(i).Data
		if r.right[i] {
			cell = strings.Repeat(" ", max(0, width-display.Width(cell))) + cell
		}
		line.WriteString(display.Pad(cell, width))
	}
	r.put(strings.TrimRight(line.String(), " "))
}

// put writes a line. The writer below is a buffer, which never fails.
func (r *ruler) put(line string) { _, _ = io.WriteString(r.w, line+"\n") }
