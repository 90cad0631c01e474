package proxy

import (
	"bytes"
	"fmt"
	"net"
	"sync/atomic"
	"time"

	"msnproxy/decode"
)

// slicePause keeps the pieces of a sliced command apart: without it, a client
// would find several in one read.
const slicePause = time.Millisecond

// faulty is what a connection holds while there are faults (Config.Faults).
type faulty struct {
	conn    *conn
	faults  []Fault
	ended   chan struct{} // closed when nothing is worth waiting for any more
	timer   *time.Timer   // of drop-switchboard
	struck  []strike      // what happens to commands that are to be written now
	said    int           // messages on a switchboard
	dropped string        // the fault that ended the connection

	dropNow atomic.Pointer[Fault] // drop-switchboard, once enough was said
}

// strike is a part of what is to be written to the client, and the fault that
// happens to it.
type strike struct {
	from, to int
	fault    Fault
}

// newFaulty returns what a connection needs, or nil if there are no faults.
func (c *conn) newFaulty() *faulty {
	if len(c.proxy.cfg.Faults) == 0 {
		return nil
	}
	f := &faulty{conn: c, faults: c.proxy.cfg.Faults, ended: make(chan struct{})}
	if f.refuses() {
		c.asking = c.newQuestioning(0)
		c.asked.Store(true)
	}
	return f
}

// of returns the fault of a kind that names a verb, or nil. Verb "" asks for
// the one that names none: it happens to every command.
func (f *faulty) of(kind *faultKind, verb string) *Fault {
	for i := range f.faults {
		if f.faults[i].kind == kind && f.faults[i].verb == verb {
			return &f.faults[i]
		}
	}
	return nil
}

// mayConcern tells whether a command of the server that begins like this may
// be one to which something happens: then it is held until it is complete.
func (f *faulty) mayConcern(begin []byte) bool {
	return f.mayBe(begin, func(one *Fault) bool { return one.kind != errorReply })
}

// mayBe tells whether a command that begins like this may be one of those that
// faults name.
func (f *faulty) mayBe(begin []byte, counts func(*Fault) bool) bool {
	if len(begin) == 0 || len(begin) > maxHeld {
		return false
	}
	for i := range f.faults {
		verb := []byte(f.faults[i].verb)
		if len(verb) > 0 && counts(&f.faults[i]) && (bytes.HasPrefix(begin, verb) || bytes.HasPrefix(verb, begin)) {
			return true
		}
	}
	return false
}

// strike notes what is to happen to a complete command of the server, of which
// nothing has gone on, when it is written at that place.
func (f *faulty) strike(r *decode.Record, from, length int) {
	for _, kind := range []*faultKind{delay, slice, cutOff} {
		if one := f.of(kind, r.Verb); one != nil && r.Kind == decode.KindCommand && !r.Injected {
			f.struck = append(f.struck, strike{from, from + length, *one})
			addFault(r, one.text)
		}
	}
}

// mark notes in a record what happens to it beside the faults of its command.
// The caller holds the lock.
func (f *faulty) mark(r *decode.Record) {
	switch {
	case r.Kind == decode.KindClose && f.dropped != "":
		addFault(r, f.dropped)
	case r.Dir == decode.ServerToClient && !r.Injected:
		if all := f.of(delay, ""); all != nil {
			addFault(r, all.text)
		}
		if all := f.of(slice, ""); all != nil && (r.Verb == "" || f.of(slice, r.Verb) == nil) {
			addFault(r, all.text)
		}
	}
	f.watchSwitchboard(r)
}

func addFault(r *decode.Record, text string) {
	r.Notes = append(r.Notes, decode.Note{Kind: decode.NoteFault, Text: text})
}

// write writes to the client what it is to get, as the faults have it.
func (f *faulty) write(out []byte) error {
	at := 0
	for i := 0; i < len(f.struck); {
		first := f.struck[i]
		if err := f.writeSliced(out[at:first.from], f.of(slice, "")); err != nil {
			return err
		}
		n := i
		for n < len(f.struck) && f.struck[n].from == first.from {
			n++
		}
		if err := f.writeStruck(out[first.from:first.to], f.struck[i:n]); err != nil {
			return err
		}
		i, at = n, first.to
	}
	f.struck = f.struck[:0]
	err := f.writeSliced(out[at:], f.of(slice, ""))
	f.carryOut()
	return err
}

