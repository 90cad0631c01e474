// Package transcript writes records for a person to read: one a line, aligned,
// with what their payloads say below.
//
//	2004-05-17 UTC
//	12:00:00.000 c1       [open] 192.168.1.20:1030 -> 207.46.110.30:1863
//	12:00:00.120 c1  > NS VER 1 MSNP8 CVR0
//	12:00:00.310 c1  < NS VER 1 MSNP8  (190 ms)
//
// All of a record's text goes through package display first: nothing that a
// stranger wrote reaches the terminal as it is.
package transcript

import (
	"bytes"
	"io"
	"time"

	"msnproxy/decode"
)

const (
	// defaultWidth is used where the width of the terminal is not known.
	defaultWidth = 80
	// minWidth leaves some columns beside the time and the connection.
	minWidth = 40
)

// Options are what a transcript may use of the terminal.
type Options struct {
	Width int  // in columns; 0 is 80
	Color bool // ANSI colours, by direction
}

// Transcript writes records as text.
type Transcript struct {
	w       io.Writer
	width   int
	color   bool
	payload func(*decode.Record) *decode.Payload

	out       bytes.Buffer // the record in the making
	day       time.Time    // of the last record
	connWidth int          // of the widest connection id so far
}

// New returns a transcript that writes to w, one Write call a record.
func New(w io.Writer, opts Options) *Transcript {
	if opts.Width == 0 {
		opts.Width = defaultWidth
	}
	return &Transcript{
		w: w, width: max(opts.Width, minWidth), color: opts.Color,
		payload: new(decode.PayloadReader).Decode, connWidth: minConnWidth,
	}
}

// Record writes a record.
func (t *Transcript) Record(r *decode.Record) error {
	t.out.Reset()
	t.dayLine(r.Time)
	if r.Kind == decode.KindCommand {
		t.command(r)
	} else {
		t.event(r)
	}
	_, err := t.w.Write(t.out.Bytes())
	return err
}

// Close does nothing: every record has been written.
func (t *Transcript) Close() error { return nil }
