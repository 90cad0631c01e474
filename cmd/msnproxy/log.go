package main

import (
	"fmt"
	"io"
	"sync/atomic"
	"time"

	"github.com/rs/zerolog"

	"msnproxy/internal/display"
)

const (
	// maxLogQueue is how many messages of the log may wait to be read.
	maxLogQueue = 1000
	// logPatience is how long the end of a run waits for whoever reads its log,
	// and for a busy machine to write it.
	logPatience = 3 * time.Second
)

// logLevels are those that messages of ours have.
var logLevels = map[string]zerolog.Level{
	"debug": zerolog.DebugLevel, "info": zerolog.InfoLevel, "warn": zerolog.WarnLevel, "error": zerolog.ErrorLevel,
}

// logger makes the operator's log.
func (f *proxyFlags) logger(w io.Writer, run *liveRun) (zerolog.Logger, error) {
	level, ok := logLevels[f.logLevel]
	if !ok {
		return zerolog.Nop(), flagError("--log-level %q: use debug, info, warn or error", f.logLevel)
	}
	queue := newLogQueue(w)
	var out io.Writer = queue
	switch f.logFormat {
	case "json":
		out = zerolog.SyncWriter(display.NewJSONWriter(queue)) // connections log at the same time
	case "console":
		out = zerolog.ConsoleWriter{
			Out: queue, NoColor: !isTerminal(w) || isPlain(), TimeFormat: time.TimeOnly, TimeLocation: time.UTC, FormatPrepare: harmlessMessage,
		}
	default:
		return zerolog.Nop(), flagError("--log-format %q: use console or json", f.logFormat)
	}
	run.logged = queue
	run.repeats = &repeats{log: zerolog.New(out).Level(level).With().Timestamp().Logger(), said: map[string]*saying{}}
	return run.repeats.log.Hook(run.repeats), nil
}

// harmlessMessage makes a message fit for a terminal. Most are ours; net/http
// has some of its own. Fields are quoted where need be.
func harmlessMessage(event map[string]any) error {
	if text, ok := event[zerolog.MessageFieldName].(string); ok {
		event[zerolog.MessageFieldName] = display.Harmless(text)
	}
	return nil
}

// flushLog lets the log be read to its end, if anybody reads it.
func (run *liveRun) flushLog() {
	if run.logged != nil {
		run.repeats.tellAll()
		run.logged.end(logPatience)
	}
}

// logQueue writes the log aside: whoever does not read it must not stop the
// relay. What comes while the queue is full is dropped and counted.
type logQueue struct {
	w       io.Writer
	texts   chan []byte // nil at the end
	dropped atomic.Int64
	written chan struct{} // closed when everything is
}

func newLogQueue(w io.Writer) *logQueue {
	q := &logQueue{w: w, texts: make(chan []byte, maxLogQueue), written: make(chan struct{})}
	go q.run()
	return q
}

// Write takes a message, or drops it. It never waits, and never fails.
func (q *logQueue) Write(text []byte) (int, error) {
	dropped := q.dropped.Swap(0)
	select {
	case q.texts <- append(tellDropped(dropped), text...):
	default:
		q.dropped.Add(dropped + 1)
	}
	return len(text), nil
}

func (q *logQueue) run() {
	defer close(q.written)
	for text := <-q.texts; text != nil; text = <-q.texts {
		q.w.Write(text)
	}
	q.w.Write(tellDropped(q.dropped.Swap(0)))
}

// tellDropped says where messages are missing.
func tellDropped(n int64) []byte {
	if n == 0 {
		return []byte{}
	}
	return fmt.Appendf(nil, "%d messages were dropped\n", n)
}

// end waits until what was written before is read, or until patience ends.
func (q *logQueue) end(patience time.Duration) {
	late := time.After(patience)
	select {
	case q.texts <- nil:
	case <-late:
		return
	}
	select {
	case <-q.written:
	case <-late:
	}
}
