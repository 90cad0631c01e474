package display

import (
	"bytes"
	"encoding/json"
	"errors"
	"math/rand/v2"
	"strings"
	"testing"
)

func TestJSONWriter(t *testing.T) {
	tests := []struct{ name, in, want string }{
		{"plain", `{"a":"b"}`, `{"a":"b"}`},
		{"letters and emoji stay", `{"a":"é 你 ש 👨‍👩"}`, `{"a":"é 你 ש 👨‍👩"}`},
		{"DEL at each place", "0123456\x7f9", `0123456\u007f9`},
		{"C1", "\"a\u0080\u009fb\"", `"a\u0080\u009fb"`},
		{"bidirectional controls", "\"\u061c\u200e\u200f\u202a\u202e\u2066\u2069\"", `"\u061c\u200e\u200f\u202a\u202e\u2066\u2069"`},
		{"separators", "\"\u2028\u2029\"", `"\u2028\u2029"`},
		{"neighbours of the unsafe", "\"\u00a0\u061b\u200d\u2030\u2065\u206a\"", "\"\u00a0\u061b\u200d\u2030\u2065\u206a\""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var out bytes.Buffer
			n, err := NewJSONWriter(&out).Write([]byte(tt.in))
			if n != len(tt.in) || err != nil {
				t.Errorf("Write = %d, %v", n, err)
			}
			if out.String() != tt.want {
				t.Errorf("got %+q, want %+q", out.String(), tt.want)
			}
		})
	}
}

func TestEscapedJSONMeansTheSame(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	for range 5000 {
		wantTheSameAndHarmless(t, hostileText(r))
	}
}

// wantTheSameAndHarmless passes a text on as JSON: it must mean the same, and
// nothing in it may do anything to a terminal.
func wantTheSameAndHarmless(t *testing.T, text string) {
	t.Helper()
	text = strings.ToValidUTF8(text, "?")
	in, _ := json.Marshal(text)
	var out bytes.Buffer
	_, _ = NewJSONWriter(&out).Write(in)
	var back string
	if err := json.Unmarshal(out.Bytes(), &back); err != nil || back != text {
		t.Fatalf("%+q came back as %+q (%v)", text, back, err)
	}
	for _, c := range out.String() {
		if c < ' ' || c == 0x7f || isUnsafe(c) {
			t.Fatalf("%+q keeps %U", out.String(), c)
		}
	}
}

type brokenPipe struct{ writes int }

func (b *brokenPipe) Write([]byte) (int, error) { b.writes++; return 0, errors.New("broken pipe") }

func TestJSONWriterRemembersItsError(t *testing.T) {
	pipe := &brokenPipe{}
	w := NewJSONWriter(pipe)
	for range 3 {
		if n, err := w.Write([]byte("{}\n")); n != 3 || err != nil {
			t.Errorf("Write = %d, %v", n, err)
		}
	}
	if w.Err() == nil || pipe.writes != 1 {
		t.Errorf("error %v after %d writes, want one failed write", w.Err(), pipe.writes)
	}
}

func BenchmarkJSONWriter(b *testing.B) {
	line := []byte(strings.Repeat(`{"time":"2004-05-17T12:00:00Z","verb":"NLN"}`, 8))
	w := NewJSONWriter(&bytes.Buffer{})
	b.SetBytes(int64(len(line)))
	for b.Loop() {
		w.w.(*bytes.Buffer).Reset()
		_, _ = w.Write(line)
	}
}

func FuzzJSONWriter(f *testing.F) {
	r := rand.New(rand.NewPCG(15, 16))
	for range 40 {
		f.Add(hostileText(r))
	}
	f.Fuzz(wantTheSameAndHarmless)
}
