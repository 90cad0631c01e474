package transcript

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
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

// scene is a record and what its payload says.
type scene struct {
	rec  *decode.Record
	said *decode.Payload
}

// at returns a time of the day that most scenes play on.
func at(ms int) time.Time {
	return time.Date(2004, 5, 17, 23, 59, 58, 0, time.UTC).Add(time.Duration(ms) * time.Millisecond)
}

func event(ms int, conn string, kind decode.Kind, change func(*decode.Record)) scene {
	r := &decode.Record{Stamp: decode.Stamp{Time: at(ms)}, Conn: conn, Kind: kind}
	change(r)
	return scene{rec: r}
}

func line(ms int, conn string, dir decode.Direction, server decode.Server, text string, notes ...decode.Note) scene {
	return scene{rec: &decode.Record{
		Stamp: decode.Stamp{Time: at(ms)}, Conn: conn, Kind: decode.KindCommand, Dir: dir, Server: server,
		Verb: text[:3], Line: []byte(text), Bytes: int64(len(text)) + 2, Notes: notes,
	}}
}

// saying gives a scene a payload.
func (s scene) saying(size int64, kind string, fields ...decode.Field) scene {
	s.rec.HasPayload, s.rec.PayloadBytes = true, size
	s.said = &decode.Payload{Type: kind, Fields: fields}
	return s
}

func (s scene) chat(text string) scene {
	return s.saying(int64(len(text)), "text/plain", decode.Field{Name: "text", Value: text})
}

func reply(d time.Duration) decode.Note { return decode.Note{Kind: decode.NoteReply, Latency: d} }

