package report

import (
	"fmt"

	"msnproxy/decode"
	"msnproxy/internal/display"
)

// issues is the section of what is irregular or could not be decoded.
type issues struct{ bounded }

func (i *issues) record(r *decode.Record) {
	if r.Kind == decode.KindOpaque {
		i.issue(r, opaqueText(r))
		return
	}
	for n := range r.Notes {
		switch note := &r.Notes[n]; note.Kind {
		case decode.NoteIssue:
			i.issue(r, note.Text)
		case decode.NoteGap:
			i.issue(r, gapText(r, note.Bytes))
		case decode.NoteSignIn:
			if note.Verdict == decode.VerdictWrong {
				i.issue(r, proofText(note))
			}
		}
	}
}

func (i *issues) issue(r *decode.Record, text string) {
	i.add(Text(r.Conn), Time(r.Time), Number(r.Seq), packetCell(r.Packet), Text(text), Text(r.File))
}

// opaqueText tells of an opaque record, whose issues are why it is opaque.
func opaqueText(r *decode.Record) string {
	text := "opaque: " + display.Plural(r.Bytes, "byte", "bytes") + " " + sender(r.Dir)
	for n := range r.Notes {
		if r.Notes[n].Kind == decode.NoteIssue {
			text += ", " + r.Notes[n].Text
		}
	}
	return text
}

func gapText(r *decode.Record, lost int64) string {
	of, are := sender(r.Dir), "are"
	if r.Kind == decode.KindCommand {
		of = "of this " + r.Verb
	}
	if lost == 1 {
		are = "is"
	}
	return fmt.Sprintf("gap: %s %s %s missing", display.Plural(lost, "byte", "bytes"), of, are)
}

func proofText(n *decode.Note) string {
	return fmt.Sprintf("the %s proof of %s's password is wrong: %s", n.Method, n.Account, n.Text)
}

func sender(d decode.Direction) string {
	if d == decode.ClientToServer {
		return "from the client"
	}
	return "from the server"
}

func (i *issues) section() Section {
	return Section{Name: "issues", About: "what is irregular or could not be decoded", Rows: i.rows, More: i.more, Columns: []Column{
		{Key: "conn", Lead: true},
		{Key: "time"},
		{Key: "seq", Right: true},
		{Key: "packet", Right: true},
		{Key: "text", Flex: 3},
		{Key: "file", Flex: 1},
	}}
}
