package proxy

import (
	"net/http"
	"time"
)

// namedHeaders gives the names of headers of the answer the capitals that
// Messenger's have: old clients may compare them. It keeps net/http from adding
// what the server did not send, and has the client take the answer in time.
type namedHeaders struct {
	http.ResponseWriter
	control *http.ResponseController
	time    time.Duration
	asked   *timedBody // of the request
}

// capitals are the names whose capitals are not those of net/http.
var capitals = map[string]string{
	"X-Msn-Messenger": "X-MSN-Messenger", "X-Msn-Host": "X-MSN-Host", "X-Msn-Gwcapabilities": "X-MSN-GWCapabilities",
	"Passporturls": "PassportURLs", "Soapaction": "SOAPAction", "Www-Authenticate": "WWW-Authenticate", "P3p": "P3P", "Etag": "ETag",
}

func withCapitals(h http.Header) {
	for name, written := range capitals {
		if values, ok := h[name]; ok {
			delete(h, name)
			h[written] = values
		}
	}
}

// WriteHeader passes the header on.
func (w *namedHeaders) WriteHeader(status int) {
	h := w.Header()
	withCapitals(h)
	for _, name := range [...]string{"Date", "Content-Type"} {
		if _, ok := h[name]; !ok {
			h[name] = nil
		}
	}
	w.mustBeTaken()
	w.ResponseWriter.WriteHeader(status)
}

// mustBeTaken gives the client some time for what is written next. Before an
// answer, net/http reads what there is left of the request.
func (w *namedHeaders) mustBeTaken() {
	_ = w.control.SetWriteDeadline(time.Now().Add(w.time)) // a closed connection takes nothing
	w.asked.mustCome()
}

// finish leaves to net/http what is left of the exchange.
func (w *namedHeaders) finish(client *httpClient) {
	w.mustBeTaken()
	if !w.asked.leave() {
		client.mustEnd(w.asked.time)
	}
}

// Write passes on a piece of the body.
func (w *namedHeaders) Write(p []byte) (int, error) {
	w.mustBeTaken()
	return w.ResponseWriter.Write(p)
}

// Unwrap lets net/http flush.
func (w *namedHeaders) Unwrap() http.ResponseWriter { return w.ResponseWriter }
