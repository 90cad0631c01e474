package proxy

import (
	"bytes"
	"strconv"

	"msnproxy/decode"
)

// Where a connection is no longer decoded, the answer to a challenge of the proxy's
// own is still not for the server, which would take it for one to a challenge
// that it never asked, and may end the connection. It is told by its form then.
// The proxy asks only while no challenge waits for its answer, so the next answer is
// to its own, as a rule.

// maxAnswer bounds what is held back of what may be an answer. Real ones are of
// some 70 bytes.
const maxAnswer = 256

// strain returns what of bytes that are not decoded goes on to the server, and
// holds back what may be the answer that the client owes us. In the middle of what
// was read, all of QRY must be there: much that people write ends with a Q.
func (q *questioning) strain(p []byte) []byte {
	if !q.owed {
		return p
	}
	all := append(q.strained, p...)
	q.strained = nil
	if bytes.HasPrefix(answerStart, all) {
		q.strained = all
		return nil
	}
	for from := 0; ; from += len(answerStart) {
		at := bytes.Index(all[from:], answerStart)
		if at < 0 {
			return all
		}
		from += at
		switch size, is := answerSize(all[from:]); {
		case is == maybe:
			q.strained = bytes.Clone(all[from:])
			return all[:from]
		case is == surely:
			q.owed = false
			return append(all[:from:from], all[from+size:]...)
		}
	}
}

// form is whether bytes have the form of an answer.
type form uint8

const (
	not form = iota
	maybe
	surely
)

// answerSize tells whether bytes begin with an answer, and its size.
func answerSize(b []byte) (size int, is form) {
	line, _, whole := bytes.Cut(b, lineEnd)
	words := decode.Words(nil, bytes.TrimSuffix(line, []byte("\r")))
	switch {
	case len(words) > 4 || whole && len(words) < 4 || len(line) > maxAnswer:
		return 0, not
	case !isNumber(words, 1, whole) || !isNumber(words, 3, whole):
		return 0, not
	case !whole:
		return 0, maybe
	}
	length, _ := strconv.Atoi(string(words[3]))
	switch size = len(line) + len("\n") + length; {
	case length > maxAnswer:
		return 0, not
	case size > len(b):
		return 0, maybe
	}
	return size, surely
}

// isNumber tells whether a word of a line is a number, or may become one where it is
// not there yet.
func isNumber(words [][]byte, n int, whole bool) bool {
	if n >= len(words) || !whole && len(words[n]) == 0 {
		return true
	}
	_, err := strconv.ParseUint(string(words[n]), 10, 32)
	return err == nil
}
