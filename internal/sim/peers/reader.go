package peers

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
)

const verbSize = 3

// Limits of a command. The longest line is a sign-in with its ticket; the
// longest payload is a contact list, 7500 bytes (MSNP.md §4.2).
const (
	maxLine    = 8 << 10
	maxPayload = 8 << 10
)

// Commands that have a payload, by who sends them (MSNP.md §1.2). That of
// GCF comes from the server alone, that of UUX and ADL from the client alone.
var (
	clientPayloads = []string{"MSG", "QRY", "UUX", "ADL"}
	serverPayloads = []string{"MSG", "UBX", "GCF"}
)

// reader reads commands strictly: lines end in CR LF, and lengths are plain
// numbers.
type reader struct {
	from     *bufio.Reader
	payloads []string
	counted  *counter
}

func newReader(from io.Reader, payloads []string) reader {
	counted := &counter{from: from}
	return reader{bufio.NewReaderSize(counted, maxLine), payloads, counted}
}

// next reads a command. Between two commands the end is io.EOF; within one it
// is a Violation, as is anything that is no command.
func (r *reader) next() (command, error) {
	raw, err := r.from.ReadSlice('\n')
	if err != nil {
		return command{}, r.broken(raw, err, "a line of at most "+strconv.Itoa(maxLine)+" bytes")
	}
	c := command{line: strings.TrimSuffix(string(raw), "\r\n")}
	if len(c.line) != len(raw)-2 || !hasVerb(c.line) {
		return command{}, &Violation{Got: []byte(string(raw)), Want: "a verb, and CR LF at the end"}
	}
	if slices.Contains(r.payloads, c.verb()) {
		if err := r.readPayload(&c); err != nil {
			return command{}, err
		}
	}
	r.counted.done(c.size())
	return c, nil
}

func (r *reader) readPayload(c *command) error {
	last := c.line[strings.LastIndexByte(c.line, ' ')+1:]
	size, err := strconv.Atoi(last)
	if err != nil || size < 0 || size > maxPayload || strconv.Itoa(size) != last {
		return &Violation{Got: c.bytes(), Want: "the length of a payload at its end"}
	}
	c.payload = make([]byte, size)
	n, err := io.ReadFull(r.from, c.payload)
	if err != nil {
		c.payload = c.payload[:n]
		return r.broken(c.bytes(), err, fmt.Sprintf("%d bytes of payload", size))
	}
	return nil
}

// broken makes an error of a read that failed with some bytes in hand.
func (r *reader) broken(got []byte, err error, want string) error {
	switch {
	case len(got) == 0:
		return err
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, bufio.ErrBufferFull):
		return &Violation{Got: []byte(string(got)), Want: want}
	}
	return fmt.Errorf("after %q: %w", got, err)
}

// hasVerb tells whether a line begins with three capitals or digits that are
// a word.
func hasVerb(text string) bool {
	if len(text) < verbSize || len(text) > verbSize && text[verbSize] != ' ' {
		return false
	}
	for _, c := range []byte(text[:verbSize]) {
		if (c < 'A' || c > 'Z') && (c < '0' || c > '9') {
			return false
		}
	}
	return true
}
