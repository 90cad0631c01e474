// Package ndjson writes records as JSON, one object a line. Its keys and their
// order are a contract with other programs (docs: "The record").
//
// It writes through zerolog, which encodes without reflection and without
// garbage. zerolog has a switch for the whole process: nothing may set
// zerolog.SetGlobalLevel to Disabled, or records would be lost with the log.
package ndjson

import (
	"io"

	"github.com/rs/zerolog"

	"msnproxy/decode"
	"msnproxy/internal/display"
)

// Options choose what a record tells beyond the contract's keys.
type Options struct {
	// Payload adds the raw bytes of payloads, as base64.
	Payload bool
	// ShowOpaque, with Payload, adds the bytes of opaque records too. They
	// are not known to be free of secrets.
	ShowOpaque bool
}

// Sink writes records as lines of JSON.
type Sink struct {
	out     *display.JSONWriter
	log     zerolog.Logger
	opts    Options
	payload func(*decode.Record) *decode.Payload
	clock   clock
	scratch []byte // reused for every value that has to be made
}

// New returns a sink that writes to w, one Write call a record.
func New(w io.Writer, opts Options) *Sink {
	out := display.NewJSONWriter(w)
	return &Sink{out: out, log: zerolog.New(out), opts: opts, payload: new(decode.PayloadReader).Decode}
}

// Record writes a record. Once a write has failed, it returns that error.
func (s *Sink) Record(r *decode.Record) error {
	e := s.log.Log()
	s.addHead(e, r)
	switch r.Kind {
	case decode.KindOpen:
		addOpen(e, r)
	case decode.KindClose:
		addClose(e, r)
		s.addNotes(e, r)
	case decode.KindHTTP:
		s.addHTTP(e, r)
	default:
		s.addBody(e, r)
	}
	e.Send()
	return s.out.Err()
}

// Close returns the error that writing met, if any. All records are written.
func (s *Sink) Close() error { return s.out.Err() }
