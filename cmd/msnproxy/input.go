package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/spf13/pflag"

	"msnproxy/captures"
	"msnproxy/decode"
	"msnproxy/internal/journal"
)

// inputFlags are the flags of every command that reads captures.
type inputFlags struct {
	showSecrets bool
	strict      bool
}

func (f *inputFlags) add(flags *pflag.FlagSet) {
	flags.BoolVar(&f.showSecrets, "show-secrets", false, "show tickets, password hashes and cookies instead of masking them")
	flags.BoolVar(&f.strict, "strict", false, "exit with status 3 if something was undecodable, malformed or missing")
}

// readCaptures decodes files into sinks, in the order in which they are
// given. A file that fails does not keep the others from being read. Each
// file's summary goes to done, if that is not nil.
func readCaptures(ctx context.Context, std stdio, f inputFlags, files []string, done func(captures.Summary), sinks ...journal.Sink) error {
	doubts := &doubtCounter{}
	j := journal.New(f.showSecrets, append([]journal.Sink{doubts}, sinks...)...)
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	decoder := captures.NewDecoder(captures.Options{
		Book: &decode.Book{},
		Emit: func(r *decode.Record) {
			j.Emit(r)
			if j.Failed() != nil {
				cancel() // nobody listens any more
			}
		},
	})
	var errs []error
	for _, name := range files {
		summary, err := readFile(ctx, std, decoder, name)
		if j.Failed() != nil {
			break
		}
		if err != nil {
			errs = append(errs, err)
		}
		if done != nil {
			done(summary)
		}
		warnIfEmpty(std.err, summary, err)
	}
	if err := j.Close(); err != nil {
		return err
	}
	if err := errors.Join(errs...); err != nil {
		return err
	}
	return doubts.verdict(f.strict)
}

// readFile decodes one file; "-" is standard input.
func readFile(ctx context.Context, std stdio, decoder *captures.Decoder, name string) (captures.Summary, error) {
	if name == "-" {
		return decoder.File(ctx, "standard input", std.in)
	}
	file, err := os.Open(name)
	if err != nil {
		return captures.Summary{File: name}, err
	}
	defer file.Close()
	if info, err := file.Stat(); err == nil && info.IsDir() {
		return captures.Summary{File: name}, fmt.Errorf("%s is a folder; name the capture files in it", name)
	}
	return decoder.File(ctx, name, file)
}

// warnIfEmpty says so when a file that was read has nothing to show.
func warnIfEmpty(w io.Writer, s captures.Summary, err error) {
	if err == nil && s.Connections == 0 {
		fmt.Fprintf(w, "msnproxy: %s: no MSNP connection found in %d packets\n", s.File, s.Packets)
	}
}

// doubtCounter is a sink that counts what --strict objects to.
type doubtCounter struct{ records int64 }

// Record counts a record with an issue or a gap, and one that is opaque.
func (c *doubtCounter) Record(r *decode.Record) error {
	if r.Kind == decode.KindOpaque || r.Note(decode.NoteIssue) != nil || r.Note(decode.NoteGap) != nil {
		c.records++
	}
	return nil
}

// Close does nothing: there is nothing to end.
func (c *doubtCounter) Close() error { return nil }

func (c *doubtCounter) verdict(strict bool) error {
	if !strict || c.records == 0 {
		return nil
	}
	return &exitError{code: exitStrict, err: fmt.Errorf("%d records are undecodable, malformed or incomplete; see their notes, or 'msnproxy analyze --section issues'", c.records)}
}
