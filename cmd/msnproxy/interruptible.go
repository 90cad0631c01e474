package main

import (
	"context"
	"io"
	"time"
)

// interruptible is an input that ends when the context does: whoever presses
// Ctrl-C on a live pipe wants the end of the output, not none.
type interruptible struct {
	ctx  context.Context
	from io.Reader
	read chan result // of the read under way, if there is one
	rest []byte      // read, and not yet asked for

	quiet  func()        // called when it has been waited for a while
	waited time.Duration // since then
}

type result struct {
	p   []byte
	err error
}

// lastWords is how long an interrupted input may still bring what its other
// end has to say: tcpdump in the same pipe gets the same Ctrl-C.
const lastWords = 500 * time.Millisecond

const (
	// quietAfter is how long a live input may keep us waiting, one time or many
	// together, before what waits for more of it is shown: somebody may be
	// watching.
	quietAfter = 200 * time.Millisecond
	// readTime is what a read may take that does not count as waiting, so that
	// a pipe from a file does not seem to be live, even on a busy machine.
	readTime = 2 * time.Millisecond
)

func (i *interruptible) Read(p []byte) (int, error) {
	if len(i.rest) == 0 {
		r := i.next()
		if len(r.p) == 0 {
			return 0, r.err
		}
		i.rest = r.p
	}
	n := copy(p, i.rest)
	i.rest = i.rest[n:]
	return n, nil
}

// next waits for the next read, which goes on in a goroutine of its own: it
// cannot be broken off, and ends with the program at the latest.
func (i *interruptible) next() result {
	if i.read == nil {
		i.read = make(chan result, 1)
		go func() {
			buffer := make([]byte, 64<<10)
			n, err := i.from.Read(buffer)
			i.read <- result{buffer[:n], err}
		}()
	}
	begun := time.Now()
	r, ok := i.await(i.ctx.Done(), time.After(quietAfter-i.waited))
	i.waited = max(0, i.waited+time.Since(begun)-readTime)
	if !ok && i.ctx.Err() == nil {
		i.quiet()
		i.waited = 0
		r, ok = i.await(i.ctx.Done(), nil)
	}
	if !ok {
		r, ok = i.await(nil, time.After(lastWords))
	}
	if !ok {
		return result{nil, io.EOF}
	}
	return r
}

// await waits for the read under way, until something else happens.
func (i *interruptible) await(done <-chan struct{}, late <-chan time.Time) (r result, ok bool) {
	select {
	case r = <-i.read:
		i.read = nil
		return r, true
	case <-done:
	case <-late:
	}
	return result{}, false
}
