package captures

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"net/http"
	"net/http/httputil"
	"strconv"

	"msnproxy/decode"
	"msnproxy/internal/gateway"
)

// Limits of HTTP messages. The gateway's are small: a header of some hundred
// bytes, a body of at most a contact list.
const (
	// maxHTTPHeader bounds a header, its first line included.
	maxHTTPHeader = 16 << 10
	// maxHTTPBody bounds a body, on the wire and after unpacking.
	maxHTTPBody = gateway.MaxBody
	// maxChunk bounds a chunk: nobody makes larger ones.
	maxChunk = 1 << 30
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
	dropped  int64 // bytes of a body that was too large to keep
}

// bytes is the whole body.
func (m *httpMessage) bytes() (all []byte) {
	for _, p := range m.body {
		all = append(all, p.data...)
	}
	return all
}

// bodyRule tells what is done with a body.
type bodyRule uint8

const (
	keepBody bodyRule = iota
	skipBody          // nobody wants it
	noBody            // there is none, whatever the header says
)

// bodyPart is what one packet brought of a body.
type bodyPart struct {
	data    []byte
	at      decode.Stamp
	missing bool // nothing brought it: data is zeros
}

// httpCutter cuts one direction of a TCP connection into messages of HTTP.
// What it gives does not depend on how its input was cut.
type httpCutter struct {
	responses bool // not requests
	seeking   bool // the next message may begin anywhere
	unsure    bool // what looks like the beginning of one was found by seeking
	waiting   bool // what follows may be a tunnel: nothing is read until that is known
	ended     bool // nothing more comes
	broken    bool // something was no HTTP: nothing behind it is read

	// rule, if it is not nil, tells what becomes of a body, by its header.
	rule func(*httpMessage) bodyRule
	// stray, if it is not nil, takes what stands between missing bytes and the
	// next message: the rest of one whose header is missing.
	stray func(bodyPart)

	buf      []byte
	storage  []byte    // of buf, which is its end
	taken    int       // bytes that were taken off the front of buf so far
	arrivals []arrival // of the bytes in buf
	looked   int       // no header ends before this
	head     *httpHead // of the message in buf, once its header is all there
}

// arrival tells in which packet bytes came, up to an end, which is counted as
// taken is.
type arrival struct {
	end     int
	at      decode.Stamp
	missing bool
}

// httpHead is the header of a message, and what it tells about the body.
type httpHead struct {
	message *httpMessage
	size    int   // of the header
	length  int64 // of the body; -1 if it goes on to the end of the direction
	chunked bool
	zipped  bool
	skipped bool // its body is not kept
	chunks  chunkScan
}

// feed takes bytes of the direction. They may change after the call.
func (c *httpCutter) feed(data []byte, at decode.Stamp) {
	if c.broken {
		return
	}
	c.append(data)
	if n := len(c.arrivals); n > maxArrivals {
		c.arrivals[n-1].end = c.inputEnd()
		return
	}
	c.arrivals = append(c.arrivals, arrival{end: c.inputEnd(), at: at})
}

// append appends to the buffer. What was taken off its front makes room where
// there is more of that than of what has to be moved for it: so the work is linear
// in the input, however many messages come at a time.
func (c *httpCutter) append(data []byte) {
	gone := len(c.storage) - len(c.buf)
	if gone > len(c.buf) {
		c.storage, gone = append(c.storage[:0], c.buf...), 0
	}
	c.storage = append(c.storage, data...)
	c.buf = c.storage[gone:]
}

// inputEnd is where the next input stands, counted as taken is.
func (c *httpCutter) inputEnd() int { return c.taken + len(c.buf) }

// bridge takes n missing bytes into the body at hand, if it is one that tells
// its length and is as long.
func (c *httpCutter) bridge(n int64, at decode.Stamp) bool {
	h := c.head
	if h.chunked || h.zipped || h.skipped || len(c.arrivals) >= maxArrivals {
		return false
	}
	end := int64(len(c.buf)-h.size) + n
	if end > h.length || end > maxHTTPBody {
		return false
	}
	c.append(make([]byte, n))
	c.arrivals = append(c.arrivals, arrival{end: c.inputEnd(), at: at, missing: true})
	return true
}

