package proxy

import (
	"io"
	"net/http"
	"sync"
	"time"
)

// httpTimes is how long a client of HTTP may take, so that nobody holds a
// connection for nothing.
type httpTimes struct {
	header time.Duration // to send the header of a request
	body   time.Duration // to send the body of one to the gateway, or a piece of another
	idle   time.Duration // between two requests: clients poll every few seconds
	write  time.Duration // to take a piece of an answer
}

var usualTimes = httpTimes{header: 30 * time.Second, body: time.Minute, idle: 5 * time.Minute, write: 2 * time.Minute}

// timedBody is the body of a request that must come in time: pieces of it, or
// all of it.
type timedBody struct {
	io.ReadCloser
	control *http.ResponseController
	time    time.Duration
	whole   bool
	begun   bool

	mu    sync.Mutex // an answer may begin, and end, while the end is read
	ended bool       // or left: what time there is is not its business any more
}

// mustCome gives the client some time for what is read next. When all is there,
// it may wait for its answer for as long as it likes.
func (b *timedBody) mustCome() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if !b.ended {
		_ = b.control.SetReadDeadline(time.Now().Add(b.time))
	}
}

// leave leaves the connection to net/http, which gives the client its time from
// here on: whoever still reads the body must not take that back. It reports whether
// the body had ended.
func (b *timedBody) leave() (ended bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	ended, b.ended = b.ended, true
	return ended
}

func (b *timedBody) end() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if !b.ended {
		b.ended = true
		_ = b.control.SetReadDeadline(time.Time{})
	}
}

// Read waits for a piece.
func (b *timedBody) Read(p []byte) (int, error) {
	if !b.whole || !b.begun {
		b.begun = true
		b.mustCome()
	}
	n, err := b.ReadCloser.Read(p)
	if err == io.EOF {
		b.end()
	}
	return n, err
}
