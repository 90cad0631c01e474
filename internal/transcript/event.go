package transcript

import (
	"fmt"
	"strings"

	"msnproxy/decode"
	"msnproxy/internal/display"
)

// event writes a record that is no command. A word in brackets, which no
// command begins with, tells which.
func (t *Transcript) event(r *decode.Record, s style, text string) {
	t.head(r)
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

// exchange writes a request of HTTP and its answer.
func (t *Transcript) exchange(r *decode.Record) {
	h := r.HTTP
	answer := "no answer"
	if h.Status != 0 {
		answer = fmt.Sprintf("%d (%s)", h.Status, short(h.Latency))
	}
	address, _, _ := strings.Cut(h.URL, "?") // what is behind it is told below
	t.event(r, styleEvent, fmt.Sprintf("[http] %s: %s %s, %s", h.Action, h.Method, address, answer))
	if p := t.payload(r); p != nil && len(p.Fields) > 0 {
		t.block(stylePlain, bar, []string{t.summary(r, p)})
	}
	t.notes(r.Notes)
}

// gap writes a gap record, whose first note of a gap is the record itself.
func (t *Transcript) gap(r *decode.Record) {
	lost := r.Bytes
	if n := r.Note(decode.NoteGap); n != nil {
		lost = n.Bytes
	}
	if lost == 0 { // records are missing, not bytes
		t.event(r, styleIssue, "[gap]")
		t.notes(r.Notes)
		return
	}
	t.event(r, styleIssue, "[gap] "+bytesText(lost)+" missing")
	t.notes(without(r.Notes, decode.NoteGap))
}

// opaque writes an opaque record, whose first issue is why it is opaque. Its
// bytes are never shown: nobody knows what they are.
func (t *Transcript) opaque(r *decode.Record) {
	text := "[opaque] " + bytesText(r.Bytes)
	if n := r.Note(decode.NoteIssue); n != nil {
		text += ": " + n.Text
	}
	t.event(r, styleIssue, text)
	t.notes(without(r.Notes, decode.NoteIssue))
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

func bytesText(n int64) string {
	if n == 1 {
		return "1 byte"
	}
	return fmt.Sprintf("%d bytes", n)
}
