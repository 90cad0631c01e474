package decode

import (
	"encoding/binary"
	"strings"
	"unicode/utf16"
)

// charsets are the encodings that a payload may declare. A text in any other
// is read as UTF-8, which is what nearly all clients send whatever they say.
var charsets = []struct {
	name   string
	decode func([]byte) string // nil reads UTF-8
}{
	{"utf-8", nil},
	{"us-ascii", nil},
	{"iso-8859-1", windows1252},
	{"windows-1252", windows1252},
	{"utf-16", utf16Text},
	{"utf-16le", func(b []byte) string { return utf16String(b, binary.LittleEndian) }},
	{"utf-16be", func(b []byte) string { return utf16String(b, binary.BigEndian) }},
}

// charsetName is the name of a charset as it stands in charsets, or as it is.
func charsetName(declared []byte) string {
	for i := range charsets {
		if equalFold(declared, charsets[i].name) {
			return charsets[i].name
		}
	}
	return readable(declared)
}

// decodeCharset makes a valid string of a text in the charset of that name.
func decodeCharset(text []byte, charset string) string {
	if decode := charsetDecoder(charset); decode != nil {
		return decode(text)
	}
	return readable(text)
}

// charsetDecoder is what reads texts in the charset of that name, or nil where
// they are read as UTF-8.
func charsetDecoder(charset string) func([]byte) string {
	for i := range charsets {
		if strings.EqualFold(charsets[i].name, charset) {
			return charsets[i].decode
		}
	}
	return nil
}

// windows1252High are the characters 0x80 to 0x9F of windows-1252. Texts
// that call themselves iso-8859-1 mean these as well, as on the web.
const windows1252High = "€\u0081‚ƒ„…†‡ˆ‰Š‹Œ\u008dŽ\u008f\u0090‘’“”•–—˜™š›œ\u009džŸ"

// windows1252Runes is windows1252High by character.
var windows1252Runes = []rune(windows1252High)

func windows1252(text []byte) string {
	var out strings.Builder
	out.Grow(len(text))
	for _, c := range text {
		if c >= 0x80 && c < 0xA0 {
			out.WriteRune(windows1252Runes[c-0x80])
			continue
		}
		out.WriteRune(rune(c))
	}
	return out.String()
}

// utf16Text reads UTF-16 in the byte order that its mark tells, or in that of
// the little-endian machines these clients ran on.
func utf16Text(text []byte) string {
	if len(text) >= 2 && text[0] == 0xFE && text[1] == 0xFF {
		return utf16String(text[2:], binary.BigEndian)
	}
	if len(text) >= 2 && text[0] == 0xFF && text[1] == 0xFE {
		text = text[2:]
	}
	return utf16String(text, binary.LittleEndian)
}

func utf16String(text []byte, order binary.ByteOrder) string {
	units := make([]uint16, 0, len(text)/2)
	for ; len(text) >= 2; text = text[2:] {
		units = append(units, order.Uint16(text))
	}
	out := string(utf16.Decode(units))
	if len(text) > 0 { // half a character
		out += replacement
	}
	return out
}
