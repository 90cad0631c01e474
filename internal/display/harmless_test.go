package display

import (
	"math/rand/v2"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"
)

func TestHarmless(t *testing.T) {
	tests := []struct{ name, in, want string }{
		{"empty", "", ""},
		{"plain ASCII", "NLN alice@example.com Alice", "NLN alice@example.com Alice"},
		{"backslash as typed", `C:\new ¯\_(ツ)_/¯`, `C:\new ¯\_(ツ)_/¯`},
		{"line ends and tabs", "a\r\nb\tc", `a\r\nb\tc`},
		{"colour sequence", "\x1b[31mred", `\x1b[31mred`},
		{"title sequence", "\x1b]0;owned\a", `\x1b]0;owned\x07`},
		{"NUL and DEL", "\x00\x7f", `\x00\x7f`},
		{"C1 control", "a\u009b31m", `a\u009b31m`},
		{"next line", "a\u0085b", `a\u0085b`},
		{"line and paragraph separators", "a\u2028b\u2029c", `a\u2028b\u2029c`},
		{"right-to-left override", "invoice\u202efdp.exe", `invoice\u202efdp.exe`},
		{"isolates", "\u2066a\u2069", `\u2066a\u2069`},
		{"marks of direction", "\u200ea\u200fb\u061c", `\u200ea\u200fb\u061c`},
		{"zero width space in a name", "ali\u200bce", `ali\u200bce`},
		{"byte order mark", "\ufeffalice", `\ufeffalice`},
		{"soft hyphen", "ali\u00adce", `ali\u00adce`},
		{"word joiner", "a\u2060b", `a\u2060b`},
		{"invisible letter", "\u3164", `\u3164`},
		{"tag characters", "a\U000e0041", `a\U000e0041`},
		{"noncharacter", "\uffff", `\uffff`},
		{"invalid bytes", "a\xff\xc3b\xe4", `a\xff\xc3b\xe4`},
		{"C1 as a single byte", "\x9b31m", `\x9b31m`},
		{"replacement character", "\ufffd", "\ufffd"},
		{"accent on its letter", "e\u0301", "e\u0301"},
		{"accent without a letter", "\u0301e", `\u0301e`},
		{"accent after an escape", "\x1b\u0301", `\x1b\u0301`},
		{"accent after an invalid byte", "\xff\u0301", `\xff\u0301`},
		{"pile of accents", "e" + strings.Repeat("\u0301", 11), "e" + strings.Repeat("\u0301", 9) + `\u0301\u0301`},
		{"Chinese", "你好", "你好"},
		{"Arabic", "مرحبا", "مرحبا"},
		{"Hebrew with points", "שָׁלוֹם", "שָׁלוֹם"},
		{"Persian with its non-joiner", "می\u200cخواهم", "می\u200cخواهم"},
		{"two non-joiners in Persian", "می\u200c\u200cخ", `می` + "\u200c" + `\u200cخ`},
		{"non-joiner in Latin", "a\u200cb", `a\u200cb`},
		{"Hindi with a joiner", "क्\u200dष", "क्\u200dष"},
		{"family", "👨\u200d👩\u200d👧", "👨\u200d👩\u200d👧"},
		{"rainbow flag", "🏳\ufe0f\u200d🌈", "🏳\ufe0f\u200d🌈"},
		{"kiss with skin tones", "👩🏽\u200d❤\ufe0f\u200d💋\u200d👨🏾", "👩🏽\u200d❤\ufe0f\u200d💋\u200d👨🏾"},
		{"chain of joined people", strings.Repeat("👨\u200d", 6) + "👨", strings.Repeat("👨\u200d", 5) + `\U0001f468\u200d\U0001f468`},
		{"joiner between letters", "a\u200db", `a\u200db`},
		{"joiner at the end", "👨\u200d", `👨\u200d`},
		{"keycap", "1\ufe0f\u20e3", "1\ufe0f\u20e3"},
		{"emoji style on a letter", "a\ufe0f", `a\ufe0f`},
		{"skin tone without a person", " 🏽", ` \U0001f3fd`},
		{"flag of regional letters", "🇩🇪", "🇩🇪"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := Harmless(tt.in); got != tt.want {
				t.Errorf("Harmless(%+q)\n got %+q\nwant %+q", tt.in, got, tt.want)
			}
		})
	}
}

