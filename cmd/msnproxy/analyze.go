package main

import (
	"bytes"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"

	"msnproxy/captures"
	"msnproxy/internal/report"
)

// analyzeFlags are the flags of "msnproxy analyze".
type analyzeFlags struct {
	inputFlags
	format   string
	sections []string
	output   string
	width    int
}

func newAnalyze(std stdio) *cobra.Command {
	var f analyzeFlags
	cmd := &cobra.Command{
		Use:   "analyze FILE...",
		Short: "Print a report of captures",
		Long: `Analyze prints a report of capture files: the connections, what was sent on
them, the messages, the errors, and what was irregular.

FILE is a pcap or pcapng file, compressed by gzip, zstd or bzip2 or not; a folder
stands for all captures in it, and "-" for standard input.`,
		Args: wantFiles,
		RunE: func(cmd *cobra.Command, files []string) error { return runAnalyze(cmd, std, f, files) },
	}
	f.add(cmd.Flags())
	cmd.Flags().StringVar(&f.format, "format", "table", "format of the report: table or json")
	cmd.Flags().StringSliceVar(&f.sections, "section", nil, "sections to show, separated by commas (default: all that are not empty)")
	cmd.Flags().StringVarP(&f.output, "output", "o", "", "write the report to a file instead of standard output")
	cmd.Flags().IntVar(&f.width, "width", 0, "width of the tables in columns (default: the terminal's, or 80)")
	return cmd
}

func runAnalyze(cmd *cobra.Command, std stdio, f analyzeFlags, files []string) error {
	write, err := f.writer(std)
	if err != nil {
		return err
	}
	if err := sparesInput("-o", f.output, files); err != nil {
		return err
	}
	rep := report.New()
	readErr := readCaptures(cmd.Context(), std, f.inputFlags, files, func(s captures.Summary) { rep.AddCapture(captureRow(s)) }, rep)
	var text bytes.Buffer
	if err := write(&text, rep); err != nil {
		return err
	}
	if err := f.put(std, text.Bytes()); err != nil {
		return err
	}
	return readErr
}

// writer checks the flags and returns what writes the report in their format.
func (f *analyzeFlags) writer(std stdio) (func(io.Writer, *report.Report) error, error) {
	width, err := outputWidth(std.out, f.width)
	if err != nil {
		return nil, err
	}
	opts := report.Options{Width: width, Sections: f.sections}
	if err := report.CheckSections(f.sections); err != nil {
		return nil, &exitError{code: exitUsage, err: err}
	}
	switch f.format {
	case "table":
		return func(w io.Writer, r *report.Report) error { return r.WriteTables(w, opts) }, nil
	case "json":
		return func(w io.Writer, r *report.Report) error { return r.WriteJSON(w, opts) }, nil
	}
	return nil, &exitError{code: exitUsage, err: fmt.Errorf("--format %q: use table or json", f.format)}
}

// put writes the finished report to where it belongs.
func (f *analyzeFlags) put(std stdio, text []byte) error {
	if f.output == "" {
		_, err := std.out.Write(text)
		return err
	}
	return os.WriteFile(f.output, text, 0o600)
}

// captureRow is a file's row of the report.
func captureRow(s captures.Summary) report.CaptureRow {
	return report.CaptureRow{
		File: s.File, Kind: s.Kind, Packets: s.Packets, Bytes: s.Bytes,
		First: s.First, Last: s.Last, Connections: s.Connections, Skipped: s.Skipped,
	}
}
