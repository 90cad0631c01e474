package transcript

import (
	"fmt"
	"strconv"
	"strings"

	"msnproxy/decode"
	"msnproxy/internal/display"
)

// bar stands in front of what a payload says, and sets it off from the
// command.
const bar = "│ "

// payloadLines writes what the record's payload says below it.
func (t *Transcript) payloadLines(r *decode.Record) {
	p := t.payload(r)
	if p == nil || r.PayloadBytes == 0 {
		return
	}
	text, isChat := r.Chat(p)
	if r.Joined != nil || !isChat || isBlank(text) {
		t.block(stylePlain, bar, []string{t.summary(r, p)})
	}
	if r.Joined != nil {
		room := t.room() - display.Width(bar)
		t.block(styleDim, bar, display.Wrap(fmt.Sprintf("the whole message, of %d chunks:", r.Joined.Chunks), room, room))
	}
	if isChat {
		t.chat(text)
		t.malformed(p)
	}
}

// isBlank tells whether a text has no line to show.
func isBlank(text string) bool { return strings.Trim(text, "\r\n") == "" }

// chat writes a text in full.
func (t *Transcript) chat(text string) {
	room := t.room() - display.Width(bar)
	for _, line := range display.Lines(text) {
		for _, l := range display.Wrap(line, room, room) {
			t.block(stylePlain, bar, []string{display.Isolate(l)})
		}
	}
}

func (t *Transcript) malformed(p *decode.Payload) {
	if why := p.Text("malformed"); why != "" {
		t.remark(styleIssue, "payload: "+why)
	}
}

// summary tells a payload on one line: its type and its fields.
func (t *Transcript) summary(r *decode.Record, p *decode.Payload) string {
	parts := appendParts(nil, "", p.Fields)
	if len(parts) == 0 {
		parts = append(parts, bytesText(r.PayloadBytes))
	}
	text := display.Harmless(p.Type) + ": " + strings.Join(parts, ", ")
	return display.IsolateWords(display.Shorten(text, t.room()-display.Width(bar)))
}

// isBulk tells whether a field has nothing that a summary needs: headers at
// length, and ids that only tie chunks together.
func isBulk(name string) bool { return name == "headers" || name == "groups" || name == "message_id" }

// appendParts appends the fields of a payload or of an object in it.
func appendParts(parts []string, prefix string, fields []decode.Field) []string {
	for _, f := range fields {
		if isBulk(f.Name) {
			continue
		}
		name := prefix + display.Harmless(f.Name)
		switch v := f.Value.(type) {
		case []decode.Field:
			parts = appendParts(parts, name+".", v)
		case []any:
			parts = append(parts, listText(name, v))
		case string:
			parts = append(parts, name+"="+valueText(v))
		default:
			parts = append(parts, name+"="+fmt.Sprint(v))
		}
	}
	return parts
}

// maxValueWidth keeps one long value from hiding the others.
const maxValueWidth = 60

// valueText tells a string, in quotes where it would not end clearly.
func valueText(v string) string {
	v = display.Shorten(display.Harmless(v), maxValueWidth)
	if v == "" || strings.ContainsAny(v, " ,") {
		return `"` + v + `"`
	}
	return v
}

// listText tells a list of words as words, and of objects how many there are.
func listText(name string, values []any) string {
	var words []string
	for _, v := range values {
		s, ok := v.(string)
		if !ok {
			return strconv.Itoa(len(values)) + " " + name
		}
		words = append(words, valueText(s))
	}
	return name + "=" + display.Shorten(strings.Join(words, "/"), maxValueWidth)
}
