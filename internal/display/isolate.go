package display

import (
	"strings"
	"unicode"
)

// The first strong isolate and the pop that ends it. Text between them is laid
// out by itself: its letters cannot reorder what stands beside it. Both take
// no columns. Harmless leaves none of them in a stranger's text, so the ones
// that are added here are always paired.
const (
	firstStrongIsolate = "\u2068"
	popIsolate         = "\u2069"
)

// rightToLeft is every range of the letters that run from right to left, by
// the blocks that Unicode reserves for them (DerivedBidiClass.txt).
var rightToLeft = &unicode.RangeTable{
	R16: []unicode.Range16{{Lo: 0x0590, Hi: 0x08ff, Stride: 1}, {Lo: 0xfb1d, Hi: 0xfdff, Stride: 1}, {Lo: 0xfe70, Hi: 0xfefe, Stride: 1}},
	R32: []unicode.Range32{{Lo: 0x10800, Hi: 0x10fff, Stride: 1}, {Lo: 0x1e800, Hi: 0x1efff, Stride: 1}},
}

// IsRightToLeft tells whether s has letters that run from right to left.
func IsRightToLeft(s string) bool {
	if isPlain(s) {
		return false
	}
	for _, r := range s {
		if r >= 0x0590 && unicode.Is(rightToLeft, r) {
			return true
		}
	}
	return false
}

// Isolate returns one line or cell of harmless text so that it cannot reorder
// its neighbours. Other text than right-to-left stays as it is. Wrap and
// shorten first: an isolate ends with its line.
func Isolate(s string) string {
	if !IsRightToLeft(s) {
		return s
	}
	return firstStrongIsolate + s + popIsolate
}

// IsolateWords isolates each word by itself, which keeps the arguments of a
// command in their order: a number after a Hebrew name would move before it.
func IsolateWords(s string) string {
	if !IsRightToLeft(s) {
		return s
	}
	words := strings.Split(s, " ")
	for i, w := range words {
		words[i] = Isolate(w)
	}
	return strings.Join(words, " ")
}
