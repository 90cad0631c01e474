package main

import (
	"io"
	"time"

	"github.com/schollz/progressbar/v3"
)

// progressAfter is how long a read lasts before a bar shows: what is done
// sooner needs none.
const progressAfter = time.Second

// progress shows how far the reading of files is: on a terminal, on standard
// error, and only while it lasts. The zero value shows nothing.
type progress struct {
	out io.Writer
	bar *progressbar.ProgressBar
}

// newProgress returns a bar for a terminal, and one that shows nothing for
// everything else.
func newProgress(out io.Writer, silent bool) *progress {
	if silent || !isTerminal(out) {
		return &progress{}
	}
	return &progress{out: out}
}

// begin starts the bar for so many bytes.
func (p *progress) begin(size int64) {
	if p.out == nil || size == 0 {
		return
	}
	const width, interval = 20, 100 * time.Millisecond
	p.bar = progressbar.NewOptions64(size,
		progressbar.OptionSetWriter(&patientWriter{p.out, time.Now().Add(progressAfter)}),
		progressbar.OptionSetDescription("reading"),
		progressbar.OptionShowBytes(true),
		progressbar.OptionSetPredictTime(true),
		progressbar.OptionSetWidth(width),
		progressbar.OptionThrottle(interval),
		progressbar.OptionSetRenderBlankState(false),
		progressbar.OptionClearOnFinish(),
	)
}

// read counts bytes that were read.
func (p *progress) read(n int) {
	if p.bar != nil {
		_ = p.bar.Add(n) // a file that grew meanwhile is no failure
	}
}

// done removes the bar.
func (p *progress) done() {
	if p.bar != nil {
		_ = p.bar.Clear()
		p.bar = nil
	}
}

// patientWriter writes nothing before a time.
type patientWriter struct {
	io.Writer
	from time.Time
}

func (w *patientWriter) Write(p []byte) (int, error) {
	if time.Now().Before(w.from) {
		return len(p), nil
	}
	return w.Writer.Write(p)
}