// cutShort returns the message at hand with what there is of its body.
func (c *httpCutter) cutShort() *httpMessage { return c.take(len(c.buf) - c.head.size) }

// gap forgets the message that bytes are missing of. The next one may begin
// anywhere.
func (c *httpCutter) gap() {
	c.drop(len(c.buf))
	c.seeking = true
}

// end tells that nothing more comes: what there is of a body is the body.
func (c *httpCutter) end() {
	if c.ended = true; c.seeking {
		c.pass(len(c.buf))
	}
}

// next returns the next message that is complete, or nil.
func (c *httpCutter) next() *httpMessage {
	for !c.broken && !c.waiting && (!c.seeking || c.find()) {
		c.skipEmptyLines()
		if c.head == nil && !c.readHead() {
			if c.seeking {
				continue // that was none
			}
			return nil
		}
		n, ok := c.bodySize()
		if !ok {
			c.shed()
			return nil
		}
		return c.take(n)
	}
	return nil
}

// starts are what requests begin with that are looked for.
var starts = [...][]byte{[]byte(http.MethodPost + " "), []byte(http.MethodGet + " "), []byte(http.MethodConnect + " ")}

// find drops what stands before the next thing that looks like the beginning
// of a message.
func (c *httpCutter) find() bool {
	looked := starts[:]
	if c.responses {
		looked = [][]byte{[]byte("HTTP/1.")}
	}
	first := firstStart(c.buf, looked)
	if first < 0 {
		longest := 0
		for _, start := range looked {
			longest = max(longest, len(start))
		}
		c.pass(max(0, len(c.buf)-longest+1))
		return false
	}
	c.pass(first)
	c.seeking, c.unsure = false, true
	return true
}

// firstStart finds the first of what may begin a message, or returns -1. It does not
// look beyond that, so that looking for all of them is linear.
func firstStart(data []byte, starts [][]byte) int {
	for i := range data {
		for _, start := range starts {
			if data[i] == start[0] && bytes.HasPrefix(data[i:], start) {
				return i
			}
		}
	}
	return -1
}

// pass drops n bytes that belong to no message.
func (c *httpCutter) pass(n int) {
	if c.stray != nil {
		for _, p := range c.parts(0, n) {
			c.stray(p)
		}
	}
	c.drop(n)
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
	switch {
	case size > maxHTTPHeader, size == 0 && len(c.buf) > maxHTTPHeader:
		c.noHead(maxHTTPHeader)
		return false
	case size == 0:
		return false
	}
	if c.head = parseHead(c.buf[:size], c.responses); c.head == nil {
		c.noHead(size)
		return false
	}
	c.unsure = false
	c.head.message.at = c.arrivals[0].at
	c.applyRule()
	return true
}

// noHead deals with n bytes that are no header: after seeking they only began
// like one, elsewhere this is no HTTP any more.
func (c *httpCutter) noHead(n int) {
	if !c.unsure {
		c.breakOff()
		return
	}
	c.pass(n)
	c.seeking = true
}

// applyRule does with the body of a message what its header says.
func (c *httpCutter) applyRule() {
	if c.rule == nil {
		return
	}
	switch h := c.head; c.rule(h.message) {
	case skipBody:
		h.skipped = true
	case noBody:
		h.length, h.chunked = 0, false
	}
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
	r := bufio.NewReaderSize(bytes.NewReader(header), len(header))
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
	h.zipped = gateway.Zipped(header)
}

// bodySize is the size of the body on the wire, once all of it is there.
func (c *httpCutter) bodySize() (n int, ok bool) {
	h := c.head
	have := len(c.buf) - h.size
	switch {
	case h.chunked:
		n, ok = h.chunks.end(c.buf[h.size:])
	case h.length >= 0:
		n, ok = int(min(h.length, int64(have))), int64(have) >= h.length
	}
	switch {
	case h.chunks.bad:
		c.breakOff()
		return 0, false
	case !ok && c.ended:
		return have, true
	}
	return n, ok
}

