package ndjson

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"time"

	"msnproxy/decode"
)

// note is a note as it stands in the line.
type note struct {
	Kind      string       `json:"kind"`
	ToSeq     int64        `json:"to_seq"`
	Request   string       `json:"request"`
	LatencyMS milliseconds `json:"latency_ms"`
	Code      int          `json:"code"`
	Meaning   string       `json:"meaning"`
	Text      string       `json:"text"`
	Bytes     int64        `json:"bytes"`
	From      string       `json:"from"`
	To        string       `json:"to"`

	Method      string         `json:"method"`
	Account     string         `json:"account"`
	Verdict     decode.Verdict `json:"verdict"`
	Explanation string         `json:"explanation"`

	Challenge     string               `json:"challenge"`
	ProductID     string               `json:"product_id"`
	Client        string               `json:"client"`
	Environment   decode.Environment   `json:"environment"`
	Algorithm     string               `json:"algorithm"`
	Expected      string               `json:"expected"`
	Got           string               `json:"got"`
	ServerVerdict decode.ServerVerdict `json:"server_verdict"`
	Injected      bool                 `json:"injected"`
	Requested     bool                 `json:"requested"`
	Asked         int64                `json:"chl_seq"`
	Answer        int64                `json:"qry_seq"`
}

// maxNotes bounds the notes of a record: one in memory is a hundred times as
// large as the shortest is in a line. The decoder makes some dozens at most.
const maxNotes = 256

// notes are those of a record.
type notes []note

// UnmarshalJSON reads them one by one.
func (n *notes) UnmarshalJSON(text []byte) error {
	if string(text) == "null" {
		return nil
	}
	d := json.NewDecoder(bytes.NewReader(text))
	if begin, err := d.Token(); err != nil || begin != json.Delim('[') {
		return errors.New("notes that are no list")
	}
	for d.More() {
		if len(*n) == maxNotes {
			return fmt.Errorf("more than %d notes", maxNotes)
		}
		*n = append(*n, note{})
		if err := d.Decode(&(*n)[len(*n)-1]); err != nil {
			return err
		}
	}
	return nil
}

// milliseconds is a duration as it stands in records: to the microsecond.
type milliseconds float64

// maxDuration is the longest duration that is written and read, some 71 years:
// beyond it, a float64 of milliseconds no longer tells microseconds apart. Clocks
// that jump can make longer ones.
const maxDuration = 1 << 51 * time.Microsecond

func (ms milliseconds) duration() time.Duration {
	limit := float64(maxDuration / time.Microsecond)
	return time.Duration(max(-limit, min(math.Round(float64(ms)*1000), limit))) * time.Microsecond
}

func (n *note) note() decode.Note {
	out := decode.Note{Kind: noteKinds[n.Kind]}
	switch out.Kind {
	case decode.NoteReply:
		out.ToSeq, out.Request, out.Latency = n.ToSeq, n.Request, n.LatencyMS.duration()
	case decode.NoteError:
		out.Code, out.Meaning = n.Code, n.Meaning
	case decode.NoteIssue, decode.NoteFault:
		out.Text = n.Text
	case decode.NoteGap:
		out.Bytes = n.Bytes
	case decode.NoteRewrite:
		out.From, out.To = n.From, n.To
	case decode.NoteSignIn:
		out.Method, out.Account, out.Verdict, out.Text = n.Method, n.Account, n.Verdict, n.Explanation
	case decode.NoteChallenge:
		out.Challenge = n.challenge()
	}
	return out
}

func (n *note) challenge() *decode.Challenge {
	algorithm, err := decode.ParseAlgorithm(n.Algorithm)
	if err != nil {
		algorithm = decode.AlgorithmUnknown
	}
	return &decode.Challenge{
		Challenge: n.Challenge, ProductID: n.ProductID, Client: n.Client, Environment: n.Environment, Algorithm: algorithm,
		Expected: n.Expected, Got: n.Got, Verdict: n.Verdict, ServerVerdict: n.ServerVerdict, Explanation: n.Explanation,
		Injected: n.Injected, Requested: n.Requested, Latency: n.LatencyMS.duration(), Asked: n.Asked, Answer: n.Answer,
	}
}
