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

// follow goes on with what a file grows by, or with the files of a folder, until
// the context ends.
func (r *reading) follow(ctx context.Context, in inputs) error {
	switch {
	case in.empty() && !in.bare:
		return nil // what is wrong with it was told
	case in.folders > 0:
		return r.rotated(ctx, in.names[0])
	}
	return r.growing(ctx, in.names[0], nil)
}

// growing reads a file, and then whatever it grows by, until the context ends,
// or until over, if there is that, says that it will not grow any more.
func (r *reading) growing(ctx context.Context, name string, over func() bool) error {
	file, err := os.Open(name)
	if err != nil {
		return err
	}
	defer file.Close()
	err = r.input(context.WithoutCancel(ctx), name, &growing{ctx: ctx, file: file, quiet: r.decoder.Flush, over: over})
	if ctx.Err() != nil && errors.Is(err, io.ErrUnexpectedEOF) {
		return nil // somebody was just writing a packet
	}
	return err
}

// growing is a file that may become longer. It ends when the context does, or
// when it is over.
type growing struct {
	ctx   context.Context
	file  *os.File
	at    int64
	quiet func() // called when it has not grown for a while
	over  func() bool
	last  bool // it was over, and may have grown before
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
	if g.last {
		return io.EOF
	}
	if g.last = g.over != nil && g.over(); g.last {
		return nil
	}
	select {
	case <-g.ctx.Done():
		return io.EOF
	case <-time.After(followPause):
		g.quiet()
		return nil
	}
}
