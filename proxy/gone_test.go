package proxy

import (
	"errors"
	"io"
	"net"
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
			client, server := h.connect()
			one, other := client, server
			if who == "server" {
				one, other = server, client
			}
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
	for end := time.Now().Add(patience); c.lastToSayAll() != theServer; time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("the end does not arrive")
		}
	}
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
			client, server := h.connect()
			one, other := client, server
			if who == "server" {
				one, other = server, client
			}
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
