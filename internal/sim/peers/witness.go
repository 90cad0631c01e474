package peers

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"msnproxy/decode"
)

// ErrHeldBack tells that bytes do not come through before others follow.
var ErrHeldBack = errors.New("held back")

// Witness lets a server and its clients, in one program, tell one another how
// much of a command has arrived. With it they write every command in two
// parts, and the last byte only when the other end has all the bytes before:
// whoever holds bytes back on the way until a line or a payload is complete is
// noticed. Commands that a proxy may change (XFR, RNG and the profile) are
// written whole.
//
// An account may have only one switchboard at a time while it is watched.
type Witness struct {
	// Patience is how long a byte may take from one end to the other, on one
	// machine, before it counts as held back.
	Patience time.Duration

	mu      sync.Mutex
	partial map[stream]int
	changed chan struct{}
}

// stream is one direction of an account's connection. Dispatch and notification
// server count as one: a client can't tell them apart, and is on one at a time.
type stream struct {
	chat    bool // on the switchboard
	account string
	dir     decode.Direction
}

func streamOf(kind decode.Server, account string, dir decode.Direction) stream {
	return stream{kind == decode.SB, account, dir}
}

func (s stream) String() string {
	if s.chat {
		return fmt.Sprintf("switchboard, %s, %v", s.account, s.dir)
	}
	return fmt.Sprintf("notification server, %s, %v", s.account, s.dir)
}

// NewWitness returns a witness for one server and its clients.
func NewWitness() *Witness {
	return &Witness{Patience: 30 * time.Second, partial: map[stream]int{}, changed: make(chan struct{})}
}

// report tells how many bytes of an unfinished command an end has.
func (w *Witness) report(s stream, n int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.partial[s] = n
	close(w.changed)
	w.changed = make(chan struct{})
}

// await waits until the other end has n bytes of an unfinished command.
func (w *Witness) await(s stream, n int) error {
	ctx, cancel := context.WithTimeout(context.Background(), w.Patience)
	defer cancel()
	for {
		w.mu.Lock()
		has, changed := w.partial[s], w.changed
		w.mu.Unlock()
		if has == n {
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return fmt.Errorf("%v: %w: of a command, %d bytes were sent, %d have arrived", s, ErrHeldBack, n, has)
		}
	}
}

// write writes commands: at once, or in two parts each if there is a witness.
func (w *Witness) write(to io.Writer, s stream, commands []command) error {
	var whole []byte
	for _, c := range commands {
		whole = append(whole, c.bytes()...)
		if w == nil || s.account == "" || mayChange(c) {
			continue
		}
		last := len(whole) - 1
		if _, err := to.Write(whole[:last]); err != nil {
			return err
		}
		if err := w.await(s, c.size()-1); err != nil {
			return err
		}
		whole = whole[last:]
	}
	_, err := to.Write(whole)
	return err
}

// mayChange tells whether a proxy may have to change a command, and so must
// see all of it first.
func mayChange(c command) bool {
	return c.verb() == "XFR" || c.verb() == "RNG" || c.word(1) == serviceHandle
}

// counter counts what arrives, for a witness.
type counter struct {
	from    io.Reader
	mu      sync.Mutex
	partial int // bytes that are no part of a complete command
	report  func(partial int)
}

// Read counts what it reads.
func (c *counter) Read(p []byte) (int, error) {
	n, err := c.from.Read(p)
	c.count(n)
	return n, err
}

// done takes a command off the count.
func (c *counter) done(size int) { c.count(-size) }

func (c *counter) count(n int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.partial += n
	if n != 0 && c.report != nil {
		c.report(c.partial)
	}
}

// reportTo begins to tell a witness about a stream.
func (c *counter) reportTo(w *Witness, s stream) {
	if w == nil {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.report = func(partial int) { w.report(s, partial) }
}
