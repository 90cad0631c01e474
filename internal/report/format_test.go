package report

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"html"
	"io"
	"math/rand/v2"
	"regexp"
	"strings"
	"testing"
	"time"
	"unicode"

	"msnproxy/decode"
	"msnproxy/internal/display"
)

// plain makes the values of all formats comparable: as one line of harmless
// text, times to the second as tables have them.
func plain(s string) string {
	if at, err := time.Parse(time.RFC3339Nano, s); err == nil {
		s = at.UTC().Format("2006-01-02 15:04:05")
	}
	return strings.Join(display.Lines(s), " ")
}

func TestTheSameSectionSaysTheSameInEveryFormat(t *testing.T) {
	r := session()
	for _, name := range SectionNames() {
		opts := Options{Sections: []string{name}, Width: 2000}
		want := cellsOfJSON(t, r, opts)
		if len(want) == 0 {
			t.Fatalf("the session has no %s to compare", name)
		}
		if got := cellsOfCSV(t, r, opts); fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("%s in CSV:\n%v\nin JSON:\n%v", name, got, want)
		}
		inMarkdown, inTable := write(t, (*Report).WriteMarkdown, r, opts), write(t, (*Report).WriteTables, r, opts)
		rows, inHTML := cellsOfMarkdown(inMarkdown), cellsOfHTML(write(t, (*Report).WriteHTML, r, opts), name)
		if inWiki := cellsOfWiki(write(t, (*Report).WriteWiki, r, opts)); fmt.Sprint(inWiki) != fmt.Sprint(rows) {
			t.Errorf("%s as MediaWiki:\n%v\nin Markdown:\n%v", name, inWiki, rows)
		}
		for n, row := range want {
			for i, cell := range row.keys {
				value := row.values[i]
				at := index(rows[0], strings.ReplaceAll(cell, "_", " "))
				if at < 0 && value == "" {
					continue // no row has any
				}
				if at < 0 || rows[n+1][at] != value {
					t.Errorf("%s, row %d: Markdown has %q, JSON has %s = %q", name, n+1, rows[n+1], cell, value)
				}
				if inHTML[n+1][at] != value {
					t.Errorf("%s, row %d: HTML has %q, JSON has %s = %q", name, n+1, inHTML[n+1], cell, value)
				}
				if !inTableText(inTable, value) {
					t.Errorf("%s, row %d: %s = %q is not in the table\n%s", name, n+1, cell, value, inTable)
				}
			}
		}
	}
}

// row is a row by its keys.
type row struct{ keys, values []string }

