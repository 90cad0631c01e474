package transcript

import (
	"fmt"
	"strings"

	"msnproxy/decode"
	"msnproxy/internal/display"
)

// Event tells of a record that is no command, and the notes that are left to
// tell of it. A word in brackets, which no command begins with, tells its kind.
// The words are not harmless yet.
func Event(r *decode.Record) (text string, rest []decode.Note) {
	switch r.Kind {
	case decode.KindOpen:
		return openText(r), nil
	case decode.KindClose:
		return closeText(r), r.Notes
	case decode.KindGap:
		return gapText(r)
	case decode.KindHTTP:
		return exchangeText(r.HTTP), r.Notes
	case decode.KindOverdue:
		return "[overdue]", r.Notes
	}
	return opaqueText(r)
}

// event writes a record that is no command.
func (t *Transcript) event(r *decode.Record) {
	t.head(r)
	s := styleEvent
	if r.Kind == decode.KindGap || r.Kind == decode.KindOpaque {
		s = styleIssue
	}
	text, rest := Event(r)
	t.eventLines(s, text)
	if p := t.payload(r); p != nil && len(p.Fields) > 0 {
		t.block(stylePlain, bar, []string{t.summary(r, p)})
	}
	t.notes(rest)
}

func (t *Transcript) eventLines(s style, text string) {
	for i, l := range display.Wrap(display.Harmless(text), t.room(), t.room()-hang) {
		if i > 0 {
			t.indent()
			l = strings.Repeat(" ", hang) + l
		}
		t.write(s, display.IsolateWords(l))
		t.out.WriteByte('\n')
	}
}

func openText(r *decode.Record) string {
	text := "[open] " + r.Client + " -> " + r.ServerAddr
	if r.Via != (decode.Ref{}) {
		text += fmt.Sprintf(", announced by %s#%d", r.Via.Conn, r.Via.Seq)
	}
	if r.Carrier.Conn != "" {
		text += fmt.Sprintf(", over HTTP (%s, by %s)", r.Carrier.Conn, r.Carrier.Addr)
	}
	return text
}

func closeText(r *decode.Record) string {
	sent := bytesText(r.BytesC2S) + " from client, " + bytesText(r.BytesS2C) + " from server"
	if r.Reason == "" {
		return "[close] " + sent
	}
	return "[close] " + r.Reason + "; " + sent
}

// exchangeText tells of a request of HTTP and its answer.
func exchangeText(h *decode.HTTP) string {
	answer := "no answer"
	if h.Status != 0 {
		answer = fmt.Sprintf("%d (%s)", h.Status, Latency(h.Latency))
	}
	address, _, _ := strings.Cut(h.URL, "?") // what is behind it is told by the payload
	return fmt.Sprintf("[http] %s: %s %s, %s", h.Action, h.Method, address, answer)
}

// gapText tells of a gap, and the notes that are left to tell: the first of a
// gap is the record itself.
func gapText(r *decode.Record) (string, []decode.Note) {
	lost := r.Bytes
	if n := r.Note(decode.NoteGap); n != nil {
		lost = n.Bytes
	}
	if lost == 0 { // records are missing, not bytes
		return "[gap]", r.Notes
	}
	return "[gap] " + bytesText(lost) + " missing", without(r.Notes, decode.NoteGap)
}

// opaqueText tells of opaque bytes, and the notes that are left to tell: the
// first issue is why they are opaque. The bytes are never shown: nobody knows
// what they are.
func opaqueText(r *decode.Record) (string, []decode.Note) {
	text := "[opaque] " + bytesText(r.Bytes)
	if n := r.Note(decode.NoteIssue); n != nil {
		text += ": " + n.Text
	}
	return text, without(r.Notes, decode.NoteIssue)
}

// without leaves out the first note of a kind.
func without(notes []decode.Note, kind decode.NoteKind) []decode.Note {
	for i := range notes {
		if notes[i].Kind == kind {
			return append(append([]decode.Note(nil), notes[:i]...), notes[i+1:]...)
		}
	}
	return notes
}

func bytesText(n int64) string { return display.Plural(n, "byte", "bytes") }
