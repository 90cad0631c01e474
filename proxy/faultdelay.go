package proxy

import (
	"bytes"
	"io"
	"net"
	"time"
)

// reader reads from the server, whatever the delay of that.
func (f *faulty) reader(server net.Conn) io.Reader {
	if f == nil || f.of(delay, "") == nil {
		return server
	}
	return newDelayLine(server, f.of(delay, "").time, f.ended)
}

// delayLine is the way from a server that is far: what it sends takes its time.
type delayLine struct {
	from   net.Conn
	time   time.Duration
	ended  <-chan struct{}
	chunks chan chunk
	left   chunk // of which some has been read
}

// chunk is what one read brought, and how the stream ended if it did.
type chunk struct {
	bytes []byte
	err   error
	due   time.Time
}

// maxUnderWay is how many reads of a server may be under way at a time. It
// bounds the memory of a delay; more stays in the server's socket.
const maxUnderWay = 32

// newDelayLine begins to read from a server. It ends when the connection does.
func newDelayLine(from net.Conn, by time.Duration, ended <-chan struct{}) *delayLine {
	l := &delayLine{from: from, time: by, ended: ended, chunks: make(chan chunk, maxUnderWay)}
	go l.fill()
	return l
}

func (l *delayLine) fill() {
	in := newInlet(l.from)
	for {
		p, err := in.next()
		select {
		case l.chunks <- chunk{bytes.Clone(p), err, time.Now().Add(l.time)}:
		case <-l.ended:
			return
		}
		if err != nil {
			return
		}
	}
}

// Read reads what has been under way for long enough.
func (l *delayLine) Read(p []byte) (int, error) {
	if len(l.left.bytes) == 0 && l.left.err == nil {
		select {
		case l.left = <-l.chunks:
		case <-l.ended:
			return 0, net.ErrClosed
		}
		l.await(l.left.due)
	}
	n := copy(p, l.left.bytes)
	l.left.bytes = l.left.bytes[n:]
	if len(l.left.bytes) == 0 {
		return n, l.left.err
	}
	return n, nil
}

// await waits until a time has come, or the connection ends.
func (l *delayLine) await(due time.Time) {
	timer := time.NewTimer(time.Until(due))
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-l.ended:
	}
}
