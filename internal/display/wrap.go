package display

import (
	"strings"

	"github.com/clipperhouse/displaywidth"
)

// Wrap cuts a harmless text into lines of at most first columns for the first
// and rest columns for the others. It prefers to break at a space, which it
// leaves out, or in front of the @ of an address. A word that would not fit
// on a line of its own is broken where the line is full. Nothing but the
// spaces at line breaks is lost. A character wider than the line stands alone.
func Wrap(s string, first, rest int) []string {
	if Width(s) <= first {
		return []string{s}
	}
	var lines []string
	width := first
	for s != "" {
		end, next := lineEnd(s, width, rest)
		lines = append(lines, s[:end])
		s = s[next:]
		width = rest
	}
	return lines
}

// lineEnd finds where the first line of s ends and where the next one begins.
func lineEnd(s string, width, rest int) (end, next int) {
	full := max(fitting(s, width), firstCharacter(s))
	if full == len(s) {
		return full, full
	}
	if s[full] == ' ' {
		return full, full + 1
	}
	space := strings.LastIndexByte(s[:full], ' ')
	if space > 0 && wordFits(s[space+1:], rest) {
		return space, space + 1
	}
	if i := strings.LastIndexByte(s[:full], '@'); i > max(space, 0) && wordFits(s[i:], rest) {
		return i, i
	}
	return full, full
}

// fitting returns the length of the part of s that fits into width columns.
func fitting(s string, width int) int {
	used, n := 0, 0
	for n < len(s) {
		room := max(0, width-used)
		ahead := s[n:min(len(s), n+room+1)] // no further, so that wrapping stays linear
		alone := min(standsAlone(ahead), room)
		used, n = used+alone, n+alone
		g := displaywidth.StringGraphemes(s[n:])
		if !g.Next() {
			break
		}
		used += g.Width() + countBesides(g.Value())
		if used > width {
			break
		}
		n += len(g.Value())
	}
	return n
}

// firstCharacter returns the length of the first character of s.
func firstCharacter(s string) int {
	g := displaywidth.StringGraphemes(s)
	g.Next()
	return len(g.Value())
}

// wordFits tells whether the first word of s has at most width columns. It
// looks no further than that, so that wrapping stays linear.
func wordFits(s string, width int) bool {
	n := fitting(s, width)
	return n == len(s) || s[n] == ' ' || strings.IndexByte(s[:n], ' ') >= 0
}
