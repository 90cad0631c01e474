package main

import (
	"errors"
	"time"

	"github.com/spf13/cobra"

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
		Args: wantNone,
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
	case f.captureSide == "client" && f.capture == "":
		return errors.New("--capture-side goes with --capture")
	case f.noReport && f.report != "":
		return errors.New("--no-report and --report: is there to be a report, or not?")
	case f.upstream == "":
		f.upstream = withoutPort(f.httpUpstream)
	case f.httpUpstream == "":
		f.httpUpstream = withoutPort(f.upstream)
	}
	return nil
}

// config reads the flags that say how to relay, and has the run keep what else
// must be known before it begins.
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
	if sameOutput(f.records, f.capture) {
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
	if run.width, err = outputWidth(std.out, f.width); err != nil || f.noReport {
		return cfg, err
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
