package report

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode"

	"msnproxy/decode"
	"msnproxy/internal/display"
)

var update = flag.Bool("update", false, "write the golden files anew")

const (
	c2s = decode.ClientToServer
	s2c = decode.ServerToClient
)

// play is a run of records, told like a script.
type play struct {
	report *Report
	now    time.Time
	seq    map[string]int64
}

func newPlay() *play {
	return &play{report: New(), seq: map[string]int64{}, now: time.Date(2004, 5, 17, 12, 0, 0, 0, time.UTC)}
}

func (p *play) record(r *decode.Record) {
	p.seq[r.Conn]++
	p.now = p.now.Add(1500 * time.Millisecond)
	r.Time, r.Packet, r.Seq = p.now, 3*p.seq[r.Conn], p.seq[r.Conn]
	if err := p.report.Record(r); err != nil {
		panic(err)
	}
}

func (p *play) open(conn, client, server string, via decode.Ref) {
	p.record(&decode.Record{Conn: conn, Kind: decode.KindOpen, Client: client, ServerAddr: server, Via: via})
}

// line plays a command, whose words behind the verb are its arguments of the
// given names.
func (p *play) line(conn string, dir decode.Direction, server decode.Server, line, names string, notes ...decode.Note) *decode.Record {
	words := strings.Split(line, " ")
	r := &decode.Record{Conn: conn, Kind: decode.KindCommand, Dir: dir, Server: server, Dialect: 12, DialectFrom: decode.DialectNegotiated,
		Verb: words[0], Line: []byte(line), Bytes: int64(len(line)) + 2, Notes: notes}
	for i, n := range strings.Fields(names) {
		r.Args = append(r.Args, decode.Arg{Name: n, Value: []byte(words[i+1])})
	}
	if meaning := meanings[r.Verb]; meaning != "" {
		r.Spec = &decode.Command{Verb: r.Verb, Dir: dir, Meaning: meaning}
	}
	return r
}

func (p *play) cmd(conn string, dir decode.Direction, server decode.Server, line, names string, notes ...decode.Note) {
	p.record(p.line(conn, dir, server, line, names, notes...))
}

// meanings stand for those of the command table.
var meanings = map[string]string{
	"VER": "offers or chooses the dialect", "USR": "signs in", "CAL": "invites a contact to the switchboard", "JOI": "tells who joined the switchboard",
	"BYE": "tells who left the switchboard", "IRO": "names one who is on the switchboard already",
	"MSG": "sends a message to all on the switchboard; U asks for no receipt, N for failures only, A and D for both",
}

// says plays a command with a payload.
func (p *play) says(r *decode.Record, kind string, fields ...decode.Field) {
	r.HasPayload = true
	for _, f := range fields {
		if s, ok := f.Value.(string); ok {
			r.PayloadBytes += int64(len(s)) + 64
		}
	}
	r.Bytes += r.PayloadBytes
	r.Said = &decode.Payload{Type: kind, Fields: fields}
	p.record(r)
}

func textField(s string) decode.Field { return decode.Field{Name: "text", Value: s} }

const plainText = "text/plain"

// reply is the note of a record that answers another.
func reply(to int64, request string, after time.Duration) decode.Note {
	return decode.Note{Kind: decode.NoteReply, ToSeq: to, Request: request, Latency: after}
}

