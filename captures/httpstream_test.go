package captures

import (
	"bytes"
	"fmt"
	"math/rand"
	"strconv"
	"strings"
	"testing"
	"time"

	"msnproxy/decode"
)

// cutHTTP cuts a direction that came in pieces of some size, and shows the
// bodies of its messages.
func cutHTTP(data string, responses, seeking bool, size int) (out []string) {
	c := httpCutter{responses: responses, seeking: seeking}
	take := func() {
		for m := c.next(); m != nil; m = c.next() {
			body := ""
			for _, p := range m.body {
				body += string(p.data)
			}
			out = append(out, body)
		}
	}
	for n := int64(1); len(data) > 0; n++ {
		piece := data[:min(size, len(data))]
		c.feed([]byte(piece), decode.Stamp{Packet: n})
		data = data[len(piece):]
		take()
	}
	c.end()
	take()
	return out
}

func TestCutHTTP(t *testing.T) {
	long := "HTTP/1.1 200 OK\r\nContent-Length: "
	for name, c := range map[string]struct {
		data    string
		seeking bool
		want    string
	}{
		"lengths":                         {reply("1", "one") + reply("1", "") + reply("1", "two"), false, `["one" "" "two"]`},
		"line ends without CR":            {strings.ReplaceAll(reply("1", "one"), "\r", "") + reply("1", "two"), false, `["one" "two"]`},
		"no body by status":               {"HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n" + reply("1", "two"), false, `["" "two"]`},
		"chunks":                          {replyWith("1", chunked("o", "ne"), "Transfer-Encoding: chunked") + reply("1", "two"), false, `["one" "two"]`},
		"chunks cut":                      {replyWith("1", "5\r\nabc", "Transfer-Encoding: chunked"), false, `["abc"]`},
		"no chunk":                        {replyWith("1", "x\r\nabc", "Transfer-Encoding: chunked") + reply("1", "two"), false, `[]`},
		"a chunk too large":               {replyWith("1", "ffffffff\r\nabc", "Transfer-Encoding: chunked"), false, `[]`},
		"a chunk line too long":           {replyWith("1", strings.Repeat("0", 2*maxChunkLine), "Transfer-Encoding: chunked"), false, `[]`},
		"a body too large":                {long + "99999999999\r\n\r\nabc", false, `["abc"]`}, // cut, as far as is known
		"a length too large":              {long + "99999999999999999999999\r\n\r\nabc", false, `[]`},
		"endless":                         {"HTTP/1.1 200 OK\r\n\r\n" + strings.Repeat("x", maxHTTPBody+1), false, `[""]`}, // told without its body
		"a header too long":               {"HTTP/1.1 200 OK\r\nX: " + strings.Repeat("x", maxHTTPHeader), false, `[]`},
		"bad gzip":                        {reply("1", "no gzip", "Content-Encoding: gzip") + reply("1", "two"), false, `["" "two"]`},
		"no HTTP":                         {"220 ready\r\n\r\n" + reply("1", "two"), false, `[]`},
		"joined within a body":            {"CHL 0 1\r\n" + reply("1", "two"), true, `["two"]`},
		"joined before what is no header": {"xHTTP/1.1 huh\r\n\r\n" + reply("1", "two"), true, `["two"]`},
		"x-gzip":                          {reply("1", gzipped("one"), "Content-Encoding: x-gzip"), false, `["one"]`},
		"joined, and nothing came":        {"CHL 0 1\r\n", true, `[]`},
	} {
		for _, size := range []int{1, 7, len(c.data)} {
			if size == 1 && len(c.data) > 1<<16 {
				size = 1 << 10
			}
			if got := fmt.Sprintf("%q", cutHTTP(c.data, true, c.seeking, size)); got != c.want {
				t.Errorf("%s, in pieces of %d: got %.200s, want %s", name, size, got, c.want)
			}
		}
	}
}

// TestMessagesThatComeTogetherAreNotMoved: taking one off the front leaves the
// others where they are, or thousands of tiny ones would cost a million moves.
func TestMessagesThatComeTogetherAreNotMoved(t *testing.T) {
	c := httpCutter{responses: true}
	c.feed([]byte(strings.Repeat(reply("1", "x"), 3)), decode.Stamp{})
	last := &c.storage[len(c.storage)-1]
	for n := range 3 {
		if m := c.next(); m == nil || string(m.bytes()) != "x" {
			t.Fatalf("message %d is %+v", n, m)
		}
		if len(c.buf) > 0 && &c.buf[len(c.buf)-1] != last {
			t.Errorf("behind message %d, the rest has moved", n)
		}
	}
	if c.feed([]byte("HTTP"), decode.Stamp{}); len(c.storage) != len("HTTP") {
		t.Errorf("%d bytes are stored of %d", len(c.storage), len("HTTP"))
	}
}

