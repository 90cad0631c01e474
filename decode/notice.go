package decode

import (
	"bytes"
	"slices"
)

// noticeRow tells what a notification between endpoints is about.
type noticeRow struct {
	code   string // the type argument of UUN and UBN
	kind   string
	decode func(*draft, []byte)
}

// noticeRows maps the type argument of UUN and UBN to its decoder (MSNP.md
// §4.5). Adding one is adding a row. What other types are for is not known.
var noticeRows = []noticeRow{
	{"1", "sharing", (*draft).anyBody},
	{"2", "sip-invitation", (*draft).signalBody},
	{"3", "p2p-setup", (*draft).signalBody},
	{"4", "sign-out", (*draft).textOrSize},
	{"5", "conversation-closed", (*draft).closedConversation},
	{"6", "address-book-changed", (*draft).anyBody},
	{"10", "turn", (*draft).headerBody},
	{"11", "sip-metadata", (*draft).signalBody},
	{"12", "sip-tunnel", (*draft).signalBody},
}

// signOutTexts make other endpoints sign out. They count more than the type
// argument, in which clients differ.
var signOutTexts = []string{"goawyplzthxbye", "gtfo"}

// decodeNotice decodes UUN and UBN.
func decodeNotice(d *draft, r *Record) {
	if slices.Contains(signOutTexts, string(bytes.TrimSpace(r.Payload))) {
		d.kind = "sign-out"
		d.textOrSize(r.Payload)
		return
	}
	for i := range noticeRows {
		if row := &noticeRows[i]; row.code == string(r.Arg("type")) {
			d.kind = row.kind
			row.decode(d, r.Payload)
			return
		}
	}
	d.anyBody(r.Payload)
}

// anyBody tells of bytes of which not even the type is known: XML, text, or
// neither.
func (d *draft) anyBody(b []byte) {
	if looksLikeXML(b) {
		doc := parseXML(b)
		d.malformed(doc.issue)
		if len(doc.root.nodes) > 0 {
			d.nested("body", doc.root.object())
			return
		}
	}
	d.textOrSize(b)
}

// closedConversation reads the session id of a switchboard, and its address.
func (d *draft) closedConversation(b []byte) {
	id, address, ok := bytes.Cut(bytes.TrimSpace(b), []byte(";"))
	if !ok {
		d.malformed("no session id and address")
		d.textOrSize(b)
		return
	}
	d.text("session_id", readable(id))
	d.text("address", readable(address))
}

// headerBody tells of a body of headers.
func (d *draft) headerBody(b []byte) {
	headers, rest, issue := parseHeaders(b)
	if len(headers) == 0 || len(bytes.TrimSpace(rest)) > 0 {
		d.anyBody(b)
		return
	}
	d.malformed(issue)
	d.nested("headers", untaken(headers))
}

// signalBody tells of a request or a reply of SLP, or of SIP, which is of the
// same form: a line that says what it is, headers, and a body of headers that
// ends with a zero (MSNP.md §13).
func (d *draft) signalBody(b []byte) {
	start, rest, _ := bytes.Cut(b, []byte("\n"))
	start = bytes.TrimRight(start, "\r")
	if !isText(start) || !isSignal(start) {
		d.anyBody(b)
		return
	}
	d.text("start", string(start))
	headers, rest, issue := parseHeaders(rest)
	d.nested("headers", untaken(headers))
	d.malformed(issue)
	inner, rest, issue := parseHeaders(rest)
	d.nested("slp_body", untaken(inner))
	if rest = bytes.Trim(rest, "\x00\r\n "); len(rest) > 0 {
		d.malformed(issue)
		d.textOrSize(rest)
	}
}

// isSignal tells whether a first line names MSNSLP or SIP and its version.
func isSignal(line []byte) bool {
	return bytes.Contains(line, []byte("MSNSLP/")) || bytes.Contains(line, []byte("SIP/"))
}
