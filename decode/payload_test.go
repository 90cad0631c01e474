package decode

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"
)

// crlf writes a payload as the wire has it, from lines that end in a line feed.
func crlf(text string) string { return strings.ReplaceAll(text, "\n", "\r\n") }

// recordOf makes the record of a command. The line stands without the length,
// its direction in front: "< UBX bob@example.com 1".
func recordOf(line, payload string) *Record {
	dir := map[byte]Direction{'>': ClientToServer, '<': ServerToClient}[line[0]]
	full := []byte(line[2:] + " " + strconv.Itoa(len(payload)))
	r := &Record{
		Kind: KindCommand, Dir: dir, Verb: line[2:5], Line: full,
		HasPayload: true, Payload: []byte(payload), PayloadBytes: int64(len(payload)),
	}
	r.Spec, r.Args = Lookup(nil, full, Words(nil, full)[1:], dir, 0, 0)
	return r
}

// render writes a payload as the record has it: type first, then the fields.
func render(p *Payload) string {
	if p == nil {
		return "nil"
	}
	return renderValue(append([]Field{{"type", p.Type}}, p.Fields...))
}

func renderValue(value any) string {
	switch v := value.(type) {
	case []Field:
		var parts []string
		for _, f := range v {
			parts = append(parts, quote(f.Name)+":"+renderValue(f.Value))
		}
		return "{" + strings.Join(parts, ",") + "}"
	case []any:
		var parts []string
		for _, e := range v {
			parts = append(parts, renderValue(e))
		}
		return "[" + strings.Join(parts, ",") + "]"
	case string:
		return quote(v)
	case int64, bool:
		return fmt.Sprint(v)
	}
	return fmt.Sprintf("a value of type %T", value)
}

func quote(s string) string {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	_ = enc.Encode(s) // a string always encodes
	return strings.TrimSpace(b.String())
}

// payloadCase is a command, and what is to be read in its payload, as JSON.
type payloadCase struct {
	name, line, payload, want string
}

func runPayloadCases(t *testing.T, cases []payloadCase) {
	t.Helper()
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			r := recordOf(c.line, c.payload)
			p := r.DecodePayload()
			checkPayload(t, p, len(c.payload))
			if got := render(p); got != c.want {
				t.Errorf("%s %q\n got %s\nwant %s", c.line, c.payload, got, c.want)
			}
			if string(r.Payload) != c.payload {
				t.Errorf("decoding changed the payload to %q", r.Payload)
			}
		})
	}
}

// What a payload may come to, in proportion to its input. The factor is that
// of the worst case: <c/> in a list (4 bytes), whose domain (at most maxDomain
// bytes) stands once for all contacts but shows in each handle.
const (
	growthFactor = 48
	growthBase   = 4096
)

// checkPayload checks what holds for the decoding of any payload of a size.
func checkPayload(t testing.TB, p *Payload, size int) {
	t.Helper()
	if p == nil {
		return
	}
	if p.Type == "" || !utf8.ValidString(p.Type) {
		t.Errorf("type %q", p.Type)
	}
	for _, f := range p.Fields {
		if f.Name == "type" || f.Name == "base64" {
			t.Errorf("field %q is what the record itself calls something else", f.Name)
		}
	}
	total := len(p.Type) + checkValue(t, p.Fields)
	if limit := growthFactor*size + growthBase; total > limit {
		t.Errorf("%d bytes came of a payload of %d; the limit is %d", total, size, limit)
	}
}

// checkValue checks a value and returns its size.
func checkValue(t testing.TB, value any) int {
	t.Helper()
	switch v := value.(type) {
	case []Field:
		size, seen := 0, map[string]bool{}
		for _, f := range v {
			if seen[f.Name] {
				t.Errorf("two fields of the name %.100q", f.Name)
			}
			if !utf8.ValidString(f.Name) {
				t.Errorf("name %.100q is not valid", f.Name)
			}
			seen[f.Name] = true
			size += len(f.Name) + checkValue(t, f.Value)
		}
		return size
	case []any:
		size := 0
		for _, e := range v {
			size += 1 + checkValue(t, e)
		}
		return size
	case string:
		if !utf8.ValidString(v) {
			t.Errorf("string %.100q is not valid", v)
		}
		return len(v)
	case int64, bool:
		return 8
	}
	t.Errorf("a value of type %T", value)
	return 0
}

