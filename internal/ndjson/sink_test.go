package ndjson

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"msnproxy/decode"
)

var noon = time.Date(2004, 5, 17, 12, 0, 0, 123456000, time.UTC)

// command returns a command record as a session would emit it.
func command(line string, args ...decode.Arg) *decode.Record {
	return &decode.Record{
		Stamp: decode.Stamp{Time: noon, Packet: 7}, Conn: "c1", Seq: 3, Kind: decode.KindCommand,
		Dir: decode.ServerToClient, Verb: line[:3], Args: args, Line: []byte(line), Bytes: int64(len(line)) + 2,
	}
}

func arg(name, value string) decode.Arg { return decode.Arg{Name: name, Value: []byte(value)} }

// sinkSaying returns a sink for which every payload says the same.
func sinkSaying(w io.Writer, opts Options, p *decode.Payload) *Sink {
	s := New(w, opts)
	s.encoder.payload = func(*decode.Record) *decode.Payload { return p }
	return s
}

func write(t *testing.T, opts Options, said *decode.Payload, r *decode.Record) string {
	t.Helper()
	var out bytes.Buffer
	s := sinkSaying(&out, opts, said)
	if err := s.Record(r); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	return strings.TrimSuffix(out.String(), "\n")
}

func full() *decode.Record {
	r := command("USR 5 OK alice@example.com Alice%20B", arg("result", "OK"), arg("handle", "alice@example.com"), arg("name", "Alice%20B"))
	r.Server, r.Dialect, r.DialectFrom = decode.NS, 8, decode.DialectNegotiated
	r.TrID, r.HasTrID, r.Offset = 5, true, 42
	r.HasPayload, r.Payload, r.PayloadBytes = true, []byte("hi"), 2
	r.Notes = []decode.Note{
		{Kind: decode.NoteReply, ToSeq: 2, Request: "USR", Latency: 1500 * time.Microsecond},
		{Kind: decode.NoteError, Code: 911, Meaning: "authentication failed"},
		{Kind: decode.NoteError, Code: 999},
		{Kind: decode.NoteIssue, Text: "odd"},
		{Kind: decode.NoteGap, Bytes: 9},
	}
	return r
}

