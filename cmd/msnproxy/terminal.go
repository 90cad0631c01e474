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
		if width, _, err := term.GetSize(int(f.Fd())); err == nil && width >= minWidth {
			return width, nil
		}
	}
	return defaultWidth, nil
}

// useColor tells whether to colour output: as asked, else on a terminal,
// unless NO_COLOR is set to anything.
func useColor(w io.Writer, asked string) (bool, error) {
	switch asked {
	case "always":
		return true, nil
	case "never":
		return false, nil
	case "auto":
		return isTerminal(w) && os.Getenv("NO_COLOR") == "", nil
	}
	return false, flagError("--color %q: use auto, always or never", asked)
}
