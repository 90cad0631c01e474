package page

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode"

	"msnproxy/decode"
	"msnproxy/internal/story"
)

const (
	c2s = decode.ClientToServer
	s2c = decode.ServerToClient
)

// play is a run, told like a script.
type play struct {
	teller  *story.Teller
	records Records
	now     time.Time
	seq     map[string]int64
}

func newPlay() *play {
	return &play{teller: story.NewTeller(), now: time.Date(2004, 5, 17, 12, 0, 0, 0, time.UTC), seq: map[string]int64{}}
}

func (p *play) record(r *decode.Record) {
	p.seq[r.Conn]++
	p.now = p.now.Add(100 * time.Millisecond)
	r.Time, r.Seq = p.now, p.seq[r.Conn]
	p.teller.Record(r)
	p.records.Add(r)
}

func (p *play) open(conn string) {
	p.record(&decode.Record{Conn: conn, Kind: decode.KindOpen, Client: "192.0.2.1:1030", ServerAddr: "192.0.2.9:1863"})
}

// says plays a command. Names are those of its arguments; text is what its
// payload says, if it has one.
func (p *play) says(conn string, dir decode.Direction, server decode.Server, line, names, text string, notes ...decode.Note) {
	words := strings.Split(line, " ")
	r := &decode.Record{Conn: conn, Kind: decode.KindCommand, Dir: dir, Server: server, Verb: words[0], Line: []byte(line), Notes: notes}
	for i, n := range strings.Fields(names) {
		r.Args = append(r.Args, decode.Arg{Name: n, Value: []byte(words[i+1])})
	}
	if text != "" {
		r.HasPayload, r.Payload, r.PayloadBytes = true, []byte(text), int64(len(text))
		r.Said = &decode.Payload{Type: "text/plain", Fields: []decode.Field{{Name: "text", Value: text}}}
	}
	p.record(r)
}

// page is the page of the run so far, with tables of no rows.
func (p *play) page() *Page {
	out := &Page{Files: []string{"evening.pcap"}, Story: p.teller.Story(), Records: p.records.Snapshot()}
	for _, name := range []string{"sessions", "connections", "presence", "conversations", "messages"} {
		out.Tables = append(out.Tables, Table{Name: name, About: "what is told", Rows: func(func([]Cell) bool) {}})
	}
	return out
}

