package transcript

import (
	"strings"
	"time"

	"msnproxy/decode"
	"msnproxy/internal/display"
)

const (
	// minConnWidth is room for the connections of most runs (c1 to c99), so
	// that the columns seldom move; maxConnWidth keeps any id from taking
	// the line.
	minConnWidth, maxConnWidth = 3, 12

	// hang is how far the lines that continue a text are indented.
	hang = 2
)

// style is an ANSI colour (SGR) sequence.
type style string

const (
	stylePlain  style = ""
	styleDim    style = "\x1b[2m"
	styleClient style = "\x1b[36m" // cyan
	styleServer style = "\x1b[32m" // green
	styleEvent  style = "\x1b[1m"  // bold
	styleIssue  style = "\x1b[33m" // yellow
	styleError  style = "\x1b[31m" // red
	styleEnd          = "\x1b[0m"
)

// write appends text to the record in the making, in a style. No style
// outlives its line, so that pagers and cut output stay right.
func (t *Transcript) write(s style, text string) {
	if !t.color || s == stylePlain || text == "" {
		t.out.WriteString(text)
		return
	}
	t.out.WriteString(string(s))
	t.out.WriteString(text)
	t.out.WriteString(styleEnd)
}

// dayLine writes the date where it differs from the last record's.
func (t *Transcript) dayLine(at time.Time) {
	at = at.UTC()
	day := time.Date(at.Year(), at.Month(), at.Day(), 0, 0, 0, 0, time.UTC)
	if day.Equal(t.day) {
		return
	}
	t.day = day
	t.write(styleDim, day.Format("2006-01-02")+" UTC")
	t.out.WriteByte('\n')
}

// head writes the columns in front of a record's text.
func (t *Transcript) head(r *decode.Record) {
	conn := display.Shorten(display.Harmless(r.Conn), maxConnWidth)
	t.connWidth = max(t.connWidth, display.Width(conn))
	t.write(styleDim, r.Time.UTC().Format("15:04:05.000")+" "+display.Pad(conn, t.connWidth))
	t.write(directionStyle(r.Dir), " "+arrow(r.Dir)+" "+display.Pad(r.Server.String(), 2)+" ")
}

// column is where the text of records begins: behind time, connection,
// direction and server, with a space after each.
func (t *Transcript) column() int { return len("15:04:05.000 ") + t.connWidth + len(" > NS ") }

// room is how many columns there are for text.
func (t *Transcript) room() int { return t.width - t.column() }

// indent writes the empty columns in front of a further line of a record.
func (t *Transcript) indent() { t.out.WriteString(strings.Repeat(" ", t.column())) }

// block writes lines below a record's own, each behind the same mark.
func (t *Transcript) block(s style, mark string, lines []string) {
	for _, l := range lines {
		t.indent()
		t.write(s, strings.TrimRight(mark+l, " "))
		t.out.WriteByte('\n')
	}
}

// arrow shows the direction without colour: what the client says is on its
// way, what comes back points back.
func arrow(d decode.Direction) string {
	switch d {
	case decode.ClientToServer:
		return ">"
	case decode.ServerToClient:
		return "<"
	}
	return " "
}

func directionStyle(d decode.Direction) style {
	switch d {
	case decode.ClientToServer:
		return styleClient
	case decode.ServerToClient:
		return styleServer
	}
	return stylePlain
}
