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
	"github.com/spf13/cobra"

	"msnproxy/captures"
	"msnproxy/internal/journal"
	"msnproxy/internal/ndjson"
	"msnproxy/internal/report"
	"msnproxy/internal/transcript"
	"msnproxy/proxy"
)

// proxyFlags are the flags of "msnproxy proxy".
type proxyFlags struct {
	checkFlags
	inject        time.Duration
	faults        []string
	upstream      string
	listen        string
	httpListen    string
	httpUpstream  string
	advertise     string
	referralPorts string
	singlePort    bool
	allowReferral []string
	json          bool
	quiet         bool
	noReport      bool
	payload       bool
	records       string
	capture       string
	report        string
	captureSide   string
	showSecrets   bool
	color         string
	width         int
	logLevel      string
	logFormat     string
}

func newProxy(std stdio) *cobra.Command {
	var f proxyFlags
	cmd := &cobra.Command{
		Use:   "proxy --upstream HOST[:PORT]",
		Short: "Relay clients to their server and show what they say",
		Long: `Proxy sits between clients and their server. It shows every command as a record
at once, and keeps later connections in sight by telling the client its own
address wherever the server refers it to another server. On Ctrl-C it prints a
report of the run, and on SIGUSR1 (kill -USR1) the report so far, on standard
error.

  msnproxy proxy --upstream messenger.example.com --capture run.pcapng

Point the client at 127.0.0.1, port 1863; docs/clients.md says how. Clients that
connect over HTTP come in by another address:

  msnproxy proxy --upstream messenger.example.com --http-listen 127.0.0.1:80 \
      --http-upstream gateway.example.com

To see how a client bears broken connections, late answers and errors, have them
made (docs/faults.md):

  msnproxy proxy --upstream messenger.example.com --fault slice=3,error=800@CHG`,
		Args: wantArgs(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := f.complete(); err != nil {
				return usageError(cmd, err)
			}
			liveMemory(cmd.Context())
			return runProxy(cmd.Context(), std, f, nil)
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&f.upstream, "upstream", "", "server that clients are relayed to, host or host:port (default port 1863)")
	flags.StringVar(&f.listen, "listen", "127.0.0.1:1863", "address to listen on")
	flags.StringVar(&f.httpListen, "http-listen", "", "address to listen on for clients that connect over HTTP, such as 127.0.0.1:80 (default: none)")
	flags.StringVar(&f.httpUpstream, "http-upstream", "", "HTTP gateway that they are relayed to, host or host:port (default: the host of --upstream, port 80)")
	flags.StringVar(&f.advertise, "advertise", "", "host that clients are told to connect to (default: the one they reached the proxy at)")
	flags.StringVar(&f.referralPorts, "referral-ports", "", "ports for the servers that clients are referred to, FIRST-LAST (default: any)")
	flags.BoolVar(&f.singlePort, "single-port", false, "have all connections come to the one port, for clients that ignore the port they are told")
	flags.StringSliceVar(&f.allowReferral, "allow-referral", nil, "private networks (CIDR) that a server on a public address may refer clients to")
	flags.DurationVar(&f.inject, "inject-challenge", 0, "ask every signed-in client a challenge of the proxy's own at this interval, such as 30s, and check its answer")
	flags.StringSliceVar(&f.faults, "fault", nil, "do harm to clients on purpose, such as slice=3,delay=200ms,error=800@CHG; docs/faults.md lists what there is")
	f.checkFlags.add(flags)
	flags.BoolVar(&f.json, "json", false, "print JSON, one object a line; the report goes to standard error")
	flags.BoolVar(&f.quiet, "quiet", false, "print no records; files and the report get them all the same")
	flags.BoolVar(&f.noReport, "no-report", false, "make no report; with --quiet and no file to write, the proxy relays and keeps nothing")
	flags.BoolVar(&f.payload, "payload", false, "with --json or --records: add the raw bytes of payloads, in base64")
	flags.StringVar(&f.records, "records", "", "write the records to a file as JSON lines")
	flags.StringVar(&f.capture, "capture", "", "write the dialogue to a pcapng file; it holds secrets as they are")
	flags.StringVar(&f.report, "report", "", "write the whole report to a file at the end, in the format of its name: .txt, .md, .wiki, .json, .html, or .csv for a folder of files")
	flags.StringVar(&f.captureSide, "capture-side", "server", "what --capture shows: server, the dialogue as without the proxy; client, what the client received")
	flags.BoolVar(&f.showSecrets, "show-secrets", false, "show tickets, password hashes and cookies instead of masking them")
	flags.StringVar(&f.color, "color", "auto", "colour the transcript: auto, always or never")
	flags.IntVar(&f.width, "width", 0, "width of the transcript and the report in columns (default: the terminal's, or 80)")
	flags.StringVar(&f.logLevel, "log-level", "info", "least important messages to log: debug, info, warn, error")
	flags.StringVar(&f.logFormat, "log-format", "console", "format of the log: console or json")
	return cmd
}

// complete fills in the servers that follow from others, and says what is
// missing.
func (f *proxyFlags) complete() error {
	switch {
	case f.httpUpstream != "" && f.httpListen == "":
		return errors.New("--http-upstream without --http-listen: at which address do clients connect over HTTP?")
	case f.upstream == "" && f.httpUpstream == "":
		return errors.New("--upstream is missing: which server do the clients belong to?")
	case f.quiet && f.json:
		return errors.New("--quiet and --json: is standard output to show records, or not?")
	case f.payload && !f.json && f.records == "":
		return errors.New("--payload goes with --json or --records")
	case f.singlePort && f.referralPorts != "":
		return errors.New("--single-port and --referral-ports: are clients to be referred to the one port, or to others?")
	case f.noReport && f.report != "":
		return errors.New("--no-report and --report: is there to be a report, or not?")
	case f.upstream == "":
		f.upstream = withoutPort(f.httpUpstream)
	case f.httpUpstream == "":
		f.httpUpstream = withoutPort(f.upstream)
	}
	return nil
}

// liveRun is everything that a run of the proxy writes to.
type liveRun struct {
	log     zerolog.Logger
	live    *journal.Live
	report  *report.Report // nil if there is to be none
	files   []*outputFile
	width   int
	cancel  context.CancelFunc
	json    bool        // on standard output
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
	run := &liveRun{cancel: cancel, onwards: std.out}
	defer run.flushLog()
	cfg, err := f.config(std, run)
	if err != nil {
		return err
	}
	p, err := proxy.New(cfg) // before any file is touched: another run may be writing it
	if err != nil {
		return err
	}
	outputs, err := run.outputs(std, f)
	if err != nil {
		p.Close()
		return errors.Join(err, run.closeFiles())
	}
	run.live = journal.NewLive(f.showSecrets, run.outputFailed, outputs...)
	p.RecordTo(run.live)
	stopReports := run.reportOnSignal(std.err)
	defer stopReports()
	run.announce(p, cfg) // who reads that may ask for a report
	if ready != nil {
		ready(ctx, p)
	}
	err = p.Run(ctx)
	return errors.Join(err, run.finish(std))
}

// config reads the flags that say how to relay.
func (f *proxyFlags) config(std stdio, run *liveRun) (proxy.Config, error) {
	cfg := proxy.Config{
		Upstream: f.upstream, Listen: f.listen, Advertise: f.advertise, SinglePort: f.singlePort,
		HTTPListen: f.httpListen, HTTPUpstream: f.httpUpstream,
	}
	var err error
	if run.log, err = f.logger(std.err, run); err != nil {
		return cfg, err
	}
	cfg.Log = run.log
	if cfg.Checks, err = f.load(); err != nil {
		return cfg, err
	}
	if cfg.InjectChallenge = f.inject; f.inject != 0 && f.inject < minInject {
		return cfg, flagError("--inject-challenge %v: use %v or more", f.inject, minInject)
	}
	if cfg.Faults, err = readFaults(f.faults); err != nil {
		return cfg, err
	}
	if f.records != "" && f.records == f.capture {
		return cfg, flagError("--records and --capture name the same file")
	}
	if err := f.addresses(&cfg); err != nil {
		return cfg, err
	}
	switch f.captureSide {
	case "server", "client":
		cfg.CaptureClientSide = f.captureSide == "client"
	default:
		return cfg, flagError("--capture-side %q: use server or client", f.captureSide)
	}
	if run.width, err = outputWidth(std.out, f.width); err != nil {
		return cfg, err
	}
	if f.noReport {
		return cfg, nil
	}
	run.atEnd, err = f.reportAtEnd(run.width)
	run.report = reportFor(run.atEnd)
	return cfg, err
}

// minInject is the shortest interval of challenges: clients log each of them.
const minInject = time.Second

// readFaults reads the values of --fault.
func readFaults(texts []string) (faults []proxy.Fault, err error) {
	for _, text := range texts {
		one, err := proxy.ParseFault(text)
		if err != nil {
			return nil, flagError("--fault %q: %w", text, err)
		}
		faults = append(faults, one)
	}
	if err := proxy.CheckFaults(faults); err != nil {
		return nil, flagError("--fault: %w", err)
	}
	return faults, nil
}

// standardOutput is the name of an output in messages.
const standardOutput = "standard output"

// outputs opens everything that the flags ask for.
func (run *liveRun) outputs(std stdio, f proxyFlags) ([]journal.Output, error) {
	var outputs []journal.Output
	if !f.quiet {
		shown, err := run.shown(std, f)
		if err != nil {
			return nil, err
		}
		outputs = append(outputs, journal.Output{Name: standardOutput, Sink: shown})
	}
	if run.report != nil {
		outputs = append(outputs, journal.Output{Name: "report", Sink: run.report})
	}
	if f.records != "" {
		file, err := run.create(f.records, run.recordsMoved)
		if err != nil {
			return nil, err
		}
		outputs = append(outputs, journal.Output{Name: f.records, Sink: f.jsonSink(bufio.NewWriterSize(file, recordsBuffer))})
	}
	if f.capture != "" {
		file, err := run.create(f.capture, run.captureMoved)
		if err != nil {
			return nil, err
		}
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

// create makes a file of the run.
func (run *liveRun) create(name string, moved func(*outputFile)) (*outputFile, error) {
	file, err := openOutput(name, moved)
	if file != nil {
		run.files = append(run.files, file)
	}
	return file, err
}

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
	err := run.report.WriteTables(w, report.Options{Width: run.width})
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
