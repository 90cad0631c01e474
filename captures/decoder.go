package captures

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"msnproxy/decode"
)

// Options is what a Decoder is told.
type Options struct {
	// Book is shared by the sessions of the run. If it is nil, the decoder
	// makes one.
	Book *decode.Book
	// Checks is what the proofs of clients are checked with; nil knows the
	// published product keys.
	Checks *decode.Checks
	// Emit, if it is not nil, is called with each record, which is the
	// receiver's from then on. See Recycle.
	Emit func(*decode.Record)
	// Ports are further ports of servers, beside that of the service: what
	// comes from there needs less evidence to be taken for MSNP.
	Ports []uint16
	// OnlyPorts leaves connections alone that have neither end at one of
	// these ports. Without it, MSNP is found on any.
	OnlyPorts bool
	// TellFiles has records bear the names of their files.
	TellFiles bool
	// Progress, if it is not nil, is called with how many bytes more were
	// read of the files that Files reads.
	Progress func(bytes int)
}

// isService tells whether a port is one of servers.
func (o *Options) isService(port uint16) bool {
	return port == msnpPort || slices.Contains(o.Ports, port)
}

// Decoder turns capture files into records. All files that it reads are one
// run, as if they were one file: connections go on from one to the next, and
// end with the run, which Close ends.
//
// Files that are read together are merged by the times of their packets; where
// those are equal, the file that begins earlier comes first, and then its name.
// Records come sorted, in the order of capture time, packet, connection, as far
// as the limits in order.go allow; those of a connection always stay in their
// order.
type Decoder struct {
	options   Options
	assembler *assembler
	table     *table
	parser    parser
	order     sorter
	files     []*Summary // of the run, in the order in which they were begun
	carriers  int        // TCP connections of HTTP so far that have an id
}

// NewDecoder returns a decoder for a run.
func NewDecoder(o Options) *Decoder {
	if o.Book == nil {
		o.Book = &decode.Book{}
	}
	if o.Emit == nil {
		o.Emit = func(*decode.Record) {}
	}
	d := &Decoder{options: o, assembler: newAssembler()}
	d.table = newTable(d)
	d.order.emit = d.emit
	return d
}

// Recycle takes records back that nobody needs any more: those to come are made
// of them. Who keeps the records leaves it.
func (d *Decoder) Recycle(records ...*decode.Record) {
	for _, r := range records {
		d.order.takeBack(r)
	}
}

// emit passes a record on.
func (d *Decoder) emit(r *decode.Record) {
	if d.options.TellFiles {
		r.File = d.files[r.Input].File
	}
	d.options.Emit(r)
}

// Summary tells what was in a capture file.
type Summary struct {
	File        string
	Kind        string // "pcap", "pcapng" or "snoop", with ".gz", ".zst" or ".bz2" if it is compressed
	Packets     int64
	Bytes       int64 // of all packets, as far as they were captured
	First, Last time.Time
	Connections int              // those that speak MSNP and began in this file
	Exchanges   int              // of HTTP, beside MSNP, that began in it
	Evicted     int64            // connections given up in it because there were too many
	Skipped     map[string]int64 // packets that could not be used, by reason
}

// SkippedPackets counts the packets that could not be used.
func (s Summary) SkippedPackets() int64 {
	var n int64
	for _, count := range s.Skipped {
		n += count
	}
	return n
}

// File reads one capture to its end, which may be that of a live pipe. What
// was read before an error has been used. The context is looked at between two
// packets. A reader that has nothing more for a while may call Flush.
func (d *Decoder) File(ctx context.Context, name string, r io.Reader) error {
	d.order.window = pipeWindow
	f := d.begin(name)
	if err := f.open(r); err != nil {
		return err
	}
	for {
		if err := ctx.Err(); err != nil {
			return f.stopped(err)
		}
		head, err := f.next()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		d.use(f, head)
	}
}

// Flush hands out the records that wait for older ones to come. What is older
// and comes after all is then out of order.
func (d *Decoder) Flush() { d.order.flush() }

// Close ends the run: all connections that are still open are closed. It
// returns the summaries of the files, in the order in which they were begun.
func (d *Decoder) Close() []Summary {
	d.table.finishAll()
	d.order.flush()
	d.parser.fragments.forgetAll()
	d.countLostFragments()
	out := make([]Summary, len(d.files))
	for i, sum := range d.files {
		out[i] = *sum
	}
	return out
}

// begin adds a file to the run.
func (d *Decoder) begin(name string) *file {
	f := &file{number: len(d.files), summary: &Summary{File: name, Skipped: map[string]int64{}}}
	d.files = append(d.files, f.summary)
	return f
}

// use counts a packet of a file and decodes it.
func (d *Decoder) use(f *file, p frame) {
	sum := f.summary
	sum.count(p)
	d.table.file = f.number
	if skip := d.parser.parse(p, decode.Stamp{Time: p.time, Packet: sum.Packets, Input: int32(f.number), Injected: p.injected}); skip != "" {
		sum.Skipped[skip]++
	}
	for i := range d.parser.segments {
		if skip := d.table.packet(&d.parser.segments[i]); skip != "" {
			sum.Skipped[skip]++
		}
	}
	d.order.release(p.time)
	d.countLostFragments()
}

// countLostFragments counts the fragments that have waited in vain, in the
// file at hand.
func (d *Decoder) countLostFragments() {
	lost := &d.parser.fragments.lost
	if *lost > 0 {
		d.files[d.table.file].Skipped[skipFragment] += *lost
		*lost = 0
	}
}

// count counts a packet.
func (s *Summary) count(p frame) {
	s.Packets++
	s.Bytes += int64(len(p.data))
	if p.time.IsZero() { // simple packet blocks of a pcapng file have no time
		return
	}
	if s.First.IsZero() || p.time.Before(s.First) {
		s.First = p.time
	}
	if p.time.After(s.Last) {
		s.Last = p.time
	}
}

// file is a file that is being read.
type file struct {
	number  int // in the run
	summary *Summary
	src     source
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
func (f *file) next() (frame, error) {
	p, err := f.src.next()
	if err != nil && err != io.EOF {
		err = fmt.Errorf("%s: %w", f.summary.File, f.damage(err))
	}
	return p, err
}

// damage says what is wrong with the file at the packet that cannot be read.
func (f *file) damage(err error) error {
	at := f.summary.Packets + 1
	if errors.Is(err, io.ErrUnexpectedEOF) {
		return &cutError{at}
	}
	return fmt.Errorf("packet %d: %w; the packets before it were decoded", at, err)
}

// stopped says how far the file was read.
func (f *file) stopped(err error) error {
	return fmt.Errorf("%s: stopped after packet %d: %w", f.summary.File, f.summary.Packets, err)
}

// cutError tells that a file ends within a packet.
type cutError struct{ packet int64 }

func (e *cutError) Error() string {
	return fmt.Sprintf("packet %d: the file is cut off here; the packets before it were decoded", e.packet)
}

// Unwrap makes it known as io.ErrUnexpectedEOF.
func (e *cutError) Unwrap() error { return io.ErrUnexpectedEOF }
