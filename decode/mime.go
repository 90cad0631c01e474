package decode

import (
	"bytes"
	"strings"
)

// maxHeaders is how many header lines of a block are read. The longest block
// that the service sends, the profile, has about forty.
const maxHeaders = 256

// header is one header of a MIME message or of a group of MSNP21. Its slices
// point into the payload, unless the value was folded.
type header struct {
	name, value []byte
	taken       bool // it became a field of its own
	owned       bool // the value is a copy, because it was folded
}

// mimeMessage is a payload cut into headers and body. Some types have a second
// block of headers as their body; these stand behind the first in headers.
type mimeMessage struct {
	headers     []header
	second      int // where the second block begins in headers
	body        []byte
	contentType string // in lower case, without parameters
	charset     string
	issue       string
}

// parseMIME cuts a message up, whatever its line ends, and whether or not an
// empty line ends its headers.
func parseMIME(payload []byte) *mimeMessage {
	m := &mimeMessage{}
	m.headers, m.body, m.issue = parseHeaders(payload)
	m.second = len(m.headers)
	if len(m.headers) == 0 {
		m.body = payload
		m.issue = "no headers"
	}
	m.readContentType()
	return m
}

// readContentType takes the type and the charset. A type without a slash is no
// type, and stays with the other headers.
func (m *mimeMessage) readContentType() {
	h := m.find("Content-Type")
	if h == nil {
		return
	}
	kind, params, _ := strings.Cut(readable(h.value), ";")
	kind = strings.ToLower(strings.TrimSpace(kind))
	if !strings.Contains(kind, "/") {
		return
	}
	h.taken = true
	m.contentType = kind
	m.charset = parameter(params, "charset")
}

// parameter finds a parameter in a list such as a=b; c="d".
func parameter(list, name string) string {
	for list != "" {
		var one string
		one, list, _ = strings.Cut(list, ";")
		key, value, _ := strings.Cut(one, "=")
		if strings.EqualFold(strings.TrimSpace(key), name) {
			return strings.Trim(strings.TrimSpace(value), `"'`)
		}
	}
	return ""
}

// find returns the first header of that name that is still to be taken, or nil.
func (m *mimeMessage) find(name string) *header {
	for i := range m.headers {
		if h := &m.headers[i]; !h.taken && equalFold(h.name, name) {
			return h
		}
	}
	return nil
}

// take returns the value of a header for a field of its own.
func (m *mimeMessage) take(name string) string {
	h := m.find(name)
	if h == nil {
		return ""
	}
	h.taken = true
	return readable(h.value)
}

// readSecondBlock reads the body as a second block of headers.
func (m *mimeMessage) readSecondBlock() {
	inner, rest, issue := parseHeaders(m.body)
	m.headers = append(m.headers, inner...)
	m.body = rest
	if issue == tooManyHeaders {
		m.issue = issue
	}
}

// untaken collects the headers that got no field of their own.
func untaken(headers []header) object {
	var o object
	for i := range headers {
		if h := &headers[i]; !h.taken && !equalFold(h.name, "MIME-Version") {
			o.add(readable(h.name), readable(h.value))
		}
	}
	return o
}

// What can be wrong with a header block.
const (
	noColon        = "a header line without a colon"
	tooManyHeaders = "too many header lines; the rest is left out"
)

// parseHeaders reads header lines up to an empty line, and returns what
// follows it. A line that cannot be a header ends the block as well, and
// belongs to the rest: so a body that is no header block is left whole.
func parseHeaders(b []byte) (headers []header, rest []byte, issue string) {
	for len(b) > 0 {
		line, after, _ := bytes.Cut(b, []byte("\n"))
		line = bytes.TrimSuffix(line, []byte("\r"))
		switch {
		case len(line) == 0:
			return headers, after, ""
		case isFolded(line) && len(headers) > 0:
			unfold(&headers[len(headers)-1], line)
		default:
			h, ok := parseHeader(line)
			if !ok {
				return headers, b, noColon
			}
			if len(headers) == maxHeaders {
				return headers, afterEmptyLine(b), tooManyHeaders
			}
			headers = append(headers, h)
		}
		b = after
	}
	return headers, nil, ""
}

func isFolded(line []byte) bool { return line[0] == ' ' || line[0] == '\t' }

// unfold adds a folded line to the value of its header, with one space.
func unfold(h *header, line []byte) {
	if !h.owned {
		h.value = h.value[:len(h.value):len(h.value)] // append must not write into the payload
		h.owned = true
	}
	if len(h.value) > 0 {
		h.value = append(h.value, ' ')
	}
	h.value = append(h.value, bytes.TrimLeft(line, " \t")...)
}

// parseHeader reads "Name: value". A name is printable ASCII without spaces,
// so that chat text is not taken for one.
func parseHeader(line []byte) (header, bool) {
	name, value, ok := bytes.Cut(line, []byte(":"))
	name = bytes.TrimRight(name, " \t")
	if !ok || len(name) == 0 {
		return header{}, false
	}
	for _, c := range name {
		if c <= ' ' || c >= 0x7F {
			return header{}, false
		}
	}
	return header{name: name, value: bytes.Trim(value, " \t")}, true
}

// afterEmptyLine returns what follows the first empty line, or nothing.
func afterEmptyLine(b []byte) []byte {
	for len(b) > 0 {
		var line []byte
		line, b, _ = bytes.Cut(b, []byte("\n"))
		if len(bytes.TrimSuffix(line, []byte("\r"))) == 0 {
			return b
		}
	}
	return nil
}