func TestPayloadNone(t *testing.T) {
	for name, r := range map[string]*Record{
		"no payload":    {Kind: KindCommand, Verb: "CHG", Dir: ClientToServer},
		"not a command": {Kind: KindOpaque, HasPayload: true, Payload: []byte("x")},
		"gap":           {Kind: KindGap},
		"zero":          {},
	} {
		if p := r.DecodePayload(); p != nil {
			t.Errorf("%s: got %s", name, render(p))
		}
	}
}

func TestPayloadEmpty(t *testing.T) {
	runPayloadCases(t, []payloadCase{
		{"nothing is set", "< UBX bob@example.com 1", "", `{"type":"personal-message"}`},
		{"message", "> MSG 3 U", "", `{"type":"message"}`},
		{"invitation", "> SDC 9 bob@example.com 0x0409 MSMSGS MSMSGS X X Alice", "", `{"type":"invitation-text"}`},
		{"confirmation", "< PUT 4 OK", "", `{"type":"routed"}`},
		{"notice", "< UBN bob@example.com 1", "", `{"type":"endpoint-notice"}`},
		{"unknown verb", "> ZZZ 1", "", `{"type":"unknown"}`},
		{"error", "< 241 15", "", `{"type":"error-detail"}`},
	})
}

func TestPayloadPlain(t *testing.T) {
	runPayloadCases(t, []payloadCase{
		{"challenge response", "> QRY 9 PROD0090YUAUV{2B", "85ecb0db8f32113df79ce0892b9a102c",
			`{"type":"challenge-response","response":"85ecb0db8f32113df79ce0892b9a102c"}`},
		{"invitation", "> SDC 9 bob@example.com 0x0409 MSMSGS MSMSGS X X Alice", "Come and talk!",
			`{"type":"invitation-text","text":"Come and talk!"}`},
		{"abuse report", "> VAS 5 bob@example.com 1 2", "<x/>", `{"type":"unknown","text":"<x/>"}`},
		{"binary", "> ZZZ 5", "\x00\x01\xff", `{"type":"unknown","size":3}`},
		{"error with text", "< 509 15", "Phone is off", `{"type":"error-detail","text":"Phone is off"}`},
		{"error with HTML", "< 511 15", "<b>No</b> such <i>thing</i>\r\n",
			`{"type":"error-detail","text":"No such thing"}`},
		{"error with contacts", "< 241 15", `<ml><d n="example.com"><c n="bob" l="9" t="1"/></d></ml>`,
			`{"type":"error-detail","contacts":[{"handle":"bob@example.com","lists":9,"list_names":["FL","RL"],"netid":1,"network":"Windows Live"}]}`},
		{"error with elements only", "< 801 15", `<policy/>`, `{"type":"error-detail","text":"<policy/>"}`},
	})
}

// What a gap or the end of the stream leaves of a payload is decoded.
func TestPayloadCut(t *testing.T) {
	whole := crlf("MIME-Version: 1.0\nContent-Type: text/plain; charset=UTF-8\n\nhello")
	r := recordOf("< MSG bob@example.com Bob", whole)
	for n := range len(whole) {
		r.Payload = []byte(whole[:n])
		checkPayload(t, r.DecodePayload(), n)
	}
	r.Payload = []byte(whole[:len(whole)-3])
	if got := r.DecodePayload().Text("text"); got != "he" {
		t.Errorf("got %q of a cut text", got)
	}
}

