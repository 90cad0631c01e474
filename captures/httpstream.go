package captures

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"io"
	"net/http"
	"net/http/httputil"
	"strconv"

	"msnproxy/decode"
)

// Limits of HTTP messages. The gateway's are small: a header of some hundred
// bytes, a body of at most a contact list.
const (
	// maxHTTPHeader bounds a header, its first line included.
	maxHTTPHeader = 16 << 10
	// maxHTTPBody bounds a body, on the wire and after unpacking: a few
	// payloads of the largest size.
	maxHTTPBody = 4 * decode.MaxPayload
	// maxChunkLine bounds the line that tells the size of a chunk.
	maxChunkLine = 256
	// maxArrivals bounds the packets of one message that are told apart:
	// tiny ones would take more room than their bytes.
	maxArrivals = 4 << 10
)

// httpMessage is a request or a response of HTTP.
type httpMessage struct {
	request  *http.Request  // of the header only; nil for a response
	response *http.Response // of the header only; nil for a request
	at, done decode.Stamp   // of its first and its last byte
	body     []bodyPart
}

// bodyPart is what one packet brought of a body.
type bodyPart struct {
	data []byte
	at   decode.Stamp
}

// httpCutter cuts one direction of a TCP connection into messages of HTTP.
// What it gives does not depend on how its input was cut.
type httpCutter struct {
	responses bool // not requests
	seeking   bool // the next message may begin anywhere
	ended     bool // nothing more comes
	broken    bool // something was no HTTP: nothing behind it is read

	buf      []byte
	arrivals []arrival // of the bytes in buf
	looked   int       // no header ends before this
	head     *httpHead // of the message in buf, once its header is all there
}

// arrival tells in which packet the bytes of a buffer came, up to an end.
type arrival struct {
	end int
	at  decode.Stamp
}

// httpHead is the header of a message, and what it tells about the body.
type httpHead struct {
	message *httpMessage
	size    int   // of the header
	length  int64 // of the body; -1 if it goes on to the end of the direction
	chunked bool
	zipped  bool
	chunks  chunkScan
}

// feed takes bytes of the direction. They may change after the call.
func (c *httpCutter) feed(data []byte, at decode.Stamp) {
	if c.broken {
		return
	}
	c.buf = append(c.buf, data...)
	if n := len(c.arrivals); n > maxArrivals {
		c.arrivals[n-1].end = len(c.buf)
		return
	}
	c.arrivals = append(c.arrivals, arrival{len(c.buf), at})
}

// gap forgets the message that bytes are missing of, and returns how many
// bytes that were. The next one may begin anywhere.
func (c *httpCutter) gap() int64 {
	n := len(c.buf)
	c.drop(n)
	c.seeking = true
	return int64(n)
}

// end tells that nothing more comes: what there is of a body is the body.
func (c *httpCutter) end() { c.ended = true }

// next returns the next message that is complete, or nil.
func (c *httpCutter) next() *httpMessage {
	if c.broken || c.seeking && !c.find() {
		return nil
	}
	c.skipEmptyLines()
	if c.head == nil && !c.readHead() {
		return nil
	}
	n, ok := c.bodySize()
	if !ok {
		return nil
	}
	return c.take(n)
}

// find drops what stands before the next thing that looks like the beginning
// of a message.
func (c *httpCutter) find() bool {
	start := []byte("POST ")
	if c.responses {
		start = []byte("HTTP/1.")
	}
	i := bytes.Index(c.buf, start)
	if i < 0 {
		c.drop(max(0, len(c.buf)-len(start)+1))
		return false
	}
	c.drop(i)
	c.seeking = false
	return true
}

// skipEmptyLines drops line ends before a message: old clients sent one more
// than the length of a body said.
func (c *httpCutter) skipEmptyLines() {
	if c.head == nil {
		c.drop(len(c.buf) - len(bytes.TrimLeft(c.buf, "\r\n")))
	}
}

// readHead reads the header of the next message once it is there.
func (c *httpCutter) readHead() bool {
	size := c.headerSize()
	if size == 0 {
		if len(c.buf) > maxHTTPHeader {
			c.breakOff()
		}
		return false
	}
	if c.head = parseHead(c.buf[:size], c.responses); c.head == nil {
		c.breakOff()
		return false
	}
	c.head.message.at = c.arrivals[0].at
	return true
}

// headerSize is the size of the header up to its empty line, or zero while
// that line is not there.
func (c *httpCutter) headerSize() int {
	for c.looked < len(c.buf) {
		i := bytes.IndexByte(c.buf[c.looked:], '\n')
		if i < 0 {
			break
		}
		line := c.looked + i + 1
		rest := c.buf[line:]
		switch {
		case bytes.HasPrefix(rest, []byte("\n")):
			return line + 1
		case bytes.HasPrefix(rest, []byte("\r\n")):
			return line + 2
		case len(rest) == 0 || len(rest) == 1 && rest[0] == '\r':
			c.looked += i // the empty line may be on its way
			return 0
		}
		c.looked = line
	}
	return 0
}

