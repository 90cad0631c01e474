package display

import "unicode/utf8"

const hexDigits = "0123456789abcdef"

// appendEscapes appends the visible escape of every code point of s, but for
// ASCII, which can be read.
func appendEscapes(dst []byte, s string) []byte {
	for _, r := range s {
		if r >= ' ' && r <= '~' {
			dst = append(dst, byte(r))
		} else {
			dst = appendEscape(dst, r)
		}
	}
	return dst
}

// appendEscape appends the visible escape of a code point.
func appendEscape(dst []byte, r rune) []byte {
	switch {
	case r == '\n':
		return append(dst, `\n`...)
	case r == '\r':
		return append(dst, `\r`...)
	case r == '\t':
		return append(dst, `\t`...)
	case r < utf8.RuneSelf:
		return appendHexEscape(dst, byte(r))
	case r <= 0xffff:
		return appendHex(append(dst, `\u`...), r, 4)
	}
	return appendHex(append(dst, `\U`...), r, 8)
}

// appendHexEscape appends a byte as \x and two digits.
func appendHexEscape(dst []byte, b byte) []byte {
	return append(dst, '\\', 'x', hexDigits[b>>4], hexDigits[b&0xf])
}

// appendHex appends the last digits of a number in hexadecimal.
func appendHex(dst []byte, r rune, digits int) []byte {
	for shift := 4 * (digits - 1); shift >= 0; shift -= 4 {
		dst = append(dst, hexDigits[r>>shift&0xf])
	}
	return dst
}