func write(t *testing.T, f func(*Report, io.Writer, Options) error, r *Report, opts Options) string {
	t.Helper()
	var out bytes.Buffer
	if err := f(r, &out, opts); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

func cellsOfJSON(t *testing.T, r *Report, opts Options) (rows []row) {
	var object map[string][]json.RawMessage
	if err := json.Unmarshal([]byte(write(t, (*Report).WriteJSON, r, opts)), &object); err != nil {
		t.Fatal(err)
	}
	for _, raw := range object[opts.Sections[0]] {
		var one row
		d := json.NewDecoder(bytes.NewReader(raw))
		d.UseNumber()
		_, _ = d.Token() // {
		for d.More() {
			k, _ := d.Token()
			var v any
			if err := d.Decode(&v); err != nil {
				t.Fatal(err)
			}
			one.keys = append(one.keys, k.(string))
			one.values = append(one.values, plain(jsonText(v)))
		}
		rows = append(rows, one)
	}
	return rows
}

// jsonText is a JSON value as text; counts by name are told as tables do.
func jsonText(v any) string {
	switch v := v.(type) {
	case nil:
		return ""
	case bool:
		return text(flagCell(v))
	case map[string]any:
		counts := map[string]int64{}
		for name, n := range v {
			counts[name], _ = n.(json.Number).Int64()
		}
		return countsOf(counts).String()
	}
	return fmt.Sprint(v)
}

func cellsOfCSV(t *testing.T, r *Report, opts Options) (rows []row) {
	all, err := csv.NewReader(strings.NewReader(write(t, (*Report).WriteCSV, r, opts))).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	for _, values := range all[1:] {
		for i, v := range values {
			if text, marked := strings.CutPrefix(v, "'"); marked && withoutFormula(text) == v {
				v = text
			}
			values[i] = plain(v)
		}
		rows = append(rows, row{all[0], values})
	}
	return rows
}

// cellsOfMarkdown reads the one table of a text, as GitHub would.
func cellsOfMarkdown(text string) (rows [][]string) {
	comment := regexp.MustCompile(`<!--.*?-->`)
	for _, l := range strings.Split(text, "\n") {
		if !strings.HasPrefix(l, "|") || strings.HasPrefix(l, "| ---") {
			continue
		}
		cells := strings.Split(strings.Trim(l, "|"), "|")
		for i, c := range cells {
			c = comment.ReplaceAllString(strings.ReplaceAll(c, "<br>", " "), "")
			cells[i] = html.UnescapeString(strings.TrimSpace(c))
		}
		rows = append(rows, cells)
	}
	return rows
}

// cellsOfWiki reads the one table of a text, as MediaWiki would.
func cellsOfWiki(text string) (rows [][]string) {
	comment := regexp.MustCompile(`<!--.*?-->`)
	for _, l := range strings.Split(text, "\n") {
		switch {
		case strings.HasPrefix(l, "{|"):
			rows = append(rows, nil)
		case l == "|-":
			rows = append(rows, nil)
		case l != "|}" && (strings.HasPrefix(l, "|") || strings.HasPrefix(l, "! ")):
			c := l[max(1, strings.LastIndex(l, "|")+1):] // no other bar than before a style's cell
			c = comment.ReplaceAllString(strings.ReplaceAll(c, "<br>", " "), "")
			rows[len(rows)-1] = append(rows[len(rows)-1], html.UnescapeString(strings.TrimSpace(c)))
		}
	}
	return rows
}

// cellsOfHTML reads the table of a section, its head first.
func cellsOfHTML(page, section string) (rows [][]string) {
	_, table, _ := strings.Cut(page, `id="t-`+section+`"`)
	table, _, _ = strings.Cut(table, "</table>")
	cell, tag := regexp.MustCompile(`(?s)<t[hd][ >].*?</t[hd]>`), regexp.MustCompile(`(?s)<.*?>`)
	for _, r := range regexp.MustCompile(`(?s)<tr>.*?</tr>`).FindAllString(table, -1) {
		var cells []string
		for _, c := range cell.FindAllString(r, -1) {
			cells = append(cells, plain(html.UnescapeString(tag.ReplaceAllString(c, ""))))
		}
		rows = append(rows, cells)
	}
	return rows
}

func index(list []string, one string) int {
	for i, s := range list {
		if s == one {
			return i
		}
	}
	return -1
}

// inTableText tells whether a table shows a value, or a part of it where it
// shows the date apart and lines below each other.
func inTableText(table, value string) bool {
	table = strings.NewReplacer("\u2068", "", "\u2069", "").Replace(table)
	if at, err := time.Parse("2006-01-02 15:04:05", value); err == nil {
		return strings.Contains(table, at.Format(time.TimeOnly)) && strings.Contains(table, at.Format(time.DateOnly))
	}
	for _, word := range strings.Fields(value) {
		if !strings.Contains(table, word) {
			return false
		}
	}
	return true
}

func TestMarkdownIsTextAndNothingElse(t *testing.T) {
	for in, want := range map[string]string{
		"a|b\nc":                     "a&#124;b<br>c",
		"<img src=x onerror=y>":      "&lt;img src=x onerror=y&gt;",
		"[x](javascript:y)":          "&#91;x&#93;(javascript:y)",
		"![x](http://e.test/i.png)":  "!&#91;x&#93;(http&#58;//e.test/i.png)",
		"[[Page]] {{delete}}":        "&#91;&#91;Page&#93;&#93; &#123;&#123;delete&#125;&#125;",
		"''bold''":                   "&#39;&#39;bold&#39;&#39;",
		"it's":                       "it's",
		"**b** _i_ a_b ~~s~~ `c`":    "&#42;&#42;b&#42;&#42; &#95;i&#95; a_b &#126;&#126;s&#126;&#126; &#96;c&#96;",
		"&lt;":                       "&amp;lt;",
		`C:\new`:                     "C:&#92;new",
		"@all see #12":               "@<!-- -->all see #<!-- -->12",
		"someone/project#12 c1#7":    "someone/project<!-- -->#12 c1#7",
		"alice@example.com":          "alice@example.com",
		"someone@a5c3785":            "someone@<!-- -->a5c3785",
		"mailto:a@b.c tel:1 motel:2": "mailto&#58;a@b.c tel&#58;1 motel:2",
		"RFC 1, ISBN\u00a01, RFCs 1": "&#82;FC 1, &#73;SBN\u00a01, RFCs 1",
		"www.example.com":            "www&#46;example.com",
		"see GH-12 :smile: 12:30:15": "see GH<!-- -->-12 :<!-- -->smile: 12:30:15",
		"\x1b[31m\u202e":             "&#92;x1b&#91;31m&#92;u202e",
	} {
		if got := markup(in); got != want {
			t.Errorf("%q becomes\n%s, want\n%s", in, got, want)
		}
	}
}

func TestCSVHasNoFormulas(t *testing.T) {
	for in, want := range map[string]string{
		"=1+1":        "'=1+1",
		"+1":          "'+1",
		"-1":          "'-1",
		"@SUM(A1)":    "'@SUM(A1)",
		"\t=1":        "' =1",
		"\r\n=1":      "'\n=1",
		"\u3000=1":    "'\u3000=1",
		" \u00a0-1":   "' \u00a0-1",
		"a;\u00a0=1":  "a;\u00a0'=1",
		"＝1":          "'＝1",
		"a=1":         "a=1",
		"'=1":         "'=1",
		"two\r\nrows": "two\nrows",
		"\x1b[2J":     `\x1b[2J`,
		"a; =1;-1":    "a; '=1;'-1",
		"a ;-) ;-P":   "a ;-) ;-P",
	} {
		if got := csvCell(Text(in)); got != want {
			t.Errorf("%q becomes %q, want %q", in, got, want)
		}
	}
	if got := csvCell(Number(-1)); got != "-1" {
		t.Errorf("a number becomes %q", got)
	}
}

func TestFirstSightIsAScreenful(t *testing.T) {
	p := newPlay()
	for range 50_000 {
		p.says(p.line("c1", s2c, decode.SB, "MSG bob@example.com Bob 9", "handle"), plainText, textField("hi"))
	}
	var out bytes.Buffer
	if err := p.report.WriteTables(&out, Options{}); err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(out.String(), "\n"); n > 60 {
		t.Errorf("%d lines", n)
	}
	for _, want := range []string{"… and 49980 more with --section messages\n", "more with --section NAME, or --section all: connections (1), commands (1)"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("no %q in\n%s", want, out.String())
		}
	}
}

