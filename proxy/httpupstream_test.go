package proxy

import (
	"fmt"
	"io"
	"net/http"
	"strings"
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
			for range 2 {
				_, r := rawHTTP(t, h, one.request)
				resp, err := http.ReadResponse(r, nil)
				if err != nil {
					t.Fatal(err)
				}
				if got, err := io.ReadAll(resp.Body); err == nil || string(got) != one.got {
					t.Errorf("the client got %q, %v; want %q and no end", got, err, one.got)
				}
			}
			h.stop()
			if n := strings.Count(h.log.String(), "was cut off"); n != 2 {
				t.Errorf("of two answers, the log says so %d times: %s", n, h.log)
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
