package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"os"

	"github.com/spf13/pflag"

	"msnproxy/captures"
	"msnproxy/internal/display"
	"msnproxy/internal/journal"
)

// inputFlags are the flags of every command that reads captures.
type inputFlags struct {
	checkFlags
	showSecrets bool
	strict      bool
	ports       []uint
	anyPort     bool
	badLines    bool // of records: count them
	follow      bool // of decode only: go on with what a file grows by
	silent      bool // no progress bar: the output shows how far it is
}

func (f *inputFlags) add(flags *pflag.FlagSet) {
	f.checkFlags.add(flags)
	flags.BoolVar(&f.showSecrets, "show-secrets", false, "show tickets, password hashes and cookies instead of masking them")
	flags.BoolVar(&f.strict, "strict", false, "exit with status 3 if something was undecodable, malformed or missing, or a proof was wrong")
	flags.BoolVar(&f.badLines, "skip-bad-lines", false, "count lines of a records file that are no records, instead of failing at the first")
	flags.UintSliceVar(&f.ports, "port", nil, "further ports of servers, separated by commas, beside 1863; MSNP there is recognised sooner")
	flags.BoolVar(&f.anyPort, "any-port", true, "look for MSNP on any port; --any-port=false looks at those of servers only")
}

// servicePorts checks the ports that were given.
func (f *inputFlags) servicePorts() (out []uint16, err error) {
	for _, port := range f.ports {
		if port < 1 || port > math.MaxUint16 {
			return nil, flagError("--port %d: use 1 to 65535", port)
		}
		out = append(out, uint16(port))
	}
	return out, nil
}

// readCaptures decodes inputs into sinks, as one run. A file that fails does not
// keep the others from being read. The files' summaries go to done, if that is
// not nil, when all of them were read.
func readCaptures(ctx context.Context, std stdio, f inputFlags, in inputs, done func(captures.Summary), sinks ...journal.Sink) error {
	checks, err := f.load()
	if err != nil {
		return err
	}
	ports, err := f.servicePorts()
	if err != nil {
		return err
	}
	steadyMemory()
	doubts := &doubtCounter{}
	j := journal.New(f.showSecrets, append([]journal.Sink{doubts}, sinks...)...)
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	out := newOutlet(j, cancel)
	r := &reading{std: std, flags: f, bar: newProgress(std.err, f.silent), out: out}
	if f.follow && errors.Is(in.err, errNoCaptures) {
		fmt.Fprintf(std.err, "msnproxy: %s has no captures yet; waiting for one\n", display.Harmless(in.names[0]))
		in.err = nil
	}
	in.tellSkipped(std.err)
	in.tellMixed(std.err)
	r.decoder = captures.NewDecoder(captures.Options{
		Checks: checks, Ports: ports, OnlyPorts: !f.anyPort, TellFiles: in.several() || f.follow && in.folders > 0, Progress: r.bar.read, Emit: out.emit,
	})
	out.done = r.decoder.Recycle
	r.records = &recordReader{warn: std.err, skip: f.badLines, emit: out.emit, runs: in.captureRuns()}
	err = errors.Join(in.err, r.all(ctx, in))
	r.bar.done()
	summaries := append(r.decoder.Close(), r.records.read...)
	out.atOnce()
	if failed := j.Close(); failed != nil {
		return failed
	}
	r.records.report()
	doubts.records += r.records.skipped
	tell(std.err, summaries, done, err != nil)
	if err != nil {
		return err
	}
	return doubts.verdict(f.strict)
}

// reading is the reading of everything that a command line names.
type reading struct {
	std     stdio
	flags   inputFlags
	decoder *captures.Decoder
	records *recordReader
	bar     *progress
	out     *outlet
}

// all reads the captures, as one run, then records, then what is live, one
// after the other; or it follows the one that is named.
func (r *reading) all(ctx context.Context, in inputs) error {
	if r.flags.follow {
		r.out.atOnce()
		return r.follow(ctx, in)
	}
	r.bar.begin(in.size)
	errs := []error{r.decoder.Files(ctx, in.captures)}
	for _, name := range in.records {
		errs = append(errs, r.file(ctx, name))
	}
	if len(in.live) > 0 {
		r.out.atOnce()
	}
	for _, name := range in.live {
		errs = append(errs, r.live(ctx, name))
	}
	return errors.Join(errs...)
}

// file reads one file by itself.
func (r *reading) file(ctx context.Context, name string) error {
	file, err := os.Open(name)
	if err != nil {
		return err
	}
	defer file.Close()
	return r.input(ctx, name, file)
}

// live reads a pipe, or standard input. It may stay silent for long.
func (r *reading) live(ctx context.Context, name string) error {
	if name == "-" {
		return r.input(context.WithoutCancel(ctx), "standard input", &interruptible{ctx: ctx, from: r.std.in, quiet: r.decoder.Flush})
	}
	pipe, err := os.Open(name)
	if err != nil {
		return err
	}
	defer pipe.Close()
	return r.input(context.WithoutCancel(ctx), name, &interruptible{ctx: ctx, from: pipe, quiet: r.decoder.Flush})
}

// input reads a capture, or records.
func (r *reading) input(ctx context.Context, name string, from io.Reader) error {
	plain, isRecords := openRecords(from)
	if isRecords {
		return r.records.input(ctx, name, plain)
	}
	return r.decoder.File(ctx, name, plain)
}

// tell passes on what was in the files that were read, and says what is
// unusual about it.
func tell(w io.Writer, summaries []captures.Summary, done func(captures.Summary), failed bool) {
	for _, s := range summaries {
		if done != nil && s.Kind != "" {
			done(s)
		}
		if s.Cut > 0 && s.Connections+s.Exchanges > 0 {
			fmt.Fprintf(w, "msnproxy: %s: of %d packets, %d were captured without their ends, which shows as gaps; tcpdump -s 0 takes them whole\n", display.Harmless(s.File), s.Packets, s.Cut)
		}
		if s.Evicted > 0 {
			fmt.Fprintf(w, "msnproxy: %s: %d connections were given up, the ones idle longest, because there were too many at a time, or too much was unfinished in them\n", display.Harmless(s.File), s.Evicted)
		}
	}
	if !failed {
		warnIfEmpty(w, summaries)
	}
}

// warnIfEmpty says so when a run has nothing to show.
func warnIfEmpty(w io.Writer, summaries []captures.Summary) {
	var packets int64
	for _, s := range summaries {
		packets += s.Packets
		if s.Connections+s.Exchanges > 0 || s.Kind == recordsKind {
			return
		}
	}
	switch len(summaries) {
	case 0:
	case 1:
		fmt.Fprintf(w, "msnproxy: %s: no MSNP connection found in %d packets\n", display.Harmless(summaries[0].File), packets)
	default:
		fmt.Fprintf(w, "msnproxy: no MSNP connection found in %d packets of %d files\n", packets, len(summaries))
	}
}