func dialogue() []scene {
	joined := line(3600, "c2", s2c, decode.SB, "MSG bob@example.com Bob 210").saying(210, "chunk",
		decode.Field{Name: "message_id", Value: "{BD0E8C3A}"}, decode.Field{Name: "chunk", Value: int64(1)}, decode.Field{Name: "text", Value: "long story."})
	joined.rec.Joined = &decode.JoinedMessage{Chunks: 2, Type: "text/plain", Text: "And this is the whole of a long story."}
	return []scene{
		event(0, "c1", decode.KindOpen, func(r *decode.Record) { r.Client, r.ServerAddr = "192.168.1.20:1030", "207.46.110.30:1863" }),
		line(10, "c1", c2s, 0, "VER 1 MSNP12 MSNP11 CVR0"),
		line(200, "c1", s2c, 0, "VER 1 MSNP12", reply(190*time.Millisecond)),
		line(300, "c1", c2s, decode.NS, "CVR 2 0x0409 winnt 5.1 i386 MSNMSGR 7.5.0324 msmsgs alice@example.com"),
		line(900, "c1", s2c, decode.NS, "CVR 2 7.5.0324 7.5.0324 7.0.0777 http://messenger.example.com/download/setup.exe http://messenger.example.com/", reply(600*time.Millisecond)),
		line(1000, "c1", c2s, decode.NS, "USR 3 TWN S t="+strings.Repeat("0123456789abcdef", 40)),
		line(2500, "c1", s2c, decode.NS, "911 3", reply(1500*time.Millisecond), decode.Note{Kind: decode.NoteError, Code: 911, Meaning: "authentication failed"}),
		line(2600, "c1", s2c, decode.NS, "999 0", decode.Note{Kind: decode.NoteError, Code: 999}),
		line(2700, "c1", s2c, decode.NS, "NLN NLN wang@example.com 王小明 1342558252"),
		line(2710, "c1", s2c, decode.NS, "NLN AWY dana@example.com שלום 1342558252"),
		line(2720, "c1", s2c, decode.NS, "NLN BSY evil@example.com \x1b[31mred\x1b]0;owned\a\u202eexe.txt 0"),
		line(2730, "c1", c2s, decode.NS, "ADL 4 312").saying(312, "contact-list", decode.Field{Name: "initial", Value: true},
			decode.Field{Name: "contacts", Value: []any{[]decode.Field{}, []decode.Field{}}}),
		line(2740, "c1", s2c, decode.NS, "UBX wang@example.com 140").saying(140, "personal-message", decode.Field{Name: "psm", Value: "in Zürich, until Monday"},
			decode.Field{Name: "current_media", Value: []decode.Field{{Name: "kind", Value: "Music"}, {Name: "args", Value: []any{"Für Elise", "Beethoven"}}}}),
		event(2800, "c2", decode.KindOpen, func(r *decode.Record) {
			r.Client, r.ServerAddr, r.Via = "192.168.1.20:1031", "207.46.108.37:1863", decode.Ref{Conn: "c1", Seq: 12}
		}),
		line(2900, "c2", s2c, decode.SB, "MSG wang@example.com 王小明 130").chat("Hello there! I have been looking for you everywhere; where have you been all this time?\r\n\r\n你好，你今天怎么样？我昨天给你打过电话，可是你没有接，我很担心你。👨‍👩‍👧"),
		line(3000, "c2", s2c, decode.SB, "MSG dana@example.com שלום 130").chat("שלום לכולם (hi all), מה שלומכם היום? אני מקווה שהכל בסדר אצלכם ושתבואו לבקר מחר בערב."),
		line(3100, "c2", s2c, decode.SB, "MSG evil@example.com %1b[2J 40").chat("\x1b[2J\x1b[Hlogin: \u202etxt.exe\u200b\xff"),
		line(3200, "c2", c2s, decode.SB, "MSG 5 U 92").saying(92, "text/x-msmsgscontrol", decode.Field{Name: "typing", Value: "alice@example.com"}),
		line(3300, "c2", c2s, decode.SB, "MSG 6 N 69").saying(69, "text/x-msnmsgr-datacast", decode.Field{Name: "id", Value: int64(1)}, decode.Field{Name: "action", Value: "nudge"}),
		line(3500, "c2", s2c, decode.SB, "MSG bob@example.com Bob 1400").saying(1400, "text/plain",
			decode.Field{Name: "message_id", Value: "{BD0E8C3A}"}, decode.Field{Name: "chunk", Value: int64(0)}, decode.Field{Name: "chunks", Value: int64(2)},
			decode.Field{Name: "text", Value: "And this is the whole of a "}),
		joined,
		line(3700, "c2", s2c, decode.SB, "MSG bob@example.com Bob 9000", decode.Note{Kind: decode.NoteGap, Bytes: 1460}).saying(9000, "unknown"),
		event(3800, "c2", decode.KindGap, func(r *decode.Record) {
			r.Dir, r.Server, r.Bytes, r.Notes = s2c, decode.SB, 2920, []decode.Note{{Kind: decode.NoteGap, Bytes: 2920}}
		}),
		event(3900, "c2", decode.KindOpaque, func(r *decode.Record) {
			r.Dir, r.Server, r.Bytes, r.Payload = s2c, decode.SB, 480, []byte("\x00\x01secret")
			r.Notes = []decode.Note{{Kind: decode.NoteIssue, Text: "not a command line"}}
		}),
		line(4000, "c2", c2s, decode.SB, "OUT"),
		event(4100, "c2", decode.KindClose, func(r *decode.Record) {
			r.Server, r.Reason, r.BytesC2S, r.BytesS2C = decode.SB, "closed by the client", 1, 18112
		}),
		line(4200, "c1", s2c, decode.NS, "QNG 50", reply(75*time.Second), decode.Note{Kind: decode.NoteIssue, Text: "QNG does not belong to MSNP2"}),
	}
}

