package proxy

import (
	"bufio"
	"context"
	"io"
	"net"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rs/zerolog"

	"msnproxy/internal/journal"
)

// Tests of how long somebody may take have a time of their own (testing/synctest),
// in which the machine takes none. It stands still while anybody waits for a
// socket, so all ends are pipes.

// httpInOwnTime is a proxy for HTTP, in front of a web server.
type httpInOwnTime struct {
	*testing.T
	proxy   *Proxy
	clients *pipes
}

// inOwnTime runs a test of how long clients of HTTP may take.
func inOwnTime(t *testing.T, times httpTimes, serve http.HandlerFunc, test func(h httpInOwnTime)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		web := newPipes()
		server := &http.Server{Handler: serve}
		go server.Serve(web)
		live := journal.NewLive(false, nil, journal.Output{Name: "test", Sink: counted{}})
		h := httpInOwnTime{t, startOnPipes(t, Config{
			HTTPUpstream: "upstream.example.com", Live: live, Log: zerolog.Nop(), httpTimes: times,
			Dial: func(context.Context, string, string) (net.Conn, error) { return publicAddr{web.connect()}, nil },
		}), newPipes()}
		h.proxy.http.listener = h.clients
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error)
		go func() { ended <- h.proxy.Run(ctx) }()
		test(h)
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
		server.Close()
		live.Close()
	})
}

// startOnPipes makes a proxy that listens on no socket.
func startOnPipes(t *testing.T, cfg Config) *Proxy {
	t.Helper()
	cfg.Upstream, cfg.Listen, cfg.HTTPListen = "upstream.example.com", "127.0.0.1:0", "127.0.0.1:0"
	p, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	p.Close()
	p.main, p.referrals = newPipes(), newReferrals(p)
	return p
}

// say connects and sends a request as it is. It returns the connection, and a
// reader of what comes back.
func (h httpInOwnTime) say(request string) (net.Conn, *bufio.Reader) {
	h.Helper()
	c := h.clients.connect()
	h.Cleanup(func() { c.Close() })
	go io.WriteString(c, request) // the proxy may be gone before it has read it
	return c, bufio.NewReader(c)
}

// TestHTTPClientsThatTakeTheirTimeAreTurnedOut: with a header, with a body, and
// between two requests.
func TestHTTPClientsThatTakeTheirTimeAreTurnedOut(t *testing.T) {
	const long = time.Second
	answer := func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/early" {
			return
		}
		io.Copy(io.Discard, r.Body)
		io.WriteString(w, "hello")
	}
	for name, request := range map[string]string{
		"says nothing":                       "",
		"comes back no more":                 "GET /early HTTP/1.1\r\nHost: x\r\n\r\n",
		"sends a header by and by":           "GET / HTTP/1.1\r\nHost: x\r\nX-A: ",
		"sends a body to a gateway":          "POST /gateway/gateway.dll?" + open + " HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\nVER",
		"sends a body to somebody":           "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\nhello",
		"is answered before it has ended":    "POST /early HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\nhello",
		"expects what nobody knows":          "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nExpect: 5\r\n\r\n0\r\n",
		"sends a chunk, and not the last":    "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n",
		"sends a chunk of MSNP, and no more": "POST /gateway/gateway.dll?SessionID=7.1 HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nPNG\r\n\r\n",
	} {
		t.Run(name, func(t *testing.T) {
			inOwnTime(t, httpTimes{header: long, body: long, idle: long, write: long}, answer, func(h httpInOwnTime) {
				_, r := h.say(request)
				go io.Copy(io.Discard, r)
				time.Sleep(4 * long) // header, body, answer and pause, each by itself
				synctest.Wait()
				if n := h.proxy.http.count(); n != 0 {
					h.Errorf("the client that %s is still there", name)
				}
			})
		})
	}
}

// TestAPollMayTakeLongerThanAnythingElse: who waits for news is not slow.
func TestAPollMayTakeLongerThanAnythingElse(t *testing.T) {
	const long = time.Second
	inOwnTime(t, httpTimes{header: long, body: long, idle: time.Hour, write: long}, func(w http.ResponseWriter, r *http.Request) {
		io.Copy(io.Discard, r.Body)
		time.Sleep(5 * long)
		w.Header()["X-MSN-Messenger"] = []string{"SessionID=7.1; GW-IP=127.0.0.1"}
		io.WriteString(w, "CHL 0 1\r\n")
	}, func(h httpInOwnTime) {
		c, r := h.say("")
		for range 2 {
			send(h.T, c, "POST /gateway/gateway.dll?SessionID=7.1 HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nPNG\r\n")
			resp, err := http.ReadResponse(r, nil)
			if err != nil {
				h.Fatal(err)
			}
			expect(h.T, resp.Body, "CHL 0 1\r\n")
			io.Copy(io.Discard, resp.Body)
		}
	})
}

// TestAnAnswerMayTakeLongerThanAnythingElse: whoever takes what comes is not
// slow either.
func TestAnAnswerMayTakeLongerThanAnythingElse(t *testing.T) {
	const long = time.Second
	for _, request := range []string{"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", "POST / HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 2\r\n\r\nhi"} {
		inOwnTime(t, httpTimes{header: long, body: long, idle: time.Hour, write: 2 * long}, func(w http.ResponseWriter, r *http.Request) {
			for range 6 {
				io.WriteString(w, "piece")
				w.(http.Flusher).Flush()
				time.Sleep(long)
			}
		}, func(h httpInOwnTime) {
			_, r := h.say(request)
			resp, err := http.ReadResponse(r, nil)
			if err != nil {
				h.Fatal(err)
			}
			if body, err := io.ReadAll(resp.Body); err != nil || len(body) != 30 {
				h.Errorf("%.4s: %d bytes, %v", request, len(body), err)
			}
		})
	}
}

// TestABodyMayTakeItsTimeAsLongAsItComes: what goes to the gateway is small.
func TestABodyMayTakeItsTimeAsLongAsItComes(t *testing.T) {
	const pieces, long = "8 pieces", time.Second
	for target, ok := range map[string]bool{"/": true, "/gateway/gateway.dll?" + open: false} {
		inOwnTime(t, httpTimes{header: long, body: long, idle: time.Hour, write: time.Hour}, func(w http.ResponseWriter, r *http.Request) {
			io.Copy(w, r.Body)
		}, func(h httpInOwnTime) {
			c, r := h.say("POST " + target + " HTTP/1.1\r\nHost: x\r\nContent-Length: 8\r\n\r\n")
			answered := make(chan bool)
			go func() {
				resp, err := http.ReadResponse(r, nil)
				answered <- err == nil && resp.StatusCode == http.StatusOK
			}()
			for i := range pieces {
				time.Sleep(long * 3 / 4)
				io.WriteString(c, pieces[i:i+1]) // the proxy may be gone
			}
			if got := <-answered; got != ok {
				h.Errorf("%s: answered %t, want %t", target, got, ok)
			}
		})
	}
}
