package transcript

import (
	"fmt"

	"msnproxy/decode"
)

// Remark is something to be said of a record, in words. They are not harmless
// yet.
type Remark struct {
	Weight Weight
	Text   string
}

// Weight tells how much a remark matters.
type Weight uint8

// The weights, from what is only worth knowing to what failed.
const (
	Aside Weight = iota
	Doubt
	Failure
)

func (w Weight) style() style {
	return [...]style{Aside: styleDim, Doubt: styleIssue, Failure: styleError}[w]
}

// Remarks tells the notes of a record in words, but for the latency of a
// reply.
func Remarks(notes []decode.Note) (out []Remark) {
	for i := range notes {
		if r := remark(&notes[i]); r.Text != "" {
			out = append(out, r)
		}
	}
	return out
}

func remark(n *decode.Note) Remark {
	switch n.Kind {
	case decode.NoteError:
		return Remark{Failure, errorText(n)}
	case decode.NoteIssue:
		return Remark{Doubt, n.Text}
	case decode.NoteGap:
		return Remark{Doubt, bytesText(n.Bytes) + " missing"}
	case decode.NoteRewrite:
		return Remark{Aside, "the client was told " + n.To + " instead of " + n.From}
	case decode.NoteFault:
		return Remark{Aside, "fault: " + n.Text}
	case decode.NoteChallenge:
		return challenge(n.Challenge)
	case decode.NoteSignIn:
		return signIn(n)
	}
	return Remark{}
}

func errorText(n *decode.Note) string {
	if n.Meaning == "" {
		return fmt.Sprintf("error %d, meaning not known", n.Code)
	}
	return fmt.Sprintf("error %d: %s", n.Code, n.Meaning)
}
