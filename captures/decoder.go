package captures

import (
	"context"
	"errors"
	"fmt"
	"io"
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
	// Emit, if it is not nil, is called with each record, which is valid only
	// during the call.
	Emit func(*decode.Record)
}

// Decoder turns capture files into records. Connection ids are unique over
// all files that one Decoder reads.
type Decoder struct {
	options   Options
	assembler *assembler
	accepted  int // connections so far that turned out to speak MSNP
	carriers  int // TCP connections of HTTP so far that have an id
}

// NewDecoder returns a decoder for a run.
func NewDecoder(o Options) *Decoder {
	if o.Book == nil {
		o.Book = &decode.Book{}
	}
	if o.Emit == nil {
		o.Emit = func(*decode.Record) {}
	}
	return &Decoder{options: o, assembler: newAssembler()}
}

// Summary tells what was in a capture file.
type Summary struct {
	File        string
	Kind        string // "pcap", "pcapng", and either with ".gz"
	Packets     int64
	Bytes       int64 // of all packets, as far as they were captured
	First, Last time.Time
	Connections int              // those that speak MSNP
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

// File decodes one capture. What was read before an error has been emitted,
// its connections are closed, and the summary counts it. The context is
// looked at between two packets.
func (d *Decoder) File(ctx context.Context, name string, r io.Reader) (Summary, error) {
	run := fileRun{
		summary: Summary{File: name, Skipped: map[string]int64{}},
		table:   newTable(d),
	}
	err := run.read(ctx, r)
	run.table.finishAll(decode.Stamp{Time: run.summary.Last, Packet: run.summary.Packets})
	run.summary.Connections = run.table.accepted
	if err != nil {
		return run.summary, fmt.Errorf("%s: %w", name, err)
	}
	return run.summary, nil
}

// fileRun is the reading of one file.
type fileRun struct {
	summary Summary
	table   *table
	parser  parser
}

func (run *fileRun) read(ctx context.Context, r io.Reader) error {
	src, kind, err := openSource(r)
	run.summary.Kind = kind
	if err != nil {
		return err
	}
	for {
		if err := ctx.Err(); err != nil {
			return fmt.Errorf("stopped after packet %d: %w", run.summary.Packets, err)
		}
		f, err := src.next()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return run.damage(err)
		}
		run.frame(f)
	}
}

// damage says what is wrong with the file at the packet that cannot be read.
func (run *fileRun) damage(err error) error {
	at := run.summary.Packets + 1
	if errors.Is(err, io.ErrUnexpectedEOF) {
		return fmt.Errorf("packet %d: the file is cut off here; the packets before it were decoded", at)
	}
	return fmt.Errorf("packet %d: %w; the packets before it were decoded", at, err)
}

// frame counts a packet and uses it.
func (run *fileRun) frame(f frame) {
	sum := &run.summary
	sum.Packets++
	sum.Bytes += int64(len(f.data))
	run.clock(f.time)
	reason := run.parser.parse(f)
	if reason == "" {
		seg := &run.parser.segment
		seg.at = decode.Stamp{Time: f.time, Packet: sum.Packets, Injected: f.injected}
		reason = run.table.packet(seg)
	}
	if reason != "" {
		sum.Skipped[reason]++
	}
}

// clock widens the time that the capture covers. Simple packet blocks of a
// pcapng file have no time.
func (run *fileRun) clock(t time.Time) {
	sum := &run.summary
	if t.IsZero() {
		return
	}
	if sum.First.IsZero() || t.Before(sum.First) {
		sum.First = t
	}
	if t.After(sum.Last) {
		sum.Last = t
	}
}
