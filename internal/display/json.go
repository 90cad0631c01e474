package display

import (
	"encoding/binary"
	"io"
	"unicode/utf8"
)

// JSONWriter passes JSON on with the characters that a terminal would act
// upon written as \uXXXX: DEL, C1 controls, bidirectional controls, line and
// paragraph separators. That is the same JSON to a program, and safe for a
// person who looks at it. The input must be valid UTF-8, and each Write must
// end at the end of a character.
//
// It remembers its first error and writes nothing more. Write itself never
// fails, because zerolog prints such failures to standard error.
type JSONWriter struct {
	w   io.Writer
	buf []byte
	err error
}

// NewJSONWriter returns a JSONWriter that writes to w.
func NewJSONWriter(w io.Writer) *JSONWriter { return &JSONWriter{w: w} }

// Write passes p on. It reports success even after a failure; see Err.
func (j *JSONWriter) Write(p []byte) (int, error) {
	if j.err != nil {
		return len(p), nil
	}
	n := len(p)
	if i := indexUnsafe(p, 0); i < len(p) {
		j.buf = appendSafeJSON(j.buf[:0], p, i)
		p = j.buf
	}
	_, j.err = j.w.Write(p)
	return n, nil
}

// Err returns the first error of the writer below.
func (j *JSONWriter) Err() error { return j.err }

// appendSafeJSON appends p with its unsafe characters escaped, the first of
// which is at i.
func appendSafeJSON(dst, p []byte, i int) []byte {
	from := 0
	for i < len(p) {
		r, size := utf8.DecodeRune(p[i:])
		dst = append(dst, p[from:i]...)
		dst = appendHex(append(dst, `\u`...), r, 4)
		from = i + size
		i = indexUnsafe(p, from)
	}
	return append(dst, p[from:]...)
}

// indexUnsafe finds the first unsafe character of p from i on, or len(p). Most
// of the traffic is ASCII, so it passes over eight bytes at a time.
func indexUnsafe(p []byte, i int) int {
	for i < len(p) {
		if len(p)-i >= 32 && areASCIIWords(p[i:i+32]) {
			i += 32
			continue
		}
		if len(p)-i >= 8 && isASCIIWord(binary.LittleEndian.Uint64(p[i:])) {
			i += 8
			continue
		}
		if p[i] >= 0x7f && isUnsafeAt(p[i:]) {
			return i
		}
		i++
	}
	return i
}

// areASCIIWords is isASCIIWord for four at a time.
func areASCIIWords(p []byte) bool {
	a, b := binary.LittleEndian.Uint64(p), binary.LittleEndian.Uint64(p[8:])
	c, d := binary.LittleEndian.Uint64(p[16:]), binary.LittleEndian.Uint64(p[24:])
	const ones, highBits = 0x0101010101010101, 0x8080808080808080
	return (a|(a+ones)|b|(b+ones)|c|(c+ones)|d|(d+ones))&highBits == 0
}

// isASCIIWord tells whether eight bytes are all below DEL. Adding one to each
// byte carries DEL into the high bit; a carry between bytes needs a byte that
// has its own high bit set already.
func isASCIIWord(w uint64) bool {
	const ones, highBits = 0x0101010101010101, 0x8080808080808080
	return (w|(w+ones))&highBits == 0
}

// isUnsafeAt tells whether p begins with an unsafe character. All of them but
// DEL begin with one of three bytes.
func isUnsafeAt(p []byte) bool {
	switch p[0] {
	case 0x7f:
		return true
	case 0xc2, 0xd8, 0xe2:
		r, _ := utf8.DecodeRune(p)
		return isUnsafe(r)
	}
	return false
}

// isUnsafe tells whether a terminal, or a reader of lines, would act upon r.
func isUnsafe(r rune) bool {
	switch {
	case r >= 0x80 && r <= 0x9f, // C1
		r == 0x61c, r == 0x200e, r == 0x200f, // marks
		r >= 0x2028 && r <= 0x202e, // separators, embeddings, overrides
		r >= 0x2066 && r <= 0x2069: // isolates
		return true
	}
	return false
}