func TestRecord(t *testing.T) {
	at := decode.Stamp{Time: noon, Packet: 7}
	tests := []struct {
		name string
		rec  *decode.Record
		said *decode.Payload
		want string
	}{
		{"open", &decode.Record{Stamp: at, Conn: "c2", Seq: 1, Kind: decode.KindOpen, Client: "10.0.0.1:1025", ServerAddr: "10.0.0.2:1863",
			Via: decode.Ref{Conn: "c1", Seq: 12}}, nil,
			`{"time":"2004-05-17T12:00:00.123456Z","conn":"c2","seq":1,"kind":"open","packet":7,"client":"10.0.0.1:1025","server_addr":"10.0.0.2:1863","via":{"conn":"c1","seq":12}}`},
		{"open over HTTP", &decode.Record{Stamp: at, Conn: "c2", Seq: 1, Kind: decode.KindOpen, Client: "a:1", ServerAddr: "b:2", Carrier: decode.Carrier{Conn: "h1", Addr: "g:80"}}, nil,
			`{"time":"2004-05-17T12:00:00.123456Z","conn":"c2","seq":1,"kind":"open","packet":7,"client":"a:1","server_addr":"b:2","via":{"http":"h1","gateway":"g:80"}}`},
		{"http", &decode.Record{Stamp: at, Conn: "h1", Seq: 2, Kind: decode.KindHTTP, Client: "a:1", ServerAddr: "b:80", Notes: []decode.Note{{Kind: decode.NoteIssue, Text: "odd"}},
			HTTP: &decode.HTTP{Method: "GET", URL: "http://x/?t=***1", Action: "nexus", Status: 200, Latency: 1500 * time.Microsecond, RequestBytes: 1, ResponseBytes: 2}},
			&decode.Payload{Type: "passport-nexus", Fields: []decode.Field{{Name: "login_url", Value: "y"}}},
			`{"time":"2004-05-17T12:00:00.123456Z","conn":"h1","seq":2,"kind":"http","method":"GET","url":"http://x/?t=***1","action":"nexus","status":200,"latency_ms":1.500,` +
				`"request_bytes":1,"response_bytes":2,"payload":{"type":"passport-nexus","login_url":"y"},"notes":[{"kind":"issue","text":"odd"}],"packet":7,"client":"a:1","server_addr":"b:80"}`},
		{"http without an answer", &decode.Record{Stamp: at, Conn: "h1", Seq: 2, Kind: decode.KindHTTP, Client: "a:1", ServerAddr: "b:80", HTTP: &decode.HTTP{Method: "GET", URL: "/"}}, nil,
			`{"time":"2004-05-17T12:00:00.123456Z","conn":"h1","seq":2,"kind":"http","method":"GET","url":"/","request_bytes":0,"response_bytes":0,"packet":7,"client":"a:1","server_addr":"b:80"}`},
		{"open that nothing announced", &decode.Record{Stamp: at, Conn: "c2", Seq: 1, Kind: decode.KindOpen, Client: "a:1", ServerAddr: "b:2"}, nil,
			`{"time":"2004-05-17T12:00:00.123456Z","conn":"c2","seq":1,"kind":"open","packet":7,"client":"a:1","server_addr":"b:2"}`},
		{"close without bytes", &decode.Record{Stamp: at, Conn: "c2", Seq: 9, Kind: decode.KindClose, Server: decode.SB, Reason: "server closed", BytesS2C: 12}, nil,
			`{"time":"2004-05-17T12:00:00.123456Z","conn":"c2","seq":9,"kind":"close","server":"SB","packet":7,"reason":"server closed","bytes_c2s":0,"bytes_s2c":12}`},
		{"overdue, which is of no packet", &decode.Record{Stamp: decode.Stamp{Time: noon}, Conn: "c2", Seq: 9, Kind: decode.KindOverdue, Server: decode.NS,
			Notes: []decode.Note{{Kind: decode.NoteChallenge, Challenge: &decode.Challenge{Challenge: "123", Verdict: decode.VerdictUnanswered, Asked: 5}}}}, nil,
			`{"time":"2004-05-17T12:00:00.123456Z","conn":"c2","seq":9,"kind":"overdue","server":"NS","notes":[{"kind":"challenge","challenge":"123","verdict":"unanswered","chl_seq":5}]}`},
		{"gap at the beginning", &decode.Record{Stamp: decode.Stamp{Time: noon}, Conn: "c2", Seq: 2, Kind: decode.KindGap, Dir: decode.ClientToServer, Bytes: 100,
			Notes: []decode.Note{{Kind: decode.NoteGap, Bytes: 100}}}, nil,
			`{"time":"2004-05-17T12:00:00.123456Z","conn":"c2","seq":2,"kind":"gap","dir":"c2s","bytes":100,"notes":[{"kind":"gap","bytes":100}],"offset":0}`},
		{"opaque bytes stay unseen", &decode.Record{Stamp: at, Conn: "c2", Seq: 2, Kind: decode.KindOpaque, Dir: decode.ClientToServer, Bytes: 3, Payload: []byte("abc"), Offset: 5}, nil,
			`{"time":"2004-05-17T12:00:00.123456Z","conn":"c2","seq":2,"kind":"opaque","dir":"c2s","bytes":3,"packet":7,"offset":5}`},
		{"command without anything", command("PNG"), nil,
			`{"time":"2004-05-17T12:00:00.123456Z","conn":"c1","seq":3,"kind":"command","dir":"s2c","verb":"PNG","line":"PNG","bytes":5,"packet":7,"offset":0}`},
		{"command with everything", full(), &decode.Payload{Type: "text/plain", Fields: []decode.Field{{Name: "text", Value: "hi"}}},
			`{"time":"2004-05-17T12:00:00.123456Z","conn":"c1","seq":3,"kind":"command","dir":"s2c","server":"NS","dialect":"MSNP8","dialect_from":"negotiated",` +
				`"verb":"USR","trid":5,"args":{"result":"OK","handle":"alice@example.com","name":"Alice B"},"line":"USR 5 OK alice@example.com Alice%20B",` +
				`"bytes":38,"payload_bytes":2,"payload":{"type":"text/plain","text":"hi"},` +
				`"notes":[{"kind":"reply","to_seq":2,"request":"USR","latency_ms":1.500},{"kind":"error","code":911,"meaning":"authentication failed"},{"kind":"error","code":999},` +
				`{"kind":"issue","text":"odd"},{"kind":"gap","bytes":9}],"packet":7,"offset":42}`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := write(t, Options{}, tt.said, tt.rec); got != tt.want {
				t.Errorf("\n got %s\nwant %s", got, tt.want)
			}
		})
	}
}