func TestFormatOfAFile(t *testing.T) {
	for file, want := range map[string]string{"a.txt": "table", "a.md": "markdown", "a.wiki": "mediawiki", "x/a.CSV": "csv", "a.json": "json", "a.html": "html", "a.HTM": "html"} {
		if f, err := FormatOf(file); err != nil || f.Name != want {
			t.Errorf("%s: %s, %v", file, f.Name, err)
		}
	}
	if _, err := FormatOf("a.pdf"); err == nil || !strings.Contains(err.Error(), ".txt, .md, .wiki, .csv, .json or .html") {
		t.Errorf("a.pdf: %v", err)
	}
}

func TestReportOfOneSectionCollectsNoMore(t *testing.T) {
	r := New("commands")
	if len(r.collectors) != 1 || r.teller != nil {
		t.Errorf("%d collectors, story kept: %v", len(r.collectors), r.teller != nil)
	}
	if New("presence").teller == nil {
		t.Error("presence without a story")
	}
}

func TestHostileTextStaysInItsCellInFiles(t *testing.T) {
	r := rand.New(rand.NewPCG(11, 12))
	words := func(s string) string { return strings.Join(strings.Fields(s), " ") }
	for range 200 {
		p := newPlay()
		var said []string
		for range 5 {
			text := hostile(r) + pick(r, "|", "<!--", "-->", "[[", "'''", "://", "=1", "`", `\|`, "&#124;") + hostile(r)
			said = append(said, text)
			p.says(p.line("c1", s2c, decode.SB, "MSG bob@example.com Bob 9", "handle"), plainText, textField(text))
		}
		opts := Options{Sections: []string{"messages"}}
		inMarkdown, inCSV := write(t, (*Report).WriteMarkdown, p.report, opts), write(t, (*Report).WriteCSV, p.report, opts)
		rows, values := cellsOfMarkdown(inMarkdown), cellsOfCSV(t, p.report, opts)
		for n, text := range said {
			if got := rows[n+1][len(rows[0])-1]; words(got) != words(plain(text)) {
				t.Fatalf("%q reads %q in Markdown\n%s", text, got, inMarkdown)
			}
			// An apostrophe stands behind a semicolon, too.
			want := behindSemicolon.ReplaceAllString(plain(text), "$1'$2")
			if got := values[n].values[5]; words(got) != words(want) {
				t.Fatalf("%q reads %q in CSV", text, got)
			}
		}
		for _, c := range inMarkdown + inCSV {
			joins := c == '\u200c' || c == '\u200d'
			if unicode.IsControl(c) && c != '\n' || unicode.Is(unicode.Cf, c) && !joins {
				t.Fatalf("%U stands raw in\n%s\n%s", c, inMarkdown, inCSV)
			}
		}
	}
}

func pick(r *rand.Rand, from ...string) string { return from[r.IntN(len(from))] }
