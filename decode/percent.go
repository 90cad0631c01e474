package decode

import (
	"bytes"
	"strings"
	"unicode/utf8"
)

// PercentDecode turns the %XX of a name or an address into characters, for
// reading. It takes what it gets: a % without two hexadecimal digits stays,
// and bytes that are no UTF-8 afterwards become U+FFFD, because real names
// contain both (MSNP.md §1.1).
func PercentDecode(text []byte) string {
	if bytes.IndexByte(text, '%') < 0 {
		return readable(text)
	}
	return string(AppendPercentDecoded(make([]byte, 0, len(text)), text))
}

// AppendPercentDecoded appends what PercentDecode returns.
func AppendPercentDecoded(dst, text []byte) []byte {
	from := len(dst)
	for i := bytes.IndexByte(text, '%'); i >= 0; i = bytes.IndexByte(text, '%') {
		dst = append(dst, text[:i]...)
		if c, ok := percentByte(text[i:]); ok {
			dst = append(dst, c)
			text = text[i+3:]
		} else {
			dst = append(dst, '%')
			text = text[i+1:]
		}
	}
	dst = append(dst, text...)
	if utf8.Valid(dst[from:]) {
		return dst
	}
	return append(dst[:from], bytes.ToValidUTF8(dst[from:], []byte(replacement))...)
}

// percentByte reads the %XX at the start of text.
func percentByte(text []byte) (byte, bool) {
	if len(text) < 3 || text[0] != '%' {
		return 0, false
	}
	high, ok1 := hexDigit(text[1])
	low, ok2 := hexDigit(text[2])
	return high<<4 | low, ok1 && ok2
}

func hexDigit(c byte) (byte, bool) {
	switch {
	case c >= '0' && c <= '9':
		return c - '0', true
	case c >= 'a' && c <= 'f':
		return c - 'a' + 10, true
	case c >= 'A' && c <= 'F':
		return c - 'A' + 10, true
	}
	return 0, false
}

// replacement stands for bytes that are no text.
const replacement = "\uFFFD"

// readable makes a string of bytes that ought to be UTF-8: every string that
// leaves this package in a payload or a note is valid.
func readable[T []byte | string](text T) string {
	s := string(text)
	if utf8.ValidString(s) {
		return s
	}
	return strings.ToValidUTF8(s, replacement)
}

// isText tells whether bytes can be shown as text: UTF-8 without control
// characters other than line ends and tabs.
func isText(b []byte) bool {
	if !utf8.Valid(b) {
		return false
	}
	for _, c := range b {
		if c == 0x7F || c < ' ' && c != '\t' && c != '\r' && c != '\n' {
			return false
		}
	}
	return true
}
