package ndjson

import (
	"strconv"
	"time"

	"github.com/rs/zerolog"

	"msnproxy/decode"
)

func (e *Encoder) addNotes(to *zerolog.Event, r *decode.Record) {
	if len(r.Notes) == 0 {
		return
	}
	array := to.CreateArray()
	for i := range r.Notes {
		note := to.CreateDict()
		e.addNote(note, &r.Notes[i])
		array.Dict(note)
	}
	to.Array("notes", array)
}

func (e *Encoder) addNote(to *zerolog.Event, n *decode.Note) {
	to.Str("kind", n.Kind.String())
	switch n.Kind {
	case decode.NoteReply:
		to.Int64("to_seq", n.ToSeq)
		e.addText(to, "request", n.Request)
		e.addMilliseconds(to, "latency_ms", n.Latency)
	case decode.NoteError:
		to.Int("code", n.Code)
		e.addText(to, "meaning", n.Meaning)
	case decode.NoteIssue, decode.NoteFault:
		e.addString(to, "text", n.Text)
	case decode.NoteGap:
		to.Int64("bytes", n.Bytes)
	case decode.NoteRewrite:
		e.addString(to, "from", n.From)
		e.addString(to, "to", n.To)
	case decode.NoteChallenge:
		e.addChallenge(to, n.Challenge)
	case decode.NoteSignIn:
		e.addString(to, "method", n.Method)
		e.addString(to, "account", n.Account)
		e.addString(to, "verdict", string(n.Verdict))
		e.addText(to, "explanation", n.Text)
	}
}

func (e *Encoder) addChallenge(to *zerolog.Event, c *decode.Challenge) {
	e.addText(to, "challenge", c.Challenge)
	e.addText(to, "product_id", c.ProductID)
	e.addText(to, "client", c.Client)
	e.addText(to, "environment", string(c.Environment))
	e.addText(to, "algorithm", c.Algorithm.String())
	e.addText(to, "expected", c.Expected)
	e.addText(to, "got", c.Got)
	e.addText(to, "verdict", string(c.Verdict))
	e.addText(to, "server_verdict", string(c.ServerVerdict))
	e.addText(to, "explanation", c.Explanation)
	addFlag(to, "injected", c.Injected)
	addFlag(to, "requested", c.Requested)
	if c.Asked != 0 && c.Answer != 0 {
		e.addMilliseconds(to, "latency_ms", c.Latency)
	}
	addSeq(to, "chl_seq", c.Asked)
	addSeq(to, "qry_seq", c.Answer)
}

// addFlag adds what is so; what is not so is not said.
func addFlag(to *zerolog.Event, key string, so bool) {
	if so {
		to.Bool(key, true)
	}
}

// addSeq adds the number of a record of the same connection, if there is one.
func addSeq(to *zerolog.Event, key string, seq int64) {
	if seq != 0 {
		to.Int64(key, seq)
	}
}

// addMilliseconds adds a duration as a number with three decimals, the
// microseconds that captures have.
func (e *Encoder) addMilliseconds(to *zerolog.Event, key string, d time.Duration) {
	ms := float64(max(-maxDuration, min(d, maxDuration))) / float64(time.Millisecond)
	e.raw = strconv.AppendFloat(e.raw[:0], ms, 'f', 3, 64)
	to.RawJSON(key, e.raw)
}
