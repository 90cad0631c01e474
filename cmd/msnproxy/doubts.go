package main

import (
	"errors"
	"fmt"
	"strings"

	"msnproxy/decode"
)

// doubtCounter is a sink that counts what --strict objects to.
type doubtCounter struct {
	records int64 // undecodable, malformed or incomplete
	wrong   int64 // answers to challenges, and proofs of passwords
}

// Record counts a record with an issue or a gap, one that is opaque, and one
// with a proof that is wrong.
func (c *doubtCounter) Record(r *decode.Record) error {
	if r.Kind == decode.KindOpaque || r.Note(decode.NoteIssue) != nil || r.Note(decode.NoteGap) != nil {
		c.records++
	}
	for i := range r.Notes {
		n := &r.Notes[i]
		if n.Verdict == decode.VerdictWrong ||
			n.Kind == decode.NoteChallenge && n.Challenge.Verdict == decode.VerdictWrong && n.Challenge.ServerVerdict == "" {
			c.wrong++
		}
	}
	return nil
}

// Close does nothing: there is nothing to end.
func (c *doubtCounter) Close() error { return nil }

func (c *doubtCounter) verdict(strict bool) error {
	var what []string
	if c.records > 0 {
		what = append(what, fmt.Sprintf("records that are undecodable, malformed or incomplete: %d (see their notes, or 'msnproxy analyze --section issues')", c.records))
	}
	if c.wrong > 0 {
		what = append(what, fmt.Sprintf("wrong proofs of clients: %d (see the notes, or 'msnproxy analyze --section challenges,issues')", c.wrong))
	}
	if !strict || len(what) == 0 {
		return nil
	}
	return &exitError{code: exitStrict, err: errors.New(strings.Join(what, "; "))}
}
