package proxy

import (
	"io"
	"sync"
)

const (
	// bufferSize is what is read at one time when much comes. It bounds what
	// the proxy holds of a connection: nothing is read before the last read
	// has been passed on.
	bufferSize = 32 << 10
	// idleBuffer is what may be held on to while nothing comes.
	idleBuffer = 2 << 10
)

// inlet is one end of a connection, to read from.
type inlet interface {
	// next waits for bytes and returns them, valid until the next call. What
	// ends them may come with the last.
	next() ([]byte, error)
}

// newInlet returns the inlet that holds least while nothing comes.
func newInlet(from io.Reader) inlet {
	if in := newWaitingInlet(from); in != nil {
		return in
	}
	return &readingInlet{from: from}
}

// bigBuffers are lent to directions through which something comes.
var bigBuffers = sync.Pool{New: func() any { return new([bufferSize]byte) }}

// readingInlet reads whatever there is, which takes a buffer to wait with: a
// small one, until a read fills it.
type readingInlet struct {
	from  io.Reader
	small [idleBuffer]byte
	big   *[bufferSize]byte
	last  int // what the last read brought
}

func (in *readingInlet) next() ([]byte, error) {
	switch {
	case in.big == nil && in.last == idleBuffer:
		in.big = bigBuffers.Get().(*[bufferSize]byte)
	case in.big != nil && in.last < idleBuffer:
		bigBuffers.Put(in.big)
		in.big = nil
	}
	p := in.small[:]
	if in.big != nil {
		p = in.big[:]
	}
	n, err := in.from.Read(p)
	in.last = n
	return p[:n], err
}