// carryOut ends a connection on which enough was said.
func (f *faulty) carryOut() {
	if one := f.dropNow.Load(); one != nil {
		f.conn.drop(*one)
	}
}

// writeStruck writes a command to which something happens.
func (f *faulty) writeStruck(command []byte, strikes []strike) error {
	pieces := f.of(slice, "")
	var end *Fault
	for i := range strikes {
		switch one := &strikes[i].fault; one.kind {
		case delay:
			f.wait(one.time)
		case slice:
			pieces = one
		case cutOff:
			end = one
			command = command[:min(len(command), one.number)]
		}
	}
	if err := f.writeSliced(command, pieces); err != nil || end == nil {
		return err
	}
	f.conn.drop(*end)
	return net.ErrClosed
}

// writeSliced writes in pieces, if there are to be any.
func (f *faulty) writeSliced(p []byte, pieces *Fault) error {
	size := len(p)
	if pieces != nil {
		size = min(size, pieces.number)
	}
	for first := true; len(p) > 0; first = false {
		if !first {
			f.wait(slicePause)
		}
		n := min(size, len(p))
		if _, err := f.conn.client.Write(p[:n]); err != nil {
			return err
		}
		p = p[n:]
	}
	return nil
}

// wait waits, unless the connection ends.
func (f *faulty) wait(d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-f.ended:
	}
}

// end has nothing wait any more. The caller holds the lock.
func (f *faulty) end() {
	if f == nil {
		return
	}
	if !f.isOver() {
		close(f.ended)
	}
	if f.timer != nil {
		f.timer.Stop()
	}
}

func (f *faulty) isOver() bool {
	select {
	case <-f.ended:
		return true
	default:
		return false
	}
}

// watchSwitchboard sees to it that a connection to a switchboard is dropped.
func (f *faulty) watchSwitchboard(r *decode.Record) {
	one := f.of(dropSwitchboard, "")
	switch {
	case one == nil || r.Server != decode.SB || r.Kind == decode.KindClose:
	case one.time > 0 && f.timer == nil:
		f.timer = time.AfterFunc(one.time, func() { f.conn.drop(*one) })
	case one.number > 0 && r.Verb == "MSG":
		if f.said++; f.said == one.number {
			f.dropNow.Store(one)
		}
	}
}

// drop breaks a connection off because of a fault. A capture shows it as a
// reset by the server, for that is what the client sees.
func (c *conn) drop(because Fault) {
	c.lockSeen()
	defer c.mu.Unlock()
	if c.faults.isOver() || !c.ending.breaksOff(theServer) {
		return
	}
	c.faults.dropped = because.text
	c.faults.end()
	c.proxy.cfg.Live.Reset(c.id, decode.ServerToClient, c.now().Time)
	c.proxy.cfg.Log.Info().Str("conn", c.id).Str("fault", because.text).Msg("the connection was broken off on purpose")
	reset(c.client)
	reset(c.server)
}

// refuses tells whether a request of the client is refused by the proxy.
func (f *faulty) refuses() bool {
	for i := range f.faults {
		if f.faults[i].kind == errorReply {
			return true
		}
	}
	return false
}

// mayRefuse tells whether a command of the client that begins like this may be
// one that is refused.
func (f *faulty) mayRefuse(begin []byte) bool {
	return f.mayBe(begin, func(one *Fault) bool { return one.kind == errorReply })
}

// refuse keeps a request from the server and has the client told an error
// instead of the answer, if a fault says so.
func (f *faulty) refuse(r *decode.Record) bool {
	one := f.of(errorReply, r.Verb)
	if one == nil || !r.HasTrID {
		return false
	}
	f.conn.asking.say = fmt.Appendf(f.conn.asking.say, "%03d %d\r\n", one.number, r.TrID)
	addFault(r, one.text)
	return true
}
