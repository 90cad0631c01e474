package main

import (
	"bytes"
	"cmp"
	"fmt"
	"io"
	"os"
	"os/signal"
	"time"

	"msnproxy/internal/report"
)

// reportAtEnd checks where the report of a run is to be written: at the start,
// because a run may last for days.
func (f *proxyFlags) reportAtEnd(width int) (*reportFile, error) {
	if f.report == "" {
		return nil, nil
	}
	if sameOutput(f.report, f.records) || sameOutput(f.report, f.capture) {
		return nil, flagError("--report and another output name the same file")
	}
	format, err := report.FormatOf(f.report)
	if err != nil {
		return nil, flagError("--report %w", err)
	}
	if err := canWrite(f.report); err != nil {
		return nil, fmt.Errorf("--report: %w", err)
	}
	out := &reportFile{format: format, name: f.report, opts: report.Options{Width: width, Sections: []string{report.All}}}
	return out, out.check()
}

// whole tells where a section of the report is as a whole, or how it can be
// had: by a file of this run, or of the next one.
func (f *proxyFlags) whole(section string) string {
	switch file := cmp.Or(f.records, f.capture); {
	case f.report != "":
		return "in " + f.report + ", which the end of the run writes"
	case file != "":
		return "with msnproxy analyze " + file + " --section " + section
	}
	return "with --capture FILE, and then msnproxy analyze FILE --section " + section
}

// reportFor returns the report of a run that is written at its end, or nowhere.
func reportFor(atEnd *reportFile) *report.Report {
	if atEnd == nil {
		return report.New()
	}
	return report.NewFor(atEnd.format)
}

// reportOnSignal prints the report so far whenever the program gets SIGUSR1,
// where there is such a signal. It returns what ends that.
func (run *liveRun) reportOnSignal(w io.Writer) (stop func()) {
	if reportSignal == nil {
		return func() {}
	}
	asked, ended, printed := make(chan os.Signal, 1), make(chan struct{}), make(chan struct{})
	signal.Notify(asked, reportSignal)
	go func() {
		defer close(printed)
		for {
			select {
			case <-asked:
				run.printSoFar(w)
			case <-ended:
				select {
				case <-asked: // before the end
					run.printSoFar(w)
				default:
				}
				return
			}
		}
	}()
	return func() {
		signal.Stop(asked)
		close(ended)
		select {
		case <-printed:
		case <-time.After(logPatience): // nobody reads what it prints
		}
	}
}

// printSoFar prints the report so far, in one piece.
func (run *liveRun) printSoFar(w io.Writer) {
	if run.report == nil {
		run.log.Warn().Msg("asked for the report so far, but --no-report keeps none")
		return
	}
	run.settle()
	var text bytes.Buffer
	fmt.Fprintf(&text, "REPORT  the run until %s UTC\n\n\n", time.Now().UTC().Format(time.DateTime))
	err := run.report.WriteTables(&text, report.Options{Width: run.width, Whole: run.whole})
	if err == nil {
		_, err = w.Write(text.Bytes())
	}
	if err != nil {
		run.log.Error().Err(err).Msg("the report so far could not be printed")
	}
}
