package display

import (
	"math/bits"
	"unicode/utf8"
)

// AppendJSON appends a text as a string of JSON that is safe to look at: with
// the escapes that JSON asks for, and those that JSONWriter makes. A byte that
// is not UTF-8 becomes \ufffd.
//
// It looks at a text once, and at eight bytes of it at a time; encoders of
// JSON look at each byte, and know nothing of terminals.
func AppendJSON[T string | []byte](dst []byte, text T) []byte {
	dst = append(dst, '"')
	plain := plainLength(text)
	dst = append(dst, text...)
	if rest := len(text) - plain; rest > 0 {
		dst = escapeFrom(dst, len(dst)-rest)
	}
	return append(dst, '"')
}

// escapeFrom escapes what needs it in the text at the end of dst, which begins
// at an index. What comes of it is appended and then moved to its place.
func escapeFrom(dst []byte, at int) []byte {
	at += indexEscape(dst[at:])
	end := len(dst)
	for i := at; i < end; {
		r, size := utf8.DecodeRune(dst[i:end])
		dst = appendJSONEscape(dst, r)
		i += size
		next := i + indexEscape(dst[i:end])
		dst = append(dst, dst[i:next]...)
		i = next
	}
	return dst[:at+copy(dst[at:], dst[end:])]
}

// appendJSONEscape appends a character as JSON escapes it.
func appendJSONEscape(dst []byte, r rune) []byte {
	switch r {
	case '"', '\\':
		return append(dst, '\\', byte(r))
	case '\b':
		return append(dst, '\\', 'b')
	case '\f':
		return append(dst, '\\', 'f')
	case '\n':
		return append(dst, '\\', 'n')
	case '\r':
		return append(dst, '\\', 'r')
	case '\t':
		return append(dst, '\\', 't')
	}
	return appendHex(append(dst, `\u`...), r, 4)
}

// indexEscape finds the first character of a text that needs an escape, or is
// no character, or else the end.
func indexEscape(p []byte) int {
	for i := 0; i < len(p); {
		n := plainLength(p[i:])
		n += safeLength(p[i+n:])
		if n == 0 {
			return i
		}
		i += n
	}
	return len(p)
}

// safeLength is how many bytes at the beginning are characters that are not
// ASCII and need no escape. Of most letters, the first byte says that.
func safeLength(p []byte) int {
	i := 0
	for i < len(p) && p[i] >= utf8.RuneSelf {
		switch c, rest := p[i], p[i+1:]; {
		case c > 0xc2 && c < 0xe0 && c != 0xd8 && len(rest) > 0 && isContinued(rest[0]):
			i += 2
			continue
		case c > 0xe2 && c < 0xf0 && c != 0xed && len(rest) > 1 && isContinued(rest[0]) && isContinued(rest[1]):
			i += 3
			continue
		}
		r, size := utf8.DecodeRune(p[i:])
		if r == utf8.RuneError && size == 1 || isUnsafe(r) {
			break
		}
		i += size
	}
	return i
}

func isContinued(c byte) bool { return c&0xc0 == 0x80 }

// plainLength is how many bytes at the beginning are ASCII and need no escape.
// The last eight may be some that it has looked at.
func plainLength[T string | []byte](p T) int {
	if len(p) < 8 {
		return plainBytes(p)
	}
	for i := 0; ; i = min(i+8, len(p)-8) {
		if odd := oddBytes(wordAt(p, i)); odd != 0 {
			return i + bits.TrailingZeros64(odd)/8
		}
		if i == len(p)-8 {
			return len(p)
		}
	}
}

func plainBytes[T string | []byte](p T) int {
	for i := range len(p) {
		if !isPlainByte(p[i]) {
			return i
		}
	}
	return len(p)
}

// wordAt is binary.LittleEndian.Uint64, for strings too.
func wordAt[T string | []byte](p T, i int) uint64 {
	_ = p[i+7]
	return uint64(p[i]) | uint64(p[i+1])<<8 | uint64(p[i+2])<<16 | uint64(p[i+3])<<24 |
		uint64(p[i+4])<<32 | uint64(p[i+5])<<40 | uint64(p[i+6])<<48 | uint64(p[i+7])<<56
}

func isPlainByte(c byte) bool { return c >= ' ' && c < 0x7f && c != '"' && c != '\\' }

// oddBytes has the high bit set of the first of eight bytes that is not plain,
// and none below; 0 if all are. A byte below n borrows when n is taken from it,
// and one of 0x7f or more has its high bit, or gets it when one is added; what
// goes over to the byte above spoils nothing that counts.
func oddBytes(w uint64) uint64 {
	const ones, highBits = 0x0101010101010101, 0x8080808080808080
	quote, backslash := w^(ones*'"'), w^(ones*'\\')
	return ((w-ones*' ')&^w | (quote-ones)&^quote | (backslash-ones)&^backslash | w | (w + ones)) & highBits
}
