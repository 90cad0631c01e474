package main

import (
	"context"
	"io"
	"testing"
	"testing/synctest"
	"time"
)

// drip is a pipe that brings a byte at a time, with pauses.
type drip struct {
	left  int
	pause time.Duration
}

func (d *drip) Read(p []byte) (int, error) {
	if d.left == 0 {
		return 0, io.EOF
	}
	time.Sleep(d.pause)
	d.left--
	return copy(p, "x"), nil
}

// TestPauses wants many short pauses of a pipe to count as a long one. In the
// bubble, time is not that of a machine that has other things to do.
func TestPauses(t *testing.T) {
	for _, c := range []struct {
		drip  drip
		quiet int
	}{
		{drip{20, quietAfter / 4}, 4}, // at every fifth, because some of each does not count
		{drip{3, 2 * quietAfter}, 3},
		{drip{20, readTime}, 0},
	} {
		synctest.Test(t, func(t *testing.T) {
			quiet, all := 0, c.drip.left
			in := &interruptible{ctx: context.Background(), from: &c.drip, quiet: func() { quiet++ }}
			data, err := io.ReadAll(in)
			if err != nil || len(data) != all || quiet != c.quiet {
				t.Errorf("%+v: %d bytes, %v, quiet %d times, want %d", c.drip, len(data), err, quiet, c.quiet)
			}
		})
	}
}
