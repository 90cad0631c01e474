package proxy

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// TestAnAnswerThatIsCutOffIsSoForTheClient, wherever that is and whatever it is:
// who takes half of an answer for all of it loses the rest without knowing.
func TestAnAnswerThatIsCutOffIsSoForTheClient(t *testing.T) {
	const about, page = "X-MSN-Messenger: SessionID=7.1; GW-IP=127.0.0.1\r\n", "GET /page HTTP/1.1\r\nHost: x\r\n\r\n"
	gateway := "POST /gateway/gateway.dll?" + open + " HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n"
	packed := zipped("VER 1 MSNP8\r\n")
	for _, one := range []struct{ name, request, answer, got string }{
		{"with a length", gateway, about + "Content-Length: 20\r\n\r\nVER 1 MSNP8\r\nQN", "VER 1 MSNP8\r\nQN"},
		{"before an address is known", gateway, about + "Content-Length: 60\r\n\r\nVER 1 MSNP8\r\nXFR 2 NS 10.", "VER 1 MSNP8\r\n"},
		{"in pieces", gateway, about + "Transfer-Encoding: chunked\r\n\r\n5\r\nVER 1\r\n9\r\n MS", "VER 1 MS"},
		{"compressed", gateway, about + fmt.Sprintf("Content-Encoding: gzip\r\nContent-Length: %d\r\n\r\n%s", len(packed), packed[:12]), packed[:12]},
		{"a page", page, "Content-Length: 20\r\n\r\nhello", "hello"},
		{"a page in pieces", page, "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n", "hello"},
	} {
		t.Run(one.name, func(t *testing.T) {
			h, capture, _ := webHarness(t, func(w http.ResponseWriter, r *http.Request) {
				c, _, _ := w.(http.Hijacker).Hijack()
				io.WriteString(c, "HTTP/1.1 200 OK\r\n"+one.answer)
				c.Close()
			}, nil)
			_, r := rawHTTP(t, h, one.request)
			resp, err := http.ReadResponse(r, nil)
			if err != nil {
				t.Fatal(err)
			}
			if got, err := io.ReadAll(resp.Body); err == nil || string(got) != one.got {
				t.Errorf("the client got %q, %v; want %q and no end", got, err, one.got)
			}
			h.stop()
			if n := strings.Count(h.log.String(), "was cut off"); n != 1 {
				t.Errorf("the log says so %d times: %s", n, h.log)
			}
			if !strings.Contains(one.answer, "gzip") { // half of that is not decoded live
				wantParity(t, h.recorder.records, capture.Bytes())
			}
		})
	}
}

// TestAGatewayThatTakesNothingIsGivenUp, however long its client would wait: that
// he leaves shows to nobody as long as there is more of him to pass on.
func TestAGatewayThatTakesNothingIsGivenUp(t *testing.T) {
	const long = time.Second
	times := httpTimes{header: 9 * long, body: 9 * long, idle: time.Hour, write: long}
	body := strings.Repeat("x", 100_000)
	for name, head := range map[string]string{
		"a page": "POST / HTTP/1.1\r\n", "a gateway": "POST /gateway/gateway.dll?SessionID=7.1 HTTP/1.1\r\n",
	} {
		t.Run(name, func(t *testing.T) {
			inOwnTime(t, times, func(w http.ResponseWriter, r *http.Request) { time.Sleep(5 * long) }, func(h httpInOwnTime) {
				began := time.Now()
				_, r := h.say(fmt.Sprintf("%sHost: x\r\nContent-Length: %d\r\n\r\n%s", head, len(body), body))
				if resp, err := http.ReadResponse(r, nil); err != nil || resp.StatusCode != http.StatusBadGateway {
					h.Fatalf("%v, %v", resp, err)
				}
				if took := time.Since(began); took != long {
					h.Errorf("it took %v, want %v", took, long)
				}
				time.Sleep(5 * long) // the gateway comes to its end
			})
		})
	}
}

// TestAServerThatAnswersNothingEndsTheConnectionOfItsClient, be it for the first
// request or for a later one on a connection that the server has had enough of.
func TestAServerThatAnswersNothingEndsTheConnectionOfItsClient(t *testing.T) {
	const answer = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"
	gateway := "POST /gateway/gateway.dll?" + open + " HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nPNG\r\n"
	page := "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello"
	for name, request := range map[string]string{"a gateway": gateway, "a page": page} {
		for answers := range int64(2) {
			t.Run(fmt.Sprint(name, ", after ", answers), func(t *testing.T) {
				server := listen(t)
				defer server.Close()
				h := start(t, func(cfg *Config) { cfg.HTTPListen, cfg.HTTPUpstream = "127.0.0.1:0", server.Addr().String() })
				go answerSome(server, answers, answer)
				client, r := rawHTTP(t, h, request)
				for range answers {
					expect(t, r, answer)
					send(t, client, request)
				}
				if got, err := io.ReadAll(r); len(got) > 0 || errors.Is(err, os.ErrDeadlineExceeded) {
					t.Errorf("the client got %q, %v; want the end", got, err)
				}
				h.stop()
				if n := strings.Count(h.log.String(), "came to nothing"); n != 1 {
					t.Errorf("the log says %s", h.log)
				}
			})
		}
	}
}

// answerSome answers so many requests, and ends the connection of the next. Whether
// that is another connection is up to the proxy.
func answerSome(l net.Listener, answers int64, answer string) {
	var left atomic.Int64
	left.Store(answers)
	for c, err := l.Accept(); err == nil; c, err = l.Accept() {
		go func() {
			defer c.Close()
			from := bufio.NewReader(c)
			for r, err := http.ReadRequest(from); err == nil; r, err = http.ReadRequest(from) {
				io.Copy(io.Discard, r.Body)
				if left.Add(-1) < 0 {
					return
				}
				io.WriteString(c, answer)
			}
		}()
	}
}