// play writes scenes and returns what was written.
func play(t testing.TB, opts Options, scenes []scene) string {
	t.Helper()
	said := map[*decode.Record]*decode.Payload{}
	var out bytes.Buffer
	tr := New(&out, opts)
	tr.payload = func(r *decode.Record) *decode.Payload { return said[r] }
	for _, s := range scenes {
		said[s.rec] = s.said
		if err := tr.Record(s.rec); err != nil {
			t.Fatal(err)
		}
	}
	if err := tr.Close(); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

func TestDialogue(t *testing.T) {
	for name, opts := range map[string]Options{
		"dialogue-60": {Width: 60}, "dialogue-80": {}, "dialogue-120": {Width: 120}, "dialogue-color": {Width: 100, Color: true},
	} {
		t.Run(name, func(t *testing.T) { golden(t, name, play(t, opts, dialogue())) })
	}
}

func golden(t *testing.T, name, got string) {
	t.Helper()
	file := filepath.Join("testdata", name+".txt")
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

var ourColors = regexp.MustCompile("\x1b\\[(2|36|32|1|33|31|0)m")

// checkLines checks that no line does anything to a terminal but fill it.
func checkLines(t *testing.T, out string, width int) {
	t.Helper()
	for _, l := range strings.Split(strings.TrimSuffix(out, "\n"), "\n") {
		l = ourColors.ReplaceAllString(l, "")
		if w := display.Width(l); w > width {
			t.Fatalf("a line has %d columns, not %d: %q", w, width, l)
		}
		for _, c := range l {
			isolate := c == '\u2068' || c == '\u2069'
			joiner := c == '\u200c' || c == '\u200d'
			if unicode.IsControl(c) || unicode.Is(unicode.Cf, c) && !isolate && !joiner {
				t.Fatalf("%U stands raw in %q", c, l)
			}
		}
		if strings.Count(l, "\u2068") != strings.Count(l, "\u2069") {
			t.Fatalf("an isolate is left open in %q", l)
		}
	}
}

func TestHostileTextNeverLeavesItsPlace(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 8))
	for i := range 600 {
		width := []int{60, 80, 120, 200}[i%4]
		name, text := hostile(r, 40), hostile(r, 200)
		scenes := []scene{
			line(0, "c1", s2c, decode.SB, "NLN "+name, reply(time.Second), decode.Note{Kind: decode.NoteIssue, Text: text}),
			line(1, "c1", s2c, decode.SB, "MSG "+name).chat(text),
			line(2, "c1", s2c, decode.SB, "UBX "+name).saying(9, text, decode.Field{Name: name, Value: text}, decode.Field{Name: "x", Value: []any{name, text}}),
			event(3, "c1", decode.KindClose, func(r *decode.Record) { r.Reason = text }),
		}
		checkLines(t, play(t, Options{Width: width, Color: i%2 == 0}, scenes), width)
	}
}

func hostile(r *rand.Rand, most int) string {
	pieces := []string{"a", "bc", " ", "  ", "\\", "%20", "\x1b[2J", "\x1b]0;t\a", "\u009b", "\x9b", "\xff", "\u202e", "\u2067", "\u2069", "\u200d", "\u200b",
		"\u0301", "\ufe0f", "世", "界", "한", "ש", "ع", "क", "्", "👨\u200d👩", "🏽", "❤", "🇩", "\u2028", "\u3164", "\r\n", "\n", "\t", "\x00", "@", "wordwordword"}
	var b strings.Builder
	for range r.IntN(most) {
		b.WriteString(pieces[r.IntN(len(pieces))])
	}
	return b.String()
}

func TestNothingOfAChatIsLost(t *testing.T) {
	text := strings.Repeat("It was a dark and stormy night. ", 100)
	out := play(t, Options{}, []scene{line(0, "c1", s2c, decode.SB, "MSG bob@example.com Bob 3200").chat(text)})
	var got strings.Builder
	for _, l := range strings.Split(out, "\n") {
		if _, after, ok := strings.Cut(l, "│"); ok {
			got.WriteString(after + " ")
		}
	}
	if strings.Join(strings.Fields(got.String()), " ") != strings.TrimSpace(text) {
		t.Errorf("the chat became %q", got.String())
	}
}

