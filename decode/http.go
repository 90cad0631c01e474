package decode

import (
	"bytes"
	"strings"
	"time"
)

// HTTP is what a record of the kind http tells: a request and its answer that
// carry no MSNP but belong to it, such as a sign-in or an address book.
type HTTP struct {
	Method string
	// URL is that of the request: absolute, as far as the request tells.
	URL string
	// Action is what was asked for: the last part of a SOAP action, or the
	// step of a sign-in.
	Action string
	// Status is the answer's; 0 if none was seen.
	Status int
	// Latency is the time between the first bytes of both; 0 without an answer.
	Latency time.Duration
	// RequestBytes and ResponseBytes are those of the bodies, chunks and
	// compression undone.
	RequestBytes, ResponseBytes int64
	// Payload is what both say, decoded.
	Payload *Payload
}

// HTTPService is a service beside MSNP that clients use over HTTP.
type HTTPService string

// The services. Which exchanges belong to them is told by package gateway.
const (
	PassportNexus   HTTPService = "passport-nexus"   // tells where to sign in
	PassportLogin   HTTPService = "passport-login"   // signs in by a header (MSNP.md §7.2)
	SecurityTokens  HTTPService = "security-tokens"  // signs in by SOAP: RST, RST2 (§7.3)
	AddressBook     HTTPService = "address-book"     // contacts and membership by SOAP
	OfflineMessages HTTPService = "offline-messages" // sends and fetches them by SOAP
	OtherSOAP       HTTPService = "soap"             // storage, configuration
	WRAP            HTTPService = "wrap"             // OAuth WRAP of Messenger Connect
)

// HTTPMessage is a request or an answer. Its header's names are in the
// canonical form of net/http.
type HTTPMessage struct {
	Header map[string][]string
	Body   []byte
}

// get returns the first header of a name.
func (m *HTTPMessage) get(name string) string {
	if values := m.Header[name]; len(values) > 0 {
		return readable(values[0])
	}
	return ""
}

// HTTPExchange is a request and its answer, as they were seen.
type HTTPExchange struct {
	Service             HTTPService
	Method, URL, Action string
	Status              int // 0: no answer
	Latency             time.Duration
	Request, Response   HTTPMessage
}

// httpRow tells how the exchanges of a service are decoded.
type httpRow struct {
	service HTTPService
	decode  func(*draft, *HTTPExchange)
}

// httpRows is the one place that maps a service to its decoder.
var httpRows = []httpRow{
	{PassportNexus, decodeNexus},
	{PassportLogin, decodePassportLogin},
	{SecurityTokens, decodeSecurityTokens},
	{AddressBook, decodeAddressBook},
	{OfflineMessages, decodeOfflineMessages},
	{OtherSOAP, decodeOtherSOAP},
	{WRAP, decodeWRAP},
}

// NewHTTP decodes an exchange. Nothing of it is kept but what the payload says.
func NewHTTP(x *HTTPExchange) *HTTP {
	h := &HTTP{
		Method: readable(x.Method), URL: readable(x.URL), Status: x.Status, Latency: x.Latency,
		RequestBytes: int64(len(x.Request.Body)), ResponseBytes: int64(len(x.Response.Body)),
	}
	d := &draft{kind: string(x.Service), reader: &PayloadReader{}}
	for _, row := range httpRows {
		if row.service == x.Service {
			row.decode(d, x)
		}
	}
	d.cookies(x)
	h.Action = readable(lastPart(x.Action))
	said := d.payload()
	h.Payload = &said
	return h
}

// lastPart is what stands behind the last slash of a SOAP action.
func lastPart(action string) string {
	return action[strings.LastIndexAny(action, "/#")+1:]
}

// maxCookies is how many cookies of a message are told. Passport sets about
// ten.
const maxCookies = 32

