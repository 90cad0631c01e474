package display

import (
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

func TestWidth(t *testing.T) {
	for text, want := range map[string]int{
		"": 0, "abc": 3, "你好": 4, "e\u0301": 1, "👨\u200d👩\u200d👧": 2, "🇩🇪": 2, "שלום": 4, "한글": 4, "…": 1,
		"น้ำ": 2, "ຄຳ": 2, "ｶﾞｷﾟ": 4, "ﾞ": 1,
		firstStrongIsolate + "שלום" + popIsolate: 4,
	} {
		if got := Width(text); got != want {
			t.Errorf("Width(%+q) = %d, want %d", text, got, want)
		}
	}
}

func TestShorten(t *testing.T) {
	tests := []struct {
		name, in string
		width    int
		want     string
	}{
		{"fits", "alice", 5, "alice"},
		{"one too wide", "alice!", 5, "alic…"},
		{"wide letter would be halved", "你好吗", 5, "你好…"},
		{"wide letter leaves a column empty", "你好吗", 4, "你…"},
		{"accents stay with their letter", "e\u0301e\u0301e\u0301", 2, "e\u0301…"},
		{"a mark beside its letter takes a column", "ｶﾞｷﾞｸﾞ", 5, "ｶﾞｷﾞ…"},
		{"a mark stays with its letter", "ｶﾞｷﾞｸﾞ", 4, "ｶﾞ…"},
		{"nothing but the ellipsis fits", "alice", 1, "…"},
		{"emoji stays whole", "a👨\u200d👩\u200d👧b", 3, "a…"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := Shorten(tt.in, tt.width); got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

func TestPad(t *testing.T) {
	if got := Pad("你", 4); got != "你  " {
		t.Errorf("got %q", got)
	}
	if got := Pad("alice", 4); got != "alice" {
		t.Errorf("got %q", got)
	}
}

func TestWrap(t *testing.T) {
	tests := []struct {
		name, in    string
		first, rest int
		want        []string
	}{
		{"fits", "hello", 5, 5, []string{"hello"}},
		{"empty", "", 5, 5, []string{""}},
		{"at spaces", "hello there you", 11, 5, []string{"hello there", "you"}},
		{"at the last space that fits", "hello there you", 10, 9, []string{"hello", "there you"}},
		{"space at the line end", "hello there", 5, 5, []string{"hello", "there"}},
		{"double space keeps one", "ab  cd", 2, 5, []string{"ab", " cd"}},
		{"long word fills its lines", "USR 5 0123456789", 8, 6, []string{"USR 5 01", "234567", "89"}},
		{"address breaks before its @", "alice@example.com", 12, 12, []string{"alice", "@example.com"}},
		{"address before a word too long for any line", "a@b.com 0123456789", 10, 6, []string{"a@b.com 01", "234567", "89"}},
		{"wide letters", "你好吗", 5, 3, []string{"你好", "吗"}},
		{"wide letter in a narrow line", "你好", 1, 1, []string{"你", "好"}},
		{"marks beside their letters", "น้ำน้ำ", 3, 3, []string{"น้ำ", "น้ำ"}},
		{"accents stay with their letter", "e\u0301e\u0301e\u0301", 2, 2, []string{"e\u0301e\u0301", "e\u0301"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := Wrap(tt.in, tt.first, tt.rest); !slices.Equal(got, tt.want) {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

func TestWrapLosesNothingButSpaces(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	for range 5000 {
		text := Harmless(hostileText(r))
		first, rest := 4+r.IntN(20), 4+r.IntN(20)
		lines := Wrap(text, first, rest)
		for i, l := range lines {
			if limit := []int{first, rest}[min(i, 1)]; Width(l) > limit {
				t.Fatalf("line %d of %q has %d columns, not %d: %q", i, text, Width(l), limit, l)
			}
		}
		if squeeze(strings.Join(lines, "")) != squeeze(text) {
			t.Fatalf("%q became %q", text, lines)
		}
	}
}

func squeeze(s string) string { return strings.ReplaceAll(s, " ", "") }

// A hostile message must not make wrapping take for ever.
func TestWrapIsLinear(t *testing.T) {
	text := strings.Repeat("@", 1<<20)
	if got := len(Wrap(text, 50, 50)); got != (1<<20+49)/50 {
		t.Errorf("%d lines", got)
	}
}

func TestIsolate(t *testing.T) {
	tests := []struct{ name, in, want string }{
		{"Latin", "Alice", "Alice"},
		{"Chinese", "你好", "你好"},
		{"Hebrew", "שלום", "\u2068שלום\u2069"},
		{"Arabic in Latin", "hi مرحبا", "\u2068hi مرحبا\u2069"},
		{"presentation form", "ﷺ", "\u2068ﷺ\u2069"},
		{"Adlam", "𞤀", "\u2068𞤀\u2069"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := Isolate(tt.in); got != tt.want {
				t.Errorf("got %+q, want %+q", got, tt.want)
			}
		})
	}
}

func TestIsolateWordsKeepsArgumentsInOrder(t *testing.T) {
	got := IsolateWords("MSG dana@example.com שלום 120")
	if want := "MSG dana@example.com \u2068שלום\u2069 120"; got != want {
		t.Errorf("got %+q, want %+q", got, want)
	}
}
