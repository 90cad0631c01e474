package ndjson

import (
	"bytes"
	"slices"

	"msnproxy/decode"
)

// argNamer gives records their arguments. It holds room that is used again.
type argNamer struct {
	words [][]byte
	args  []decode.Arg
	text  []byte
}

// maxWords is how many words there is room for from one record to the next.
const maxWords = 1 << 10

// name gives a record its arguments: as they stand in the line, where the
// command table names them as the record does, so that nothing is lost of
// their bytes; else as the record has them.
func (n *argNamer) name(rec *decode.Record, named []decode.Field) {
	if cap(n.words) > maxWords || cap(n.text) > maxRoom {
		*n = argNamer{}
	}
	n.words = n.words[:0]
	if behind := len(rec.Verb) + 1; len(rec.Line) > behind {
		n.words = decode.Words(n.words, rec.Line[behind:])
	}
	for _, d := range [...]decode.Dialect{rec.Dialect, 0, decode.NewestDialect} {
		spec, args := decode.Lookup(n.args[:0], rec.Line, n.words, rec.Dir, d, rec.Server)
		n.args = args
		if rec.Spec == nil {
			rec.Spec = spec
		}
		if rec.HasTrID && len(args) > 0 && args[0].Name == "trid" {
			args = args[1:]
		}
		if n.agree(args, named) {
			rec.Spec, rec.Args = spec, append(rec.Args, args...)
			return
		}
	}
	for _, f := range named {
		rec.Args = append(rec.Args, argOf(rec.Spec, f))
	}
	if !placeSecrets(rec) {
		rewriteLine(rec)
	}
}

// agree tells whether arguments are those that a record has.
func (n *argNamer) agree(args []decode.Arg, named []decode.Field) bool {
	if len(args) != len(named) {
		return false
	}
	for i, f := range named {
		text, ok := f.Value.(string)
		if !ok || args[i].Name != f.Name || !n.reads(args[i].Value, text) {
			return false
		}
	}
	return true
}

// reads tells whether a record would tell an argument as that text.
func (n *argNamer) reads(value []byte, text string) bool {
	if n.text = decode.AppendPercentDecoded(n.text[:0], value); string(n.text) == text {
		return true
	}
	return asWritten(value) == text
}

// asWritten is what a record tells of an argument without percents: it has one
// replacement for each byte that is none of UTF-8, not for each run of them.
func asWritten(value []byte) string { return string([]rune(string(value))) }

// argOf makes an argument of what a record tells of it, which is decoded: what
// reads the argument will decode it again.
func argOf(spec *decode.Command, f decode.Field) decode.Arg {
	text, _ := f.Value.(string)
	a := decode.Arg{Name: f.Name, Value: bytes.ReplaceAll([]byte(text), []byte("%"), []byte("%25"))}
	if spec != nil {
		a.Secret = slices.Contains(spec.Secrets(), f.Name)
	}
	return a
}

// placeSecrets finds the secrets in the line, one behind the other, or reports
// false.
func placeSecrets(rec *decode.Record) bool {
	at := 0
	for i := range rec.Args {
		a := &rec.Args[i]
		if !a.Secret {
			continue
		}
		n := bytes.Index(rec.Line[at:], a.Value)
		if n < 0 {
			return false
		}
		a.Pos = at + n
		at = a.Pos + len(a.Value)
	}
	return true
}

// rewriteLine makes the line anew: secrets that are not in it as they should be
// take it with them.
func rewriteLine(rec *decode.Record) {
	rec.Line = []byte(rec.Verb)
	for i := range rec.Args {
		a := &rec.Args[i]
		rec.Line = append(rec.Line, ' ')
		a.Pos = len(rec.Line)
		rec.Line = append(rec.Line, a.Value...)
	}
}
