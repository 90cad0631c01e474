package captures

import (
	"errors"
	"fmt"
	"io"

	"msnproxy/decode"
)

// file is a file that is being read.
type file struct {
	number  int // in the run
	packets int64
	summary *Summary
	src     source
}

// readPacket is what a packet of a file brought.
type readPacket struct {
	file     *file
	at       decode.Stamp
	size     int       // of the packet, as far as it was captured
	cut      bool      // there was more of it on the wire
	skip     string    // why it is of no use
	segments []segment // what it gave; see parser.parse
	inVain   int64     // fragments that will not be used any more, as is known by now
}

// reading is the part of the work that needs nothing of what comes of it:
// reading packets, and taking the headers off them.
type reading struct {
	begun  int // files so far
	parser parser
}

// begin begins a file.
func (r *reading) begin(name string) *file {
	r.begun++
	return &file{number: r.begun - 1, summary: &Summary{File: name, Skipped: map[string]int64{}}}
}

// packet takes the headers off a packet. What it makes of it is valid as long as
// the packet, and until the next one.
func (r *reading) packet(made *readPacket, f *file, p *frame) {
	f.packets++
	made.file, made.size, made.cut = f, len(p.data), p.length > len(p.data)
	made.at = decode.Stamp{Time: p.time, Packet: f.packets, Input: int32(f.number), Injected: p.injected}
	made.skip = r.parser.parse(p, made.at)
	made.segments, made.inVain = r.parser.segments, r.parser.fragments.countLost()
}

// end ends the reading of the run, and tells how many fragments have waited in
// vain.
func (r *reading) end() int64 {
	r.parser.fragments.forgetAll()
	return r.parser.fragments.countLost()
}

// open finds out what kind of file it is.
func (f *file) open(r io.Reader) error {
	src, kind, err := openSource(r)
	f.src, f.summary.Kind = src, kind
	if err != nil {
		return fmt.Errorf("%s: %w", f.summary.File, err)
	}
	return nil
}

// next reads a packet. It returns io.EOF at the end of the file, and any other
// error with what is wrong with the file.
func (f *file) next(p *frame) error {
	err := f.src.next(p)
	if err != nil && err != io.EOF {
		err = fmt.Errorf("%s: %w", f.summary.File, f.damage(err))
	}
	return err
}

// damage says what is wrong with the file at the packet that cannot be read.
func (f *file) damage(err error) error {
	at := f.packets + 1
	if errors.Is(err, io.ErrUnexpectedEOF) {
		return &cutError{at}
	}
	return fmt.Errorf("packet %d: %w; the packets before it were decoded", at, err)
}

// stopped says how far the file was read.
func (f *file) stopped(err error) error {
	return fmt.Errorf("%s: stopped after packet %d: %w", f.summary.File, f.packets, err)
}

// cutError tells that a file ends within a packet.
type cutError struct{ packet int64 }

func (e *cutError) Error() string {
	return fmt.Sprintf("packet %d: the file is cut off here; the packets before it were decoded", e.packet)
}

// Unwrap makes it known as io.ErrUnexpectedEOF.
func (e *cutError) Unwrap() error { return io.ErrUnexpectedEOF }
