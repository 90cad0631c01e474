package main

import (
	"context"
	"io"
	"testing"
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

// TestPauses wants many short pauses of a pipe to count as a long one.
func TestPauses(t *testing.T) {
	for _, c := range []struct {
		drip      drip
		quietFrom int
	}{
		{drip{20, quietAfter / 4}, 1}, // five times, but for a machine that has other things to do
		{drip{3, 2 * quietAfter}, 3},
	} {
		quiet, all := 0, c.drip.left
		in := &interruptible{ctx: context.Background(), from: &c.drip, quiet: func() { quiet++ }}
		data, err := io.ReadAll(in)
		if err != nil || len(data) != all || quiet < c.quietFrom {
			t.Errorf("%+v: %d bytes, %v, quiet %d times", c, len(data), err, quiet)
		}
	}
}
