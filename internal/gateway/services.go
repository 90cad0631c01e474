package gateway

import (
	"fmt"
	"mime"
	"net/http"
	"strings"
	"time"

	"msnproxy/decode"
)

// rule tells by which of its parts a request belongs to a service. Each part
// that is given must fit; names are compared in lower case.
type rule struct {
	service       decode.HTTPService
	method        string // "" is any
	host          string
	path          string // its end
	action        string // beginning of the SOAP action
	authorization string // beginning of the header
}

// rules is the one place that tells what belongs to Messenger. Everything else
// is somebody's web traffic, and none of our business.
var rules = []rule{
	{service: decode.PassportNexus, path: "/rdr/pprdr.asp"},
	{service: decode.PassportLogin, authorization: "passport1.4 "},
	{service: decode.SecurityTokens, method: http.MethodPost, path: "/rst.srf"},
	{service: decode.SecurityTokens, method: http.MethodPost, path: "/rst2.srf"},
	{service: decode.AddressBook, method: http.MethodPost, action: "http://www.msn.com/webservices/addressbook/"},
	{service: decode.AddressBook, method: http.MethodPost, path: "/abservice/abservice.asmx"},
	{service: decode.AddressBook, method: http.MethodPost, path: "/abservice/sharingservice.asmx"},
	{service: decode.OfflineMessages, method: http.MethodPost, action: "http://messenger.msn.com/ws/2004/09/oim/"},
	{service: decode.OfflineMessages, method: http.MethodPost, action: "http://messenger.live.com/ws/2006/09/oim/"},
	{service: decode.OfflineMessages, method: http.MethodPost, action: "http://www.hotmail.msn.com/ws/2004/09/oim/rsi/"},
	{service: decode.OfflineMessages, method: http.MethodPost, path: "/oimws/oim.asmx"},
	{service: decode.OfflineMessages, method: http.MethodPost, path: "/rsi/rsi.asmx"},
	{service: decode.OtherSOAP, method: http.MethodPost, action: "http://www.msn.com/webservices/storage/"},
	{service: decode.OtherSOAP, method: http.MethodPost, action: "http://www.msn.com/webservices/messenger/client/"},
	{service: decode.OtherSOAP, path: "/storageservice/schematizedstore.asmx"},
	{service: decode.OtherSOAP, path: "/config/msgrconfig.asmx"},
	{service: decode.WRAP, host: "consent.live.com", path: "/connect.aspx"},
	{service: decode.WRAP, host: "consent.live.com", path: "/accesstoken.aspx"},
	{service: decode.WRAP, host: "consent.live.com", path: "/refreshtoken.aspx"},
	{service: decode.WRAP, authorization: "wrap access_token="},
}

// fits tells whether a request belongs to the rule's service.
func (r *rule) fits(req *http.Request, host, path, action, authorization string) bool {
	return (r.method == "" || r.method == req.Method) && (r.host == "" || r.host == host) && strings.HasSuffix(path, r.path) &&
		strings.HasPrefix(action, r.action) && strings.HasPrefix(authorization, r.authorization)
}

// ServiceOf tells by its header which service a request belongs to; "" is none.
func ServiceOf(req *http.Request) decode.HTTPService {
	host, _, _ := strings.Cut(strings.ToLower(req.Host), ":")
	path, action := strings.ToLower(req.URL.Path), strings.ToLower(soapAction(req.Header))
	authorization := strings.ToLower(req.Header.Get("Authorization"))
	for i := range rules {
		if rules[i].fits(req, host, path, action, authorization) {
			return rules[i].service
		}
	}
	if decode.HasWRAPParameter(req.URL.RawQuery) {
		return decode.WRAP // on its way to a web site, whatever its name
	}
	return ""
}

// maxForm bounds a form that is looked at: tokens have some hundred characters.
const maxForm = 16 << 10

// MayBeWRAP tells whether the body of a request has to be seen: a form with
// parameters of WRAP may go anywhere.
func MayBeWRAP(req *http.Request) bool {
	kind, _, _ := mime.ParseMediaType(req.Header.Get("Content-Type"))
	return req.Method == http.MethodPost && req.ContentLength > 0 && req.ContentLength <= maxForm && kind == "application/x-www-form-urlencoded"
}

// ServiceOfBody tells the same by header and body.
func ServiceOfBody(req *http.Request, body []byte) decode.HTTPService {
	if s := ServiceOf(req); s != "" || !MayBeWRAP(req) || !decode.HasWRAPParameter(string(body)) {
		return s
	}
	return decode.WRAP
}

// soapAction is the action that a request names: in a header of its own, or in
// SOAP 1.2 in the type of its body.
func soapAction(header http.Header) string {
	if action := strings.Trim(header.Get("SOAPAction"), ` "`); action != "" {
		return action
	}
	_, params, _ := mime.ParseMediaType(header.Get("Content-Type"))
	return params["action"]
}

// Exchange is a request and its answer, bodies with chunks and compression
// undone.
type Exchange struct {
	Service      decode.HTTPService
	Request      *http.Request
	RequestBody  []byte
	Response     *http.Response // nil if none was seen
	ResponseBody []byte
	Latency      time.Duration

	RequestDropped, ResponseDropped int64 // bytes of bodies that were too large
}

// Record makes the record of an exchange. Whoever saw it knows when, and on
// which connection.
func (x *Exchange) Record() *decode.Record {
	r := &decode.Record{Kind: decode.KindHTTP, HTTP: x.decode()}
	for _, b := range [...]struct {
		of      string
		dropped int64
	}{{"request", x.RequestDropped}, {"answer", x.ResponseDropped}} {
		if b.dropped > 0 {
			text := fmt.Sprintf("the body of the %s is too large: its %d bytes were not read", b.of, b.dropped)
			r.Notes = append(r.Notes, decode.Note{Kind: decode.NoteIssue, Text: text})
		}
	}
	return r
}

func (x *Exchange) decode() *decode.HTTP {
	d := decode.HTTPExchange{
		Service: x.Service, Method: x.Request.Method, URL: absoluteURL(x.Request), Action: soapAction(x.Request.Header),
		Request: decode.HTTPMessage{Header: x.Request.Header, Body: x.RequestBody},
	}
	if x.Response != nil {
		d.Status, d.Latency = x.Response.StatusCode, x.Latency
		d.Response = decode.HTTPMessage{Header: x.Response.Header, Body: x.ResponseBody}
	}
	return decode.NewHTTP(&d)
}

// absoluteURL is the URL of a request as it was written, or with the host that
// its header names.
func absoluteURL(req *http.Request) string {
	if req.URL.IsAbs() {
		return req.RequestURI
	}
	return "http://" + req.Host + req.RequestURI
}
