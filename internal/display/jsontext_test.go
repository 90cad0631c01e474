package display

import (
	"encoding/json"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"
)

func TestAppendJSON(t *testing.T) {
	tests := []struct{ name, in, want string }{
		{"nothing", "", `""`},
		{"plain", "a b~!", `"a b~!"`},
		{"what JSON escapes", "\"\\\b\f\n\r\t", `"\"\\\b\f\n\r\t"`},
		{"other controls", "\x00\x1b\x1f", `"\u0000\u001b\u001f"`},
		{"what a terminal acts upon", "\x7f\u0085\u061c\u202e\u2028\u2069", `"\u007f\u0085\u061c\u202e\u2028\u2069"`},
		{"letters and emoji stay", "é 你 ש 👨‍👩 \ufffd", `"é 你 ש 👨‍👩 ` + "\ufffd" + `"`},
		{"bytes that are no UTF-8", "a\xff\xc3b\xed\xa0\x80", `"a\ufffd\ufffdb\ufffd\ufffd\ufffd"`},
		{"an escape at each place of eight", "1234567\n234567\n34567\n4567\n567\n67\n7\n", `"1234567\n234567\n34567\n4567\n567\n67\n7\n"`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := string(AppendJSON([]byte("x:"), tt.in)); got != "x:"+tt.want {
				t.Errorf("got %s, want x:%s", got, tt.want)
			}
			if got := string(AppendJSON(nil, []byte(tt.in))); got != tt.want {
				t.Errorf("as bytes: got %s, want %s", got, tt.want)
			}
		})
	}
}

// TestEveryByteIsPlainOrNot at every place of eight, whatever its neighbours.
func TestEveryByteIsPlainOrNot(t *testing.T) {
	for _, around := range []byte{' ', '~', '!', 0x7e, '0', 0xff} {
		for c := range 256 {
			for place := range 8 {
				word := []byte(strings.Repeat(string([]byte{around}), 8))
				word[place] = byte(c)
				want := 0
				for want < 8 && isPlainByte(word[want]) {
					want++
				}
				if got := plainLength(word); got != want {
					t.Fatalf("%q: %d bytes are plain, want %d", word, got, want)
				}
			}
		}
	}
}

func TestPlainTextsOfEveryLength(t *testing.T) {
	text := []byte("123456781234567812345678")
	for length := range len(text) {
		if got := plainLength(text[:length]); got != length {
			t.Errorf("of %d plain bytes %d are", length, got)
		}
		for odd := range length {
			p := slices.Clone(text[:length])
			p[odd] = '"'
			if got := plainLength(string(p)); got != odd {
				t.Errorf("of %s %d bytes are plain", p, got)
			}
		}
	}
}

// TestEveryCharacterIsSafeOrNot, and every two and three bytes that are none.
func TestEveryCharacterIsSafeOrNot(t *testing.T) {
	for c := rune(utf8.RuneSelf); c <= utf8.MaxRune; c++ {
		p := append(utf8.AppendRune([]byte("é"), c), "abc"...)
		want := len("é") + utf8.RuneLen(c)
		if c >= 0xd800 && c < 0xe000 {
			want = len("é\ufffd") // a surrogate became that
		} else if isUnsafe(c) {
			want = len("é")
		}
		if got := safeLength(p); got != want {
			t.Fatalf("%U: %d bytes are safe, want %d", c, got, want)
		}
	}
	for n := range 1 << 23 {
		p := []byte{0x80 | byte(n>>16), byte(n >> 8), byte(n)}
		for len := 1; len <= 3; len++ {
			if _, size := utf8.DecodeRune(p[:len]); size == 1 && safeLength(p[:len]) != 0 {
				t.Fatalf("% x is no character", p[:len])
			}
		}
	}
}

// checkJSONText checks that a text as JSON means the same to another reader of
// JSON, and is safe to look at.
func checkJSONText(t *testing.T, text string) {
	t.Helper()
	out := AppendJSON(nil, text)
	var back string
	if err := json.Unmarshal(out, &back); err != nil {
		t.Fatalf("%+q became %s: %v", text, out, err)
	}
	want, _ := json.Marshal(text)
	var same string
	if err := json.Unmarshal(want, &same); err != nil || back != same {
		t.Fatalf("%+q came back as %+q, of encoding/json as %+q", text, back, same)
	}
	if !utf8.Valid(out) {
		t.Fatalf("%+q is no UTF-8", out)
	}
	for _, c := range string(out) {
		if c < ' ' || c == 0x7f || isUnsafe(c) {
			t.Fatalf("%+q keeps %U", out, c)
		}
	}
}

func TestTextsAsJSONMeanTheSame(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 8))
	for range 5000 {
		checkJSONText(t, hostileText(r))
	}
}

func FuzzAppendJSON(f *testing.F) {
	f.Add("plain text of more than eight bytes")
	f.Add("\x00\"\\\n\x7f\u0085\u202eé\xff\xed\xa0\x80👨‍👩")
	f.Fuzz(checkJSONText)
}

func BenchmarkAppendJSON(b *testing.B) {
	for name, text := range map[string]string{
		"short": "MSG 3 N 438",
		"ascii": strings.Repeat("Hello there, how are you? ", 10),
		"mixed": strings.Repeat("report été привет señor 日本語 over two\r\n", 6),
	} {
		b.Run(name, func(b *testing.B) {
			var dst []byte
			b.SetBytes(int64(len(text)))
			for b.Loop() {
				dst = AppendJSON(dst[:0], text)
			}
		})
	}
}
