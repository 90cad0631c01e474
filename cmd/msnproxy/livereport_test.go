package main

import (
	"os"
	"os/signal"
	"strings"
	"testing"
	"time"

	"msnproxy/internal/report"
)

// TestAReportThatIsAskedForJustBeforeTheEndIsPrinted: once more, while the one
// before is being read.
func TestAReportThatIsAskedForJustBeforeTheEndIsPrinted(t *testing.T) {
	if reportSignal == nil {
		t.Skip("this system has no signal for it")
	}
	self, err := os.FindProcess(os.Getpid())
	must(t, err)
	for range 10 {
		run, out := &liveRun{report: report.New(), settle: func() {}, width: defaultWidth}, &stuck{begun: make(chan struct{}, 1), release: make(chan struct{})}
		stop := run.reportOnSignal(out)
		must(t, self.Signal(reportSignal))
		<-out.begun
		come := make(chan os.Signal, 1)
		signal.Notify(come, reportSignal)
		must(t, self.Signal(reportSignal))
		<-come
		signal.Stop(come) // and whoever listens has got it
		time.AfterFunc(10*time.Millisecond, func() { close(out.release) })
		stop()
		await(t, "two reports", func() bool { return strings.Count(out.String(), "REPORT  the run") == 2 })
	}
}

func TestAReportThatIsAskedForTellsWhatWasSaidLast(t *testing.T) {
	if reportSignal == nil {
		t.Skip("this system has no signal for it")
	}
	p := startProgram(t, "", "--quiet")
	p.wantEvening()
	must(t, p.cmd.Process.Signal(reportSignal))
	last := p.lastWords()
	_, talked, _ := strings.Cut(last, "MESSAGES")
	talked, _, _ = strings.Cut(talked, "\n\n\n")
	if soFar := p.log.String(); talked == "" || !strings.Contains(soFar, talked) {
		t.Errorf("what was said is not in\n%s\nbut in\n%s", soFar, last)
	}
}