// cookies tells the cookies of an exchange, all of which are credentials.
func (d *draft) cookies(x *HTTPExchange) {
	var o object
	for _, line := range x.Request.Header["Cookie"] {
		for one := range strings.SplitSeq(line, ";") {
			o.cookie(one)
		}
	}
	for _, line := range x.Response.Header["Set-Cookie"] {
		one, _, _ := strings.Cut(line, ";")
		o.cookie(one)
	}
	d.nested("cookies", o)
}

func (o *object) cookie(text string) {
	name, value, ok := strings.Cut(strings.TrimSpace(text), "=")
	switch {
	case !ok || name == "" || value == "":
	case len(o.fields) >= maxCookies:
		o.cut = true
	default:
		o.add(readable(name), readable(value))
	}
}

// maxParams is how many parameters of a form or of a header are read. Real
// ones have up to twenty.
const maxParams = 64

// form reads the parameters of a query or of a form.
func form(text string) (o object) {
	n := 0
	for one := range strings.SplitSeq(text, "&") {
		if n++; n > maxParams {
			o.cut = true
			break
		}
		if name, value, _ := strings.Cut(one, "="); name != "" {
			o.add(formDecode(name), formDecode(value))
		}
	}
	return o
}

// formDecode decodes a name or a value of a form.
func formDecode(text string) string {
	return PercentDecode([]byte(strings.ReplaceAll(text, "+", " ")))
}

// value returns the string of a name, or "".
func (o *object) value(name string) string {
	return (&Payload{Fields: o.fields}).Text(name)
}

// queryOf is what stands behind the question mark of a URL.
func queryOf(url string) string {
	_, query, _ := strings.Cut(url, "?")
	query, _, _ = strings.Cut(query, "#")
	return query
}

// isForm tells whether a body is a form, by its type.
func (m *HTTPMessage) isForm() bool {
	return strings.HasPrefix(strings.ToLower(m.get("Content-Type")), "application/x-www-form-urlencoded")
}

// headerParams reads a list such as da-status=success,tname=MSPAuth,
// from-PP='t=1&p=2', behind the word that names its scheme. A value in single
// quotes may have commas.
func headerParams(text string) (scheme string, o object) {
	scheme, rest, _ := strings.Cut(strings.TrimSpace(text), " ")
	for n := 0; rest != ""; n++ {
		if n == maxParams {
			o.cut = true
			break
		}
		rest = strings.TrimLeft(rest, ", ")
		name, after, ok := strings.Cut(rest, "=")
		if comma := strings.IndexByte(name, ','); comma >= 0 || !ok {
			word, left, _ := strings.Cut(rest, ",") // a word by itself, such as "prompt"
			o.param(word, "")
			rest = left
			continue
		}
		var value string
		if quoted, has := strings.CutPrefix(after, "'"); has {
			value, rest, _ = strings.Cut(quoted, "'")
		} else {
			value, rest, _ = strings.Cut(after, ",")
		}
		o.param(name, value)
	}
	return scheme, o
}

func (o *object) param(name, value string) {
	if name = strings.TrimSpace(name); name != "" {
		o.add(readable(name), PercentDecode([]byte(value))) // in which a plus is a plus
	}
}

// without copies an object, some names left out.
func (o *object) without(names ...string) (rest object) {
	rest.cut = o.cut
	for _, f := range o.fields {
		if !containsFold(names, f.Name) {
			rest.add(f.Name, f.Value)
		}
	}
	return rest
}

func containsFold(names []string, name string) bool {
	for _, n := range names {
		if strings.EqualFold(n, name) {
			return true
		}
	}
	return false
}

// readDocument reads a body as XML. Unlike readXML it never shows what it could
// not read: there may be a password in it.
func (d *draft) readDocument(body []byte) *xmlNode {
	if len(bytes.TrimSpace(body)) == 0 {
		return &xmlNode{}
	}
	doc := parseXML(body)
	d.malformed(doc.issue)
	if len(doc.root.nodes) == 0 {
		d.malformed("no XML")
	}
	return &doc.root
}
