package decode

import (
	"bytes"
	"encoding/xml"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Limits of XML payloads. They come from strangers, and what is made of them
// has to stay in proportion.
const (
	// maxXMLDepth is how deep elements may nest. The deepest known, in what
	// MSNP21 servers push, nest about eight deep.
	maxXMLDepth = 32
	// minXMLElement is the size of a contact in a list of the shortest: it
	// bounds how many elements are read of a document. Small documents may
	// have maxXMLElements, as many as MaxPayload has room for.
	minXMLElement  = 16
	maxXMLElements = MaxPayload / minXMLElement
	// maxXMLAttrs is how many attributes of an element are read. Those of
	// the protocol have up to ten.
	maxXMLAttrs = 64
)

// xmlNode is an element, or the whole of a document. All methods take nil, so
// that a path through missing elements needs no checks.
type xmlNode struct {
	name  string
	attrs []xml.Attr
	text  []byte // its own text, without that of its children
	inner []byte // all that stands between its tags
	start int    // where inner begins
	nodes []*xmlNode
}

// xmlDoc is a document, as far as it could be read.
type xmlDoc struct {
	root  xmlNode // without a name; the elements of the document are in it
	text  []byte  // of all elements, in order
	issue string  // why the rest was not read
}

// xmlReader builds a document from tokens.
type xmlReader struct {
	doc      xmlDoc
	data     []byte
	open     []*xmlNode // from the root to the innermost open element
	elements int
}

// parseXML reads a document. It forgives what clients get wrong: no quotes,
// bare ampersands, several roots, end tags that are missing, forbidden
// characters, an encoding that is not the declared one. Entities other than
// the five predefined stay as they are: nothing is ever expanded or fetched.
func parseXML(payload []byte) *xmlDoc {
	r := &xmlReader{data: cleanXML(payload)}
	r.open = append(r.open, &r.doc.root)
	dec := xml.NewDecoder(bytes.NewReader(r.data))
	dec.Strict = false
	for r.doc.issue == "" {
		at := int(dec.InputOffset())
		token, err := dec.RawToken()
		if err != nil {
			r.end(err, dec)
			break
		}
		r.token(token, at, int(dec.InputOffset()))
	}
	for len(r.open) > 0 {
		r.close(len(r.data))
	}
	return &r.doc
}

// end tells whether the document ended where it should.
func (r *xmlReader) end(err error, dec *xml.Decoder) {
	broken, isSyntax := err.(*xml.SyntaxError)
	switch {
	case isSyntax:
		r.doc.issue = "not well-formed XML: " + clip(broken.Msg)
	case int(dec.InputOffset()) < len(r.data):
		r.doc.issue = "XML that cannot be read: " + clip(err.Error())
	case len(r.open) > 1:
		r.doc.issue = "XML that ends within <" + clip(r.top().name) + ">"
	}
}

// clip keeps a reason that quotes the payload to one line.
func clip(text string) string {
	const most = 80 // of a line that has more to say
	if len(text) <= most {
		return text
	}
	return strings.ToValidUTF8(text[:most], "") + "..."
}

func (r *xmlReader) top() *xmlNode { return r.open[len(r.open)-1] }

// token takes a token that stands from one offset to another.
func (r *xmlReader) token(token xml.Token, from, to int) {
	switch t := token.(type) {
	case xml.StartElement:
		r.startElement(t, to)
	case xml.EndElement:
		r.endElement(t.Name.Local, from)
	case xml.CharData:
		top := r.top()
		top.text = append(top.text, t...)
		r.doc.text = append(r.doc.text, t...)
	case xml.Directive:
		r.doc.issue = "XML with a document type, which is never read"
	}
}

func (r *xmlReader) startElement(t xml.StartElement, at int) {
	switch r.elements++; {
	case r.elements > max(maxXMLElements, len(r.data)/minXMLElement):
		r.doc.issue = "XML with too many elements; the rest is left out"
		return
	case len(r.open) > maxXMLDepth:
		r.doc.issue = "XML nested too deep; the rest is left out"
		return
	case len(t.Attr) > maxXMLAttrs:
		r.doc.issue = "XML with too many attributes; the rest is left out"
		return
	}
	n := &xmlNode{name: t.Name.Local, attrs: t.Attr, start: at}
	r.top().nodes = append(r.top().nodes, n)
	r.open = append(r.open, n)
}

// endElement closes the innermost open element of the name, and those in it
// whose end is missing. An end without a beginning is passed over.
func (r *xmlReader) endElement(name string, at int) {
	for i := len(r.open) - 1; i > 0; i-- {
		if r.open[i].name == name {
			for len(r.open) > i {
				r.close(at)
			}
			return
		}
	}
}

// close ends the innermost open element.
func (r *xmlReader) close(at int) {
	n := r.top()
	n.inner = r.data[n.start:max(n.start, at)]
	r.open = r.open[:len(r.open)-1]
}

// child returns the first element of that name, or nil.
func (n *xmlNode) child(name string) *xmlNode {
	if n == nil {
		return nil
	}
	for _, c := range n.nodes {
		if c.name == name {
			return c
		}
	}
	return nil
}

// all returns the elements of that name that stand directly in n.
func (n *xmlNode) all(name string) []*xmlNode {
	if n == nil {
		return nil
	}
	var list []*xmlNode
	for _, c := range n.nodes {
		if c.name == name {
			list = append(list, c)
		}
	}
	return list
}

// anywhere returns the elements of that name at any depth, but for those within
// one another: nothing has such, and each would be told as often as it is deep.
func (n *xmlNode) anywhere(name string) []*xmlNode { return n.collect(nil, name) }

func (n *xmlNode) collect(list []*xmlNode, name string) []*xmlNode {
	if n == nil {
		return nil
	}
	for _, c := range n.nodes {
		if c.name == name {
			list = append(list, c)
		} else {
			list = c.collect(list, name)
		}
	}
	return list
}

// first returns the first element of that name at any depth, or nil.
func (n *xmlNode) first(name string) *xmlNode {
	if n == nil {
		return nil
	}
	for _, c := range n.nodes {
		if c.name == name {
			return c
		}
		if found := c.first(name); found != nil {
			return found
		}
	}
	return nil
}

// attr returns the value of an attribute, or "".
func (n *xmlNode) attr(name string) string {
	if n == nil {
		return ""
	}
	for _, a := range n.attrs {
		if a.Name.Local == name {
			return a.Value
		}
	}
	return ""
}

// content returns the element's own text.
func (n *xmlNode) content() string {
	if n == nil {
		return ""
	}
	return string(n.text)
}

// value turns an element of unknown meaning into a string, if it is only
// text, or into an object of its attributes, elements and text.
func (n *xmlNode) value() any {
	if len(n.attrs) == 0 && len(n.nodes) == 0 {
		return n.content()
	}
	return n.object().fields
}

func (n *xmlNode) object() object {
	var o object
	for _, a := range n.attrs {
		o.add(a.Name.Local, a.Value)
	}
	for _, c := range n.nodes {
		o.add(c.name, c.value())
	}
	if len(bytes.TrimSpace(n.text)) > 0 {
		o.add("text", n.content())
	}
	return o
}

// cleanXML makes a payload fit for the decoder of the standard library, which
// gives up at the first byte that XML does not allow. It takes off the
// declaration, after following it, and replaces forbidden characters.
func cleanXML(payload []byte) []byte {
	payload = bytes.TrimRight(payload, "\x00") // objects end with one
	body, charset := cutDeclaration(bytes.TrimPrefix(payload, []byte("\uFEFF")))
	if charset != "" && charset != "utf-16" { // UTF-16 would not have been readable so far
		body = []byte(decodeCharset(body, charset))
	}
	if !needsCleaning(body) {
		return body
	}
	out := make([]byte, 0, len(body)+len(replacement))
	for len(body) > 0 {
		if size, forbidden := forbiddenReference(body); size > 0 {
			if forbidden {
				out = append(out, replacement...)
			} else {
				out = append(out, body[:size]...)
			}
			body = body[size:]
			continue
		}
		c, size := utf8.DecodeRune(body)
		if !allowedInXML(c) {
			c = utf8.RuneError
		}
		out = utf8.AppendRune(out, c)
		body = body[size:]
	}
	return out
}

// cutDeclaration takes off <?xml version="1.0" encoding="..."?>.
func cutDeclaration(payload []byte) (body []byte, charset string) {
	const begin = "<?xml "
	trimmed := bytes.TrimLeft(payload, " \t\r\n")
	if !bytes.HasPrefix(trimmed, []byte(begin)) {
		return payload, ""
	}
	declaration, rest, ok := bytes.Cut(trimmed[len(begin):], []byte("?>"))
	if !ok {
		return payload, ""
	}
	_, value, _ := strings.Cut(string(declaration), "encoding")
	value = strings.TrimLeft(value, " \t\r\n=")
	if value == "" || value[0] != '"' && value[0] != '\'' {
		return rest, ""
	}
	charset, _, _ = strings.Cut(value[1:], value[:1])
	return rest, strings.ToLower(charset)
}

// needsCleaning tells whether there is anything that cleanXML would replace,
// or might: references to characters are looked at one by one.
func needsCleaning(b []byte) bool {
	if !utf8.Valid(b) || bytes.Contains(b, []byte("&#")) || bytes.Contains(b, []byte("\uFFFE")) || bytes.Contains(b, []byte("\uFFFF")) {
		return true
	}
	for _, c := range b {
		if c < ' ' && c != '\t' && c != '\n' && c != '\r' {
			return true
		}
	}
	return false
}

// allowedInXML tells whether XML 1.0 allows a character (Char, §2.2).
func allowedInXML(c rune) bool {
	return c >= ' ' && c != 0xFFFE && c != 0xFFFF || c == '\t' || c == '\n' || c == '\r'
}

// maxReference is the length of the longest reference to a character that
// makes sense, &#1114111;, with some leading zeros.
const maxReference = 16

// forbiddenReference reads a reference to a character, such as &#3;, and tells
// its length and whether it is to a character that XML does not allow.
func forbiddenReference(b []byte) (size int, forbidden bool) {
	if !bytes.HasPrefix(b, []byte("&#")) {
		return 0, false
	}
	end := bytes.IndexByte(b[:min(len(b), maxReference)], ';')
	if end < 0 {
		return 0, false
	}
	digits, base := string(b[2:end]), 10
	if hex, ok := strings.CutPrefix(digits, "x"); ok {
		digits, base = hex, 16
	}
	n, err := strconv.ParseUint(digits, base, 32)
	if err != nil {
		return 0, false
	}
	return end + 1, n > utf8.MaxRune || !allowedInXML(rune(n)) || !utf8.ValidRune(rune(n))
}
