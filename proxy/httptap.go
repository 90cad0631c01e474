package proxy

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httputil"
	"slices"
	"strconv"
	"sync"

	"msnproxy/decode"
)

// carrier is the dialogue of a client's TCP connection with one server, as a
// capture shows it: as a TCP connection between the two. The proxy's own
// connections to servers serve many clients.
type carrier struct {
	client *httpClient
	server net.Addr

	mu     sync.Mutex
	name   string // its id, once something is told of it
	tapped bool
	seq    int64
}

// carrierFor returns the dialogue with a server.
func (c *httpClient) carrierFor(server net.Addr) *carrier {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, known := range c.carriers {
		if known.server.String() == server.String() {
			return known
		}
	}
	one := &carrier{client: c, server: server}
	c.carriers = append(c.carriers, one)
	return one
}

// id is the id of the dialogue in the run.
func (c *carrier) id() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.idLocked()
}

func (c *carrier) idLocked() string {
	if c.name == "" {
		c.name = c.client.g.nextCarrier()
	}
	return c.name
}

// nextCarrier makes the id of a TCP connection that something is told of.
func (g *httpGateway) nextCarrier() string {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.carriers++
	return "h" + strconv.Itoa(g.carriers)
}

// shown is the server's address as captures and records have it.
func (c *carrier) shown() string { return c.server.String() }

// emit completes a record of the dialogue and hands it on.
func (c *carrier) emit(r *decode.Record, at decode.Stamp) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.seq++
	r.Stamp, r.Conn, r.Seq = at, c.idLocked(), c.seq
	r.Client, r.ServerAddr = c.client.conn.RemoteAddr().String(), c.shown()
	c.client.g.proxy.emit(r)
}

// data tells taps of bytes of a direction.
func (c *carrier) data(dir decode.Direction, p []byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	live := c.client.g.proxy.cfg.Live
	if !c.tapped {
		c.tapped = true
		shown, by := c.server, c.client.conn.LocalAddr()
		if c.client.g.proxy.cfg.CaptureClientSide {
			shown = by
		}
		live.Open(c.idLocked(), c.client.conn.RemoteAddr().String(), shown.String(), by.String(), c.client.opened)
	}
	live.Data(c.name, dir, p, c.client.g.proxy.now())
}

// end tells taps that the dialogue has ended, by one of the two.
func (c *carrier) end(by decode.Direction) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.tapped {
		return
	}
	now := c.client.g.proxy.cfg.Now()
	c.client.g.proxy.cfg.Live.End(c.name, by, now)
	c.client.g.proxy.cfg.Live.End(c.name, by.Opposite(), now)
}

// breakOff tells taps that the server ends a dialogue, with a request that gets no
// answer, or not all of one: they would take the next one for it. What the client
// asks after that is another dialogue.
func (c *httpClient) breakOff(one *carrier) {
	c.mu.Lock()
	c.carriers = slices.DeleteFunc(c.carriers, func(known *carrier) bool { return known == one })
	c.mu.Unlock()
	one.end(decode.ServerToClient)
}

// ended tells taps that the connection has ended, for each of its dialogues.
func (c *httpClient) ended() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, one := range c.carriers {
		one.end(decode.ClientToServer)
	}
}

// tapBody is a message on its way into a capture: its header, and its body as
// it comes.
type tapBody struct {
	carrier *carrier
	dir     decode.Direction
	head    []byte
	chunked bool // its length is not told
	none    bool // it has no body, whatever its header says
	ended   bool
	coder   io.WriteCloser
}

// tapRequest shows taps a request. With a body, all of it; without one, the
// body follows, if there is one.
func (c *carrier) tapRequest(r *http.Request, body []byte) *tapBody {
	length := r.ContentLength
	if body != nil {
		length = int64(len(body))
	}
	head := fmt.Appendf(nil, "%s %s HTTP/1.1\r\nHost: %s\r\n", r.Method, r.RequestURI, r.Host)
	t := &tapBody{carrier: c, dir: decode.ClientToServer, chunked: length < 0}
	if r.ContentLength > 0 || r.Method == http.MethodPost && length >= 0 {
		head = fmt.Appendf(head, "Content-Length: %d\r\n", length)
	}
	t.head = t.finishHead(head, r.Header)
	t.begin()
	if body != nil || length == 0 {
		t.see(body, true)
	}
	return t
}

// tapResponse makes ready to show taps a response as it is now.
func (c *carrier) tapResponse(resp *http.Response) *tapBody {
	t := &tapBody{carrier: c, dir: decode.ServerToClient, chunked: resp.ContentLength < 0}
	t.none = resp.Request.Method == http.MethodHead || resp.StatusCode == http.StatusNoContent || resp.StatusCode == http.StatusNotModified
	head := fmt.Appendf(nil, "HTTP/1.1 %s\r\n", resp.Status)
	if resp.ContentLength >= 0 && !t.none {
		head = fmt.Appendf(head, "Content-Length: %d\r\n", resp.ContentLength)
	}
	t.head = t.finishHead(head, resp.Header)
	return t
}

// finishHead adds the other headers, and how the body is told.
func (t *tapBody) finishHead(head []byte, headers http.Header) []byte {
	var rest bytes.Buffer
	named := headers.Clone()
	if named.Get("User-Agent") == "" {
		named.Del("User-Agent") // an empty one only keeps net/http from adding its own
	}
	withCapitals(named)
	named.WriteSubset(&rest, map[string]bool{"Content-Length": true, "Transfer-Encoding": true, "Host": true}) // a buffer takes all
	head = append(head, rest.Bytes()...)
	if t.chunked && !t.none {
		head = append(head, "Transfer-Encoding: chunked\r\n"...)
	}
	return append(head, "\r\n"...)
}

// begin shows the header.
func (t *tapBody) begin() {
	if t.chunked {
		t.coder = httputil.NewChunkedWriter(t)
	}
	t.carrier.data(t.dir, t.head)
}

// Write shows bytes as they are on the wire.
func (t *tapBody) Write(p []byte) (int, error) {
	t.carrier.data(t.dir, p)
	return len(p), nil
}

// see shows a part of the body.
func (t *tapBody) see(p []byte, done bool) {
	if t.ended || t.none {
		return
	}
	t.ended = done
	if !t.chunked {
		if len(p) > 0 {
			t.carrier.data(t.dir, p)
		}
		return
	}
	if len(p) > 0 {
		t.coder.Write(p) // t takes all
	}
	if done {
		t.coder.Close()
		t.carrier.data(t.dir, []byte("\r\n"))
	}
}
