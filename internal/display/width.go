package display

import (
	"strings"

	"github.com/clipperhouse/displaywidth"
)

// Ellipsis stands where something was left out.
const Ellipsis = "…"

// Width returns the number of terminal columns of a harmless text.
func Width(s string) int {
	if isPlain(s) {
		return len(s)
	}
	return displaywidth.String(s) + heldMarks(s)
}

// besides are the marks that belong to the letter before them and yet stand in a
// column of their own: AM of Thai and Lao, the voiced sounds of narrow Katakana.
const besides = "\u0e33\u0eb3\uff9e\uff9f"

// heldMarks is how many columns marks take that displaywidth counts as a part of
// the letter before them.
func heldMarks(s string) (n int) {
	if !strings.ContainsAny(s, besides) {
		return 0
	}
	for g := displaywidth.StringGraphemes(s); g.Next(); {
		n += countBesides(g.Value())
	}
	return n
}

// countBesides counts such marks in a character, but for the letter.
func countBesides(character string) (n int) {
	for i, r := range character {
		if i > 0 && strings.ContainsRune(besides, r) {
			n++
		}
	}
	return n
}

// Shorten returns s if it has at most width columns, or else as many whole
// characters as fit together with an ellipsis.
func Shorten(s string, width int) string {
	if Width(s) <= width {
		return s
	}
	return s[:fitting(s, width-Width(Ellipsis))] + Ellipsis
}

// Pad fills s up with spaces to width columns. A wider s stays as it is.
func Pad(s string, width int) string {
	return s + strings.Repeat(" ", max(0, width-Width(s)))
}
