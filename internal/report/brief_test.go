package report

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"time"

	"msnproxy/decode"
)

// busy plays more of everything than a brief report keeps.
func busy(rep *Report) {
	p := &play{report: rep, seq: map[string]int64{}, now: time.Date(2004, 5, 17, 12, 0, 0, 0, time.UTC)}
	p.open("c1", "10.0.0.1:1025", "10.0.0.9:1863", decode.Ref{})
	p.open("c2", "10.0.0.1:1026", "10.0.0.9:1863", decode.Ref{})
	p.cmd("c1", s2c, decode.NS, "USR 1 OK alice@example.com", "trid result handle")
	p.cmd("c2", s2c, decode.SB, "USR 1 OK alice@example.com", "trid result handle")
	p.cmd("c2", s2c, decode.SB, "JOI bob@example.com Bob", "handle name")
	for i := range briefRows + 500 {
		p.says(p.line("c2", s2c, decode.SB, "MSG bob@example.com Bob", "handle name"), plainText, textField(fmt.Sprint(i)))
		p.cmd("c1", s2c, decode.NS, fmt.Sprintf("NLN NLN carol@example.com Carol%d", i), "status handle name")
		p.cmd("c1", s2c, decode.NS, "999 0", "", decode.Note{Kind: decode.NoteError, Code: 999})
		p.cmd("c1", s2c, decode.NS, "PNG", "", decode.Note{Kind: decode.NoteIssue, Text: "odd"})
	}
}

// TestBriefReportsTellTheSame: what is shown of all sections is the same
// whether all rows are kept, or little more than is shown.
func TestBriefReportsTellTheSame(t *testing.T) {
	table, _ := FormatNamed("table")
	brief, whole := NewFor(table), New()
	busy(brief)
	busy(whole)
	var got, want bytes.Buffer
	if err := brief.WriteTables(&got, Options{}); err != nil {
		t.Fatal(err)
	}
	if err := whole.WriteTables(&want, Options{}); err != nil {
		t.Fatal(err)
	}
	if got.String() != want.String() {
		t.Errorf("\n%s\nis not\n%s", got.String(), want.String())
	}
	if more := fmt.Sprintf("and %d more with --section messages", briefRows+500-maxFirst); !strings.Contains(got.String(), more) {
		t.Errorf("no %q in\n%s", more, got.String())
	}
	if rows := rowsOf(t, brief, "messages"); len(rows) != briefRows {
		t.Errorf("%d messages are kept, want %d", len(rows), briefRows)
	}
}

// TestSectionsThatAreAskedForAreWhole: a format that is brief by itself is not
// where somebody asks for a section.
func TestSectionsThatAreAskedForAreWhole(t *testing.T) {
	table, _ := FormatNamed("table")
	rep := NewFor(table, "messages")
	busy(rep)
	if rows := rowsOf(t, rep, "messages"); len(rows) != briefRows+500 {
		t.Errorf("%d messages are kept, want %d", len(rows), briefRows+500)
	}
}
