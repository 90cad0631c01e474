package decode

import (
	"bytes"
	"strconv"
)

// Masker replaces secrets in records: tickets, password hashes, switchboard
// cookies. Each gets a number in the order of its first appearance in the run,
// so that equal secrets show equal and nothing of a secret remains, not even
// a hash that guesses could be tried against.
//
// It remembers every secret of the run, some hundred bytes for a sign-in or a
// conversation. It is not safe for concurrent use.
type Masker struct {
	numbers map[string]int
	line    []byte
	payload []byte
	spans   []span
}

// NewMasker returns a masker for a run.
func NewMasker() *Masker { return &Masker{numbers: map[string]int{}} }

// span is a part of a line or payload.
type span struct{ from, to int }

// Mask replaces the secrets of a record in its line, its arguments and its
// payload. The record's slices are then the masker's, valid until the next
// call; what they pointed at before stays as it was.
func (m *Masker) Mask(r *Record) {
	if r.Kind != KindCommand {
		return
	}
	if hasSecret(r.Args) {
		m.maskLine(r)
	}
	if m.spans = payloadSecrets(m.spans[:0], r); len(m.spans) > 0 {
		m.payload = m.replace(m.payload[:0], r.Payload, m.spans)
		r.Payload = m.payload
	}
}

func hasSecret(args []Arg) bool {
	for i := range args {
		if args[i].Secret && len(args[i].Value) > 0 {
			return true
		}
	}
	return false
}

// maskLine masks the secret arguments of a line, in the line and by name.
func (m *Masker) maskLine(r *Record) {
	m.spans = m.spans[:0]
	for _, a := range r.Args {
		if a.Secret {
			m.spans = secretParts(m.spans, a.Value, a.Pos)
		}
	}
	m.line = m.replace(m.line[:0], r.Line, m.spans)
	for i := range r.Args {
		if a := &r.Args[i]; a.Secret {
			a.Value = m.replace(nil, a.Value, secretParts(nil, a.Value, 0))
		}
	}
	r.Line = m.line
}

// secretParts appends where the secret parts of a value stand, which itself
// stands at a position. A Passport ticket is a list such as t=...&p=..., of
// which only the values are secret: so the same ticket shows equal elsewhere.
func secretParts(dst []span, value []byte, at int) []span {
	if !bytes.HasPrefix(value, []byte("t=")) {
		return appendSpan(dst, at, at+len(value))
	}
	for {
		part, rest, more := bytes.Cut(value, []byte("&"))
		eq := bytes.IndexByte(part, '=')
		dst = appendSpan(dst, at+eq+1, at+len(part))
		if !more {
			return dst
		}
		at += len(part) + 1
		value = rest
	}
}

func appendSpan(dst []span, from, to int) []span {
	if from < to {
		dst = append(dst, span{from, to})
	}
	return dst
}

// replace appends text to dst with the spans masked.
func (m *Masker) replace(dst, text []byte, spans []span) []byte {
	done := 0
	for _, s := range spans {
		dst = append(dst, text[done:s.from]...)
		dst = append(dst, "***"...)
		dst = strconv.AppendInt(dst, int64(m.number(text[s.from:s.to])), 10)
		done = s.to
	}
	return append(dst, text[done:]...)
}

// number returns the number of a secret, the next one if it is new.
func (m *Masker) number(secret []byte) int {
	n, ok := m.numbers[string(secret)]
	if !ok {
		n = len(m.numbers) + 1
		m.numbers[string(secret)] = n
	}
	return n
}

// secretHeaders are the lines of a message of the service whose values are
// secrets: the ticket for the service's web pages, in the profile.
var secretHeaders = [][]byte{[]byte("MSPAuth:")}

// payloadSecrets appends where in the payload secrets stand.
func payloadSecrets(dst []span, r *Record) []span {
	if r.Verb != "MSG" || r.Dir != ServerToClient || !bytes.Contains(r.Payload, []byte("MSPAuth")) {
		return dst
	}
	for at := 0; at < len(r.Payload); {
		line, _, _ := bytes.Cut(r.Payload[at:], []byte("\n"))
		for _, h := range secretHeaders {
			if len(line) > len(h) && bytes.EqualFold(line[:len(h)], h) {
				value := bytes.TrimLeft(line[len(h):], " ")
				dst = appendSpan(dst, at+len(line)-len(value), at+len(bytes.TrimRight(line, "\r ")))
			}
		}
		at += len(line) + 1
	}
	return dst
}