// friends plays a notification connection: dana's contacts come and go.
func friends(p *play) {
	p.open("c3", "192.168.1.21:1040", "207.46.110.30:1863", decode.Ref{})
	request := func(line, names string) {
		r := p.line("c3", c2s, decode.NS, line, names)
		r.HasTrID = true
		p.record(r)
	}
	request("VER 1 MSNP8 CVR0", "trid dialects")
	p.cmd("c3", s2c, decode.NS, "VER 1 MSNP8", "trid dialects", reply(2, "VER", 95*time.Millisecond))
	request("CVR 2 0x0409 winnt 5.1 i386 MSMSGS 5.0.0544 MSMSGS dana@example.com", "trid lcid os os_version arch library library_version client_id handle")
	request("USR 3 TWN I dana@example.com", "trid method stage handle")
	p.cmd("c3", s2c, decode.NS, "USR 3 OK dana@example.com שלום 1", "trid result handle name verified", reply(5, "USR", 1478769*time.Microsecond))
	p.cmd("c3", s2c, decode.NS, "SYN 4 9 2 1", "trid version")
	p.cmd("c3", s2c, decode.NS, "LSG 0 Friends|Family", "group name")
	p.cmd("c3", s2c, decode.NS, "LST wang@example.com 王小明 11 0", "handle name lists groups")
	p.cmd("c3", s2c, decode.NS, "LST evil@example.com =cmd|'%20/C%20calc'!A0 4", "handle name lists")
	p.cmd("c3", s2c, decode.NS, "ILN 5 BSY wang@example.com 王小明 2147799084", "trid status handle name caps")
	p.cmd("c3", s2c, decode.NS, "NLN NLN eve@example.com <script>[x](http://e.example.com)_@all 0", "status handle name caps")
	p.cmd("c3", s2c, decode.NS, "CHL 0 15570131571988941333", "trid challenge")
	p.cmd("c3", c2s, decode.NS, "QRY 7 msmsgs@msnmsgr.com 32", "trid product_id length", decode.Note{Kind: decode.NoteChallenge, Challenge: &decode.Challenge{
		Challenge: "15570131571988941333", ProductID: "msmsgs@msnmsgr.com", Client: "MSN Messenger 6.2", Environment: decode.Production,
		Algorithm: decode.AlgorithmMSNP6, Expected: "8f2f5a91b72102cd28355e9fc9000d6e", Got: "00000000000000000000000000000000", Verdict: decode.VerdictWrong,
		ServerVerdict: decode.ServerSilent, Explanation: "a made-up answer", Injected: true, Asked: 13, Answer: 14, Latency: 1500 * time.Millisecond}})
	request("XFR 6 SB", "trid type")
	p.cmd("c3", s2c, decode.NS, "XFR 6 SB 207.46.108.37:1863 CKI ***9", "trid type address method cookie",
		decode.Note{Kind: decode.NoteRewrite, From: "207.46.108.37:1863", To: "127.0.0.1:40001"}, reply(15, "XFR", 2250*time.Microsecond))
}

