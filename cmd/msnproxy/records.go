package main

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"

	"msnproxy/captures"
	"msnproxy/decode"
	"msnproxy/internal/display"
	"msnproxy/internal/ndjson"
)

// recordReader reads inputs that are records and not captures.
type recordReader struct {
	warn    io.Writer
	skip    bool // count lines that are no records
	skipped int64
	inputs  int // that were records so far
	emit    func(*decode.Record)
}

// skippedLine is what a line that is no record is counted as.
const skippedLine = "not a record"

// openRecords tells whether an input is records, by its first bytes, and
// returns them without their compression; else the input as it was, from its
// beginning.
func openRecords(in io.Reader) (_ io.Reader, isRecords bool) {
	// The buffer is larger than what package captures reads at a time: a peek
	// into a pipe gets what is there.
	plain := bufio.NewReader(in)
	start, _ := plain.Peek(2)
	if ndjson.Begins(start) {
		return plain, true
	}
	if !bytes.Equal(start, []byte{0x1f, 0x8b}) {
		return plain, false
	}
	const enough = 512 // to decompress the first byte
	start, _ = plain.Peek(enough)
	peek, err := gzip.NewReader(bytes.NewReader(start))
	if err != nil {
		return plain, false
	}
	first := make([]byte, 1)
	if n, _ := peek.Read(first); !ndjson.Begins(first[:n]) {
		return plain, false
	}
	unzipped, err := gzip.NewReader(plain)
	return unzipped, err == nil
}

// read reads one input of records. What was read before an error has been
// emitted.
func (r *recordReader) read(ctx context.Context, name string, in io.Reader) (captures.Summary, error) {
	r.inputs++
	sum := captures.Summary{File: name, Kind: "records", Skipped: map[string]int64{}}
	counted := &countingReader{in: in}
	lines := ndjson.NewReader(counted)
	for n := int64(0); ctx.Err() == nil; {
		rec, err := lines.Next()
		var bad *ndjson.LineError
		switch {
		case err == nil:
			n++
			r.take(&sum, rec)
			continue
		case errors.As(err, &bad) && r.skip:
			sum.Skipped[skippedLine]++
			r.skipped++
			continue
		case errors.As(err, &bad):
			err = fmt.Errorf("%s: %w; --skip-bad-lines counts such lines and goes on", name, err)
		case err == ndjson.ErrCut:
			fmt.Fprintf(r.warn, "msnproxy: %s: %v; the %d records before it were read\n", display.Harmless(name), err, n)
			err = nil
		case err == io.EOF:
			err = nil
		default:
			err = fmt.Errorf("%s: %w", name, err)
		}
		sum.Bytes = counted.n
		return sum, err
	}
	sum.Bytes = counted.n
	return sum, fmt.Errorf("%s: stopped: %w", name, ctx.Err())
}

// take emits a record. Each run numbers its connections from 1, so those of
// further ones get names of their own.
func (r *recordReader) take(sum *captures.Summary, rec *decode.Record) {
	if r.inputs > 1 {
		rec.Conn = r.another(rec.Conn)
		rec.Via.Conn = r.another(rec.Via.Conn)
		rec.Carrier.Conn = r.another(rec.Carrier.Conn)
	}
	if rec.Kind == decode.KindOpen {
		sum.Connections++
	}
	if sum.First.IsZero() || rec.Time.Before(sum.First) {
		sum.First = rec.Time
	}
	if rec.Time.After(sum.Last) {
		sum.Last = rec.Time
	}
	r.emit(rec)
}

func (r *recordReader) another(conn string) string {
	if conn == "" {
		return ""
	}
	return fmt.Sprintf("r%d.%s", r.inputs, conn)
}

// report says what was skipped.
func (r *recordReader) report() {
	if r.skipped > 0 {
		fmt.Fprintf(r.warn, "msnproxy: %d lines are no records and were skipped\n", r.skipped)
	}
}

// countingReader counts what is read.
type countingReader struct {
	in io.Reader
	n  int64
}

func (c *countingReader) Read(p []byte) (int, error) {
	n, err := c.in.Read(p)
	c.n += int64(n)
	return n, err
}
