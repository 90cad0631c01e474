// Package ndjson writes records as JSON, one object a line. Its keys and their
// order are a contract with other programs (docs: "The record").
//
// It writes through zerolog, which encodes without reflection and without
// garbage. zerolog has a switch for the whole process: nothing may set
// zerolog.SetGlobalLevel to Disabled, or records would be lost with the log.
package ndjson

import (
	"io"

	"msnproxy/decode"
)

// Sink writes records as lines of JSON.
type Sink struct {
	w       io.Writer
	encoder *Encoder
	line    []byte
	err     error
}

// New returns a sink that writes to w, one Write call a record.
func New(w io.Writer, opts Options) *Sink {
	return &Sink{w: w, encoder: NewEncoder(opts)}
}

// Record writes a record. Once a write has failed, it returns that error.
func (s *Sink) Record(r *decode.Record) error {
	if s.err != nil {
		return s.err
	}
	line := s.encoder.Append(s.line[:0], r)
	_, s.err = s.w.Write(line)
	if cap(line) <= maxRoom {
		s.line = line
	}
	return s.err
}

// Close returns the error that writing met, if any. All records are written.
func (s *Sink) Close() error { return s.err }