func TestAnEmptyMessageIsNoMissingOne(t *testing.T) {
	empty := line(0, "c1", s2c, decode.SB, "MSG bob@example.com Bob 123").
		saying(123, "text/plain", decode.Field{Name: "font", Value: "Arial"}, decode.Field{Name: "text", Value: ""})
	if out := play(t, Options{}, []scene{empty}); !strings.Contains(out, "│ text/plain: font=Arial") {
		t.Error(out)
	}
}

func TestAMessageOfLineEndsIsNoMissingOne(t *testing.T) {
	blank := line(0, "c1", s2c, decode.SB, "MSG bob@example.com Bob 123").
		saying(123, "text/plain", decode.Field{Name: "text", Value: "\r\n\n\r"})
	if out := play(t, Options{}, []scene{blank}); !strings.Contains(out, "│ text/plain: text=") {
		t.Error(out)
	}
}

func TestLongCommandLineIsCutAndCounted(t *testing.T) {
	// 58 columns of text at first, then 56: 58 + 4*56 = 282 are shown.
	out := play(t, Options{}, []scene{line(0, "c1", c2s, decode.NS, strings.Repeat("x", 1000))})
	if n := strings.Count(out, "x"); n != 282 {
		t.Errorf("%d characters are shown, want 282", n)
	}
	if !strings.Contains(out, "… 718 more characters\n") {
		t.Error(out)
	}
}

func TestEverythingFitsTheNarrowestPage(t *testing.T) {
	checkLines(t, play(t, Options{Width: 40}, dialogue()), 40)
}

func TestALongCommandLineFitsANarrowPage(t *testing.T) {
	out := play(t, Options{Width: 40}, []scene{line(0, "c1", c2s, decode.NS, strings.Repeat("x", 1000))})
	for l := range strings.Lines(out) {
		if n := display.Width(strings.TrimRight(l, "\n")); n > 40 {
			t.Errorf("a line has %d columns: %s", n, l)
		}
	}
	if said := strings.Join(strings.Fields(out), " "); !strings.HasSuffix(said, "more characters") {
		t.Error(out)
	}
}

func TestLatency(t *testing.T) {
	for d, want := range map[time.Duration]string{
		0: "0.0 ms", 420 * time.Microsecond: "0.4 ms", 17 * time.Millisecond: "17 ms", 999*time.Millisecond + 400*time.Microsecond: "999 ms",
		1500 * time.Millisecond: "1.5 s", 75 * time.Second: "1m15s",
	} {
		if got := Latency(d); got != want {
			t.Errorf("%v is told as %q, want %q", d, got, want)
		}
	}
}

func TestLatencyStaysAwayWhereTheLineIsFull(t *testing.T) {
	full := strings.Repeat("x", 58)
	out := play(t, Options{}, []scene{line(0, "c1", s2c, decode.NS, full, reply(time.Second)), line(1, "c1", s2c, decode.NS, full[:50], reply(time.Second))})
	if strings.Count(out, "(1.0 s)") != 0 {
		t.Error(out)
	}
	out = play(t, Options{}, []scene{line(0, "c1", s2c, decode.NS, full[:49], reply(time.Second))})
	if strings.Count(out, "(1.0 s)") != 1 {
		t.Error(out)
	}
}

func TestColumnsGrowWithTheConnectionIds(t *testing.T) {
	out := play(t, Options{}, []scene{line(0, "c1", c2s, decode.NS, "PNG"), line(0, "c10000", c2s, decode.NS, "PNG"), line(0, "c1", c2s, decode.NS, "PNG")})
	want := "2004-05-17 UTC\n23:59:58.000 c1  > NS PNG\n23:59:58.000 c10000 > NS PNG\n23:59:58.000 c1     > NS PNG\n"
	if out != want {
		t.Errorf("got\n%swant\n%s", out, want)
	}
}

func TestOpaqueBytesAreNotShown(t *testing.T) {
	if out := play(t, Options{Width: 200}, dialogue()); strings.Contains(out, "secret") {
		t.Error(out)
	}
}

type brokenPipe struct{}

