package decode

import (
	"bytes"
	"crypto/sha256"
	"strconv"
)

// Masker replaces secrets in records: tickets, password hashes, switchboard
// cookies. Each gets a number in the order of its first appearance in the run,
// so that equal secrets show equal and nothing of a secret remains, not even
// a hash that guesses could be tried against.
//
// It remembers secrets by their hashes, in memory only, and at least the last
// maxSecrets of them: one that comes again after more others gets a new number.
// It is not safe for concurrent use.
type Masker struct {
	// recent and before are the numbers by the secret's hash: secrets can be
	// long, and need not be kept. What was not seen since recent was made is
	// forgotten with before, when recent is full.
	recent, before map[[sha256.Size]byte]int
	last           int // the last number that was given

	line    []byte
	payload []byte
	spans   []span
}

// NewMasker returns a masker for a run.
func NewMasker() *Masker { return &Masker{recent: map[[sha256.Size]byte]int{}} }

// maxSecrets is how many secrets a Masker remembers at least, and twice that at
// most, some 10 MiB: a stranger can send any number of tickets. A busy day has
// some thousands of tickets and cookies.
const maxSecrets = 1 << 16

// span is a part of a line or payload.
type span struct{ from, to int }

// Mask replaces the secrets of a record in its line, its arguments and its
// payload. The record's slices are then the masker's, valid until the next
// call; what they pointed at before stays as it was.
func (m *Masker) Mask(r *Record) {
	if r.Kind == KindHTTP {
		m.maskHTTP(r)
	}
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
	if r.Said != nil && r.Verb == "MSG" {
		r.Said = &Payload{Type: r.Said.Type, Fields: m.maskHeaders(r.Said.Fields, r.Dir)}
	}
}

// maskHeaders masks the secrets in what a message says, which are headers.
func (m *Masker) maskHeaders(fields []Field, dir Direction) []Field {
	out := append([]Field(nil), fields...)
	for i, f := range out {
		switch v := f.Value.(type) {
		case []Field:
			out[i].Value = m.maskHeaders(v, dir)
		case string:
			if isSecretHeader([]byte(f.Name), dir) && v != "" {
				out[i].Value = string(m.replace(nil, []byte(v), []span{{0, len(v)}}))
			}
		}
	}
	return out
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
		if secret := text[s.from:s.to]; isMasked(secret) {
			dst = append(dst, secret...)
		} else {
			dst = append(dst, mask...)
			dst = strconv.AppendInt(dst, int64(m.number(secret)), 10)
		}
		done = s.to
	}
	return append(dst, text[done:]...)
}

// mask is what stands before the number of a secret.
const mask = "***"

// isMasked tells whether a secret was masked before, in records that are read
// back.
func isMasked(secret []byte) bool {
	number, ok := bytes.CutPrefix(secret, []byte(mask))
	return ok && isDecimalDigits(number)
}

// number returns the number of a secret, the next one if it is new.
func (m *Masker) number(secret []byte) int {
	key := sha256.Sum256(secret)
	if n, ok := m.recent[key]; ok {
		return n
	}
	n, ok := m.before[key]
	if !ok {
		m.last++
		n = m.last
	}
	if len(m.recent) >= maxSecrets {
		m.before, m.recent = m.recent, map[[sha256.Size]byte]int{}
	}
	m.recent[key] = n
	return n
}

// payloadSecrets appends where in a message secrets stand: in its headers, and
// in the second block of headers that is the body of an invitation. The text
// that people write is left alone.
func payloadSecrets(dst []span, r *Record) []span {
	if r.Verb != "MSG" {
		return dst
	}
	inBody, invites, secret := false, false, false
	for at := 0; at < len(r.Payload); {
		line := r.Payload[at:]
		if end := bytes.IndexByte(line, '\n'); end >= 0 {
			line = line[:end]
		}
		text := line
		for len(text) > 0 && text[len(text)-1] == '\r' {
			text = text[:len(text)-1]
		}
		switch {
		case len(text) == 0 && (inBody || !invites):
			return dst
		case len(text) == 0:
			inBody = true
		case isFolded(text) && secret:
			dst = appendSpan(dst, at+len(text)-len(bytes.TrimLeft(text, " \t")), at+len(text))
		case !isFolded(text):
			secret = false
			switch text[0] | 0x20 { // in lower case
			case 'm', 'a': // MSPAUTH, AuthCookie
				var value []byte
				value, secret = secretHeader(text, r.Dir)
				dst = appendSpan(dst, at+len(text)-len(value), at+len(bytes.TrimRight(text, " \t")))
			case 'c': // Content-Type
				invites = invites || bytes.Contains(text, []byte("msmsgsinvite"))
			}
		}
		at += len(line) + 1
	}
	return dst
}

// secretHeader returns the value of a header line that holds a secret: the
// ticket for the service's web pages, in the profile, and the key that lets
// somebody fetch a file, in an invitation. Without one, the value is empty.
func secretHeader(line []byte, dir Direction) (value []byte, secret bool) {
	name, value, ok := bytes.Cut(line, []byte(":"))
	name = bytes.TrimRight(name, " \t")
	if !ok || !isSecretHeader(name, dir) {
		return nil, false
	}
	return bytes.TrimLeft(value, " \t"), true
}

// The headers of messages that hold secrets.
const (
	mspAuth    = "MSPAuth"
	authCookie = "AuthCookie"
)

func isSecretHeader(name []byte, dir Direction) bool {
	return dir == ServerToClient && equalFold(name, mspAuth) || equalFold(name, authCookie)
}
