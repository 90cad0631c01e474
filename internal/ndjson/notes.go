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
		addText(e, "request", n.Request)
		s.addMilliseconds(e, "latency_ms", n.Latency)
	case decode.NoteError:
		e.Int("code", n.Code)
		addText(e, "meaning", n.Meaning)
	case decode.NoteIssue, decode.NoteFault:
		e.Str("text", n.Text)
	case decode.NoteGap:
		e.Int64("bytes", n.Bytes)
	case decode.NoteRewrite:
		e.Str("from", n.From)
		e.Str("to", n.To)
	case decode.NoteChallenge:
		s.addChallenge(e, n.Challenge)
	case decode.NoteSignIn:
		e.Str("method", n.Method)
		e.Str("account", n.Account)
		e.Str("verdict", string(n.Verdict))
		addText(e, "explanation", n.Text)
	}
}

func (s *Sink) addChallenge(e *zerolog.Event, c *decode.Challenge) {
	addText(e, "challenge", c.Challenge)
	addText(e, "product_id", c.ProductID)
	addText(e, "client", c.Client)
	addText(e, "environment", string(c.Environment))
	addText(e, "algorithm", c.Algorithm.String())
	addText(e, "expected", c.Expected)
	addText(e, "got", c.Got)
	addText(e, "verdict", string(c.Verdict))
	addText(e, "server_verdict", string(c.ServerVerdict))
	addText(e, "explanation", c.Explanation)
	addFlag(e, "injected", c.Injected)
	addFlag(e, "requested", c.Requested)
	if c.Asked != 0 && c.Answer != 0 {
		s.addMilliseconds(e, "latency_ms", c.Latency)
	}
	addSeq(e, "chl_seq", c.Asked)
	addSeq(e, "qry_seq", c.Answer)
}

// addFlag adds what is so; what is not so is not said.
func addFlag(e *zerolog.Event, key string, so bool) {
	if so {
		e.Bool(key, true)
	}
}

// addSeq adds the number of a record of the same connection, if there is one.
func addSeq(e *zerolog.Event, key string, seq int64) {
	if seq != 0 {
		e.Int64(key, seq)
	}
}

// addMilliseconds adds a duration as a number with three decimals, the
// microseconds that captures have.
func (s *Sink) addMilliseconds(e *zerolog.Event, key string, d time.Duration) {
	ms := float64(d) / float64(time.Millisecond)
	s.scratch = strconv.AppendFloat(s.scratch[:0], ms, 'f', 3, 64)
	e.RawJSON(key, s.scratch)
}