// Every verb with a decoder has a form with a payload.
func TestPayloadRowsKnown(t *testing.T) {
	for _, row := range payloadRows {
		found := false
		for i := range Commands {
			c := &Commands[i]
			found = found || c.Verb == row.verb && strings.Contains(c.Args, "length")
		}
		if !found {
			t.Errorf("%s has a decoder, but no form with a payload", row.verb)
		}
	}
}

// Every form with a payload has a decoder, but for those whose payload is not
// documented.
func TestPayloadRowsComplete(t *testing.T) {
	undocumented := map[string]bool{"VAS": true, "GET": true, "FSL": true}
	for i := range Commands {
		c := &Commands[i]
		if strings.Contains(c.Args, "length") && payloadRowOf(c.Verb).kind == "unknown" && !undocumented[c.Verb] && c.Verb != ErrorVerb {
			t.Errorf("%s has a payload, but no decoder", c.Verb)
		}
	}
}

func TestObjectKeepsNamesUnique(t *testing.T) {
	var o object
	for i := range 3 * manyFields {
		o.add("n"+strconv.Itoa(i%(2*manyFields)), int64(i))
	}
	checkValue(t, o.fields)
	if len(o.at) != len(o.fields) {
		t.Errorf("the map knows %d of %d names; without it, time grows with the square", len(o.at), len(o.fields))
	}
	if len(o.fields) != 2*manyFields {
		t.Errorf("%d fields", len(o.fields))
	}
	if got := renderValue(o.fields[0].Value); got != "[0,32]" {
		t.Errorf("a name that came twice gave %s", got)
	}
	if got := renderValue(o.fields[manyFields].Value); got != "16" {
		t.Errorf("a name that came once gave %s", got)
	}
}

// payloadLines are commands for every decoder of payloads, and for each kind
// of notification between endpoints.
func payloadLines() (lines []string) {
	for _, row := range payloadRows {
		for _, dir := range []string{"> ", "< "} {
			lines = append(lines, dir+row.verb+" 1", dir+row.verb+" a@b.c 1", dir+row.verb+" 7 a@b.c")
		}
	}
	for _, row := range noticeRows {
		lines = append(lines, "< UBN a@b.c "+row.code, "> UUN 7 a@b.c "+row.code)
	}
	return append(lines, "< 241 9", "< XYZ 1")
}

// FuzzPayload decodes whatever may follow the line of any command. A reader
// that goes on from record to record says what a new one says.
func FuzzPayload(f *testing.F) {
	lines := payloadLines()
	for i, text := range []string{
		"MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-16\r\n\r\nh\x00", "463803701;207.46.124.143:1863", "goawyplzthxbye",
		"INVITE MSNMSGR:b MSNSLP/1.0\r\nTo: <x>\r\nContent-Length: 9\r\n\r\nA: b\r\n\r\n\x00", "<ml l=\"1\"><d n=\"e\"><c n=\"b\" l=\"3\"/></d></ml>",
		"<Policies><Policy type=\"S\"><imtext value=\"YQ==\"/></Policy></Policies>", "<NOTIFICATION id=\"1\"><BODY>&lt;a/&gt;</BODY></NOTIFICATION>",
		"<TEXT xml:space=\"preserve\">hi</TEXT>", "85ecb0db8f32113df79ce0892b9a102c",
	} {
		f.Add(uint8(7*i), []byte(text))
	}
	f.Fuzz(func(t *testing.T, n uint8, b []byte) {
		var reader PayloadReader
		for i := range 4 {
			line := lines[(int(n)+i)%len(lines)]
			r := recordOf(line, string(b))
			said := reader.Decode(r)
			checkPayload(t, said, len(b))
			if !bytesEqual(r.Payload, b) {
				t.Fatalf("%s: decoding changed the payload", line)
			}
			if alone := r.DecodePayload(); render(alone) != render(said) {
				t.Fatalf("%s: says %s, and behind others %s", line, render(alone), render(said))
			}
		}
	})
}
