package main

import (
	"io"
	"os"

	"golang.org/x/term"
)

// defaultWidth is the width of output that goes to no terminal.
const defaultWidth = 80

// minWidth is the narrowest output that is laid out; below it, lines would be
// nothing but breaks.
const minWidth = 40

// isTerminal tells whether an output is a terminal.
func isTerminal(w any) bool {
	f, ok := w.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

// outputWidth is the width to lay output out for: what was asked for, else
// that of the terminal, else the default.
func outputWidth(w io.Writer, asked int) (int, error) {
	if asked != 0 {
		if asked < minWidth {
			return 0, flagError("--width %d is too narrow; use %d or more", asked, minWidth)
		}
		return asked, nil
	}
	if f, ok := w.(*os.File); ok {
		if width, _, err := term.GetSize(int(f.Fd())); err == nil {
			return widthFor(width), nil
		}
	}
	return defaultWidth, nil
}

// widthFor is the width to use on a terminal of so many columns: 0 of one that
// does not tell.
func widthFor(columns int) int {
	if columns == 0 {
		return defaultWidth
	}
	return max(columns, minWidth)
}

// isPlain tells whether terminals are to get no colour: NO_COLOR is set to
// anything, or the terminal understands none.
func isPlain() bool { return os.Getenv("NO_COLOR") != "" || os.Getenv("TERM") == "dumb" }

// useColor tells whether to colour output: as asked, else on a terminal.
func useColor(w io.Writer, asked string) (bool, error) {
	switch asked {
	case "always":
		return true, nil
	case "never":
		return false, nil
	case "auto":
		return isTerminal(w) && !isPlain(), nil
	}
	return false, flagError("--color %q: use auto, always or never", asked)
}