func TestTheFirstOfWhatMayBeginAMessageIsFound(t *testing.T) {
	for text, want := range map[string]int{"": -1, "POS": -1, "xPOST ": 1, "CONNECT GET ": 0, "GE GET POST ": 3} {
		if got := firstStart([]byte(text), starts[:]); got != want {
			t.Errorf("in %q, one begins at %d, want %d", text, got, want)
		}
	}
}

// TestABodyIsBoundedPackedAndUnpacked: one byte more, and the message comes
// without it, and tells how many bytes were not read.
func TestABodyIsBoundedPackedAndUnpacked(t *testing.T) {
	for name, make := range map[string]func(text string) string{
		"plain": func(text string) string { return reply("1", text) },
		"gzip":  func(text string) string { return reply("1", gzipped(text), "Content-Encoding: gzip") },
		"chunked": func(text string) string {
			return replyWith("1", chunked(gzipped(text)), "Transfer-Encoding: chunked", "Content-Encoding: gzip")
		},
	} {
		rng := rand.New(rand.NewSource(1))
		letters := bytes.Map(func(rune) rune { return 'a' + rng.Int31n(26) }, bytes.Repeat([]byte("x"), 8*maxHTTPBody)) // which do not become a fiftieth
		for size, kept := range map[int]bool{maxHTTPBody: true, maxHTTPBody + 1: false, 8 * maxHTTPBody: false} {
			c := httpCutter{responses: true}
			data := make(string(letters[:size]))
			c.feed([]byte(data), decode.Stamp{})
			m := c.next()
			if m == nil {
				m = c.next()
			}
			if m == nil || len(m.bytes()) == size != kept || (m.dropped == 0) != kept || !kept && len(m.bytes()) > 0 || m.dropped > int64(len(data)) {
				t.Errorf("%s, %d bytes: %+v", name, size, m)
			}
		}
	}
}

// TestAHeaderIsBounded: one byte more, and this is no HTTP any more.
func TestAHeaderIsBounded(t *testing.T) {
	const begin, end = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nX-A: ", "\r\n\r\n"
	for size, ok := range map[int]bool{maxHTTPHeader: true, maxHTTPHeader + 1: false} {
		if got := len(cutHTTP(begin+strings.Repeat("x", size-len(begin)-len(end))+end, true, false, 1<<20)) == 1; got != ok {
			t.Errorf("%d bytes at once: a message %t", size, got)
		}
		c := httpCutter{responses: true}
		text := begin + strings.Repeat("x", size-len(begin)-len(end)-1)
		c.feed([]byte(text), decode.Stamp{})
		c.next()
		c.feed([]byte("x"), decode.Stamp{})
		c.next()
		c.feed([]byte(end), decode.Stamp{})
		if got := c.next() != nil; got != ok {
			t.Errorf("%d bytes by and by: a message %t", size, got)
		}
	}
}

// TestTheLineOfAChunkIsBounded, and so is the chunk.
func TestTheLineOfAChunkIsBounded(t *testing.T) {
	for line, ok := range map[string]bool{
		"2;" + strings.Repeat("x", maxChunkLine-2): true, "2;" + strings.Repeat("x", maxChunkLine-1): false,
		strconv.FormatInt(maxChunk, 16): true, strconv.FormatInt(maxChunk+1, 16): false,
	} {
		s := chunkScan{}
		s.end([]byte(line))
		s.end([]byte(line + "\r\n"))
		if s.bad == ok {
			t.Errorf("%.20s (%d bytes) is bad: %t", line, len(line), s.bad)
		}
	}
}

func FuzzHTTP(f *testing.F) {
	f.Add([]byte(openNS("10.0.0.2", "VER 1 MSNP8 CVR0\r\n")+post("7.1", "PNG\r\n")), false, false, 3)
	f.Add([]byte(reply("7.1", "VER 1 MSNP8\r\n")+"HTTP/1.1 100 Continue\r\n\r\n"+sessionClosed), true, false, 1)
	f.Add([]byte("x"+replyWith("1", chunked("o", "ne"), "Transfer-Encoding: chunked")), true, true, 5)
	f.Add([]byte(reply("1", gzipped("QNG 50\r\n"), "Content-Encoding: gzip")), true, false, 2)
	f.Add([]byte("HTTP/1.1 200 OK\r\nX-A: "+strings.Repeat("x", maxHTTPHeader)+"\r\n\r\n"+reply("7.1", "VER 1 MSNP8\r\n")), true, true, 200)
	f.Fuzz(func(t *testing.T, data []byte, responses, seeking bool, size int) {
		begun := time.Now()
		whole := fmt.Sprintf("%q", cutHTTP(string(data), responses, seeking, len(data)))
		if got := fmt.Sprintf("%q", cutHTTP(string(data), responses, seeking, 1+(size&0xff))); got != whole {
			t.Fatalf("got %s, in one piece %s", got, whole)
		}
		if took := time.Since(begun); took > fuzzLimit {
			t.Fatalf("%d bytes took %v", len(data), took)
		}
	})
}
