package ndjson

import (
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

// Encoder makes records lines of JSON. What it keeps from one record to the
// next only spares it work: the same record gives the same line whatever came
// before, so several encoders can share a run's records out among them. One is
// not safe for concurrent use.
type Encoder struct {
	opts    Options
	payload func(*decode.Record) *decode.Payload
	clock   clock
	log     zerolog.Logger
	lines   lines    // that the log writes
	names   [4]names // the last, by direction
	decoded decodedArgs
	raw     []byte // room for a value that is made here
}

// maxRoom bounds the room that is kept for the next record. Few need as much,
// and one that does can need megabytes.
const maxRoom = 64 << 10

// NewEncoder returns an encoder.
func NewEncoder(opts Options) *Encoder {
	e := &Encoder{opts: opts, payload: new(decode.PayloadReader).Decode}
	e.log = zerolog.New(&e.lines)
	return e
}

// lines is what is written to it.
type lines []byte

// Write appends p.
func (l *lines) Write(p []byte) (int, error) {
	*l = append(*l, p...)
	return len(p), nil
}

// Append appends the line of a record, and its line end.
func (e *Encoder) Append(dst []byte, r *decode.Record) []byte {
	e.lines = dst
	e.raw = e.appendHead(e.raw[:0], r)
	line := e.log.Log().RawJSON("time", e.raw)
	switch r.Kind {
	case decode.KindOpen:
		e.addOpen(line, r)
	case decode.KindClose:
		e.addClose(line, r)
	case decode.KindHTTP:
		e.addHTTP(line, r)
	case decode.KindOverdue: // it has no place on the wire
		e.addNotes(line, r)
		e.addPacket(line, r)
	default:
		e.addRest(line, r)
	}
	line.Send()
	if cap(e.raw) > maxRoom {
		e.raw = nil
	}
	dst, e.lines = e.lines, nil
	return dst
}

// addString adds a string. All that may be a stranger's goes through here, or
// through display.AppendJSON: zerolog knows nothing of terminals.
func (e *Encoder) addString(to *zerolog.Event, key, text string) {
	e.raw = display.AppendJSON(e.raw[:0], text)
	to.RawJSON(key, e.raw)
}

// addText adds a string, if it says something.
func (e *Encoder) addText(to *zerolog.Event, key, text string) {
	if text != "" {
		e.addString(to, key, text)
	}
}
