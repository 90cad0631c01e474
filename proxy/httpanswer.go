package proxy

import (
	"io"
	"net/http"
	"time"
)

// httpAnswer is the answer to a request on its way to the client. It gives the
// names of headers the capitals that Messenger's have: old clients may compare
// them. It keeps net/http from adding what the server did not send, and has the
// client take the answer in time.
type httpAnswer struct {
	http.ResponseWriter
	control *http.ResponseController
	time    time.Duration
	asked   *timedBody // of the request
}

// newHTTPAnswer has a client send the body of its request, and take the answer, in
// time.
func newHTTPAnswer(w http.ResponseWriter, asked io.ReadCloser, times httpTimes) *httpAnswer {
	control := http.NewResponseController(w)
	body := &timedBody{ReadCloser: asked, control: control, time: times.body, ended: asked == http.NoBody}
	return &httpAnswer{ResponseWriter: w, control: control, time: times.write, asked: body}
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
func (w *httpAnswer) WriteHeader(status int) {
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
func (w *httpAnswer) mustBeTaken() {
	_ = w.control.SetWriteDeadline(time.Now().Add(w.time)) // a closed connection takes nothing
	w.asked.mustCome()
}

// finish leaves to net/http what is left of the exchange.
func (w *httpAnswer) finish(client *httpClient) {
	w.mustBeTaken()
	if !w.asked.leave() {
		client.mustEnd(w.asked.time)
	}
}

// Write passes on a piece of the body.
func (w *httpAnswer) Write(p []byte) (int, error) {
	w.mustBeTaken()
	return w.ResponseWriter.Write(p)
}

// Unwrap lets net/http flush.
func (w *httpAnswer) Unwrap() http.ResponseWriter { return w.ResponseWriter }
