package captures

import (
	"bytes"
	"net/http"
	"slices"
	"strings"
)

// maxRequestLine bounds the first line of a request.
const maxRequestLine = 4 << 10

// detectHTTP decides whether a connection is one of HTTP, by the first message
// of a side, and which side is the client then. It is followed whatever it
// begins with: what belongs to Messenger may come later.
func (c *connection) detectHTTP(final bool) (verdict, int) {
	found := isOther
	for side, data := range c.live.held.data {
		for _, m := range [...]struct {
			verdict
			client int
		}{{requestVerdict(data), side}, {responseVerdict(data), 1 - side}} {
			switch {
			case m.verdict == isOther || c.client == 1-m.client:
			case m.verdict == isHTTP:
				return isHTTP, m.client
			case !final:
				found = undecided
			}
		}
	}
	return found, unknown
}

// methods are those that a connection may begin with.
var methods = []string{http.MethodPost, http.MethodGet, http.MethodConnect, http.MethodHead, http.MethodPut, http.MethodOptions}

// requestVerdict tells whether data begins with a request. It is undecided while
// that may still come of it.
func requestVerdict(data []byte) verdict {
	if !slices.ContainsFunc(methods, func(m string) bool { return startsAlike(data, []byte(m+" ")) }) {
		return isOther
	}
	line, _, ended := bytes.Cut(data, []byte("\n"))
	switch {
	case !ended && len(data) <= maxRequestLine:
		return undecided
	case !ended:
		return isOther
	}
	words := strings.Fields(string(line))
	if len(words) != 3 || !strings.HasPrefix(words[2], "HTTP/1.") {
		return isOther
	}
	return isHTTP
}

// responseVerdict tells whether data begins with a response: a capture may begin
// between a request and its response.
func responseVerdict(data []byte) verdict {
	if !startsAlike(data, []byte("HTTP/1.")) {
		return isOther
	}
	c := httpCutter{responses: true, buf: data}
	size := c.headerSize()
	switch {
	case size == 0 && len(data) <= maxHTTPHeader:
		return undecided
	case size == 0:
		return isOther
	}
	if parseHead(data[:size], true) == nil {
		return isOther
	}
	return isHTTP
}

// startsAlike tells whether data begins with some bytes, or with the first of
// them and nothing else.
func startsAlike(data, with []byte) bool {
	n := min(len(data), len(with))
	return n > 0 && bytes.Equal(data[:n], with[:n])
}
