package report

import (
	"bytes"
	"fmt"
	"io"
	"regexp"
	"strings"

	"msnproxy/internal/display"
)

// WriteMarkdown writes the report as tables in Markdown (GitHub's): the
// sections that were asked for, or what comes first of all of them. Columns in
// which no row has anything are left out, as in tables on a terminal.
func (r *Report) WriteMarkdown(w io.Writer, opts Options) error {
	return r.writeMarkup(w, opts, writeMarkdown)
}

// writeMarkup writes the report in a markup that character references are part
// of, section by section.
func (r *Report) writeMarkup(w io.Writer, opts Options, section func(*bytes.Buffer, *Section)) error {
	d, err := r.digest(opts)
	if err != nil {
		return err
	}
	var out bytes.Buffer
	for i := range d.sections {
		section(&out, &d.sections[i])
	}
	for _, line := range d.closing() {
		fmt.Fprintf(&out, "%s\n\n", markup(line))
	}
	_, err = w.Write(append(bytes.TrimRight(out.Bytes(), "\n"), '\n'))
	return err
}

func writeMarkdown(out *bytes.Buffer, s *Section) {
	columns := s.busy()
	titles, rule := "|", "|"
	for _, i := range columns {
		titles += " " + title(s.Columns[i]) + " |"
		if s.Columns[i].Right {
			rule += " ---: |"
		} else {
			rule += " --- |"
		}
	}
	fmt.Fprintf(out, "### %s\n\n%s\n\n%s\n%s\n", s.Name, markup(s.sentence()), titles, rule)
	for _, row := range s.Rows {
		out.WriteByte('|')
		for _, i := range columns {
			fmt.Fprintf(out, " %s |", markup(text(row[i])))
		}
		out.WriteByte('\n')
	}
	if text := s.leftOut(); text != "" {
		fmt.Fprintf(out, "\n%s\n", markup(display.Ellipsis+" "+text))
	}
	out.WriteByte('\n')
}

// sentence tells what the rows of a section are.
func (s *Section) sentence() string {
	about := s.about()
	about = strings.ToUpper(about[:1]) + about[1:]
	if hasTimes(s) {
		about += "; times in UTC"
	}
	return about + "."
}

// busy are the columns in which some row has something.
func (s *Section) busy() (columns []int) {
	for i := range s.Columns {
		if !isIdle(s, i) {
			columns = append(columns, i)
		}
	}
	return columns
}

// markup returns a text as it stands in a cell: harmless, its lines kept
// apart, and nothing in it that GitHub's Markdown, HTML or the markup of wikis
// would take for anything but text. Character references are what all of them
// understand.
func markup(s string) string {
	lines := display.Lines(s)
	for i, l := range lines {
		l = references.Replace(l)
		l = apostrophes.ReplaceAllStringFunc(l, func(run string) string { return strings.Repeat("&#39;", len(run)) })
		l = looseUnderscore(l)
		l = webAddress.ReplaceAllString(l, "$1&#46;")
		l = scheme.ReplaceAllString(l, "$1&#58;")
		l = magicWord.ReplaceAllStringFunc(l, func(word string) string { return fmt.Sprintf("&#%d;%s", word[0], word[1:]) })
		l = mention.ReplaceAllString(l, "$1$2<!-- -->$3")
		l = elsewhere.ReplaceAllString(l, "$1$3<!-- -->$2$4")
		lines[i] = shortcode.ReplaceAllString(l, "$1$3<!-- -->$2$4")
	}
	return strings.Join(lines, "<br>")
}

// references are the characters that mean something somewhere in a line.
var references = strings.NewReplacer(
	"&", "&amp;", "<", "&lt;", ">", "&gt;", "|", "&#124;", "\\", "&#92;", "`", "&#96;", "*", "&#42;", "~", "&#126;", "$", "&#36;",
	"[", "&#91;", "]", "&#93;", "{", "&#123;", "}", "&#125;", "://", "&#58;//")

var (
	// apostrophes in a run are italics and bold face in wikis.
	apostrophes = regexp.MustCompile(`'{2,}`)
	// webAddress is what becomes a link without any markup.
	webAddress = regexp.MustCompile(`(?i)\b(www)\.`)
	// scheme is what makes a link in MediaWiki without any slashes.
	scheme = regexp.MustCompile(`(?i)\b(bitcoin|geo|magnet|mailto|matrix|news|sips?|sms|tel|urn|xmpp):`)
	// magicWord is what MediaWiki makes a link of where a number follows.
	magicWord = regexp.MustCompile(`\b(?:RFC|PMID|ISBN)\p{Z}`)
	// mention is what calls a person or refers to an issue on GitHub. An
	// empty comment between keeps it text.
	mention = regexp.MustCompile(`(^|[^0-9A-Za-z_&])([@#])([0-9A-Za-z])`)
	// elsewhere is what refers to an issue of another project there, or to
	// somebody's commit.
	elsewhere = regexp.MustCompile(`(/[0-9A-Za-z_.-]+)(#[0-9])|(@)([0-9a-f]{7,40}\b)`)
	// shortcode is what GitHub makes a picture of, or an issue.
	shortcode = regexp.MustCompile(`(?i)(:)([0-9a-z_+-]*[a-z+-][0-9a-z_+-]*:)|\b(GH)(-[0-9])`)
)

// looseUnderscore makes the underscores text that do not stand between letters
// or digits, where they are text already.
func looseUnderscore(s string) string {
	if !strings.Contains(s, "_") {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] == '_' && (i == 0 || i == len(s)-1 || !isWord(s[i-1]) || !isWord(s[i+1])) {
			b.WriteString("&#95;")
		} else {
			b.WriteByte(s[i])
		}
	}
	return b.String()
}

func isWord(c byte) bool {
	return c >= '0' && c <= '9' || c >= 'A' && c <= 'Z' || c >= 'a' && c <= 'z'
}