// shed drops what is there of a body that is not to be kept, or that has become
// too large for it. The message is told without it.
func (c *httpCutter) shed() {
	h := c.head
	if h == nil || !h.skipped && len(c.buf)-h.size <= maxHTTPBody {
		return
	}
	n := len(c.buf) - h.size
	if h.chunked {
		n = min(n, h.chunks.pos)
		h.chunks.pos -= n
	} else if h.length >= 0 {
		h.length -= int64(n)
	}
	h.skipped = true
	h.message.dropped += int64(n)
	if n += h.size; n > 0 {
		h.message.done = c.stampAt(n - 1)
		c.forget(n)
		h.size = 0
	}
}

// take returns the message whose body has n bytes, and drops it.
func (c *httpCutter) take(n int) *httpMessage {
	h := c.head
	switch {
	case h.skipped || n > maxHTTPBody:
		h.message.dropped += int64(n)
	case n > 0:
		h.message.body = c.parts(h.size, h.size+n)
		h.unpack()
	}
	if h.size+n > 0 {
		h.message.done = c.stampAt(h.size + n - 1)
	}
	c.drop(h.size + n)
	c.head = nil
	return h.message
}

// rest passes on, by packets, what was not read, and forgets it.
func (c *httpCutter) rest(pass func([]byte, decode.Stamp)) {
	from := 0
	for _, a := range c.arrivals {
		pass(c.buf[from:a.end-c.taken], a.at)
		from = a.end - c.taken
	}
	*c = httpCutter{broken: true}
}

// stampAt tells which packet brought the byte at an offset of the buffer.
func (c *httpCutter) stampAt(offset int) decode.Stamp {
	for _, a := range c.arrivals {
		if c.taken+offset < a.end {
			return a.at
		}
	}
	return decode.Stamp{}
}

// parts copies bytes of the buffer, by packets.
func (c *httpCutter) parts(from, to int) (out []bodyPart) {
	data := bytes.Clone(c.buf[from:to])
	for _, a := range c.arrivals {
		if from == to {
			break
		}
		if n := min(a.end-c.taken, to) - from; n > 0 {
			out = append(out, bodyPart{data[:n], a.at, a.missing})
			from, data = from+n, data[n:]
		}
	}
	return out
}

// unpack undoes the encodings of the body. Which packet brought what cannot
// be told behind them: all counts as of the packet in which the body begins.
// What comes before something that cannot be unpacked is kept; a body that is
// too large unpacked is one that is too large.
func (h *httpHead) unpack() {
	m := h.message
	if !h.chunked && !h.zipped {
		return
	}
	data := m.bytes()
	if h.chunked {
		data, _ = io.ReadAll(io.LimitReader(httputil.NewChunkedReader(bytes.NewReader(data)), maxHTTPBody))
	}
	if h.zipped {
		plain, err := gateway.Unzip(data)
		if errors.Is(err, gateway.ErrTooLarge) {
			m.dropped, m.body = int64(len(data)), nil
			return
		}
		data = plain
	}
	at := m.body[0].at
	if m.body = nil; len(data) > 0 {
		m.body = []bodyPart{{data: data, at: at}}
	}
}

// drop takes n bytes off the buffer, and what was known about them.
func (c *httpCutter) drop(n int) {
	if n > 0 {
		c.forget(n)
		c.head = nil
	}
}

// forget takes n bytes off the buffer.
func (c *httpCutter) forget(n int) {
	c.buf = c.buf[n:]
	c.taken += n
	for len(c.arrivals) > 0 && c.arrivals[0].end <= c.taken {
		c.arrivals = c.arrivals[1:]
	}
	c.looked = 0
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
	case err != nil || size > maxChunk:
		s.bad = true
	case size == 0:
		s.trailer = true
	default:
		s.pos += int(size) + len("\r\n")
	}
}
