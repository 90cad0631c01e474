package proxy

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// TestClientsOfHTTPAreBounded fills the table of clients, and connects once more.
func TestClientsOfHTTPAreBounded(t *testing.T) {
	h, _, _ := webHarness(t, func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "hello") }, nil)
	g := h.proxy.http
	g.mu.Lock()
	for n := range maxConnections - 1 {
		g.clients[endpoint{local: &net.TCPAddr{Port: n}}] = nil
	}
	g.mu.Unlock()
	c, r := rawHTTP(t, h, "GET / HTTP/1.1\r\nHost: x\r\n\r\n") // the last that fits
	if resp, err := http.ReadResponse(r, nil); err != nil || resp.StatusCode != http.StatusOK {
		t.Fatalf("%v, %v", resp, err)
	}
	_, r = rawHTTP(t, h, "GET / HTTP/1.1\r\nHost: x\r\n\r\n")
	if _, err := http.ReadResponse(r, nil); err == nil {
		t.Error("one more is served")
	}
	if !strings.Contains(h.log.String(), "too many connections for HTTP") {
		t.Errorf("the log does not say why: %s", h.log)
	}
	c.Close()
}

// TestAClientOfHTTPThatAsksNothingMakesRoom: one that has never asked anything,
// and one that has long been idle, but none that waits for its answer.
func TestAClientOfHTTPThatAsksNothingMakesRoom(t *testing.T) {
	var clock atomic.Int64
	asked, goOn := make(chan string, 1), make(chan struct{})
	h, _, _ := webHarness(t, func(w http.ResponseWriter, r *http.Request) {
		asked <- r.URL.Path
		if r.URL.Path == "/poll" {
			<-goOn
		}
		io.WriteString(w, "hello")
	}, func(cfg *Config) { cfg.Now = func() time.Time { return time.Unix(1e9, clock.Add(1)) } })
	g := h.proxy.http
	_, polling := rawHTTP(t, h, "GET /poll HTTP/1.1\r\nHost: x\r\n\r\n")
	<-asked
	idle, r := rawHTTP(t, h, "GET / HTTP/1.1\r\nHost: x\r\n\r\n")
	if _, err := http.ReadResponse(r, nil); err != nil {
		t.Fatal(err)
	}
	awaitClients(t, g, 2, 1)
	silent, _ := rawHTTP(t, h, "GET / HT")
	awaitClients(t, g, 3, 2)
	if g.makeRoom() {
		t.Error("a client that has just come was turned out")
	}
	clock.Add(int64(firstLineTime) + 1)
	for _, c := range []net.Conn{idle, silent} {
		if !g.makeRoom() {
			t.Fatal("there is no room")
		}
		if _, err := io.Copy(io.Discard, c); err != nil && !errors.Is(err, syscall.ECONNRESET) { // of what was not read yet
			t.Errorf("the one that asks nothing goes on: %v", err)
		}
	}
	if g.makeRoom() {
		t.Error("one that waits for its answer was turned out")
	}
	close(goOn)
	if resp, err := http.ReadResponse(polling, nil); err != nil || resp.StatusCode != http.StatusOK {
		t.Errorf("%v, %v", resp, err)
	}
	if n := strings.Count(h.log.String(), "makes room for others"); n != 2 {
		t.Errorf("the log says %s", h.log)
	}
}

// TestSilentClientsOfHTTPKeepNobodyOut fills the table of clients, or takes all
// descriptors.
func TestSilentClientsOfHTTPKeepNobodyOut(t *testing.T) {
	for _, descriptors := range []bool{false, true} {
		t.Run(fmt.Sprint("no descriptors ", descriptors), func(t *testing.T) {
			var clock atomic.Int64
			h, _, _ := webHarness(t, func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "hello") }, func(cfg *Config) {
				cfg.Now = func() time.Time { return time.Unix(1e9, clock.Load()) }
			})
			silent, _ := rawHTTP(t, h, "")
			awaitClients(t, h.proxy.http, 1, 1)
			clock.Add(int64(firstLineTime) + 1)
			if descriptors {
				again := &roomyListener{Listener: &exhausted{Listener: listen(t), fails: 2}, proxy: h.proxy}
				client, err := net.Dial("tcp", again.Addr().String())
				if err != nil {
					t.Fatal(err)
				}
				defer client.Close()
				accepted, err := again.Accept()
				if err != nil {
					t.Fatal(err)
				}
				defer accepted.Close()
			} else {
				g := h.proxy.http
				g.mu.Lock()
				for n := range maxConnections - 1 {
					g.clients[endpoint{local: &net.TCPAddr{Port: n}}] = nil
				}
				g.mu.Unlock()
				_, r := rawHTTP(t, h, "GET / HTTP/1.1\r\nHost: x\r\n\r\n")
				if resp, err := http.ReadResponse(r, nil); err != nil || resp.StatusCode != http.StatusOK {
					t.Errorf("%v, %v", resp, err)
				}
			}
			if _, err := io.Copy(io.Discard, silent); err != nil {
				t.Errorf("the silent one goes on: %v", err)
			}
		})
	}
}

// awaitClients waits until so many clients are there, some of which ask nothing.
func awaitClients(t *testing.T, g *httpGateway, n, quiet int) {
	t.Helper()
	for end := time.Now().Add(patience); g.count() != n || g.quietOnes() != quiet; time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("%d clients, %d of which ask nothing", g.count(), g.quietOnes())
		}
	}
}

// count is how many clients there are.
func (g *httpGateway) count() int {
	g.mu.Lock()
	defer g.mu.Unlock()
	return len(g.clients)
}

func (g *httpGateway) quietOnes() (n int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, c := range g.clients {
		if !c.quiet.IsZero() {
			n++
		}
	}
	return n
}