func TestTimeIsUTCAndAsFineAsItsSource(t *testing.T) {
	r := command("PNG")
	r.Time = time.Date(2004, 5, 17, 14, 0, 0, 1, time.FixedZone("CEST", 7200))
	if got := write(t, Options{}, nil, r); !strings.HasPrefix(got, `{"time":"2004-05-17T12:00:00.000000001Z",`) {
		t.Error(got)
	}
}

func TestKeysStandInTheOrderOfTheContract(t *testing.T) {
	contract := []string{"time", "conn", "seq", "kind", "dir", "server", "dialect", "dialect_from", "verb", "trid", "args", "line", "line_base64",
		"bytes", "payload_bytes", "payload", "notes", "packet", "offset"}
	r := full()
	r.Line = append(r.Line, 0xff)
	if got := keys(t, write(t, Options{Payload: true}, nil, r)); !slices.Equal(got, contract) {
		t.Errorf("keys %v, want %v", got, contract)
	}
}

// keys lists the keys of the outer object in the order in which they stand.
func keys(t *testing.T, line string) []string {
	t.Helper()
	dec := json.NewDecoder(strings.NewReader(line))
	if _, err := dec.Token(); err != nil {
		t.Fatal(err)
	}
	var out []string
	for dec.More() {
		key, err := dec.Token()
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, key.(string))
		var skip json.RawMessage
		if err := dec.Decode(&skip); err != nil {
			t.Fatal(err)
		}
	}
	return out
}

func TestPayloadBytesCountFromZero(t *testing.T) {
	r := command("UBX bob@example.com 0")
	r.HasPayload = true
	got := write(t, Options{Payload: true}, nil, r)
	if !strings.Contains(got, `"payload_bytes":0,`) || strings.Contains(got, `"payload":`) {
		t.Error(got)
	}
}

func TestPayloadValues(t *testing.T) {
	said := &decode.Payload{Type: "sharing", Fields: []decode.Field{
		{Name: "text", Value: "a\"b"},
		{Name: "size", Value: int64(-7)},
		{Name: "initial", Value: true},
		{Name: "headers", Value: []decode.Field{{Name: "X-Odd \u202e", Value: "v"}}},
		{Name: "contacts", Value: []any{"x", int64(1), false, []decode.Field{{Name: "handle", Value: "bob"}}, []decode.Field{}}},
		{Name: "none", Value: []any{}},
	}}
	r := command("UBN x 1 3")
	r.HasPayload, r.Payload, r.PayloadBytes = true, []byte("\x00\xffa"), 3
	want := `"payload":{"type":"sharing","text":"a\"b","size":-7,"initial":true,"headers":{"X-Odd \u202e":"v"},` +
		`"contacts":["x",1,false,{"handle":"bob"},{}],"none":[],"base64":"AP9h"}`
	if got := write(t, Options{Payload: true}, said, r); !strings.Contains(got, want) {
		t.Errorf("\n got %s\nwant %s", got, want)
	}
}

func TestOpaqueBytesShowOnlyWhenBothOptionsAskForThem(t *testing.T) {
	r := &decode.Record{Stamp: decode.Stamp{Time: noon}, Conn: "c1", Seq: 1, Kind: decode.KindOpaque, Payload: []byte("secret")}
	for _, tt := range []struct {
		opts Options
		want bool
	}{{Options{}, false}, {Options{Payload: true}, false}, {Options{ShowOpaque: true}, false}, {Options{Payload: true, ShowOpaque: true}, true}} {
		if got := write(t, tt.opts, nil, r); strings.Contains(got, `"payload":{"base64":"c2VjcmV0"}`) != tt.want {
			t.Errorf("%+v: %s", tt.opts, got)
		}
	}
}