func (brokenPipe) Write([]byte) (int, error) { return 0, errors.New("broken pipe") }

func TestWriteErrorsAreReturned(t *testing.T) {
	if err := New(brokenPipe{}, Options{}).Record(dialogue()[0].rec); err == nil {
		t.Error("no error")
	}
}

func ExampleNew() {
	tr := New(os.Stdout, Options{Width: 80})
	r := dialogue()[1].rec
	if err := tr.Record(r); err != nil {
		fmt.Println(err)
	}
	// Output:
	// 2004-05-17 UTC
	// 23:59:58.010 c1  >    VER 1 MSNP12 MSNP11 CVR0
}

func TestWhatIsOverdueSaysWhat(t *testing.T) {
	var out bytes.Buffer
	err := New(&out, Options{Width: 80}).Record(&decode.Record{
		Stamp: decode.Stamp{Time: at(0)}, Conn: "c2", Kind: decode.KindOverdue, Server: decode.NS,
		Notes: []decode.Note{{Kind: decode.NoteChallenge, Challenge: &decode.Challenge{Challenge: "15570131571988941333", Verdict: decode.VerdictUnanswered}}},
	})
	want := `2004-05-17 UTC
23:59:58.000 c2    NS [overdue]
                      ! challenge 15570131571988941333: there is no answer
`
	if got := out.String(); err != nil || got != want {
		t.Errorf("got %v\n%s\nwant\n%s", err, got, want)
	}
}

func TestASecondAnswerIsToldWithItsChallenge(t *testing.T) {
	second := decode.Challenge{Challenge: "15570131571988941333", Verdict: decode.VerdictUnsolicited, ServerVerdict: decode.ServerAccepted, Explanation: "a second answer to the challenge; it is right"}
	if got, want := challenge(&second).Text, "challenge 15570131571988941333: a second answer to the challenge; it is right; the server accepted it"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	none := decode.Challenge{Verdict: decode.VerdictUnsolicited, Explanation: "no challenge was waiting for an answer"}
	if got, want := challenge(&none).Text, "an answer to no challenge; no challenge was waiting for an answer"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

// FuzzTranscript shows whatever a client and a server may say to each other.
func FuzzTranscript(f *testing.F) {
	f.Add([]byte("USR 1 a@b.c \x1b[2J\r\nMSG 2 A 60\r\nContent-Type: text/plain\r\nX-MMS-IM-Format: FN=\u202e\r\n\r\n\u009bhi\n"), []byte("NLN NLN a@b.c %1b%5b2J\r\n"), uint8(0))
	f.Add([]byte("QRY 1 \u2067x 3\r\nabcUUX 2 20\r\n<Data><PSM>\u202e</PSM>"), []byte("CHL 0 \x00\r\n911 1\r\n\xff\xfe\r\nUBX a\u200b@b.c 30\r\n<Data><PSM>\u3164</PSM></Data>xx"), uint8(90))
	f.Fuzz(func(t *testing.T, client, server []byte, columns uint8) {
		width := 40 + int(columns)
		var out bytes.Buffer
		tr, masker := New(&out, Options{Width: width, Color: columns&1 == 1}), decode.NewMasker()
		s := decode.NewSession(decode.Config{Conn: "c1", Client: "192.0.2.1:1", Server: "192.0.2.2:1863", Emit: func(r *decode.Record) {
			masker.Mask(r)
			if err := tr.Record(r); err != nil {
				t.Fatal(err)
			}
		}})
		s.Feed(decode.ClientToServer, client, decode.Stamp{Time: at(0)})
		s.Feed(decode.ServerToClient, server, decode.Stamp{Time: at(1)})
		s.Close("client closed", decode.Stamp{Time: at(2)})
		checkLines(t, out.String(), width)
		if limit := 100*(len(client)+len(server)) + 20*max(width, 60); out.Len() > limit {
			t.Fatalf("%d bytes came of %d", out.Len(), len(client)+len(server))
		}
	})
}
