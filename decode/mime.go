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
	headers []header
	room    [usualHeaders]header // for the headers
	second  int                  // where the second block begins in headers
	body    []byte
	contentType
	issue string
}

// contentType is what a Content-Type says.
type contentType struct {
	name    string // in lower case, without parameters; "" if it is no type
	charset string
	decode  func([]byte) string // a text in that charset; nil where it is read as UTF-8
	row     *contentRow         // of its decoder, or nil
}

// usualHeaders is how many headers a message has at most, as a rule.
const usualHeaders = 8

// parseMIME cuts a message up, whatever its line ends, and whether or not an
// empty line ends its headers.
func parseMIME(payload []byte) *mimeMessage {
	m := &mimeMessage{}
	m.parse(payload, new(memory[contentType]))
	return m
}

// parse makes of it another message.
func (m *mimeMessage) parse(payload []byte, known *memory[contentType]) {
	m.headers, m.body, m.issue = appendHeaders(m.room[:0], payload)
	m.second = len(m.headers)
	if len(m.headers) == 0 {
		m.body = payload
		m.issue = "no headers"
	}
	m.readContentType(known)
}

// readContentType takes the type and the charset. A type without a slash is no
// type, and stays with the other headers.
func (m *mimeMessage) readContentType(known *memory[contentType]) {
	m.contentType = contentType{}
	h := m.find("Content-Type")
	if h == nil {
		return
	}
	if t := known.of(h.value, parseContentType); t.name != "" {
		m.contentType, h.taken = t, true
	}
}

// parseContentType reads text/plain; charset=UTF-8.
func parseContentType(value []byte) contentType {
	kind, params, _ := bytes.Cut(value, []byte(";"))
	name := contentTypeName(bytes.TrimSpace(kind))
	if !strings.Contains(name, "/") {
		return contentType{}
	}
	charset := charsetName(parameter(params, "charset"))
	return contentType{name: name, charset: charset, decode: charsetDecoder(charset), row: contentRowOf(name)}
}

// contentTypeName is a content type in lower case. It makes no string of those
// that have a decoder.
func contentTypeName(kind []byte) string {
	for i := range contentNames {
		if equalFold(kind, contentNames[i]) {
			return contentNames[i]
		}
	}
	return strings.ToLower(readable(kind))
}

// parameter finds a parameter in a list such as a=b; c="d".
func parameter(list []byte, name string) []byte {
	for len(list) > 0 {
		var one []byte
		one, list, _ = bytes.Cut(list, []byte(";"))
		key, value, _ := bytes.Cut(one, []byte("="))
		if equalFold(bytes.TrimSpace(key), name) {
			return bytes.Trim(bytes.TrimSpace(value), `"'`)
		}
	}
	return nil
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
func (m *mimeMessage) take(name string) string { return readable(m.taken(name)) }

// taken is take for the value as it came.
func (m *mimeMessage) taken(name string) []byte {
	h := m.find(name)
	if h == nil {
		return nil
	}
	h.taken = true
	return h.value
}

// readSecondBlock reads the body as a second block of headers.
func (m *mimeMessage) readSecondBlock() {
	room := m.headers[len(m.headers):] // so that appending them moves nothing
	inner, rest, issue := appendHeaders(room, m.body)
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
	return appendHeaders(nil, b)
}

// appendHeaders is parseHeaders with room for the headers.
func appendHeaders(headers []header, b []byte) (_ []header, rest []byte, issue string) {
	for len(b) > 0 {
		line, after := b, []byte(nil)
		if end := bytes.IndexByte(b, '\n'); end >= 0 {
			line, after = b[:end], b[end+1:]
		}
		if n := len(line); n > 0 && line[n-1] == '\r' {
			line = line[:n-1]
		}
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

func isFolded(line []byte) bool { return isBlank(line[0]) }

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
	for i, c := range line {
		switch {
		case c == ':':
			return header{name: line[:i], value: trimBlanks(line[i+1:])}, i > 0
		case c <= ' ' || c >= 0x7F:
			colon := trimBlanks(line[i:])
			ok := i > 0 && len(colon) > 0 && colon[0] == ':'
			if !ok {
				return header{}, false
			}
			return header{name: line[:i], value: trimBlanks(colon[1:])}, true
		}
	}
	return header{}, false
}

// trimBlanks is bytes.Trim for the few blanks around a header's value.
func trimBlanks(b []byte) []byte {
	for len(b) > 0 && isBlank(b[0]) {
		b = b[1:]
	}
	for len(b) > 0 && isBlank(b[len(b)-1]) {
		b = b[:len(b)-1]
	}
	return b
}

func isBlank(c byte) bool { return c == ' ' || c == '\t' }

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

// beginsLine tells whether any line of a text begins with a word, in letters of
// either case.
func beginsLine(text []byte, word string) bool {
	for {
		if len(text) >= len(word) && (text[0]^word[0])&^0x20 == 0 && equalFold(text[:len(word)], word) {
			return true
		}
		end := bytes.IndexByte(text, '\n')
		if end < 0 {
			return false
		}
		text = text[end+1:]
	}
}