func TestEveryByteInEveryPlace(t *testing.T) {
	for b := range 256 {
		raw := "a" + string([]byte{byte(b)}) + "b"
		r := command("NLN "+raw, arg("name", raw))
		r.HasPayload, r.Payload, r.PayloadBytes = true, []byte(raw), 3
		line := write(t, Options{Payload: true}, &decode.Payload{Type: "x", Fields: []decode.Field{{Name: "text", Value: raw}}}, r)
		checkSafe(t, line)
		var back struct {
			Line       string
			LineBase64 []byte `json:"line_base64"`
			Args       map[string]string
			Payload    struct {
				Text   string
				Base64 []byte
			}
		}
		if err := json.Unmarshal([]byte(line), &back); err != nil {
			t.Fatalf("byte %#02x: %v in %s", b, err, line)
		}
		want := strings.ToValidUTF8(raw, "\ufffd")
		if back.Line != "NLN "+want || back.Args["name"] != want || back.Payload.Text != want || string(back.Payload.Base64) != raw {
			t.Errorf("byte %#02x came back as %+v", b, back)
		}
		if valid := utf8.ValidString(raw); valid != (back.LineBase64 == nil) || !valid && string(back.LineBase64) != "NLN "+raw {
			t.Errorf("byte %#02x: line_base64 is %q", b, back.LineBase64)
		}
	}
}

// checkSafe checks that a terminal shows the line and does nothing else.
func checkSafe(t *testing.T, line string) {
	t.Helper()
	if !utf8.ValidString(line) {
		t.Errorf("not UTF-8: %q", line)
	}
	for _, c := range line {
		if c < ' ' || c >= 0x7f && c <= 0x9f || c == 0x61c || c == 0x200e || c == 0x200f || c >= 0x2028 && c <= 0x202e || c >= 0x2066 && c <= 0x2069 {
			t.Errorf("%U stands raw in %s", c, line)
		}
	}
}

func TestHostileNamesAreEscaped(t *testing.T) {
	name := "\u009b31m\u202eevil\u2028\x1b[2J\x7f"
	line := write(t, Options{}, nil, command("NLN "+name, arg("name", name)))
	checkSafe(t, line)
	if !strings.Contains(line, `"args":{"name":"\u009b31m\u202eevil\u2028\u001b[2J\u007f"}`) {
		t.Error(line)
	}
}

func TestArgumentsAreDecodedForReading(t *testing.T) {
	for in, want := range map[string]string{"Alice%20B": "Alice B", "%e4%BD%a0": "你", "100%": "100%", "%zz": "%zz", "%2520": "%20", "": ""} {
		line := write(t, Options{}, nil, command("NLN", arg("name", in)))
		var back struct{ Args map[string]string }
		if err := json.Unmarshal([]byte(line), &back); err != nil || back.Args["name"] != want {
			t.Errorf("%q: %v: %s", in, err, line)
		}
	}
}

func TestJoinedMessage(t *testing.T) {
	r := command("MSG bob@example.com Bob 3")
	r.HasPayload, r.Payload, r.PayloadBytes = true, []byte("lo!"), 3
	r.Joined = &decode.JoinedMessage{ID: "{7B7B}", Chunks: 2, Type: "text/plain", Text: "Hello!"}
	want := `"payload":{"type":"chunk","text":"lo!","joined":{"message_id":"{7B7B}","chunks":2,"type":"text/plain","text":"Hello!"}}`
	said := &decode.Payload{Type: "chunk", Fields: []decode.Field{{Name: "text", Value: "lo!"}}}
	if got := write(t, Options{}, said, r); !strings.Contains(got, want) {
		t.Errorf("\n got %s\nwant %s", got, want)
	}
}

func TestDecodedArgumentsAreUTF8(t *testing.T) {
	line := write(t, Options{}, nil, command("NLN a%ffb%C3", arg("name", "a%ffb%C3")))
	var back struct{ Args map[string]string }
	if err := json.Unmarshal([]byte(line), &back); err != nil || back.Args["name"] != "a\ufffdb\ufffd" {
		t.Errorf("%v: %s", err, line)
	}
	if strings.Contains(line, "line_base64") {
		t.Error("the line itself is valid UTF-8 and needs no base64")
	}
}

func TestSameRecordGivesTheSameLine(t *testing.T) {
	first := write(t, Options{Payload: true}, nil, full())
	for range 100 {
		if again := write(t, Options{Payload: true}, nil, full()); again != first {
			t.Fatalf("%s\n%s", first, again)
		}
	}
}

type brokenPipe struct{ writes int }

func (b *brokenPipe) Write([]byte) (int, error) { b.writes++; return 0, errors.New("broken pipe") }

func TestAWriteErrorIsReturnedFromThenOn(t *testing.T) {
	pipe := &brokenPipe{}
	s := New(pipe, Options{})
	for range 3 {
		if err := s.Record(command("PNG")); err == nil || err.Error() != "broken pipe" {
			t.Errorf("Record returned %v", err)
		}
	}
	if pipe.writes != 1 {
		t.Errorf("%d writes, want the one that failed", pipe.writes)
	}
	if err := s.Close(); err == nil {
		t.Error("Close returned nil")
	}
}

