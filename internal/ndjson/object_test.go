package ndjson

import (
	"bytes"
	"errors"
	"hash/maphash"
	"io"
	"math"
	"reflect"
	"slices"
	"strings"
	"testing"
)

// TestOddJSONInARecord holds what is read of JSON that no Sink writes. The keys
// stand behind those of a command, and what comes of them in the line that is
// written again.
func TestOddJSONInARecord(t *testing.T) {
	for name, c := range map[string]struct{ more, want string }{
		"a key that comes again":         {`,"seq":2,"seq":3`, `"seq":3`},
		"null":                           {`,"seq":null,"conn":null,"time":null,"notes":null,"payload":null,"args":null`, `"conn":"c1","seq":1,`},
		"null after a transaction id":    {`,"trid":7,"trid":null`, `"verb":"PNG","line"`},
		"null after bytes of a line":     {`,"line_base64":"UVJZ","line_base64":null`, `"line":"PNG"`},
		"null after arguments":           {`,"args":{"a":"x"},"args":null`, `"verb":"PNG","line"`},
		"null for an argument":           {`,"args":{"a":null}`, `"args":{"a":""}`},
		"the largest numbers":            {`,"seq":9223372036854775807,"trid":4294967295`, `"seq":9223372036854775807,"kind":"command","dir":"c2s","verb":"PNG","trid":4294967295`},
		"the smallest number":            {`,"seq":-9223372036854775808`, `"seq":-9223372036854775808`},
		"a key with an escape":           {`,"s\u0065q":5`, `"seq":5`},
		"a key in capitals":              {`,"SEQ":5`, `"seq":1,`},
		"an unknown key":                 {`,"song":{"a":[1.5e300,{"":null}]}`, `"seq":1,`},
		"surrogates":                     {`,"conn":"\ud83d\ude00\ud800x\udc00"`, "\"conn\":\"\U0001F600\uFFFDx\uFFFD\""},
		"bytes that are no UTF-8":        {",\"conn\":\"\xff\xe2\x80\"", "\"conn\":\"\uFFFD\uFFFD\uFFFD\""},
		"via that comes again":           {`,"kind":"open","via":{"conn":"a"},"via":{"seq":5}`, `"via":{"conn":"a","seq":5}`},
		"notes that come again":          {`,"notes":[{"kind":"issue","text":"a"}],"notes":[{"kind":"issue","text":"b"}]`, `"text":"a"},{"kind":"issue","text":"b"}`},
		"a note's kind at its end":       {`,"notes":[{"text":"a","kind":"issue"}]`, `"notes":[{"kind":"issue","text":"a"}]`},
		"wrong arguments before right":   {`,"args":{"a":{"b":1.5}},"args":{"a":"x"}`, `"args":{"a":"x"}`},
		"wrong arguments of no command":  {`,"args":{"a":[[1.5,{}],2]},"kind":"gap"`, `"kind":"gap"`},
		"an argument that is no text":    {`,"args":{"a":[1]}`, `"args":{"a":""}`},
		"arguments that come again":      {`,"args":{"a":"x","a":"y"}`, `"args":{"a":"x","a":"y"}`},
		"a wrong payload before a right": {`,"payload_bytes":1,"payload":{"a":{"b":1e2}},"payload":{"type":"x","a":[true,false,{}]}`, `"payload":{"type":"x","a":[true,false,{}]}`},
	} {
		line := recordWith("PNG", c.more)
		if got, err := readAll(t, line, Options{}); err != io.EOF || !strings.Contains(got, c.want) {
			t.Errorf("%s: %v, no %s in %s", name, err, c.want, got)
		}
	}
}

func TestWhatIsWrongWithALineIsSaid(t *testing.T) {
	for more, want := range map[string]string{
		`,"seq":1e2`:                             "seq is no whole number of 64 bits",
		`,"seq":9223372036854775808`:             "seq is no whole number of 64 bits",
		`,"seq":"5"`:                             "seq is no number",
		`,"trid":-1`:                             "trid is no transaction id",
		`,"trid":4294967296`:                     "trid is no transaction id",
		`,"conn":5`:                              "conn is no text",
		`,"dialect":8`:                           "dialect is no text",
		`,"time":"noon"`:                         "time is no time of RFC 3339",
		`,"line_base64":"%"`:                     "line_base64 is no base64",
		`,"line_base64":[80]`:                    "line_base64 is no text",
		`,"via":[]`:                              "via is no object",
		`,"notes":{}`:                            "notes is no list",
		`,"notes":[5]`:                           "notes/0 is no object",
		`,"notes":[{},{"to_seq":1.5}]`:           "notes/1/to_seq is no whole number of 64 bits",
		`,"notes":[{"injected":1}]`:              "notes/0/injected is no true or false",
		`,"latency_ms":1e400`:                    "latency_ms is no number of milliseconds",
		`,"args":{"a":9223372036854775808}`:      "its args: 9223372036854775808 is no whole number",
		`,"payload":5`:                           "its payload: not an object",
		`,"seq":01`:                              "not the JSON of one: invalid character '1' after object value (expecting ',' or '}'), behind 113 bytes",
		`,"args":{"a":1.5,"b":[}`:                "not the JSON of one: invalid character '}'",
		`,"payload":{"a":1.5]`:                   "not the JSON of one: invalid character ']'",
		"} {":                                    "not the JSON of one: more stands behind it",
		`,"song":` + strings.Repeat("[", 10_001): "not the JSON of one: exceeded max depth",
	} {
		_, err := NewReader(strings.NewReader(recordWith("PNG", more))).Next()
		var bad *LineError
		if !errors.As(err, &bad) || !strings.Contains(err.Error(), want) {
			t.Errorf("%.60s: %v, want %s", more, err, want)
		}
	}
	_, err := NewReader(strings.NewReader("[]\n")).Next()
	if want := "line 1 is no record: not the JSON of one: it is no object"; err == nil || err.Error() != want {
		t.Errorf("a list: %v, want %s", err, want)
	}
}

