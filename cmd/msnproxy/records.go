package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"

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
	read    []captures.Summary // of the inputs so far that were records
	emit    func(*decode.Record)

	runs   int             // so far, captures being one together
	prefix string          // of the names of connections in the last of them
	opened map[string]bool // the first connections that it opened
}

// maxOpened is how many connections of a run are remembered, the first ones. Runs
// number theirs from 1, so that the next run opens one of these again.
const maxOpened = 1 << 16

// maxRuns is how many runs a file of records may claim to hold by the names of
// its connections: more than anybody has.
const maxRuns = 1 << 20

// recordsKind is what kind of input records are.
const recordsKind = "records"

// skippedLine is what a line that is no record is counted as.
const skippedLine = "not a record"

// openRecords tells whether an input is records, and returns them without their
// compression; else the input as it was, from its beginning.
func openRecords(in io.Reader) (_ io.Reader, isRecords bool) { return openBy(in, ndjson.Begins) }

// openBy opens what is records by its first bytes.
func openBy(in io.Reader, begins func(start []byte) bool) (_ io.Reader, isRecords bool) {
	// The buffer is larger than what package captures reads at a time: a peek
	// into a pipe gets what is there.
	plain := bufio.NewReader(in)
	start, _ := plain.Peek(ndjson.Beginning)
	if begins(start) {
		return plain, true
	}
	if !captures.IsCompressed(start) {
		return plain, false
	}
	var looked bytes.Buffer // bzip2 decompresses nothing of less than a block
	if !holds(io.TeeReader(plain, &looked), begins) {
		return io.MultiReader(&looked, plain), false
	}
	again, err := captures.Decompress(io.MultiReader(&looked, plain))
	return again, err == nil
}

// holds tells whether what is compressed begins so.
func holds(in io.Reader, begins func(start []byte) bool) bool {
	plain, err := captures.Decompress(in)
	if err != nil {
		return false
	}
	start := make([]byte, ndjson.Beginning)
	n, _ := io.ReadFull(plain, start)
	return begins(start[:n])
}

// isRecords tells whether a file is records.
func isRecords(name string) bool { return isFile(name, ndjson.Begins) }

// isSurelyRecords tells whether a file that nobody named is records: not a
// report as JSON beside its captures.
func isSurelyRecords(name string) bool { return isFile(name, ndjson.BeginsSurely) }

func isFile(name string, begins func(start []byte) bool) bool {
	file, err := os.Open(name)
	if err != nil {
		return false
	}
	defer file.Close()
	_, yes := openBy(file, begins)
	return yes
}

// input reads one input of records. What was read before an error has been
// emitted.
func (r *recordReader) input(ctx context.Context, name string, in io.Reader) error {
	counted := &countingReader{in: in}
	r.read = append(r.read, captures.Summary{File: name, Kind: recordsKind, Skipped: map[string]int64{}})
	sum := &r.read[len(r.read)-1]
	r.begin()
	err := r.lines(ctx, sum, ndjson.NewReader(counted))
	sum.Bytes = counted.n
	return err
}

// lines reads the lines of an input.
func (r *recordReader) lines(ctx context.Context, sum *captures.Summary, lines *ndjson.Reader) error {
	for n := int64(0); ctx.Err() == nil; {
		rec, err := lines.Next()
		var bad *ndjson.LineError
		switch {
		case err == nil:
			n++
			r.take(sum, rec)
		case errors.As(err, &bad) && r.skip:
			sum.Skipped[skippedLine]++
			r.skipped++
		case errors.As(err, &bad):
			return fmt.Errorf("%s: %w; --skip-bad-lines counts such lines and goes on", sum.File, err)
		case err == ndjson.ErrCut:
			fmt.Fprintf(r.warn, "msnproxy: %s: %v; the %d records before it were read\n", display.Harmless(sum.File), err, n)
			return nil
		case err == io.EOF:
			return nil
		default:
			return fmt.Errorf("%s: %w", sum.File, err)
		}
	}
	return fmt.Errorf("%s: stopped: %w", sum.File, context.Cause(ctx))
}

// begin takes note that a run begins.
func (r *recordReader) begin() {
	r.runs++
	r.opened = map[string]bool{}
	if r.runs > 1 {
		r.prefix = fmt.Sprintf("r%d.", r.runs)
	}
}

// avoid leaves alone the names that connections of the first run have already,
// if that was read from several itself.
func (r *recordReader) avoid(conn string) {
	number, _, named := strings.Cut(strings.TrimPrefix(conn, "r"), ".")
	if run, err := strconv.Atoi(number); named && err == nil && run < maxRuns {
		r.runs = max(r.runs, run)
	}
}

// take emits a record. Each run numbers its connections from 1, so those of
// further ones get names of their own. Where a connection is opened again, the
// input has another run behind the one before.
func (r *recordReader) take(sum *captures.Summary, rec *decode.Record) {
	if rec.Kind == decode.KindOpen {
		if r.opened[rec.Conn] {
			r.begin()
		}
		if len(r.opened) < maxOpened {
			r.opened[rec.Conn] = true
		}
	}
	if r.prefix == "" {
		r.avoid(rec.Conn)
	} else {
		rec.Conn = r.another(rec.Conn)
		rec.Via.Conn = r.another(rec.Via.Conn)
		rec.Carrier.Conn = r.another(rec.Carrier.Conn)
	}
	switch rec.Kind {
	case decode.KindOpen:
		sum.Connections++
	case decode.KindHTTP:
		sum.Exchanges++
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
	return r.prefix + conn
}

// report says what was skipped.
func (r *recordReader) report() {
	if r.skipped > 0 {
		fmt.Fprintf(r.warn, "msnproxy: lines that are no records, and were skipped: %d\n", r.skipped)
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
