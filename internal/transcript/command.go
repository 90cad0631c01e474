package transcript

import (
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"msnproxy/decode"
	"msnproxy/internal/display"
)

// maxCommandLines is how many lines a command line may take. Sign-in tickets
// are thousands of characters in which nobody reads.
const maxCommandLines = 6

// command writes a command: its line, its payload, what is to be said of it.
func (t *Transcript) command(r *decode.Record) {
	t.head(r)
	lines := display.Wrap(display.HarmlessBytes(r.Line), t.room(), t.room()-hang)
	lines = limit(lines, maxCommandLines, t.room()-hang)
	for i, l := range lines {
		if i > 0 {
			t.out.WriteByte('\n')
			t.indent()
			l = strings.Repeat(" ", hang) + l
		}
		t.write(directionStyle(r.Dir), display.IsolateWords(l))
	}
	t.latency(r, indented(lines))
	t.out.WriteByte('\n')
	t.payloadLines(r)
	t.notes(r.Notes)
}

// limit cuts lines to a number, the last of which then tells what is missing; on
// a narrow page that takes one more.
func limit(lines []string, most, width int) []string {
	if len(lines) <= most {
		return lines
	}
	missing := 0
	for _, l := range lines[most-1:] {
		missing += utf8.RuneCountInString(l)
	}
	told := fmt.Sprintf("%s %d more characters", display.Ellipsis, missing)
	return append(lines[:most-1:most-1], display.Wrap(told, width, width)...)
}

// indented is how many columns the last of a command's lines takes.
func indented(lines []string) int {
	last := display.Width(lines[len(lines)-1])
	if len(lines) > 1 {
		last += hang
	}
	return last
}

// latency writes how long a reply took, where the line has room for it.
func (t *Transcript) latency(r *decode.Record, used int) {
	n := r.Note(decode.NoteReply)
	if n == nil {
		return
	}
	text := "  (" + Latency(n.Latency) + ")"
	if used+len(text) <= t.room() {
		t.write(styleDim, text)
	}
}

// Latency tells a duration in as many digits as one compares.
func Latency(d time.Duration) string {
	switch {
	case d < 10*time.Millisecond:
		return fmt.Sprintf("%.1f ms", float64(d)/float64(time.Millisecond))
	case d < time.Second:
		return fmt.Sprintf("%d ms", d.Round(time.Millisecond).Milliseconds())
	case d < time.Minute:
		return fmt.Sprintf("%.1f s", d.Seconds())
	}
	return d.Round(time.Second).String()
}

// notes writes what is to be said of a record.
func (t *Transcript) notes(notes []decode.Note) {
	for _, r := range Remarks(notes) {
		t.remark(r.Weight.style(), r.Text)
	}
}

// remark writes one thing to be said of a record.
func (t *Transcript) remark(s style, text string) {
	room := t.room() - hang
	for i, l := range display.Wrap(display.Harmless(text), room, room) {
		mark := "! "
		if i > 0 {
			mark = "  "
		}
		t.block(s, mark, []string{display.IsolateWords(l)})
	}
}