func TestBase64OfLongLine(t *testing.T) {
	raw := "NLN " + strings.Repeat("\xe9t\xe9", 5000)
	var back struct {
		LineBase64 string `json:"line_base64"`
	}
	if err := json.Unmarshal([]byte(write(t, Options{}, nil, command(raw))), &back); err != nil {
		t.Fatal(err)
	}
	if got, _ := base64.StdEncoding.DecodeString(back.LineBase64); string(got) != raw {
		t.Error("the line came back different")
	}
}

func benchmark(b *testing.B, r *decode.Record, said *decode.Payload) {
	s := sinkSaying(io.Discard, Options{}, said)
	b.SetBytes(r.Bytes)
	b.ReportAllocs()
	for b.Loop() {
		_ = s.Record(r)
	}
}

func BenchmarkStatus(b *testing.B) {
	r := command("NLN NLN alice@example.com Alice%20Example 1342558252 %3Cmsnobj%20Creator%3D%22alice%40example.com%22%20Size%3D%2224539%22%20Type%3D%223%22%2F%3E",
		arg("status", "NLN"), arg("handle", "alice@example.com"), arg("name", "Alice%20Example"), arg("caps", "1342558252"),
		arg("msnobj", "%3Cmsnobj%20Creator%3D%22alice%40example.com%22%20Size%3D%2224539%22%20Type%3D%223%22%2F%3E"))
	r.Server, r.Dialect, r.DialectFrom = decode.NS, 12, decode.DialectNegotiated
	benchmark(b, r, nil)
}

func BenchmarkMessage(b *testing.B) {
	r := full()
	text := strings.Repeat("Hello there, how are you? ", 10)
	r.Payload = []byte("MIME-Version: 1.0\r\nContent-Type: text/plain; charset=UTF-8\r\n\r\n" + text)
	r.PayloadBytes = int64(len(r.Payload))
	r.Bytes += r.PayloadBytes
	benchmark(b, r, &decode.Payload{Type: "text/plain", Fields: []decode.Field{{Name: "text", Value: text}}})
}

// TestWritingAllocatesNothing but what decoding a payload does: a text that did
// not come before.
func TestWritingAllocatesNothing(t *testing.T) {
	if raceDetector {
		t.Skip("the race detector changes the number of allocations")
	}
	message := full()
	message.Verb, message.Line = "MSG", []byte("MSG alice@example.com Alice%20B 91")
	message.Payload = []byte("MIME-Version: 1.0\r\nContent-Type: text/plain; charset=UTF-8\r\n\r\nhow are you, 1000")
	number := message.Payload[len(message.Payload)-4:]
	n := int64(1000)
	for _, tt := range []struct {
		name string
		rec  *decode.Record
		next int64
		most float64
	}{{"a command without payload", command("PNG"), 0, 0}, {"a text that came before", message, 0, 0}, {"a text", message, 1, 2}} {
		s := New(io.Discard, Options{})
		_ = s.Record(tt.rec) // makes room
		allocs := testing.AllocsPerRun(200, func() {
			n += tt.next
			strconv.AppendInt(number[:0], n, 10)
			_ = s.Record(tt.rec)
		})
		if allocs > tt.most {
			t.Errorf("%s: %.1f allocations, want %.0f", tt.name, allocs, tt.most)
		}
	}
}

// TestTheRoomForAHugeLineIsNotKept, and lines after it are whole.
func TestTheRoomForAHugeLineIsNotKept(t *testing.T) {
	var out bytes.Buffer
	s := New(&out, Options{})
	for _, r := range []*decode.Record{command("PNG"), command("NLN " + strings.Repeat("x", 2*maxRoom)), command("OUT")} {
		if err := s.Record(r); err != nil {
			t.Fatal(err)
		}
	}
	if cap(s.line) > maxRoom || cap(s.encoder.raw) > maxRoom {
		t.Errorf("room for %d and %d bytes is kept", cap(s.line), cap(s.encoder.raw))
	}
	if lines := strings.Split(out.String(), "\n"); len(lines) != 4 || !strings.Contains(lines[2], `"line":"OUT"`) {
		t.Errorf("%d lines, the last %s", len(lines)-1, lines[2])
	}
}
