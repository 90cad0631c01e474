package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"msnproxy/captures"
	"msnproxy/decode"
	"msnproxy/internal/display"
	"msnproxy/internal/journal"
)

// inputFlags are the flags of every command that reads captures.
type inputFlags struct {
	checkFlags
	showSecrets  bool
	strict       bool
	skipBadLines bool
}

func (f *inputFlags) add(flags *pflag.FlagSet) {
	f.checkFlags.add(flags)
	flags.BoolVar(&f.showSecrets, "show-secrets", false, "show tickets, password hashes and cookies instead of masking them")
	flags.BoolVar(&f.strict, "strict", false, "exit with status 3 if something was undecodable, malformed or missing, or a proof was wrong")
	flags.BoolVar(&f.skipBadLines, "skip-bad-lines", false, "count lines of a records file that are no records, instead of failing at the first")
}

// readCaptures decodes files into sinks, in the order in which they are
// given. A file that fails does not keep the others from being read. Each
// file's summary goes to done, if that is not nil.
func readCaptures(ctx context.Context, std stdio, f inputFlags, files []string, done func(captures.Summary), sinks ...journal.Sink) error {
	checks, err := f.load()
	if err != nil {
		return err
	}
	doubts := &doubtCounter{}
	j := journal.New(f.showSecrets, append([]journal.Sink{doubts}, sinks...)...)
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	emit := func(r *decode.Record) {
		j.Emit(r)
		if j.Failed() != nil {
			cancel() // nobody listens any more
		}
	}
	decoder := captures.NewDecoder(captures.Options{Book: &decode.Book{}, Checks: checks, Emit: emit})
	records := &recordReader{warn: std.err, skip: f.skipBadLines, emit: emit}
	var errs []error
	for _, name := range files {
		summary, err := readFile(ctx, std, decoder, records, name)
		if j.Failed() != nil {
			break
		}
		if err != nil {
			errs = append(errs, err)
		}
		if done != nil && (err == nil || summary.Packets > 0 || summary.Connections > 0) {
			done(summary)
		}
		warnIfEmpty(std.err, summary, err)
	}
	if err := j.Close(); err != nil {
		return err
	}
	records.report()
	doubts.records += records.skipped
	if err := errors.Join(errs...); err != nil {
		return err
	}
	return doubts.verdict(f.strict)
}

// readFile decodes one file; "-" is standard input.
func readFile(ctx context.Context, std stdio, decoder *captures.Decoder, records *recordReader, name string) (captures.Summary, error) {
	if name == "-" {
		return readInput(context.WithoutCancel(ctx), decoder, records, "standard input", &interruptible{ctx: ctx, from: std.in})
	}
	file, err := os.Open(name)
	if err != nil {
		return captures.Summary{File: name}, err
	}
	defer file.Close()
	info, err := file.Stat()
	switch {
	case err != nil:
		return captures.Summary{File: name}, err
	case info.IsDir():
		return captures.Summary{File: name}, fmt.Errorf("%s is a folder; name the capture files in it", name)
	case !info.Mode().IsRegular(): // a named pipe, which may stay silent
		return readInput(context.WithoutCancel(ctx), decoder, records, name, &interruptible{ctx: ctx, from: file})
	}
	return readInput(ctx, decoder, records, name, file)
}

// readInput reads a capture, or records.
func readInput(ctx context.Context, decoder *captures.Decoder, records *recordReader, name string, in io.Reader) (captures.Summary, error) {
	in, isRecords := openRecords(in)
	if isRecords {
		return records.read(ctx, name, in)
	}
	return decoder.File(ctx, name, in)
}

// interruptible is an input that ends when the context does: whoever presses
// Ctrl-C on a live pipe wants the end of the output, not none.
type interruptible struct {
	ctx  context.Context
	from io.Reader
	read chan result // of the read under way, if there is one
	rest []byte      // read, and not yet asked for
}

type result struct {
	p   []byte
	err error
}

// lastWords is how long an interrupted input may still bring what its other
// end has to say: tcpdump in the same pipe gets the same Ctrl-C.
const lastWords = 500 * time.Millisecond

func (i *interruptible) Read(p []byte) (int, error) {
	if len(i.rest) == 0 {
		r := i.next()
		if len(r.p) == 0 {
			return 0, r.err
		}
		i.rest = r.p
	}
	n := copy(p, i.rest)
	i.rest = i.rest[n:]
	return n, nil
}

// next waits for the next read, which goes on in a goroutine of its own: it
// cannot be broken off, and ends with the program at the latest.
func (i *interruptible) next() result {
	if i.read == nil {
		i.read = make(chan result, 1)
		go func() {
			buffer := make([]byte, 64<<10)
			n, err := i.from.Read(buffer)
			i.read <- result{buffer[:n], err}
		}()
	}
	select {
	case r := <-i.read:
		i.read = nil
		return r
	case <-i.ctx.Done():
	}
	select {
	case r := <-i.read:
		i.read = nil
		return r
	case <-time.After(lastWords):
		return result{nil, io.EOF}
	}
}

// warnIfEmpty says so when a file that was read has nothing to show.
func warnIfEmpty(w io.Writer, s captures.Summary, err error) {
	if err == nil && s.Connections == 0 && s.Kind != "records" {
		fmt.Fprintf(w, "msnproxy: %s: no MSNP connection found in %d packets\n", display.Harmless(s.File), s.Packets)
	}
}

// doubtCounter is a sink that counts what --strict objects to.
type doubtCounter struct {
	records int64 // undecodable, malformed or incomplete
	wrong   int64 // answers to challenges, and proofs of passwords
}

// Record counts a record with an issue or a gap, one that is opaque, and one
// with a proof that is wrong.
func (c *doubtCounter) Record(r *decode.Record) error {
	if r.Kind == decode.KindOpaque || r.Note(decode.NoteIssue) != nil || r.Note(decode.NoteGap) != nil {
		c.records++
	}
	for i := range r.Notes {
		n := &r.Notes[i]
		if n.Verdict == decode.VerdictWrong ||
			n.Kind == decode.NoteChallenge && n.Challenge.Verdict == decode.VerdictWrong && n.Challenge.ServerVerdict == "" {
			c.wrong++
		}
	}
	return nil
}

// Close does nothing: there is nothing to end.
func (c *doubtCounter) Close() error { return nil }

func (c *doubtCounter) verdict(strict bool) error {
	var what []string
	if c.records > 0 {
		what = append(what, fmt.Sprintf("%d records are undecodable, malformed or incomplete; see their notes, or 'msnproxy analyze --section issues'", c.records))
	}
	if c.wrong > 0 {
		what = append(what, fmt.Sprintf("%d proofs of clients are wrong; see the notes, or 'msnproxy analyze --section challenges'", c.wrong))
	}
	if !strict || len(what) == 0 {
		return nil
	}
	return &exitError{code: exitStrict, err: errors.New(strings.Join(what, ", and "))}
}
