package decode

import (
	"testing"
	"unicode/utf8"
)

func TestPercentDecode(t *testing.T) {
	for in, want := range map[string]string{
		"":                  "",
		"Bob":               "Bob",
		"Bob%20B%C3%A9":     "Bob Bé",
		"%e2%82%ac":         "€",
		"100%":              "100%",
		"100%2":             "100%2",
		"%zz%4":             "%zz%4",
		"%%41":              "%A",
		"%2541":             "%41", // decoded once, not until nothing is left
		"a+b":               "a+b",
		"\x19\xdb":          "\x19\uFFFD",
		"%DB%00x":           "\uFFFD\x00x",
		"Zo\xc3\xab%20\xa0": "Zoë \uFFFD",
	} {
		if got := PercentDecode([]byte(in)); got != want {
			t.Errorf("%q gave %q, want %q", in, got, want)
		}
	}
}

func FuzzPercentDecode(f *testing.F) {
	f.Add([]byte("%41%C3%A9%%2"))
	f.Fuzz(func(t *testing.T, b []byte) {
		out := PercentDecode(b)
		if !utf8.ValidString(out) || len(out) > 3*len(b) {
			t.Errorf("%q gave %q", b, out)
		}
		if behind := AppendPercentDecoded([]byte("%41\xff"), b); string(behind) != "%41\xff"+out {
			t.Errorf("%q appended gave %q", b, behind)
		}
	})
}
