package decode

import (
	"bytes"
	"strings"
)

// groupRow is a kind of header group, named by its first header.
type groupRow struct {
	header, field string
	last          bool // the body follows this group
}

// groupRows are the header groups of MSNP21 payloads (MSNP.md §14).
var groupRows = []groupRow{
	{"Routing", "routing", false},
	{"Reliability", "reliability", false},
	{"Messaging", "messaging", true},
	{"Publication", "publication", true},
	{"Notification", "notification", true},
}

// maxGroups is how many header groups of a payload are read; three is what
// there is.
const maxGroups = 8

// headerGroup is a group with its headers, the naming one among them.
type headerGroup struct {
	row     *groupRow
	headers []header
}

// parseGroups reads groups of headers, an empty line behind each, and returns
// them and the body behind them.
func parseGroups(payload []byte) (groups []headerGroup, body []byte, issue string) {
	body = payload
	for len(groups) < maxGroups {
		row := groupAt(body)
		if row == nil {
			break
		}
		g := headerGroup{row: row}
		g.headers, body, issue = parseHeaders(body)
		groups = append(groups, g)
		if row.last || issue != "" {
			break
		}
	}
	if len(groups) == 0 {
		issue = "no header groups"
	}
	return groups, body, issue
}

// groupAt finds which kind of group begins here, or returns nil.
func groupAt(b []byte) *groupRow {
	line, _, _ := bytes.Cut(b, []byte("\n"))
	h, ok := parseHeader(bytes.TrimSuffix(line, []byte("\r")))
	if !ok {
		return nil
	}
	for i := range groupRows {
		if equalFold(h.name, groupRows[i].header) {
			return &groupRows[i]
		}
	}
	return nil
}

// routedMessage is the MIME message within a routed payload: the headers of
// its last group, and the body.
func routedMessage(groups []headerGroup, body []byte, known *memory[contentType]) *mimeMessage {
	m := &mimeMessage{body: body}
	if len(groups) > 0 {
		// A copy: what becomes a field also stays with its group.
		m.headers = append(m.headers, groups[len(groups)-1].headers...)
	}
	m.second = len(m.headers)
	m.readContentType(known)
	m.body = fitBody(body, m.take("Content-Length"))
	return m
}

// fitBody cuts a body to the inner length if only line ends are behind that.
// In all other cases the outer length decides, because the inner one may be
// zero or wrong.
func fitBody(body []byte, length string) []byte {
	n, ok := parseDecimal([]byte(length))
	if !ok || n >= int64(len(body)) || len(bytes.Trim(body[n:], "\r\n\x00")) > 0 {
		return body
	}
	return body[:n]
}

// decodeRouted decodes PUT, DEL, NFY and SDG.
func decodeRouted(d *draft, r *Record) {
	groups, body, issue := parseGroups(r.Payload)
	m := routedMessage(groups, body, &d.reader.types)
	messageType := m.take("Message-Type")
	d.text("message_type", messageType)
	from := routedHandle(groupValue(groups, "From"))
	d.text("to", routedHandle(groupValue(groups, "To")))
	d.text("from", from)
	d.text("uri", m.take("Uri"))
	d.text("notification_type", m.take("NotifType"))
	if c, ok := m.takeChunk(); ok {
		d.chunk(c)
	}
	d.routedBody(m, messageType, from)
	d.nested("headers", untaken(m.headers[m.second:]))
	d.nested("groups", groupsObject(groups))
	d.malformed(issue)
	d.malformed(m.issue)
}

// groupsObject tells all groups with all their headers as written.
func groupsObject(groups []headerGroup) object {
	var o object
	for _, g := range groups {
		o.nested(g.row.field, untaken(g.headers))
	}
	return o
}

// groupValue finds a header in any group.
func groupValue(groups []headerGroup, name string) string {
	for _, g := range groups {
		for _, h := range g.headers {
			if equalFold(h.name, name) {
				return readable(h.value)
			}
		}
	}
	return ""
}

// routedHandle takes the handle out of 1:bob@example.com;epid={guid};path=IM.
func routedHandle(address string) string {
	address, _, _ = strings.Cut(address, ";")
	if network, handle, ok := strings.Cut(address, ":"); ok && isDecimalDigits([]byte(network)) {
		return handle
	}
	return address
}

// routedActions are the message types that say it all themselves. The body of
// some says it once more.
var routedActions = []Name[string]{
	{"Nudge", "nudge"},
	{"Wink", "wink"},
}

// routedBody tells the body of a routed payload.
func (d *draft) routedBody(m *mimeMessage, messageType, from string) {
	switch {
	case m.row != nil:
		d.content(m)
	case strings.HasPrefix(messageType, "Signal/"):
		d.signalBody(m.body)
	case len(m.body) > 0:
		d.anyBody(m.body)
	}
	if action := meaningOf(routedActions, messageType); action != "" {
		d.once("action", action)
	}
	if messageType == "Control/Typing" && from != "" {
		d.once("typing", from)
	}
}
