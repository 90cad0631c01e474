package ndjson

import (
	"strconv"
	"time"

	"github.com/rs/zerolog"

	"msnproxy/decode"
)

func (s *Sink) addNotes(e *zerolog.Event, r *decode.Record) {
	if len(r.Notes) == 0 {
		return
	}
	array := e.CreateArray()
	for i := range r.Notes {
		note := e.CreateDict()
		s.addNote(note, &r.Notes[i])
		array.Dict(note)
	}
	e.Array("notes", array)
}

func (s *Sink) addNote(e *zerolog.Event, n *decode.Note) {
	e.Str("kind", n.Kind.String())
	switch n.Kind {
	case decode.NoteReply:
		e.Int64("to_seq", n.ToSeq)
		s.addMilliseconds(e, "latency_ms", n.Latency)
	case decode.NoteError:
		e.Int("code", n.Code)
		addText(e, "meaning", n.Meaning)
	case decode.NoteIssue:
		e.Str("text", n.Text)
	case decode.NoteGap:
		e.Int64("bytes", n.Bytes)
	case decode.NoteRewrite:
		e.Str("from", n.From)
		e.Str("to", n.To)
	}
}

// addMilliseconds adds a duration as a number with three decimals, the
// microseconds that captures have.
func (s *Sink) addMilliseconds(e *zerolog.Event, key string, d time.Duration) {
	ms := float64(d) / float64(time.Millisecond)
	s.scratch = strconv.AppendFloat(s.scratch[:0], ms, 'f', 3, 64)
	e.RawJSON(key, s.scratch)
}
