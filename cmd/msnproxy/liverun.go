package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"time"

	"github.com/rs/zerolog"

	"msnproxy/captures"
	"msnproxy/internal/journal"
	"msnproxy/internal/ndjson"
	"msnproxy/internal/report"
	"msnproxy/internal/transcript"
	"msnproxy/proxy"
)

// liveRun is everything that a run of the proxy writes to.
type liveRun struct {
	log     zerolog.Logger
	live    *journal.Live
	report  *report.Report // nil if there is to be none
	settle  func()         // has the report hear of all that has happened so far
	files   []*outputFile
	width   int
	whole   func(section string) string // how to see more of the report than is printed
	cancel  context.CancelFunc
	json    bool        // on standard output
	behind  bool        // something stands in front of the report: records, log or a ^C
	onwards io.Writer   // where the report goes; nil if it could not get there
	atEnd   *reportFile // where it is written to as well, or nil

	repeats *repeats  // what the log has had too often
	logged  *logQueue // what of the log is not written yet
	mu      sync.Mutex
	failed  []error // outputs that did not get everything
}

// runProxy runs a proxy until ctx is done or nobody reads its output any more.
// Ready, if not nil, is called once clients can connect, with a context that
// ends when the run does.
func runProxy(ctx context.Context, std stdio, f proxyFlags, ready func(context.Context, *proxy.Proxy)) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	run := &liveRun{cancel: cancel, onwards: std.out, behind: !f.quiet || isTerminal(std.out), whole: f.whole}
	defer run.flushLog()
	cfg, err := f.config(std, run)
	if err != nil {
		return err
	}
	p, err := proxy.New(cfg) // before any file is touched: another run may be writing it
	if err != nil {
		return err
	}
	outputs, err := run.outputs(ctx, std, f)
	if err != nil {
		p.Close()
		return errors.Join(err, run.closeFiles())
	}
	run.live = journal.NewLive(f.showSecrets, run.outputFailed, outputs...)
	p.RecordTo(run.live)
	run.settle = func() {
		p.Settle()
		run.live.Settle(reportOutput)
	}
	stopReports := run.reportOnSignal(std.err)
	defer stopReports()
	run.announce(p, cfg) // who reads that may ask for a report
	if ready != nil {
		ready(ctx, p)
	}
	err = p.Run(ctx)
	return errors.Join(err, run.finish(std))
}

// Names of outputs in messages.
const (
	standardOutput = "standard output"
	reportOutput   = "report"
)

// outputs opens everything that the flags ask for.
func (run *liveRun) outputs(ctx context.Context, std stdio, f proxyFlags) ([]journal.Output, error) {
	var outputs []journal.Output
	if !f.quiet {
		shown, err := run.shown(std, f)
		if err != nil {
			return nil, err
		}
		outputs = append(outputs, journal.Output{Name: standardOutput, Sink: shown})
	}
	if run.report != nil {
		outputs = append(outputs, journal.Output{Name: reportOutput, Sink: run.report})
	}
	if f.records != "" {
		file, err := run.create(ctx, f.records, run.recordsMoved)
		if err != nil {
			return nil, err
		}
		outputs = append(outputs, journal.Output{Name: f.records, Sink: f.jsonSink(bufio.NewWriterSize(file, recordsBuffer))})
	}
	if f.capture != "" {
		file, err := run.create(ctx, f.capture, run.captureMoved)
		if err != nil {
			return nil, err
		}
		file.cut = run.captureCut
		tap, err := captures.NewTap(file)
		if err != nil {
			return nil, err
		}
		outputs = append(outputs, journal.Output{Name: f.capture, Tap: tap})
	}
	return outputs, nil
}

// recordsBuffer is what of the records is written in one call. All that there is
// is written when nothing more comes for the moment.
const recordsBuffer = 64 << 10

// shown is what standard output shows.
func (run *liveRun) shown(std stdio, f proxyFlags) (journal.Sink, error) {
	out := bufio.NewWriter(std.out)
	if f.json {
		run.json, run.onwards = true, std.err
		return f.jsonSink(out), nil
	}
	color, err := useColor(std.out, f.color)
	if err != nil {
		return nil, err
	}
	return buffered{transcript.New(out, transcript.Options{Width: run.width, Color: color}), out}, nil
}

// jsonSink writes records as JSON lines.
func (f *proxyFlags) jsonSink(out *bufio.Writer) journal.Sink {
	return buffered{ndjson.New(out, ndjson.Options{Payload: f.payload, ShowOpaque: f.showSecrets}), out}
}

// buffered is a sink of a live run: what it writes goes out when there is
// nothing more to write for the moment.
type buffered struct {
	journal.Sink
	out *bufio.Writer
}

