package proxy

import (
	"bufio"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"msnproxy/internal/journal"
)

// TestAnEndThatBreaksOffAfterItHasSaidAll, while the other one says nothing: there
// is nobody any more whom it could say something to.
func TestAnEndThatBreaksOffAfterItHasSaidAll(t *testing.T) {
	for _, who := range []string{"client", "server"} {
		t.Run(who, func(t *testing.T) {
			h := start(t, nil)
			one, other := h.connectFrom(who)
			send(t, one, "OUT\r\n")
			one.CloseWrite()
			if rest, err := io.ReadAll(other); err != nil || string(rest) != "OUT\r\n" {
				t.Fatalf("the other end got %q, %v", rest, err)
			}
			one.SetLinger(0)
			one.Close()
			h.idle()
			h.stop()
			wantReasons(t, h, who+" closed", 1)
			if n := strings.Count(h.log.String(), "broken off by one end"); n != 1 {
				t.Errorf("the log says %s", h.log)
			}
		})
	}
}

// TestASlowReaderGetsAllOfWhoHasGone: the other end has said all, and is not there
// any more.
func TestASlowReaderGetsAllOfWhoHasGone(t *testing.T) {
	h := start(t, nil)
	client, server := h.connect()
	all := strings.Repeat("QNG 50\r\n", 20_000) // in the buffers of the system
	send(t, server, all)
	server.CloseWrite()
	c := h.proxy.connections()[0]
	await(t, "the end of the server arrives", func() bool { return c.lastToSayAll() == theServer })
	server.SetLinger(0)
	server.Close()
	h.idle()
	if got, err := io.ReadAll(client); err != nil || string(got) != all {
		t.Errorf("the client got %d bytes of %d, %v", len(got), len(all), err)
	}
}

func (c *conn) lastToSayAll() end {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.ending.last
}

// TestAnEndThatBreaksOffWhileTheOtherTakesNothing.
func TestAnEndThatBreaksOffWhileTheOtherTakesNothing(t *testing.T) {
	for _, who := range []string{"client", "server"} {
		t.Run(who, func(t *testing.T) {
			h := start(t, func(cfg *Config) { cfg.Live = discard(t) })
			one, other := h.connectFrom(who)
			one.SetWriteDeadline(time.Now().Add(300 * time.Millisecond))
			var err error
			for piece := []byte(strings.Repeat("PNG\r\n", 10_000)); err == nil; {
				_, err = one.Write(piece)
			}
			one.SetLinger(0)
			one.Close()
			for _, c := range h.proxy.connections() {
				for range goneTicks + 1 {
					c.tick()
				}
			}
			h.idle()
			if _, err := io.Copy(io.Discard, other); err == nil || errors.Is(err, io.EOF) {
				t.Error("the other end was closed in peace, want a reset")
			}
			if n := strings.Count(h.log.String(), `"end":"`+who+`"`); n != 1 {
				t.Errorf("the log says %s", h.log)
			}
		})
	}
}

// TestWhoeverTakesSomethingOfAnEndThatIsGoneIsWaitedFor, from one write to the next.
func TestWhoeverTakesSomethingOfAnEndThatIsGoneIsWaitedFor(t *testing.T) {
	client, server := net.Pipe()
	c := &conn{proxy: &Proxy{}, client: client, server: server, ending: ending{deaf: theClient}}
	c.proxy.cfg.Now, c.proxy.cfg.Live = time.Now, journal.NewLive(true, nil)
	for range 3 {
		c.writingUp.begin()
		for range goneTicks {
			c.lookForGone() // the first takes note of the write
		}
		if c.ending.brokenOff {
			t.Fatal("the server takes what there is, and is given up")
		}
		c.writingUp.end()
		c.lookForGone()
	}
	c.writingUp.begin()
	for range goneTicks {
		c.lookForGone()
	}
	if c.lookForGone(); !c.ending.brokenOff {
		t.Error("the server takes nothing, and is not given up")
	}
}

// TestAClientOfHTTPThatBreaksOffUnread: the gateway does not take what it sends, or
// it has sent the next request already. What it has asked for ends all the same.
func TestAClientOfHTTPThatBreaksOffUnread(t *testing.T) {
	const poll = "POST /gateway/gateway.dll?" + open + " HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nPNG\r\n"
	const huge = "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000000\r\n\r\n"
	for name, request := range map[string]string{"the next request": poll, "a large one": huge} {
		t.Run(name, func(t *testing.T) {
			gateway := listen(t)
			h := start(t, func(cfg *Config) { cfg.HTTPListen, cfg.HTTPUpstream = "127.0.0.1:0", gateway.Addr().String() })
			c, _ := rawHTTP(t, h, request)
			client := c.(*net.TCPConn)
			server, err := gateway.Accept()
			if err != nil {
				t.Fatal(err)
			}
			defer server.Close()
			server.SetDeadline(time.Now().Add(patience))
			asked := bufio.NewReader(server)
			if _, err := http.ReadRequest(asked); err != nil {
				t.Fatal(err)
			}
			if request == poll {
				expect(t, asked, "PNG\r\n")
				send(t, client, poll)
			}
			client.SetWriteDeadline(time.Now().Add(300 * time.Millisecond))
			for piece := make([]byte, 50_000); err == nil && request == huge; {
				_, err = client.Write(piece)
			}
			client.SetLinger(0)
			client.Close()
			await(t, "the client is gone", func() bool { return h.proxy.http.count() == 0 })
			if _, err := io.Copy(io.Discard, server); errors.Is(err, os.ErrDeadlineExceeded) {
				t.Error("the gateway is not told")
			}
		})
	}
}
