package reference

import (
	"bytes"
	"os"
	"strings"
	"testing"

	"msnproxy/decode"
)

func TestTheCommittedReferenceIsUpToDate(t *testing.T) {
	const path = "../../docs/commands.md"
	committed, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var made bytes.Buffer
	if err := WriteMarkdown(&made); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(committed, made.Bytes()) {
		t.Errorf("%s differs from the command table; run 'make docs'", path)
	}
}

func TestEveryRowIsShown(t *testing.T) {
	var md, text bytes.Buffer
	if err := WriteMarkdown(&md); err != nil {
		t.Fatal(err)
	}
	if err := WriteText(&text, "", 80); err != nil {
		t.Fatal(err)
	}
	for _, c := range decode.Commands {
		meaning := strings.ReplaceAll(c.Meaning, "|", `\|`)
		if !strings.Contains(md.String(), meaning) {
			t.Errorf("docs/commands.md would not have %q", c.Meaning)
		}
		if !strings.Contains(text.String(), c.Verb+"  from the ") {
			t.Errorf("the text would not have %s", c.Verb)
		}
	}
}

func TestTheTextFitsItsWidth(t *testing.T) {
	for _, width := range []int{40, 80, 120} {
		var text bytes.Buffer
		if err := WriteText(&text, "", width); err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(text.String()) {
			if n := len([]rune(strings.TrimSuffix(line, "\n"))); n > width {
				t.Errorf("width %d: %d columns: %q", width, n, line)
			}
		}
	}
}

func TestOneVerb(t *testing.T) {
	tests := []struct{ situation, verb, want string }{
		{"by direction, the form with brackets", "uux", `UUX  from the client, NS, MSNP11-21, with a payload
     UUX trid length
     sets the personal message, the current media or the endpoint's data, as XML

UUX  from the server, NS, MSNP11-21
     UUX trid [?]
     confirms UUX; its number is no length

`},
		{"the number of an error reply", "217", `nnn  from the server, DS/NS/SB, MSNP13-21, with a payload
     nnn trid length
     refuses a request, and says more in a payload

nnn  from the server, DS/NS/SB, MSNP2-21
     nnn [trid] [info...]
     refuses a request, or tells of a fault that no request caused

217  not online
`},
		{"words that only some dialects have", "FLN", `FLN  from the server, NS, MSNP2-21
     FLN handle [netid 14-17] [caps ≥14] [icon-url ≥14]
     tells that a contact went offline

`},
	}
	for _, tt := range tests {
		t.Run(tt.situation, func(t *testing.T) {
			var got bytes.Buffer
			if err := WriteText(&got, tt.verb, 80); err != nil {
				t.Fatal(err)
			}
			if got.String() != tt.want {
				t.Errorf("got\n%s\nwant\n%s", got.String(), tt.want)
			}
		})
	}
}