// Flush writes what was held back.
func (b buffered) Flush() error { return b.out.Flush() }

// Close ends the sink and writes what was held back.
func (b buffered) Close() error { return errors.Join(b.Sink.Close(), b.out.Flush()) }

// create makes a file of the run. A pipe opens when somebody reads it: that is
// waited for until the run ends.
func (run *liveRun) create(ctx context.Context, name string, moved func(*outputFile)) (*outputFile, error) {
	opened := make(chan openedOutput)
	go func() {
		file, err := openOutput(name, moved)
		select {
		case opened <- openedOutput{file, err}:
		case <-ctx.Done(): // nobody waits for it any more
			if file != nil {
				file.Close()
			}
		}
	}()
	tell := time.AfterFunc(openTime, func() {
		run.log.Warn().Str("output", name).Msg("waiting for somebody to read it; clients wait as well")
	})
	defer tell.Stop()
	select {
	case made := <-opened:
		if made.file != nil {
			run.files = append(run.files, made.file)
		}
		return made.file, made.err
	case <-ctx.Done():
		return nil, fmt.Errorf("%s: nobody reads it", name)
	}
}

// openedOutput is what came of opening a file of the run.
type openedOutput struct {
	file *outputFile
	err  error
}

// openTime is how long a file may take to open before that is told.
const openTime = time.Second

// outputFailed says so when an output fails; the relay goes on. Nobody reading
// standard output any more ends the run quietly.
func (run *liveRun) outputFailed(name string, err error) {
	if unread(err) {
		run.cancel()
		return
	}
	run.log.Error().Err(err).Str("output", name).Msg("an output failed and gets nothing more; the relay goes on")
	run.mu.Lock()
	defer run.mu.Unlock()
	run.failed = append(run.failed, fmt.Errorf("%s: %w", name, err))
	if name == standardOutput && !run.json {
		run.onwards = nil
	}
}

// announce says what to point a client at.
func (run *liveRun) announce(p *proxy.Proxy, cfg proxy.Config) {
	run.log.Info().Stringer("listen", p.Addr()).Str("upstream", cfg.Upstream).Msg("relaying; Ctrl-C ends the run" + run.lastWords())
	if cfg.InjectChallenge > 0 {
		run.log.Warn().Stringer("interval", cfg.InjectChallenge).Msg("clients are asked challenges that their server knows nothing of")
	}
	if len(cfg.Faults) > 0 {
		run.log.Warn().Str("faults", fmt.Sprint(cfg.Faults)).Msg("clients are done harm to on purpose; those that connect over HTTP are spared")
	}
	if p.HTTPAddr() != nil {
		run.log.Info().Stringer("listen", p.HTTPAddr()).Str("upstream", cfg.HTTPUpstream).Msg("relaying HTTP")
	}
	for _, addr := range []net.Addr{p.Addr(), p.HTTPAddr()} {
		if tcp, ok := addr.(*net.TCPAddr); ok && !tcp.IP.IsLoopback() {
			run.log.Warn().Stringer("listen", addr).Msg("anyone who can reach this address can use the proxy")
		}
	}
}

// lastWords is what the end of the run brings.
func (run *liveRun) lastWords() string {
	if run.report == nil {
		return ""
	}
	return " and prints a report"
}

// finish flushes every output, prints the report and writes it.
func (run *liveRun) finish(std stdio) error {
	for name, n := range run.live.Close() {
		run.log.Error().Str("output", name).Int64("missed", n).Msg("an output was too slow and missed records")
		if run.report != nil {
			run.report.Record(journal.Missed(name, n, time.Now()))
		}
	}
	err := run.tellReport(std)
	run.mu.Lock()
	defer run.mu.Unlock()
	return errors.Join(append(run.failed, err, run.closeFiles())...)
}

// tellReport prints the report and writes it, if there is one.
func (run *liveRun) tellReport(std stdio) error {
	if run.report == nil {
		return nil
	}
	var err error
	if run.atEnd != nil { // first: standard output may be read slowly, or by nobody
		err = run.atEnd.put(std, run.report)
	}
	return errors.Join(err, run.printReport())
}

// printReport prints the report, unless it would go where something else is
// stuck already.
func (run *liveRun) printReport() error {
	run.mu.Lock()
	w := run.onwards
	run.mu.Unlock()
	if w == nil {
		return nil
	}
	if run.behind {
		fmt.Fprintln(w)
	}
	err := run.report.WriteTables(w, report.Options{Width: run.width, Whole: run.whole})
	if unread(err) {
		return nil
	}
	return err
}

func (run *liveRun) closeFiles() error {
	var errs []error
	for _, f := range run.files {
		errs = append(errs, f.Close())
	}
	return errors.Join(errs...)
}
