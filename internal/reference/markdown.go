package reference

import (
	"fmt"
	"io"
	"strings"

	"msnproxy/decode"
)

const markdownIntro = `# Commands

Made by ` + "`make docs`" + ` from the tables that drive the decoder; do not edit.

Arguments in brackets may be missing; a number behind one is the dialect that
has it (≥8: MSNP8 and later). *trid* is the transaction id, *length* the size of
the payload in bytes; ? is an argument that nobody has named. Arguments in the
last column are secrets, masked in every output.

| verb | from | on | MSNP | form | payload | meaning | secret |
|---|---|---|---|---|---|---|---|
`

// WriteMarkdown writes the whole reference as Markdown.
func WriteMarkdown(w io.Writer) error {
	var b strings.Builder
	b.WriteString(markdownIntro)
	for _, c := range Rows("") {
		fmt.Fprintf(&b, "| %s | %s | %s | %s | %s | %s | %s | %s |\n", c.Verb, sender(c), c.On, dialects(c),
			codeSpan(c), c.PayloadRule(), markdownCell(c.Meaning), strings.Join(c.Secrets(), ", "))
	}
	for _, t := range codeTables() {
		fmt.Fprintf(&b, "\n## %s\n\n| %s | meaning |\n|---|---|\n", t.title, t.code)
		for _, row := range t.rows {
			fmt.Fprintf(&b, "| %s | %s |\n", row[0], markdownCell(row[1]))
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// codeSpan shows a form as code; a table cell needs its bars escaped.
func codeSpan(c decode.Command) string { return "`" + markdownCell(c.Syntax()) + "`" }

func markdownCell(text string) string { return strings.ReplaceAll(text, "|", `\|`) }
