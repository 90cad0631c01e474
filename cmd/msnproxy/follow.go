package main

import (
	"context"
	"errors"
	"io"
	"os"
	"time"
)

// followPause is how long the end of a growing file is left alone before it is
// looked at again.
const followPause = 100 * time.Millisecond

// growing reads a file, and then whatever it grows by, until the context ends.
func (r *reading) growing(ctx context.Context, name string) error {
	file, err := os.Open(name)
	if err != nil {
		return err
	}
	defer file.Close()
	err = r.input(context.WithoutCancel(ctx), name, &growing{ctx: ctx, file: file, quiet: r.decoder.Flush})
	if ctx.Err() != nil && errors.Is(err, io.ErrUnexpectedEOF) {
		return nil // somebody was just writing a packet
	}
	return err
}

// growing is a file that may become longer. It ends when the context does.
type growing struct {
	ctx   context.Context
	file  *os.File
	at    int64
	quiet func() // called when it has not grown for a while
}

func (g *growing) Read(p []byte) (int, error) {
	for {
		n, err := g.file.Read(p)
		g.at += int64(n)
		if n > 0 || err != io.EOF {
			return n, err
		}
		if err := g.wait(); err != nil {
			return 0, err
		}
	}
}

// wait lets some time pass.
func (g *growing) wait() error {
	if info, err := g.file.Stat(); err == nil && info.Size() < g.at {
		return errors.New("the file has become shorter while it was followed; begin again with the new one")
	}
	select {
	case <-g.ctx.Done():
		return io.EOF
	case <-time.After(followPause):
		g.quiet()
		return nil
	}
}
