package page

import (
	"fmt"
	"strings"
	"time"

	"msnproxy/decode"
	"msnproxy/internal/display"
	"msnproxy/internal/transcript"
)

// record is what the page shows of a record. Its texts are harmless.
type record struct {
	Time         time.Time
	Conn         string // as it came: connections are known by it
	Seq          int64
	Dir          decode.Direction
	Server       decode.Server
	Verb         string // or the kind of the record, in brackets
	Line         string // the whole line, verb included, or what an event tells
	Chat         string // what somebody wrote to somebody
	Payload      string // what the payload says, in lines
	PayloadBytes int64
	Reply        string // what it answers, and after how long
	Remarks      string // in lines
	Trouble      bool   // one of the remarks is of a doubt or a failure
}

// newRecord takes from a record what the page shows of it.
func newRecord(r *decode.Record) record {
	out := record{Time: r.Time, Conn: r.Conn, Seq: r.Seq, Dir: r.Dir, Server: r.Server, PayloadBytes: r.PayloadBytes}
	notes := r.Notes
	if r.Kind == decode.KindCommand {
		out.Verb, out.Line = display.Harmless(r.Verb), clip(display.HarmlessBytes(r.Line), maxLine)
	} else {
		var text string
		text, notes = transcript.Event(r)
		out.Verb, out.Line = "["+r.Kind.String()+"]", clip(display.Harmless(text), maxLine)
	}
	out.sayPayload(r)
	out.remark(r, notes)
	return out
}

// sayPayload takes what the payload says.
func (r *record) sayPayload(from *decode.Record) {
	said := from.DecodePayload()
	if said == nil {
		return
	}
	if text, ok := from.Chat(said); ok {
		r.Chat = clip(display.Harmless(text), maxLine)
	}
	r.Payload = saidText(from, said)
}

// addRaw adds the bytes of the payload as they came, and returns how much text
// they are.
func (r *record) addRaw(payload []byte) int {
	if r.Payload == "" || len(payload) == 0 {
		return 0
	}
	raw := "\n\nas it came:\n" + rawText(payload)
	r.Payload += raw
	return len(raw)
}

// remark takes what is to be said of the record.
func (r *record) remark(from *decode.Record, notes []decode.Note) {
	if n := from.Note(decode.NoteReply); n != nil {
		r.Reply = fmt.Sprintf("%s after #%d %s", transcript.Latency(n.Latency), n.ToSeq, display.Harmless(n.Request))
	}
	var lines []string
	for _, one := range transcript.Remarks(notes) {
		lines = append(lines, display.Harmless(one.Text))
		r.Trouble = r.Trouble || one.Weight != transcript.Aside
	}
	r.Remarks = clip(strings.Join(lines, "\n"), maxPayload)
	r.Trouble = r.Trouble || from.Kind == decode.KindGap || from.Kind == decode.KindOpaque
}

// size is how much text a record holds, in bytes.
func (r *record) size() int {
	return len(r.Line) + len(r.Reply) + len(r.Chat) + len(r.Payload) + len(r.Remarks)
}

// Way tells who sent the record to whom, or that it is of the connection as a
// whole.
func (r record) Way() string {
	server := r.Server.String()
	if server == "" {
		server = "server"
	}
	switch r.Dir {
	case decode.ClientToServer:
		return "client → " + server
	case decode.ServerToClient:
		return server + " → client"
	}
	return "connection"
}

// clip keeps the beginning of a text, of at most that many bytes.
func clip(s string, most int) string {
	if len(s) <= most {
		return s
	}
	cut := most
	for cut > 0 && s[cut]&0xc0 == 0x80 { // within a character
		cut--
	}
	return fmt.Sprintf("%s %s %d more bytes", s[:cut], display.Ellipsis, len(s)-cut)
}