// parseHead reads a header, or returns nil if it is none.
func parseHead(header []byte, response bool) *httpHead {
	r := bufio.NewReader(bytes.NewReader(header))
	h := &httpHead{message: &httpMessage{}, size: len(header)}
	if !response {
		req, err := http.ReadRequest(r)
		if err != nil {
			return nil
		}
		h.message.request = req
		h.describeBody(req.ContentLength, req.TransferEncoding, req.Header)
		return h
	}
	resp, err := http.ReadResponse(r, nil)
	if err != nil {
		return nil
	}
	h.message.response = resp
	if !hasNoBody(resp.StatusCode) {
		h.describeBody(resp.ContentLength, resp.TransferEncoding, resp.Header)
	}
	return h
}

// hasNoBody tells whether responses with a status never have a body, whatever
// their header says.
func hasNoBody(status int) bool {
	return status < 200 || status == http.StatusNoContent || status == http.StatusNotModified
}

func (h *httpHead) describeBody(length int64, encodings []string, header http.Header) {
	h.length = length
	h.chunked = len(encodings) > 0 // ReadRequest and ReadResponse take no other encoding
	h.zipped = header.Get("Content-Encoding") == "gzip"
}

// bodySize is the size of the body on the wire, once all of it is there.
func (c *httpCutter) bodySize() (n int, ok bool) {
	h := c.head
	have := len(c.buf) - h.size
	switch {
	case h.chunked:
		n, ok = h.chunks.end(c.buf[h.size:])
	case h.length >= 0:
		n, ok = int(min(h.length, maxHTTPBody)), int64(have) >= h.length
	}
	switch {
	case h.chunks.bad || h.length > maxHTTPBody || !ok && have > maxHTTPBody:
		c.breakOff()
		return 0, false
	case !ok && c.ended:
		return have, true
	}
	return n, ok
}

// take returns the message whose body has n bytes, and drops it.
func (c *httpCutter) take(n int) *httpMessage {
	h := c.head
	if n > 0 {
		h.message.body = c.parts(h.size, h.size+n)
	}
	if h.chunked || h.zipped {
		h.unpack()
	}
	h.message.done = c.stampAt(h.size + n - 1)
	c.drop(h.size + n)
	return h.message
}

// stampAt tells which packet brought the byte at an offset of the buffer.
func (c *httpCutter) stampAt(offset int) decode.Stamp {
	for _, a := range c.arrivals {
		if offset < a.end {
			return a.at
		}
	}
	return decode.Stamp{}
}

// parts copies bytes of the buffer, by packets.
func (c *httpCutter) parts(from, to int) (out []bodyPart) {
	data := bytes.Clone(c.buf[from:to])
	for _, a := range c.arrivals {
		if n := min(a.end, to) - from; n > 0 {
			out = append(out, bodyPart{data[:n], a.at})
			from, data = from+n, data[n:]
		}
	}
	return out
}

// unpack undoes the encodings of the body. Which packet brought what cannot
// be told behind them: all counts as of the packet in which the body begins.
// What comes before something that cannot be unpacked is kept.
func (h *httpHead) unpack() {
	m := h.message
	if len(m.body) == 0 {
		return
	}
	var wire []byte
	for _, p := range m.body {
		wire = append(wire, p.data...)
	}
	var r io.Reader = bytes.NewReader(wire)
	if h.chunked {
		r = httputil.NewChunkedReader(r)
	}
	if h.zipped {
		z, err := gzip.NewReader(r)
		if err != nil {
			m.body = nil
			return
		}
		r = z
	}
	data, _ := io.ReadAll(io.LimitReader(r, maxHTTPBody))
	m.body = []bodyPart{{data, m.body[0].at}}
}

// drop takes n bytes off the buffer, and what was known about them.
func (c *httpCutter) drop(n int) {
	if n == 0 {
		return
	}
	c.buf = append(c.buf[:0], c.buf[n:]...)
	kept := c.arrivals[:0]
	for _, a := range c.arrivals {
		if a.end > n {
			kept = append(kept, arrival{a.end - n, a.at})
		}
	}
	c.arrivals = kept
	c.looked, c.head = 0, nil
}

// breakOff ends the reading.
func (c *httpCutter) breakOff() {
	*c = httpCutter{broken: true}
}

// chunkScan finds the end of a chunked body, going over it once.
type chunkScan struct {
	pos     int  // the next line begins here
	trailer bool // behind the last chunk
	bad     bool
}

// end returns the size of the body once all of it is there. It is given the
// body so far: that of the call before, and more.
func (s *chunkScan) end(body []byte) (n int, ok bool) {
	for !s.bad && s.pos < len(body) {
		i := bytes.IndexByte(body[s.pos:], '\n')
		if i < 0 {
			s.bad = len(body)-s.pos > maxChunkLine
			return 0, false
		}
		line := bytes.TrimSpace(body[s.pos : s.pos+i])
		s.pos += i + 1
		if s.trailer && len(line) == 0 {
			return s.pos, true
		}
		if !s.trailer {
			s.chunk(line)
		}
	}
	return 0, false
}

// chunk steps over the chunk that a line announces.
func (s *chunkScan) chunk(line []byte) {
	digits, _, _ := bytes.Cut(line, []byte(";"))
	size, err := strconv.ParseUint(string(bytes.TrimSpace(digits)), 16, 32)
	switch {
	case err != nil || size > maxHTTPBody:
		s.bad = true
	case size == 0:
		s.trailer = true
	default:
		s.pos += int(size) + len("\r\n")
	}
}
