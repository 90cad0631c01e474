package peers

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"

	"msnproxy/decode"
)

// command is a command as it goes over the wire.
type command struct {
	line    string // without line end
	payload []byte // nil where the command has none; an empty one is not nil
}

// line makes a command without payload.
func line(format string, args ...any) command {
	return command{line: fmt.Sprintf(format, args...)}
}

// with makes a command with a payload, whose length it appends to the line.
func with(payload, format string, args ...any) command {
	return command{
		line:    fmt.Sprintf(format, args...) + " " + strconv.Itoa(len(payload)),
		payload: append([]byte{}, payload...),
	}
}

func (c command) bytes() []byte { return append([]byte(c.line+"\r\n"), c.payload...) }

// size is the number of bytes on the wire.
func (c command) size() int { return len(c.line) + len("\r\n") + len(c.payload) }

func (c command) verb() string { return c.line[:verbSize] }

// words are the verb and the arguments. They are split at single spaces only:
// names may hold bytes that look like other white space (MSNP.md §1.1).
func (c command) words() []string { return strings.Split(c.line, " ") }

// word is the verb or an argument, or "" if the line has not so many.
func (c command) word(n int) string {
	if words := c.words(); n < len(words) {
		return words[n]
	}
	return ""
}

func (c command) equal(other command) bool {
	return c.line == other.line && (c.payload == nil) == (other.payload == nil) && bytes.Equal(c.payload, other.payload)
}

// Violation is something that one end received and that the other should not
// have sent, or that was not what the other sent.
type Violation struct {
	Where string // the receiving end, such as "NS server, alice@example.com"
	Got   []byte // the offending bytes; empty where something is missing
	Want  string // what was due instead
}

// Error names the bytes.
func (v *Violation) Error() string {
	return fmt.Sprintf("%s: got %q, want %s", v.Where, v.Got, v.Want)
}

// where names an end for errors.
func where(kind decode.Server, end, account string) string {
	if account == "" {
		return fmt.Sprintf("%v %s", kind, end)
	}
	return fmt.Sprintf("%v %s, %s", kind, end, account)
}

// mismatch says that a command is not the one that was due.
func mismatch(got, want command) error {
	return &Violation{Got: got.bytes(), Want: strconv.Quote(string(want.bytes()))}
}

// unexpected says that a command is none of those that were possible.
func unexpected(got command, want string, args ...any) error {
	return &Violation{Got: got.bytes(), Want: fmt.Sprintf(want, args...)}
}
