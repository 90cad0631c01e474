package ndjson

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"msnproxy/decode"
)

// everyString calls f with each string, and each slice of bytes, that can be
// reached from a value.
func everyString(v reflect.Value, f func(reflect.Value)) {
	switch v.Kind() {
	case reflect.String:
		f(v)
	case reflect.Slice:
		if v.Type().Elem().Kind() == reflect.Uint8 {
			f(v)
			return
		}
		for i := range v.Len() {
			everyString(v.Index(i), f)
		}
	case reflect.Pointer:
		if !v.IsNil() {
			everyString(v.Elem(), f)
		}
	case reflect.Interface:
		if s, ok := v.Interface().(string); ok {
			changed := reflect.New(reflect.TypeOf(s)).Elem()
			changed.SetString(s)
			f(changed)
			v.Set(changed)
		}
	case reflect.Struct:
		for i := range v.NumField() {
			if v.Type().Field(i).IsExported() {
				everyString(v.Field(i), f)
			}
		}
	}
}

// withEverything is a record of a kind with something in each of its strings.
func withEverything(kind decode.Kind) *decode.Record {
	r := full()
	r.Kind, r.Verb = kind, "USR"
	r.Client, r.ServerAddr, r.Reason, r.File = "a", "b", "c", "d"
	r.Via, r.Carrier = decode.Ref{Conn: "e", Seq: 1}, decode.Carrier{Conn: "f", Addr: "g"}
	r.Joined = &decode.JoinedMessage{ID: "h", Type: "i", Text: "j"}
	said := &decode.Payload{Type: "k", Fields: []decode.Field{{Name: "l", Value: "m"}, {Name: "n", Value: []any{"o"}}, {Name: "p", Value: []decode.Field{{Name: "q", Value: "r"}}}}}
	r.HTTP = &decode.HTTP{Method: "s", URL: "t", Action: "u", Status: 1, Payload: said}
	r.Notes = append(r.Notes,
		decode.Note{Kind: decode.NoteRewrite, From: "v", To: "w"}, decode.Note{Kind: decode.NoteSignIn, Method: "x", Account: "y", Verdict: "z", Text: "a"},
		decode.Note{Kind: decode.NoteFault, Text: "b"}, decode.Note{Kind: decode.NoteChallenge, Challenge: &decode.Challenge{Challenge: "c", ProductID: "d", Client: "e",
			Environment: "f", Expected: "g", Got: "h", Verdict: "i", ServerVerdict: "j", Explanation: "k"}})
	return r
}

// TestEveryByteInEveryString puts each byte, alone and within text, into every
// string of records of all kinds. What is written is JSON, of characters that do
// nothing to a terminal, and can be read back.
func TestEveryByteInEveryString(t *testing.T) {
	for kind := decode.KindOpen; kind.String() != ""; kind++ {
		for b := range 256 {
			for _, text := range []string{string([]byte{byte(b)}), string([]byte{'a', byte(b), 'z'}), "\xc2" + string([]byte{byte(b)}), "\xe2\x80" + string([]byte{byte(b)})} {
				r, n := withEverything(kind), 0
				everyString(reflect.ValueOf(r).Elem(), func(v reflect.Value) {
					n++
					if v.Kind() == reflect.String {
						v.SetString(text)
					} else {
						v.SetBytes([]byte(text))
					}
				})
				if r.Verb = "USR"; n < 40 {
					t.Fatalf("only %d strings in a record", n)
				}
				line := write(t, Options{Payload: true, ShowOpaque: true}, r.HTTP.Payload, r)
				checkLine(t, line)
				if _, err := NewReader(strings.NewReader(line + "\n")).Next(); err != nil && kind != decode.KindHTTP {
					t.Fatalf("%q in %s: %v", text, line, err)
				}
			}
		}
	}
}

// checkLine checks that a line is JSON of visible characters.
func checkLine(t *testing.T, line string) {
	t.Helper()
	if !json.Valid([]byte(line)) || !utf8.ValidString(line) {
		t.Fatalf("no JSON: %q", line)
	}
	for _, c := range line {
		if unicode.IsControl(c) || c >= 0x2028 && c <= 0x202e || c >= 0x2066 && c <= 0x2069 || c == 0x200e || c == 0x200f || c == 0x61c {
			t.Fatalf("%U stands raw in %q", c, line)
		}
	}
}
