package main

import (
	"bufio"
	"errors"
	"slices"

	"github.com/spf13/cobra"

	"msnproxy/decode"
	"msnproxy/internal/journal"
	"msnproxy/internal/ndjson"
	"msnproxy/internal/transcript"
)

// outputBuffer lets one system call take many records.
const outputBuffer = 64 << 10

// decodeFlags are the flags of "msnproxy decode".
type decodeFlags struct {
	inputFlags
	json    bool
	parquet string
	payload bool
	color   string
	width   int
}

func newDecode(std stdio) *cobra.Command {
	var f decodeFlags
	cmd := &cobra.Command{
		Use:   "decode FILE...",
		Short: "Print every command of captures as a record",
		Long: `Decode prints every MSNP command of capture files, one record each, in capture
order: as a transcript for people, or with --json as one JSON object a line.

FILE is a pcap, pcapng or snoop file, or records (JSON lines) that msnproxy
wrote, compressed by gzip, zstd or bzip2 or not; a folder stands for all in it,
and "-" for standard input. Several captures are one run, in the order of time:
how a capture was cut into files matters only to a connection whose end was not
captured, which ends with the file of its last packet.

  tcpdump -i any -U -w - port 1863 | msnproxy decode -
  msnproxy decode --follow capture-that-is-being-written.pcap
  msnproxy decode --follow folder-that-tcpdump-rotates-files-in`,
		Args: wantFiles,
		RunE: func(cmd *cobra.Command, files []string) error { return runDecode(cmd, std, f, files) },
	}
	f.add(cmd.Flags())
	cmd.Flags().BoolVar(&f.follow, "follow", false, "go on with what the file grows by, or with the files that come after it in a folder, until Ctrl-C")
	cmd.Flags().BoolVar(&f.json, "json", false, "print JSON, one object a line")
	cmd.Flags().StringVar(&f.parquet, "parquet", "", "write the records to this file, as Parquet, instead of standard output")
	cmd.Flags().BoolVar(&f.payload, "payload", false, "with --json: add the raw bytes of payloads, in base64")
	cmd.Flags().StringVar(&f.color, "color", "auto", "colour the transcript: auto, always or never")
	cmd.Flags().IntVar(&f.width, "width", 0, "width of the transcript in columns (default: the terminal's, or 80)")
	return cmd
}

func runDecode(cmd *cobra.Command, std stdio, f decodeFlags, files []string) error {
	if f.payload && !f.json {
		return usageError(cmd, errors.New("--payload goes with --json"))
	}
	if f.follow && (len(files) != 1 || files[0] == "-") {
		return usageError(cmd, errors.New("--follow goes with one file or folder; a pipe is followed without it"))
	}
	if f.parquet != "" {
		return f.writeParquet(cmd, std, files)
	}
	f.silent = isTerminal(std.out)
	out := bufio.NewWriterSize(std.out, outputBuffer)
	sink, err := f.sink(std, out)
	if err != nil {
		return err
	}
	if isTerminal(std.out) || f.follow || slices.Contains(files, "-") {
		sink = flushing{buffered{sink, out}}
	}
	if err := readCaptures(cmd.Context(), std, f.inputFlags, inputsOf(files), nil, sink); err != nil {
		out.Flush() // what was decoded before the failure is worth having
		return err
	}
	return out.Flush()
}

// sink makes the output that the flags ask for.
func (f *decodeFlags) sink(std stdio, out *bufio.Writer) (journal.Sink, error) {
	if f.json {
		return ndjson.New(out, ndjson.Options{Payload: f.payload, ShowOpaque: f.showSecrets}), nil
	}
	width, err := outputWidth(std.out, f.width)
	if err != nil {
		return nil, err
	}
	color, err := useColor(std.out, f.color)
	if err != nil {
		return nil, err
	}
	return transcript.New(out, transcript.Options{Width: width, Color: color}), nil
}

// flushing is a sink that sends each record on its way at once, for input that
// is still growing and for people who watch.
type flushing struct{ buffered }

// Record writes a record and flushes it.
func (f flushing) Record(r *decode.Record) error {
	if err := f.Sink.Record(r); err != nil {
		return err
	}
	return f.Flush()
}
