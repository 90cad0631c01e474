package display

import (
	"unicode"
	"unicode/utf8"
)

// maxCluster is how many code points one visible character may have. The
// longest in use, a kiss between two people with skin tones, has ten. Piles of
// accents that cover the lines above and below have more, and so have chains
// that count as one character but take a whole line on many terminals.
const maxCluster = 10

// Harmless returns s as one line that is safe to show on a terminal. Control
// characters, bidirectional controls, invisible characters and bytes that are
// not UTF-8 become escapes: \n, \x1b, \u202e, \xff. Letters of all scripts,
// accents and emoji stay.
//
// A backslash stays as it is: the result is for reading, and what people
// write with backslashes (paths, shrugs) should look as they wrote it. So a
// typed \x1b cannot be told from an escaped one; both are harmless.
func Harmless(s string) string {
	if isPlain(s) {
		return s
	}
	return string(appendHarmless(make([]byte, 0, len(s)+len(s)/4+8), s))
}

// isPlain tells whether s is printable ASCII, which needs no work.
func isPlain(s string) bool {
	for i := 0; i < len(s); i++ {
		if s[i] < ' ' || s[i] > '~' {
			return false
		}
	}
	return true
}

// standsAlone returns the length of the printable ASCII at the start of s, each
// byte of which is a character by itself: nothing that follows settles on it.
// Telling characters apart costs twenty times as much.
func standsAlone(s string) int {
	for i := 0; i < len(s); i++ {
		if s[i] < ' ' || s[i] > '~' {
			return max(0, i-1)
		}
	}
	return len(s)
}

// appendHarmless cuts s into stretches of valid UTF-8, because characters can
// only be told apart in those, and bytes that are not.
func appendHarmless(dst []byte, s string) []byte {
	for s != "" {
		n := validPrefix(s)
		dst = appendValid(dst, s[:n])
		s = s[n:]
		if s != "" {
			dst = appendHexEscape(dst, s[0])
			s = s[1:]
		}
	}
	return dst
}

// appendValid appends text in UTF-8, made harmless.
func appendValid(dst []byte, s string) []byte {
	for s != "" {
		n := standsAlone(s)
		dst = append(dst, s[:n]...)
		s = s[n:]
		c := s[:firstCharacter(s)]
		dst = appendCharacter(dst, c)
		s = s[len(c):]
	}
	return dst
}

// validPrefix returns the length of the valid UTF-8 at the start of s.
func validPrefix(s string) int {
	for i, r := range s {
		if r == utf8.RuneError {
			if _, size := utf8.DecodeRuneInString(s[i:]); size <= 1 {
				return i
			}
		}
	}
	return len(s)
}

// appendCharacter appends one visible character, code point by code point.
// After the first that is escaped the rest is too: it would settle on the
// escape.
func appendCharacter(dst []byte, c string) []byte {
	var prev rune
	n := 0
	for i, r := range c {
		if n++; n > maxCluster || !mayStay(prev, r, following(c, i, r)) {
			return appendEscapes(dst, c[i:])
		}
		dst = utf8.AppendRune(dst, r)
		prev = r
	}
	return dst
}

// following returns the code point after the one at i, or 0 at the end.
func following(c string, i int, r rune) rune {
	if rest := c[i+utf8.RuneLen(r):]; rest != "" {
		next, _ := utf8.DecodeRuneInString(rest)
		return next
	}
	return 0
}

// mayStay decides about a code point between its neighbours in one visible
// character; prev is 0 at its start.
func mayStay(prev, r, next rune) bool {
	switch {
	case r >= ' ' && r <= '~':
		return true
	case r == zeroWidthJoiner:
		return joinsScript(prev) || isEmojiPart(prev) && unicode.In(next, unicode.So, unicode.Sm)
	case r == zeroWidthNonJoiner:
		return joinsScript(prev)
	case r == textStyle || r == emojiStyle:
		return unicode.Is(unicode.So, prev) || next == keycap || emojiOutsideSo(prev)
	case unicode.Is(unicode.Variation_Selector, r):
		return unicode.Is(unicode.Han, prev)
	case isSkinTone(r):
		return isEmojiPart(prev)
	case isUnseen(r):
		return false
	case unicode.Is(unicode.M, r):
		return prev != 0 // an accent without its letter would settle on what stands before it
	}
	return true
}

// Code points that are invisible by themselves and needed in some places.
const (
	zeroWidthNonJoiner = '\u200c'
	zeroWidthJoiner    = '\u200d'
	keycap             = '\u20e3'
	textStyle          = '\ufe0e'
	emojiStyle         = '\ufe0f'
)

// isUnseen tells whether r is a control or format character, a line or
// paragraph separator, a character that shows as nothing, or none at all.
func isUnseen(r rune) bool {
	return unicode.In(r, unicode.Cc, unicode.Cf, unicode.Zl, unicode.Zp,
		unicode.Other_Default_Ignorable_Code_Point, unicode.Noncharacter_Code_Point)
}

// joinsScript tells whether r is of a script that is written with joiners.
func joinsScript(r rune) bool {
	return unicode.In(r, unicode.Arabic, unicode.Syriac, unicode.Nko, unicode.Mongolian, unicode.Devanagari,
		unicode.Bengali, unicode.Gurmukhi, unicode.Gujarati, unicode.Oriya, unicode.Tamil, unicode.Telugu,
		unicode.Kannada, unicode.Malayalam, unicode.Sinhala, unicode.Khmer, unicode.Myanmar)
}

// isEmojiPart tells whether an emoji sequence can go on after r.
func isEmojiPart(r rune) bool {
	return unicode.Is(unicode.So, r) || r == emojiStyle || isSkinTone(r)
}

// emojiOutsideSo tells whether r is one of the few emoji that are not of the
// category "other symbol": marks of exclamation and information, the wavy
// dash, some arrows and squares.
func emojiOutsideSo(r rune) bool {
	return r == '‼' || r == '⁉' || r == '〰' || r == 'ℹ' || r >= '↔' && unicode.Is(unicode.Sm, r)
}

func isSkinTone(r rune) bool { return r >= 0x1f3fb && r <= 0x1f3ff }

// HarmlessBytes is Harmless for bytes that ought to be UTF-8.
func HarmlessBytes(b []byte) string { return Harmless(string(b)) }
