package reference

import (
	"bufio"
	"fmt"
	"io"
	"strconv"

	"msnproxy/decode"
	"msnproxy/internal/display"
)

// indent is what stands before the lines below a command's first.
const indent = "     "

// WriteText writes the reference of a verb, or of all for "", laid out for a
// number of columns.
func WriteText(w io.Writer, verb string, width int) error {
	out := bufio.NewWriter(w)
	for _, c := range Rows(verb) {
		writeRow(out, c, width)
	}
	if isNumber(verb) {
		writeError(out, verb)
	}
	if verb == "" {
		for _, t := range codeTables() {
			writeCodes(out, t, width)
		}
	}
	return out.Flush()
}

// writeRow writes a form: who sends it, how it is written, what it means.
func writeRow(out *bufio.Writer, c decode.Command, width int) {
	head := fmt.Sprintf("%s  from the %s, %s, MSNP%s%s", c.Verb, sender(c), c.On, dialects(c), payloadWords(c))
	for i, line := range display.Wrap(head, width, width-len(indent)) {
		if i > 0 {
			line = indent + line
		}
		fmt.Fprintln(out, line)
	}
	writeWrapped(out, c.Syntax(), width)
	writeWrapped(out, c.Meaning, width)
	out.WriteString("\n")
}

func payloadWords(c decode.Command) string {
	switch c.PayloadRule() {
	case "yes":
		return ", with a payload"
	case "perhaps":
		return ", perhaps with a payload"
	}
	return ""
}

func writeWrapped(out *bufio.Writer, text string, width int) {
	columns := width - len(indent)
	for _, line := range display.Wrap(text, columns, columns) {
		fmt.Fprintf(out, "%s%s\n", indent, line)
	}
}

// writeError says what the number of an error reply means.
func writeError(out *bufio.Writer, number string) {
	code, _ := strconv.Atoi(number)
	meaning := decode.ErrorMeaning(code)
	if meaning == "" {
		meaning = "not known"
	}
	fmt.Fprintf(out, "%s  %s\n", number, meaning)
}

// writeCodes writes a table of codes.
func writeCodes(out *bufio.Writer, t codeTable, width int) {
	const gap = 2
	column := 0
	for _, row := range t.rows {
		column = max(column, len(row[0]))
	}
	fmt.Fprintf(out, "%s\n", t.title)
	for _, row := range t.rows {
		first := width - len(indent) - column - gap
		for i, line := range display.Wrap(row[1], first, first) {
			code := ""
			if i == 0 {
				code = row[0]
			}
			fmt.Fprintf(out, "%s%*s  %s\n", indent, column, code, line)
		}
	}
	out.WriteString("\n")
}
