package main

import (
	"strings"

	"github.com/spf13/cobra"

	"msnproxy/captures"
	"msnproxy/internal/display"
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
		Short: "Print a report: who signed in, who talked, what was said",
		Long: `Analyze prints a report of capture files and records: who signed in with what
and how it ended, who talked with whom, what was said, what failed and what was
irregular. --section shows more, and all rows, of:

` + sectionList() + `

As html it is one file for a browser, with all sections, pictures of what went
on, and the records; of sections that were chosen, it shows those alone.

FILE is a pcap, pcapng or snoop file, or records (JSON lines) that msnproxy
wrote, compressed by gzip, zstd or bzip2 or not; a folder stands for all in it,
and "-" for standard input. Several captures are one run, in the order of time.

  msnproxy analyze evening.pcapng
  msnproxy analyze --section messages --format csv -o chats.csv evening.pcapng
  msnproxy analyze -o report.md evening.pcapng
  msnproxy analyze -o report.html evening.pcapng
  msnproxy analyze --format csv -o tables/ archive/`,
		Args: wantFiles,
		RunE: func(cmd *cobra.Command, files []string) error { return runAnalyze(cmd, std, f, files) },
	}
	f.add(cmd.Flags())
	cmd.Flags().StringVar(&f.format, "format", "", "format of the report: "+report.FormatNames()+" (default: by the end of -o's name, or table)")
	cmd.Flags().StringSliceVar(&f.sections, "section", nil, "sections to show, separated by commas, or all (default: what comes first)")
	cmd.Flags().StringVarP(&f.output, "output", "o", "", "write the report to a file instead of standard output; as csv, to a folder of files")
	cmd.Flags().IntVar(&f.width, "width", 0, "width of the tables in columns (default: the terminal's, or 80)")
	return cmd
}

// sectionList lists the sections in lines that fit a terminal.
func sectionList() string {
	const indent = "  "
	lines := display.Wrap(strings.Join(report.SectionNames(), ", "), defaultWidth-len(indent), defaultWidth-len(indent))
	return indent + strings.Join(lines, "\n"+indent)
}

func runAnalyze(cmd *cobra.Command, std stdio, f analyzeFlags, files []string) error {
	if f.output == "-" {
		f.output = "" // as of the input, the standard one
	}
	out, err := f.reportFile(std)
	if err != nil {
		return err
	}
	in := inputsOf(files)
	if err := sparesInput("-o", f.output, in); err != nil {
		return err
	}
	if err := out.canPut(); err != nil {
		return err
	}
	rep := report.NewFor(out.format, f.sections...)
	read := false
	readErr := readCaptures(cmd.Context(), std, f.inputFlags, in, func(s captures.Summary) {
		read = true
		rep.AddCapture(captureRow(s))
	}, rep)
	if readErr != nil && !read {
		return readErr // a report of nothing would take the place of one of before
	}
	if err := out.put(std, rep); err != nil {
		return err
	}
	return readErr
}

// reportFile checks the flags and returns how and where the report is written.
func (f *analyzeFlags) reportFile(std stdio) (*reportFile, error) {
	width, err := outputWidth(std.out, f.width)
	if err != nil {
		return nil, err
	}
	if err := report.CheckSections(f.sections); err != nil {
		return nil, flagError("%w", err)
	}
	format, err := f.formatOf()
	if err != nil {
		return nil, err
	}
	out := &reportFile{format: format, name: f.output, opts: report.Options{Width: width, Sections: f.sections}}
	return out, out.check()
}

// formatOf is the format that was asked for, else that of the output's name.
func (f *analyzeFlags) formatOf() (report.Format, error) {
	if f.format != "" {
		format, err := report.FormatNamed(f.format)
		if err != nil {
			return format, flagError("--format: %w", err)
		}
		return format, nil
	}
	if format, err := report.FormatOf(f.output); err == nil {
		return format, nil
	}
	return report.FormatNamed("table")
}

// captureRow is a file's row of the report.
func captureRow(s captures.Summary) report.CaptureRow {
	return report.CaptureRow{
		File: s.File, Kind: s.Kind, Packets: s.Packets, Bytes: s.Bytes,
		First: s.First, Last: s.Last, Connections: s.Connections, Exchanges: s.Exchanges, Skipped: s.Skipped,
	}
}
