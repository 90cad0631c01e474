package main

import "testing"

func TestWhatATerminalCanShow(t *testing.T) {
	for columns, want := range map[int]int{0: 80, 1: 40, 39: 40, 40: 40, 79: 79, 500: 500} {
		if got := widthFor(columns); got != want {
			t.Errorf("of %d columns, %d are used, want %d", columns, got, want)
		}
	}
	for _, c := range []struct {
		term, noColor string
		plain         bool
	}{{"xterm", "", false}, {"", "", false}, {"dumb", "", true}, {"xterm", "1", true}} {
		t.Setenv("TERM", c.term)
		t.Setenv("NO_COLOR", c.noColor)
		if isPlain() != c.plain {
			t.Errorf("TERM=%s NO_COLOR=%s: plain is %v", c.term, c.noColor, isPlain())
		}
	}
}