func session() *Report {
	p := newPlay()
	p.report = NewFor(Format{Records: true})
	p.open("c1", "192.168.1.20:1030", "207.46.110.30:1863", decode.Ref{})
	p.cmd("c1", c2s, 0, "VER 1 MSNP12 CVR0", "")
	p.cmd("c1", s2c, 0, "VER 1 MSNP12", "")
	p.cmd("c1", c2s, decode.NS, "USR 3 TWN I alice@example.com", "trid method stage handle")
	p.cmd("c1", s2c, decode.NS, "911 3", "", decode.Note{Kind: decode.NoteReply, ToSeq: 4, Request: "USR"},
		decode.Note{Kind: decode.NoteError, Code: 911, Meaning: "authentication failed"})
	p.cmd("c1", s2c, decode.NS, "999 0", "", decode.Note{Kind: decode.NoteError, Code: 999})
	p.cmd("c1", s2c, decode.NS, "QXZ a b", "", decode.Note{Kind: decode.NoteIssue, Text: "unknown verb \x1b[31m\u202e"})
	p.open("c2", "192.168.1.20:1031", "207.46.108.37:1863", decode.Ref{Conn: "c1", Seq: 7})
	p.cmd("c2", c2s, decode.SB, "USR 1 alice@example.com ***1", "trid handle cookie")
	p.cmd("c2", c2s, decode.SB, "CAL 2 bob.the.builder@hotmail.example.com", "trid handle")
	p.says(p.line("c2", c2s, decode.SB, "MSG 3 N 100", "trid ack length"), plainText, textField("Is anybody there?"))
	p.cmd("c2", s2c, decode.SB, "JOI bob.the.builder@hotmail.example.com;{00000000-0000} Bob", "handle name")
	p.cmd("c2", s2c, decode.SB, "IRO 1 1 1 wang@example.com 王小明", "trid index total handle name")
	p.says(p.line("c2", s2c, decode.SB, "MSG wang@example.com 王小明 100", "handle name length"), plainText, textField("你好，你今天怎么样？我昨天给你打过电话。👨‍👩‍👧"))
	p.says(p.line("c2", c2s, decode.SB, "MSG 4 U 90", "trid ack length"), "text/x-msmsgscontrol", decode.Field{Name: "typing", Value: "alice@example.com"})
	p.says(p.line("c2", c2s, decode.SB, "MSG 5 N 300", "trid ack length"), plainText,
		textField("Fine, thanks! I was on the train all day, and there was no telephone far and wide.\r\nShall we meet tomorrow?"))
	p.cmd("c2", s2c, decode.SB, "BYE wang@example.com", "handle")
	p.says(p.line("c2", c2s, decode.SB, "MSG 6 N 50", "trid ack length"), plainText, textField("Only you and me now."))
	p.says(p.line("c2", s2c, decode.SB, "MSG dana@example.com שלום 100", "handle name length"), plainText, textField("שלום לכולם (hi all), מה שלומכם היום?"))
	p.says(p.line("c2", s2c, decode.SB, "MSG evil@example.com x 50", "handle name length"), plainText, textField("\x1b[2J\u202etxt.exe <b>"))
	p.says(p.line("c2", s2c, decode.SB, "MSG evil@example.com x 50", "handle name length"), plainText, decode.Field{Name: "message_id", Value: "{1}"}, textField("half"))
	joined := p.line("c2", s2c, decode.SB, "MSG evil@example.com x 50", "handle name length")
	joined.Joined = &decode.JoinedMessage{ID: "{1}", Chunks: 2, Type: plainText, Text: "half and half"}
	p.says(joined, "chunk", decode.Field{Name: "message_id", Value: "{1}"}, textField(" and half"))
	p.record(&decode.Record{Conn: "c2", Kind: decode.KindGap, Dir: s2c, Server: decode.SB, Bytes: 2920, Notes: []decode.Note{{Kind: decode.NoteGap, Bytes: 2920}}})
	p.record(&decode.Record{Conn: "c2", Kind: decode.KindOpaque, Dir: s2c, Server: decode.SB, Bytes: 480, Notes: []decode.Note{{Kind: decode.NoteIssue, Text: "not a command line"}}})
	short := p.line("c2", s2c, decode.SB, "MSG evil@example.com x 5000", "handle name length", decode.Note{Kind: decode.NoteGap, Bytes: 1460})
	short.Bytes += 5000
	p.says(short, "unknown")
	p.record(&decode.Record{Conn: "c2", Kind: decode.KindClose, Server: decode.SB, Reason: "the server closed it, then the client", BytesC2S: 612, BytesS2C: 10018})
	friends(p)
	p.report.AddCapture(CaptureRow{File: "captures/2004-05-17-office.pcapng", Kind: "pcapng", Packets: 41873, Bytes: 30518239, First: p.now.Add(-time.Hour), Last: p.now,
		Connections: 2, Exchanges: 3, Skipped: map[string]int64{"not TCP": 12, "cut short": 3}})
	return p.report
}

func TestTables(t *testing.T) {
	for _, width := range []int{40, 80, 160} {
		t.Run(fmt.Sprint(width), func(t *testing.T) {
			var out bytes.Buffer
			if err := session().WriteTables(&out, Options{Width: width, Sections: []string{All}}); err != nil {
				t.Fatal(err)
			}
			golden(t, fmt.Sprintf("tables-%d.txt", width), out.String())
			checkLines(t, out.String(), width)
		})
	}
}

func TestJSON(t *testing.T) {
	var out bytes.Buffer
	if err := session().WriteJSON(&out, Options{}); err != nil {
		t.Fatal(err)
	}
	golden(t, "report.json", out.String())
	if !json.Valid(out.Bytes()) {
		t.Error("not JSON")
	}
}

func TestMarkdown(t *testing.T) {
	var out bytes.Buffer
	if err := session().WriteMarkdown(&out, Options{Sections: []string{All}}); err != nil {
		t.Fatal(err)
	}
	golden(t, "report.md", out.String())
}

func TestWiki(t *testing.T) {
	golden(t, "report.wiki", write(t, (*Report).WriteWiki, session(), Options{Sections: []string{All}}))
}

func TestCSV(t *testing.T) {
	for _, section := range []string{"contacts", "messages", "latency"} {
		var out bytes.Buffer
		if err := session().WriteCSV(&out, Options{Sections: []string{section}}); err != nil {
			t.Fatal(err)
		}
		golden(t, section+".csv", out.String())
	}
}