func TestHarmlessTextHasNothingToFear(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 20000 {
		in := hostileText(r)
		out := Harmless(in)
		if !utf8.ValidString(out) {
			t.Fatalf("Harmless(%+q) = %+q is not UTF-8", in, out)
		}
		for _, c := range out {
			if c != zeroWidthJoiner && c != zeroWidthNonJoiner && unicode.In(c, unicode.Cc, unicode.Cf, unicode.Zl, unicode.Zp) {
				t.Fatalf("Harmless(%+q) = %+q keeps %U", in, out, c)
			}
		}
		if again := Harmless(out); again != out {
			t.Fatalf("Harmless is not stable: %+q, then %+q", out, again)
		}
	}
}

// hostileText makes a text of pieces that have broken terminals before.
func hostileText(r *rand.Rand) string {
	pieces := []string{"a", " ", "Z", "\\", "\x1b[2J", "\x1b]0;t\a", "\u009b", "\x9b", "\xff", "\u202e", "\u2067", "\u200d", "\u200c",
		"\u0301", "\ufe0f", "世", "한", "ש", "ع", "क", "्", "👨", "🏽", "❤", "🇩", "\u2028", "\u3164", "\r\n", "\t", "\x00", "@", "\u115f", "\U000e0041", "\u0600"}
	var b strings.Builder
	for range r.IntN(30) {
		b.WriteString(pieces[r.IntN(len(pieces))])
	}
	return b.String()
}

func TestPlainTextCostsNothing(t *testing.T) {
	line := strings.Repeat("NLN alice@example.com ", 5)
	if n := testing.AllocsPerRun(100, func() { _ = Harmless(line); _ = Width(line); _ = Isolate(line) }); n != 0 {
		t.Errorf("%v allocations for plain ASCII, want none", n)
	}
}

func TestLines(t *testing.T) {
	got := Lines("one\r\ntwo\n\nthree\rfour\tfive \x1b[0m\r\n\r\n")
	want := []string{"one", "two", "", "three", `four five \x1b[0m`}
	if strings.Join(got, "|") != strings.Join(want, "|") {
		t.Errorf("got %q, want %q", got, want)
	}
	if got := Lines(""); got != nil {
		t.Errorf("no text has the lines %q, want none", got)
	}
}

// FuzzHarmless: whatever comes, what a terminal is shown does nothing to it,
// takes as many columns as it should, and is not made harmless twice.
func FuzzHarmless(f *testing.F) {
	r := rand.New(rand.NewPCG(13, 14))
	for range 40 {
		f.Add(hostileText(r), uint8(r.IntN(80)), uint8(r.IntN(80)))
	}
	f.Fuzz(func(t *testing.T, in string, first, rest uint8) {
		out := Harmless(in)
		for _, c := range out {
			if c != zeroWidthJoiner && c != zeroWidthNonJoiner && isUnseen(c) && !unicode.Is(unicode.Variation_Selector, c) {
				t.Fatalf("Harmless(%+q) = %+q keeps %U", in, out, c)
			}
		}
		if !utf8.ValidString(out) || Harmless(out) != out || len(out) > 10*len(in) {
			t.Fatalf("Harmless(%+q) = %+q, and then %+q", in, out, Harmless(out))
		}
		for i, l := range Wrap(out, int(first)+4, int(rest)+4) {
			if limit := []int{int(first) + 4, int(rest) + 4}[min(i, 1)]; Width(l) > limit {
				t.Fatalf("line %d of %q has %d columns, not %d", i, out, Width(l), limit)
			}
		}
		if n := Width(Shorten(out, int(first))); n > max(1, int(first)) {
			t.Fatalf("%q shortened to %d has %d columns", out, first, n)
		}
		if got := strings.Join(Lines(in), ""); Harmless(got) != got {
			t.Fatalf("the lines of %+q are %+q", in, Lines(in))
		}
	})
}
