package page

import (
	"encoding/hex"
	"fmt"
	"strings"
	"unicode/utf8"

	"msnproxy/decode"
	"msnproxy/internal/display"
)

// saidText tells what a payload says, a field a line.
func saidText(r *decode.Record, said *decode.Payload) string {
	lines := appendFields([]string{"type: " + display.Harmless(said.Type)}, "", said.Fields)
	if j := r.Joined; j != nil {
		lines = append(lines, fmt.Sprintf("the whole message, of %d chunks:", j.Chunks))
		lines = append(lines, display.Lines(j.Text)...)
	}
	return clip(strings.Join(lines, "\n"), maxPayload)
}

// appendFields appends fields, and those of the objects in them, by a path of
// their names.
func appendFields(lines []string, prefix string, fields []decode.Field) []string {
	for _, f := range fields {
		lines = appendValue(lines, prefix+display.Harmless(f.Name), f.Value)
	}
	return lines
}

func appendValue(lines []string, name string, value any) []string {
	switch v := value.(type) {
	case []decode.Field:
		return appendFields(lines, name+".", v)
	case []any:
		for i, one := range v {
			lines = appendValue(lines, fmt.Sprintf("%s[%d]", name, i), one)
		}
		return lines
	case string:
		return append(lines, name+": "+strings.Join(display.Lines(v), "\n    "))
	}
	return append(lines, fmt.Sprintf("%s: %v", name, value))
}

// rawText shows the bytes of a payload as they came: text as text, and all else in hexadecimal.
func rawText(b []byte) string {
	if isText(b) {
		return clip(strings.Join(display.Lines(string(b)), "\n"), maxPayload)
	}
	shown := b[:min(len(b), maxDump)]
	out := strings.TrimRight(hex.Dump(shown), "\n")
	if len(shown) < len(b) {
		out += fmt.Sprintf("\n%s %d more bytes", display.Ellipsis, len(b)-len(shown))
	}
	return out
}

// isText tells whether bytes are meant to be read: UTF-8, and of the control
// characters only those that text has.
func isText(b []byte) bool {
	for _, c := range b {
		if c < ' ' && c != '\t' && c != '\n' && c != '\r' {
			return false
		}
	}
	return utf8.Valid(b)
}
