package main

import (
	"bytes"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// A bar is for those who wait, and gone when there is something to read.
func TestTheProgressOfALongReadShowsAndIsGoneAfter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var screen bytes.Buffer
		p := &progress{out: &screen}
		const size = 3_000_000_000
		p.begin(size)
		for range 9 {
			p.read(size / 100)
			time.Sleep(progressAfter / 10)
		}
		if screen.Len() > 0 {
			t.Errorf("before its time, %q shows", screen.String())
		}
		for range 30 {
			p.read(size / 100)
			time.Sleep(progressAfter / 10)
		}
		shown := screen.String()
		if !strings.Contains(shown, "reading") || !strings.Contains(shown, "39%") {
			t.Errorf("no progress shows in %q", shown)
		}
		for _, line := range strings.Split(shown, "\r") {
			if n := len([]rune(line)); n > 79 || strings.Contains(line, "\n") {
				t.Errorf("%q takes %d columns", line, n)
			}
		}
		p.done()
		if left := afterLast(screen.String(), "\r"); strings.TrimSpace(left) != "" {
			t.Errorf("%q is left of the bar", left)
		}
	})
}

// afterLast is what stands behind the last separator.
func afterLast(s, separator string) string {
	return s[strings.LastIndex(s, separator)+1:]
}

func TestAShortReadShowsNoProgress(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var screen bytes.Buffer
		p := &progress{out: &screen}
		p.begin(1 << 20)
		time.Sleep(progressAfter / 2)
		p.read(1 << 20)
		p.done()
		if shown := strings.TrimSpace(screen.String()); shown != "" {
			t.Errorf("%q shows", shown)
		}
	})
}

func TestProgressIsForTerminals(t *testing.T) {
	p := newProgress(&bytes.Buffer{}, false)
	p.begin(1 << 20)
	if p.bar != nil {
		t.Error("what is no terminal gets a bar")
	}
	p.read(1)
	p.done()
}