// TestALineIsReadTheSameWhateverCameBefore: of the room that is used again,
// nothing gets from one record into another.
func TestALineIsReadTheSameWhateverCameBefore(t *testing.T) {
	lines := slices.Collect(strings.Lines(strangeLines + sampleLines(t, "msnp15.pcapng", Options{Payload: true}) + sampleLines(t, "msnp8.pcapng", Options{})))
	for pass := range 2 { // there and back
		in := NewReader(strings.NewReader(strings.Join(lines, "")))
		for _, line := range lines {
			want, wantErr := NewReader(strings.NewReader(line)).Next()
			got, err := in.Next()
			if !reflect.DeepEqual(got, want) || (err == nil) != (wantErr == nil) {
				t.Fatalf("pass %d: %s is %+v, %v; by itself %+v, %v", pass, line, got, err, want, wantErr)
			}
		}
		slices.Reverse(lines)
	}
}

// strangeLines have everything that a record can have, and things that are wrong.
const strangeLines = `{"time":"2004-05-17T12:00:00Z","conn":"h1","seq":2,"kind":"http","method":"GET","url":"u","action":"nexus","status":200,"latency_ms":1.500,"request_bytes":1,"response_bytes":2,"payload":{"type":"passport-nexus","login_url":"y"},"notes":[{"kind":"issue","text":"odd"}],"file":"f","packet":7,"client":"a:1","server_addr":"b:80"}
{"time":"2004-05-17T12:00:00Z","conn":"h1","seq":3,"kind":"http"}
{"time":"2004-05-17T12:00:00Z","kind":"command","dir":"c2s","verb":"USR","trid":1,"args":{"who":"100% a","cookie":"17.1"},"line":"USR 1 a@b.c 17.2","line_base64":"VVNSIDE=","payload_bytes":7,"payload":{"type":"x","a":{"b":["c",1]},"base64":"QUJD"}}
{"time":"2004-05-17T12:00:00Z","kind":"command","dir":"c2s","verb":"USR"}
{"time":"2004-05-17T12:00:00Z","kind":"gap","args":{"a":1.5},"trid":4,"payload":{"a":1.5}}
{"time":"2004-05-17T12:00:00Z","kind":"gap","payload":{"joined":{"message_id":"m","chunks":2,"text":"t"}}}
{"time":"2004-05-17T12:00:00Z","kind":"close","via":{"conn":"c1","seq":4,"http":"h","gateway":"g"},"reason":"closed","bytes_c2s":1,"bytes_s2c":2}
{"time":"2004-05-17T12:00:00Z","kind":"close","args":{"a":{"b":[
{"time":"2004-05-17T12:00:00Z","kind":"close"}
`

// TestReadingAllocatesWhatARecordHolds, and nothing for what came before: the
// record, its line, its arguments, its notes, what its payload says and the
// fields of that.
func TestReadingAllocatesWhatARecordHolds(t *testing.T) {
	if raceDetector {
		t.Skip("the race detector changes the number of allocations")
	}
	line := []byte(`{"time":"2004-05-17T12:00:00Z","conn":"c1","seq":7,"kind":"command","dir":"s2c","server":"SB","dialect":"MSNP8","dialect_from":"inherited","verb":"MSG",` +
		`"args":{"handle":"a@b.c","name":"Alice B","length":"90"},"line":"MSG a@b.c Alice%20B 90","bytes":114,"payload_bytes":90,"payload":{"type":"text/plain","text":"hello","font":"Arial"},` +
		`"notes":[{"kind":"issue","text":"odd"}],"packet":7,"offset":1}` + "\n")
	in := NewReader(nil)
	text := bytes.NewReader(nil)
	allocs := math.Inf(1)
	for range 10 {
		textSeed = maphash.MakeSeed() // with one of six, two texts take each other's place
		allocs = min(allocs, testing.AllocsPerRun(200, func() {
			text.Reset(line)
			in.in.Reset(text)
			if _, err := in.Next(); err != nil {
				t.Fatal(err)
			}
		}))
	}
	if allocs > 6 {
		t.Errorf("%.1f allocations, want 6", allocs)
	}
}