func golden(t *testing.T, name, got string) {
	t.Helper()
	file := filepath.Join("testdata", name)
	if *update {
		if err := os.MkdirAll("testdata", 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s is different (-update writes it anew):\n%s", file, got)
	}
}

// checkLines checks that no line does anything to a terminal but fill it.
func checkLines(t *testing.T, out string, width int) {
	t.Helper()
	for _, l := range strings.Split(strings.TrimSuffix(out, "\n"), "\n") {
		if w := display.Width(l); w > width {
			t.Fatalf("a line has %d columns, not %d: %q", w, width, l)
		}
		for _, c := range l {
			ours := c == '\u2068' || c == '\u2069' || c == '\u200c' || c == '\u200d'
			if unicode.IsControl(c) || unicode.Is(unicode.Cf, c) && !ours {
				t.Fatalf("%U stands raw in %q", c, l)
			}
		}
		if strings.Count(l, "\u2068") != strings.Count(l, "\u2069") {
			t.Fatalf("an isolate is left open in %q", l)
		}
	}
}

func TestHostileTextNeverLeavesItsCell(t *testing.T) {
	r := rand.New(rand.NewPCG(9, 10))
	for i := range 150 {
		width := []int{40, 80, 120, 200}[i%4]
		p := newPlay()
		p.report.AddCapture(CaptureRow{File: hostile(r), Kind: "pcap", First: p.now, Last: p.now.Add(48 * time.Hour), Skipped: map[string]int64{hostile(r): 3}})
		for range 5 {
			m := p.line("c1", s2c, decode.SB, "MSG x y 9", "handle", decode.Note{Kind: decode.NoteIssue, Text: hostile(r)}, decode.Note{Kind: decode.NoteError, Meaning: hostile(r)})
			m.Args[0].Value = []byte(hostile(r))
			p.says(m, plainText, textField(hostile(r)))
		}
		p.record(&decode.Record{Conn: "c1", Kind: decode.KindClose, Reason: hostile(r)})
		var out bytes.Buffer
		if err := p.report.WriteTables(&out, Options{Width: width}); err != nil {
			t.Fatal(err)
		}
		checkLines(t, out.String(), width)
	}
}

func hostile(r *rand.Rand) string {
	pieces := []string{"a", "bc", " ", "  ", "\\", "%20", "\x1b[2J", "\x1b]0;t\a", "\u009b", "\x9b", "\xff", "\u202e", "\u2067", "\u2069", "\u200d", "\u200b",
		"\u0301", "\ufe0f", "世", "界", "한", "ש", "ع", "क", "्", "👨\u200d👩", "🏽", "❤", "🇩", "\u2028", "\u3164", "\r\n", "\n", "\t", "\x00", "@", "wordwordword"}
	var b strings.Builder
	for range r.IntN(100) {
		b.WriteString(pieces[r.IntN(len(pieces))])
	}
	return b.String()
}

// contract is the sections and their columns, as docs promise them.
var contract = []struct{ section, columns string }{
	{"captures", "file kind packets bytes first last connections skipped_packets http_exchanges"},
	{"sessions", "session account client_software dialect start end connections outcome"},
	{"connections", "conn session server client server_addr dialect dialect_from start end commands_c2s commands_s2c bytes_c2s bytes_s2c lost_bytes opaque_bytes via close_reason"},
	{"commands", "verb dir count bytes payload_bytes meaning"},
	{"latency", "verb count min_ms p50_ms p95_ms max_ms unanswered"},
	{"challenges", "conn time verdict server_verdict challenge product_id client environment algorithm got expected explanation injected requested latency_ms"},
	{"referrals", "conn time type address rewritten_to followed_by"},
	{"contacts", "account contact name lists groups last_status client_capabilities"},
	{"presence", "time account contact status name"},
	{"conversations", "conn start end participants messages typing other"},
	{"messages", "time conn from to type text undelivered"},
	{"errors", "conn time code meaning request"},
	{"issues", "conn time seq packet text file"},
}

func TestSectionsHaveTheColumnsOfTheContract(t *testing.T) {
	sections, err := New().Sections(nil)
	if err != nil {
		t.Fatal(err)
	}
	var got, want []string
	for _, s := range sections {
		var keys []string
		for _, c := range s.Columns {
			keys = append(keys, c.Key)
		}
		got = append(got, s.Name+": "+strings.Join(keys, " "))
	}
	for _, c := range contract {
		want = append(want, c.section+": "+c.columns)
	}
	if !slices.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

func TestUnknownSectionListsTheNames(t *testing.T) {
	for _, write := range []func() error{
		func() error {
			return New().WriteTables(&bytes.Buffer{}, Options{Sections: []string{"commands", "colour"}})
		},
		func() error { return New().WriteJSON(&bytes.Buffer{}, Options{Sections: []string{"colour"}}) },
		func() error { return New().WriteWiki(&bytes.Buffer{}, Options{Sections: []string{"colour"}}) },
		func() error { return New().WriteMarkdown(&bytes.Buffer{}, Options{Sections: []string{"colour"}}) },
		func() error { return New().WriteCSV(&bytes.Buffer{}, Options{Sections: []string{"colour"}}) },
	} {
		err := write()
		if want := `there is no section "colour"; the sections are: ` + strings.Join(SectionNames(), ", ") + `; all is all of them`; err == nil || err.Error() != want {
			t.Errorf("got %v, want %s", err, want)
		}
	}
}

func TestEmptyReport(t *testing.T) {
	var table, js bytes.Buffer
	if err := New().WriteTables(&table, Options{}); err != nil {
		t.Fatal(err)
	}
	if want := "nothing to show: captures, sessions, conversations, messages, errors, issues\n"; table.String() != want {
		t.Errorf("got %q, want %q", table.String(), want)
	}
	if err := New().WriteJSON(&js, Options{Sections: []string{"errors", "issues"}}); err != nil {
		t.Fatal(err)
	}
	if want := "{\n  \"errors\": [],\n  \"issues\": []\n}\n"; js.String() != want {
		t.Errorf("got %q, want %q", js.String(), want)
	}
}

func rowsOf(t *testing.T, r *Report, name string) [][]Cell {
	t.Helper()
	s, err := r.Sections([]string{name})
	if err != nil {
		t.Fatal(err)
	}
	return s[0].Rows
}

func TestMessagesHaveTwoEnds(t *testing.T) {
	p := newPlay()
	p.cmd("c1", c2s, decode.NS, "USR 3 TWN I alice@example.com", "trid method stage handle")
	p.says(p.line("c1", c2s, decode.NS, "UUM 4 yao@yahoo.example.com 32 1 9", "trid handle netid type length"), plainText, textField("to yahoo"))
	p.says(p.line("c1", s2c, decode.NS, "UBM yao@yahoo.example.com 32 alice@example.com 1 1 9", "handle netid recipient"), plainText, textField("from yahoo"))
	p.says(p.line("c1", s2c, decode.NS, "SDG 0 99", "trid length"), "routed",
		decode.Field{Name: "message_type", Value: "Text"}, decode.Field{Name: "to", Value: "alice@example.com"}, decode.Field{Name: "from", Value: "bob@example.com"}, textField("routed"))
	p.says(p.line("c1", s2c, decode.NS, "SDG 0 99", "trid length"), "routed", decode.Field{Name: "message_type", Value: "Nudge"})
	p.cmd("c2", c2s, decode.SB, "ANS 1 alice@example.com;{1-2} ***1 17", "trid handle cookie")
	p.cmd("c2", s2c, decode.SB, "JOI ALICE@example.com;{3-4} Alice", "handle")
	p.says(p.line("c2", s2c, decode.SB, "MSG bob@example.com;{5-6} Bob 9", "handle"), plainText, textField("in"))
	p.says(p.line("c2", c2s, decode.SB, "MSG 2 N 9", "trid"), plainText, textField("out"))
	p.says(p.line("c3", s2c, decode.SB, "MSG bob@example.com Bob 9", "handle"), plainText, textField("nobody signed in here"))
	want := []string{
		"alice@example.com > yao@yahoo.example.com: to yahoo",
		"yao@yahoo.example.com > alice@example.com: from yahoo",
		"bob@example.com > alice@example.com: routed",
		"bob@example.com > alice@example.com: in",
		"alice@example.com > bob@example.com: out",
		"bob@example.com > : nobody signed in here",
	}
	var got []string
	for _, row := range rowsOf(t, p.report, "messages") {
		got = append(got, fmt.Sprintf("%s > %s: %s", row[2], row[3], row[5]))
	}
	if !slices.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

func TestConnectionWithoutCloseCountsItsBytes(t *testing.T) {
	p := newPlay()
	p.cmd("c1", c2s, decode.NS, "PNG", "")
	gap := p.line("c1", s2c, decode.NS, "MSG x y 100", "", decode.Note{Kind: decode.NoteGap, Bytes: 60})
	gap.Bytes = 113
	p.record(gap)
	row := rowsOf(t, p.report, "connections")[0]
	// 5 bytes of PNG and its line end; 113 bytes of which 60 were lost.
	if got := fmt.Sprint(row[9:14]); got != "[1 1 5 53 60]" {
		t.Errorf("got %s", got)
	}
}

func TestRowsBeyondTheBoundAreCounted(t *testing.T) {
	p := newPlay()
	for range maxRows + 7 {
		p.cmd("c1", s2c, decode.NS, "999 0", "", decode.Note{Kind: decode.NoteError, Code: 999})
	}
	s, _ := p.report.Sections([]string{"errors"})
	if len(s[0].Rows) != maxRows || s[0].More != 7 {
		t.Errorf("%d rows and %d more, want %d and 7", len(s[0].Rows), s[0].More, maxRows)
	}
	s[0].Rows = s[0].Rows[:1]
	var table bytes.Buffer
	if err := writeTable(&table, &s[0], 80); err != nil || !strings.Contains(table.String(), "… and 7 more, which were not kept\n") {
		t.Errorf("%v:\n%s", err, table.String())
	}
	var js bytes.Buffer
	if err := p.report.WriteJSON(&js, Options{Sections: []string{"errors"}}); err != nil || !strings.HasSuffix(js.String(), "  ],\n  \"left_out\": {\"errors\": 7}\n}\n") || !json.Valid(js.Bytes()) {
		t.Errorf("%v: … %s", err, js.String()[js.Len()-60:])
	}
}

func TestTextBeyondTheBoundIsCounted(t *testing.T) {
	var b bounded
	huge := Text(strings.Repeat("x", maxRowText/2))
	for range 3 {
		b.add(huge)
	}
	if len(b.rows) != 2 || b.more != 1 {
		t.Errorf("%d rows and %d more, want 2 and 1", len(b.rows), b.more)
	}
}

// TestTimesOfChallengesAreBounded asks on more connections than may be, none of
// which ends, and more often on one of them.
func TestTimesOfChallengesAreBounded(t *testing.T) {
	c := newChallenges(maxRows)
	ask := func(conn string, seq int64) {
		c.record(&decode.Record{Kind: decode.KindCommand, Dir: decode.ServerToClient, Verb: "CHL", Conn: conn, Seq: seq})
	}
	for i := range maxAsking + 10 {
		ask(fmt.Sprint("c", i), 1)
	}
	for seq := range int64(2 * maxAsked) {
		ask("c0", seq+2)
	}
	if n, first := len(c.asked["c0"]), c.asked["c0"][0].chl; len(c.asked) != maxAsking || n != maxAsked || first != maxAsked+2 {
		t.Errorf("%d connections, %d times of one, from number %d", len(c.asked), n, first)
	}
	c.record(&decode.Record{Kind: decode.KindClose, Conn: "c0"})
	if len(c.asked) != maxAsking-1 {
		t.Errorf("one has ended, and there are %d", len(c.asked))
	}
}

type brokenPipe struct{}

func (brokenPipe) Write([]byte) (int, error) { return 0, errors.New("broken pipe") }

func TestWriteErrorsAreReturned(t *testing.T) {
	if err := session().WriteTables(brokenPipe{}, Options{}); err == nil {
		t.Error("no error from WriteTables")
	}
	if err := session().WriteJSON(brokenPipe{}, Options{}); err == nil {
		t.Error("no error from WriteJSON")
	}
}

func BenchmarkRecord(b *testing.B) {
	p := newPlay()
	r := p.line("c1", s2c, decode.NS, "NLN NLN alice@example.com Alice", "status handle name")
	b.ReportAllocs()
	for b.Loop() {
		_ = p.report.Record(r)
	}
}

func BenchmarkTables(b *testing.B) {
	p := newPlay()
	for range 10_000 {
		p.says(p.line("c1", s2c, decode.SB, "MSG bob@example.com Bob 9", "handle"), plainText, textField("Hello there, how are you today? 你好"))
	}
	for b.Loop() {
		if err := p.report.WriteTables(&bytes.Buffer{}, Options{}); err != nil {
			b.Fatal(err)
		}
	}
}
