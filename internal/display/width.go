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
	return displaywidth.String(s)
}

// Shorten returns s if it has at most width columns, or else as many whole
// characters as fit together with an ellipsis.
func Shorten(s string, width int) string {
	if Width(s) <= width {
		return s
	}
	return displaywidth.TruncateString(s, width, Ellipsis)
}

// Pad fills s up with spaces to width columns. A wider s stays as it is.
func Pad(s string, width int) string {
	return s + strings.Repeat(" ", max(0, width-Width(s)))
}
