package captures

import (
	"context"
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

	effort *decode.Effort // of all sessions of the run
}

// isService tells whether a port is one of servers.
func (o *Options) isService(port uint16) bool {
	return port == decode.DefaultPort || slices.Contains(o.Ports, port)
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
	order     sorter
	files     []*Summary // of the run, in the order in which they were begun
	carriers  int        // TCP connections of HTTP so far that have an id

	reading reading // what comes before: another goroutine may be at it
}

// NewDecoder returns a decoder for a run.
func NewDecoder(o Options) *Decoder {
	if o.Book == nil {
		o.Book = &decode.Book{}
	}
	if o.Emit == nil {
		o.Emit = func(*decode.Record) {}
	}
	o.effort = &decode.Effort{}
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
	Cut         int64            // packets that the capture has only the beginnings of
	Skipped     map[string]int64 // packets that could not be used, by reason
}

// File reads one capture to its end, which may be that of a live pipe. What
// was read before an error has been used. The context is looked at between two
// packets. A reader that has nothing more for a while may call Flush.
func (d *Decoder) File(ctx context.Context, name string, r io.Reader) error {
	f := d.reading.begin(name)
	d.register(f)
	if err := f.open(r); err != nil {
		return err
	}
	var head frame
	var p readPacket
	for {
		if ctx.Err() != nil {
			return f.stopped(context.Cause(ctx))
		}
		err := f.next(&head)
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		d.reading.packet(&p, f, &head)
		d.use(&p)
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
	d.countLostFragments(d.reading.end())
	out := make([]Summary, len(d.files))
	for i, sum := range d.files {
		out[i] = *sum
	}
	return out
}

// register adds a file to the run.
func (d *Decoder) register(f *file) { d.files = append(d.files, f.summary) }

// use counts a packet and makes records of it.
func (d *Decoder) use(p *readPacket) {
	sum := p.file.summary
	sum.count(p)
	d.table.file = p.file.number
	if p.skip != "" {
		sum.Skipped[p.skip]++
	}
	for i := range p.segments {
		if skip := d.table.packet(&p.segments[i]); skip != "" {
			sum.Skipped[skip]++
		}
	}
	d.order.release(p.at.Time)
	d.countLostFragments(p.inVain)
}

// countLostFragments counts fragments that have waited in vain, in the file at
// hand.
func (d *Decoder) countLostFragments(n int64) {
	if n > 0 {
		d.files[d.table.file].Skipped[skipFragment] += n
	}
}

// count counts a packet.
func (s *Summary) count(p *readPacket) {
	s.Packets++
	s.Bytes += int64(p.size)
	if p.cut {
		s.Cut++
	}
	at := p.at.Time
	if at.IsZero() { // simple packet blocks of a pcapng file have no time
		return
	}
	if s.First.IsZero() || at.Before(s.First) {
		s.First = at
	}
	if at.After(s.Last) {
		s.Last = at
	}
}