func write(t testing.TB, p *Page) string {
	t.Helper()
	var out bytes.Buffer
	if err := p.Write(&out); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

func TestThePolicyNamesWhatIsOnThePage(t *testing.T) {
	out := write(t, newPlay().page())
	style := regexp.MustCompile(`(?s)<style>(.*?)</style>`).FindStringSubmatch(out)
	script := regexp.MustCompile(`(?s)<script>(.*?)</script>`).FindStringSubmatch(out)
	if style == nil || script == nil {
		t.Fatal("the page has no style or no script of its own")
	}
	want := "default-src &#39;none&#39;; style-src " + strings.ReplaceAll(hash(style[1]), "'", "&#39;") +
		"; script-src " + strings.ReplaceAll(hash(script[1]), "'", "&#39;")
	if !strings.Contains(strings.ReplaceAll(out, "&#43;", "+"), want) {
		t.Errorf("the policy is not\n%s", want)
	}
	if strings.Contains(out, " style=") || regexp.MustCompile(` on[a-z]+=`).MatchString(out) {
		t.Error("the page has a style or a script where the policy allows none")
	}
}

func TestHostileTextStaysText(t *testing.T) {
	r := rand.New(rand.NewPCG(11, 12))
	for range 100 {
		p := newPlay()
		conn := hostile(r)
		if conn == "" {
			continue
		}
		p.record(&decode.Record{Conn: conn, Kind: decode.KindOpen, Client: hostile(r), ServerAddr: hostile(r), Via: decode.Ref{Conn: hostile(r), Seq: 1}})
		p.says(conn, c2s, decode.SB, "USR 1 "+hostile(r), "trid handle", "")
		p.says(conn+"2", s2c, decode.NS, "USR 1 OK "+hostile(r), "trid result handle", "")
		p.says(conn+"2", s2c, decode.NS, "NLN "+hostile(r)+" "+hostile(r)+" "+hostile(r), "status handle name", "")
		for range 4 {
			p.says(conn, s2c, decode.SB, "MSG "+hostile(r)+" "+hostile(r), "handle", hostile(r),
				decode.Note{Kind: decode.NoteIssue, Text: hostile(r)}, decode.Note{Kind: decode.NoteReply, Request: hostile(r)})
		}
		p.record(&decode.Record{Conn: conn, Kind: decode.KindClose, Reason: hostile(r)})
		page := p.page()
		page.Files = []string{hostile(r)}
		text := hostile(r)
		page.Tables = append(page.Tables, Table{Name: "issues", About: hostile(r), Columns: []Column{{Title: "text"}}, Len: 1,
			Rows: slices.Values([][]Cell{{{Text: text}}})})
		checkHarmless(t, write(t, page))
	}
}

// checkHarmless checks that nothing of a page moves, hides, runs or is markup
// that we did not write.
func checkHarmless(t *testing.T, out string) {
	t.Helper()
	for _, c := range out {
		if c != '\n' && unicode.IsControl(c) || unicode.Is(unicode.Cf, c) && c != '\u200c' && c != '\u200d' {
			t.Fatalf("%U stands raw on the page", c)
		}
	}
	for _, markup := range []string{"<hostile", "<img", "</hostile", "<!--"} {
		if strings.Contains(out, markup) {
			t.Fatalf("%s stands raw on the page", markup)
		}
	}
	if n := strings.Count(out, "</script>"); n != 2 {
		t.Fatalf("there are %d ends of scripts, want 2", n)
	}
	if !json.Valid([]byte(data(out))) {
		t.Fatal("the list of records is no JSON")
	}
}

func data(out string) string {
	_, after, _ := strings.Cut(out, dataStart[:len(dataStart)-len("\n[\n")])
	list, _, _ := strings.Cut(after, "</script>")
	return list
}

func hostile(r *rand.Rand) string {
	pieces := []string{"a", "bc", "%20", "<hostile>", "</hostile>", "<img src=x onerror=y>", "</script>", "<!--", "-->", "<script>", "]]>", "\"", "'", "`", "${x}", "{{.}}", "&lt;", "&",
		"\x1b[2J", "\u009b", "\xff", "\u202e", "\u2067", "\u2069", "\u200b", "\u2028", "\u0301", "世", "ש", "👨\u200d👩", "\r\n", "\t", "\x00", "\\", "javascript:"}
	var b strings.Builder
	for range r.IntN(30) {
		b.WriteString(pieces[r.IntN(len(pieces))])
	}
	return b.String()
}

func TestAPageIsBounded(t *testing.T) {
	p := newPlay()
	p.open("c1")
	p.says("c1", c2s, decode.SB, "USR 1 alice@example.com", "trid handle", "")
	// Each < takes six bytes in the list, and four on the page.
	hostile := strings.Repeat("<", maxPayload)
	for range 12_000 {
		p.says("c1", s2c, decode.SB, "MSG bob@example.com "+hostile[:maxLine-40], "handle", hostile, decode.Note{Kind: decode.NoteIssue, Text: hostile})
	}
	page := p.page()
	for i := range page.Tables {
		page.Tables[i].Columns, page.Tables[i].Len = []Column{{Title: "text"}}, 10_000
		page.Tables[i].Rows = func(yield func([]Cell) bool) {
			for i := range 10_000 {
				if !yield([]Cell{{Text: hostile, Ref: decode.Ref{Conn: "c1", Seq: int64(4000 - i)}}}) {
					return
				}
			}
		}
	}
	var out bytes.Buffer
	if err := page.Write(&out); err != nil {
		t.Fatal(err)
	}
	if out.Len() > 50_000_000 || out.Len() < 40_000_000 {
		t.Errorf("the page has %d bytes", out.Len())
	}
	wantLinks(t, out.String())
	if n := strings.Count(out.String(), `<tr id="r`); n < 10 || n > maxStaticBytes/(8*maxLine) {
		t.Errorf("%d records can be read without script", n)
	}
	list := data(out.String())
	var records []json.RawMessage
	if err := json.Unmarshal([]byte(list), &records); err != nil {
		t.Fatal(err)
	}
	if want := fmt.Sprintf("… and %d more, which a page has no room for: decode", 12_002-len(records)); !strings.Contains(out.String(), want) {
		t.Errorf("the list has %d records, and the page does not say %q", len(records), want)
	}
}

// wantLinks checks that every link leads somewhere on the page.
func wantLinks(t *testing.T, out string) {
	t.Helper()
	there := map[string]bool{}
	for _, m := range regexp.MustCompile(` id="([^"]*)"`).FindAllStringSubmatch(out, -1) {
		there[m[1]] = true
	}
	for _, m := range regexp.MustCompile(` href="#([^"]*)"`).FindAllStringSubmatch(out, -1) {
		if !there[m[1]] {
			t.Fatalf("a link leads to #%s, which is not there", m[1])
		}
	}
}

func TestATableIsBounded(t *testing.T) {
	const rows = maxRows + 234
	page := &Page{Tables: []Table{{Name: "errors", Columns: []Column{{Title: "text"}}, Len: rows, More: 7, Rows: func(yield func([]Cell) bool) {
		for i := range rows {
			if !yield([]Cell{{Text: fmt.Sprintf("error %d", i)}}) {
				return
			}
		}
	}}}}
	out := write(t, page)
	for text, want := range map[string]bool{
		"<td dir=\"auto\">error 999</td>": true, "<td dir=\"auto\">error 1000</td>": false,
		"… and 234 more, which a page has no room for": true, "… and 7 more, which were not kept": true,
	} {
		if got := strings.Contains(out, text); got != want {
			t.Errorf("%q is on the page: %t, want %t", text, got, want)
		}
	}
}

func TestARowLeadsToItsRecord(t *testing.T) {
	p := newPlay()
	p.open("c1")
	p.says("c1", c2s, decode.NS, "PNG", "", "")
	page := p.page()
	page.Tables = append(page.Tables, Table{Name: "issues", Columns: []Column{{Title: "seq", Right: true}}, Len: 1,
		Rows: slices.Values([][]Cell{{{Text: "2", Ref: decode.Ref{Conn: "c1", Seq: 2}}}})})
	out := write(t, page)
	if !strings.Contains(out, `<td class="num"><a href="#r2" aria-label="record 2">2</a></td>`) {
		t.Error("it does not")
	}
	wantLinks(t, out)
}

func TestRecordsAreBounded(t *testing.T) {
	var l Records
	r := &decode.Record{Conn: "c1", Kind: decode.KindCommand, Verb: "PNG", Line: []byte("PNG")}
	for range maxRecords + 5 {
		l.Add(r)
	}
	if len(l.list) != maxRecords || l.more != 5 {
		t.Errorf("%d are kept and %d are not", len(l.list), l.more)
	}
}

func TestSnapshotStays(t *testing.T) {
	p := newPlay()
	p.open("c1")
	before := p.records.Snapshot()
	p.says("c1", c2s, decode.NS, "PNG", "", "")
	if len(before.list) != 1 || len(p.records.list) != 2 {
		t.Errorf("the snapshot has %d records, the list %d", len(before.list), len(p.records.list))
	}
}

func TestEmptyPage(t *testing.T) {
	out := write(t, &Page{})
	if !strings.Contains(out, "Nothing of MSN Messenger was seen.") || !strings.HasSuffix(out, "</html>\n") {
		t.Error(out[len(out)-500:])
	}
}

func TestChosenTablesOnly(t *testing.T) {
	p := newPlay()
	p.open("c1")
	p.says("c1", s2c, decode.SB, "MSG bob@example.com Bob", "handle", "hi there")
	page := p.page()
	page.Records = nil
	page.Tables = page.Tables[4:] // messages
	out := write(t, page)
	for part, want := range map[string]bool{"<article class=\"chat\">": true, "id=\"t-messages\"": true, "id=\"timeline\"": false, "id=\"records\"": false, "class=\"diagram\"": false} {
		if got := strings.Contains(out, part); got != want {
			t.Errorf("%s is on the page: %t, want %t", part, got, want)
		}
	}
}

type brokenPipe struct{ room int }

func (b *brokenPipe) Write(p []byte) (int, error) {
	if b.room -= len(p); b.room < 0 {
		return 0, fmt.Errorf("broken pipe")
	}
	return len(p), nil
}

func TestWriteErrorsAreReturned(t *testing.T) {
	p := newPlay()
	p.open("c1")
	p.says("c1", s2c, decode.SB, "MSG bob@example.com Bob", "handle", "hi there")
	page := p.page()
	size := len(write(t, page))
	for room := 0; room < size; room += size / 40 {
		if err := page.Write(&brokenPipe{room}); err == nil || !strings.Contains(err.Error(), "broken pipe") {
			t.Errorf("after %d bytes: %v", room, err)
		}
	}
}
