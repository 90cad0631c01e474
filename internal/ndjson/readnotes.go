package ndjson

import (
	"fmt"
	"math"
	"strconv"
	"time"

	"msnproxy/decode"
)

// note is a note as it stands in the line.
type note struct {
	*jsonLine

	Kind    string
	ToSeq   int64
	Request string
	Latency time.Duration
	Code    int
	Meaning string
	Text    string
	Bytes   int64
	From    string
	To      string

	Method      string
	Account     string
	Verdict     decode.Verdict
	Explanation string

	Challenge     string
	ProductID     string
	Client        string
	Environment   decode.Environment
	Algorithm     string
	Expected      string
	Got           string
	ServerVerdict decode.ServerVerdict
	Injected      bool
	Requested     bool
	Asked         int64
	Answer        int64
}

// maxNotes bounds the notes of a record: one in memory is a hundred times as
// large as the shortest is in a line. The decoder makes some dozens at most.
const maxNotes = 256

// notes appends the notes of a list.
func (j *jsonLine) notes(to *[]decode.Note) {
	if j.in.PeekKind() != '[' {
		j.raw('[', "list")
		return
	}
	j.token()
	for j.more(']') {
		if len(*to) == maxNotes {
			j.fail(fmt.Errorf("more than %d notes", maxNotes))
			return
		}
		n := note{jsonLine: j}
		j.object(n.read)
		*to = append(*to, n.note())
	}
}

// read reads what a note has under a key.
func (n *note) read(key []byte) {
	switch string(key) {
	case "kind":
		n.string(&n.Kind)
	case "latency_ms":
		n.milliseconds(&n.Latency)
	case "injected":
		n.bool(&n.Injected)
	case "requested":
		n.bool(&n.Requested)
	case "code":
		n.int(&n.Code)
	default:
		n.into(n.number(key), n.words(key))
	}
}

// number is where a number goes that stands under a key, or nil.
func (n *note) number(key []byte) *int64 {
	switch string(key) {
	case "to_seq":
		return &n.ToSeq
	case "bytes":
		return &n.Bytes
	case "chl_seq":
		return &n.Asked
	case "qry_seq":
		return &n.Answer
	}
	return nil
}

// words is where a text goes that stands under a key, or nil.
func (n *note) words(key []byte) *string {
	switch string(key) {
	case "request":
		return &n.Request
	case "meaning":
		return &n.Meaning
	case "text":
		return &n.Text
	case "from":
		return &n.From
	case "to":
		return &n.To
	case "method":
		return &n.Method
	case "account":
		return &n.Account
	case "verdict":
		return (*string)(&n.Verdict)
	case "explanation":
		return &n.Explanation
	case "challenge":
		return &n.Challenge
	case "product_id":
		return &n.ProductID
	case "client":
		return &n.Client
	case "environment":
		return (*string)(&n.Environment)
	case "algorithm":
		return &n.Algorithm
	case "expected":
		return &n.Expected
	case "got":
		return &n.Got
	case "server_verdict":
		return (*string)(&n.ServerVerdict)
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

// milliseconds reads a duration.
func (j *jsonLine) milliseconds(to *time.Duration) {
	digits := j.raw('0', "number")
	if digits == nil {
		return
	}
	ms, err := strconv.ParseFloat(string(digits), 64)
	if err != nil {
		j.failAt("number of milliseconds")
	}
	*to = milliseconds(ms).duration()
}

func (n *note) note() decode.Note {
	out := decode.Note{Kind: noteKinds[n.Kind]}
	switch out.Kind {
	case decode.NoteReply:
		out.ToSeq, out.Request, out.Latency = n.ToSeq, n.Request, n.Latency
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
		Injected: n.Injected, Requested: n.Requested, Latency: n.Latency, Asked: n.Asked, Answer: n.Answer,
	}
}
