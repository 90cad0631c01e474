package proxy

import (
	"fmt"
	"io"
	"math/rand"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"
)

// TestAnHTTPClientThatDoesNotTakeWhatItHasAskedIsTurnedOut.
func TestAnHTTPClientThatDoesNotTakeWhatItHasAskedIsTurnedOut(t *testing.T) {
	const short = 100 * time.Millisecond
	page := strings.Repeat("x", 64<<10)
	h, _, _ := webHarness(t, func(w http.ResponseWriter, r *http.Request) {
		for range 1 << 8 {
			io.WriteString(w, page)
		}
	}, func(cfg *Config) {
		cfg.httpTimes = httpTimes{header: patience, body: patience, idle: patience, write: short}
	})
	c, _ := rawHTTP(t, h, "")
	c.(*net.TCPConn).SetReadBuffer(4 << 10)
	send(t, c, "GET / HTTP/1.1\r\nHost: x\r\n\r\n")
	await(t, "the client has come", func() bool { return h.proxy.http.count() > 0 })
	await(t, "the client is gone", func() bool { return h.proxy.http.count() == 0 })
}

// TestNothingThatAClientNamesIsConnectedTo tries every place of a request in
// which an address may stand.
func TestNothingThatAClientNamesIsConnectedTo(t *testing.T) {
	inside := listen(t)
	go func() {
		for {
			c, err := inside.Accept()
			if err != nil {
				return
			}
			t.Errorf("somebody inside was connected to")
			c.Close()
		}
	}()
	in := inside.Addr().String()
	h, _, _ := webHarness(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Location", "http://"+in+"/")
		w.Header().Set("X-MSN-Host", in)
		w.WriteHeader(http.StatusFound)
	}, nil)
	body := "VER 1 MSNP8 CVR0\r\n"
	for _, request := range []string{
		"GET http://" + in + "/ HTTP/1.1\r\nHost: " + in + "\r\n",
		"GET / HTTP/1.1\r\nHost: " + in + "\r\n",
		"CONNECT " + in + " HTTP/1.1\r\nHost: " + in + "\r\n",
		"POST http://" + in + "/gateway/gateway.dll?" + open + " HTTP/1.1\r\nHost: " + in + "\r\n",
		"POST /gateway/gateway.dll?Action=open&Server=NS&IP=" + in + " HTTP/1.1\r\nHost: x\r\n",
		"POST /gateway/gateway.dll?Action=open&Server=SB&IP=" + in + " HTTP/1.1\r\nHost: " + in + "\r\nX-MSN-Host: " + in + "\r\n",
		"POST /gateway/gateway.dll?SessionID=7.1 HTTP/1.1\r\nHost: x\r\nX-MSN-Host: " + in + "\r\nX-MSN-Messenger: SessionID=7.1; GW-IP=" + in + "\r\n",
		"GET / HTTP/1.1\r\nHost: x\r\nX-Forwarded-Host: " + in + "\r\nForwarded: host=" + in + "\r\nVia: " + in + "\r\n",
		"OPTIONS * HTTP/1.1\r\nHost: " + in + "\r\n", "GET //" + in + "/ HTTP/1.1\r\nHost: x\r\n", "GET \\\\" + in + "/ HTTP/1.1\r\nHost: x\r\n",
		"GET http://x@" + in + "/ HTTP/1.1\r\nHost: x\r\n", "GET file://" + in + "/ HTTP/1.1\r\nHost: x\r\n", "GET @" + in + "/ HTTP/1.1\r\nHost: x\r\n",
	} {
		_, r := rawHTTP(t, h, fmt.Sprintf("%sContent-Length: %d\r\nConnection: close\r\n\r\n%s", request, len(body), body))
		if resp, err := http.ReadResponse(r, nil); err == nil {
			io.Copy(io.Discard, resp.Body)
		}
	}
	h.stop()
}

// TestNoProtocolIsSwitchedTo: what comes behind would be a tunnel, which nobody
// ends.
func TestNoProtocolIsSwitchedTo(t *testing.T) {
	upgrades := make(chan string, 1)
	h, _, _ := webHarness(t, func(w http.ResponseWriter, r *http.Request) {
		upgrades <- r.Header.Get("Upgrade") + r.Header.Get("Connection")
		c, _, _ := w.(http.Hijacker).Hijack()
		defer c.Close()
		io.WriteString(c, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n")
		io.Copy(io.Discard, c)
	}, nil)
	_, r := rawHTTP(t, h, "GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n")
	if got := <-upgrades; got != "" {
		t.Errorf("the server was asked for %q", got)
	}
	if resp, err := http.ReadResponse(r, nil); err != nil || resp.StatusCode != http.StatusBadGateway {
		t.Errorf("%v, %v", resp, err)
	}
	ended := make(chan struct{})
	go func() { h.stop(); close(ended) }()
	select {
	case <-ended:
	case <-time.After(patience):
		t.Fatal("the proxy does not end")
	}
}

// TestACompressedBodyThatIsTooLargeGoesOnAsItIs and so does one that cannot be
// unpacked: the client may know better.
func TestACompressedBodyThatIsTooLargeGoesOnAsItIs(t *testing.T) {
	rng := rand.New(rand.NewSource(1))
	letters := make([]byte, 1<<20) // which do not become a fiftieth
	for i := range letters {
		letters[i] = 'a' + byte(rng.Intn(26))
	}
	fits := zipped("VER 1 MSNP8\r\n" + string(letters[13:]))
	over := zipped("VER 1 MSNP8\r\n" + string(letters[12:]))
	bomb := zipped("VER 1 MSNP8\r\n" + strings.Repeat("x", 1<<19))
	for name, tt := range map[string]struct {
		body  string
		plain bool
	}{"as large as may be": {fits, true}, "one byte more": {over, false}, "a bomb": {bomb, false}, "cut off": {fits[:len(fits)-9], false}, "not compressed at all": {"VER 1 MSNP8\r\n", false}} {
		t.Run(name, func(t *testing.T) {
			h, _, _ := webHarness(t, func(w http.ResponseWriter, r *http.Request) {
				w.Header()["X-MSN-Messenger"] = []string{"SessionID=7.1; GW-IP=127.0.0.1"}
				w.Header().Set("Content-Encoding", "gzip")
				io.WriteString(w, tt.body)
			}, nil)
			resp, body := askGateway(t, h, open)
			encoding := resp.Header.Get("Content-Encoding")
			if tt.plain && (len(body) != 1<<20 || encoding != "") || !tt.plain && (string(body) != tt.body || encoding != "gzip") {
				t.Errorf("%d bytes, encoded by %q; %d were sent", len(body), encoding, len(tt.body))
			}
			if told := strings.Contains(h.log.String(), "goes on undecoded"); told == tt.plain {
				t.Errorf("the log says %s", h.log)
			}
		})
	}
}

// TestARequestHeaderIsBounded: net/http adds 4 KiB to what it is told.
func TestARequestHeaderIsBounded(t *testing.T) {
	h, _, _ := webHarness(t, func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "hello") }, nil)
	for size, status := range map[int]int{maxRequestHeader: http.StatusOK, maxRequestHeader + 8<<10: http.StatusRequestHeaderFieldsTooLarge} {
		begin, end := "GET / HTTP/1.1\r\nHost: x\r\nX-A: ", "\r\n\r\n"
		_, r := rawHTTP(t, h, begin+strings.Repeat("x", size-len(begin)-len(end))+end)
		if resp, err := http.ReadResponse(r, nil); err != nil || resp.StatusCode != status {
			t.Errorf("a header of %d bytes: %v, %v", size, resp, err)
		}
	}
}

func TestABodyForTheGatewayIsBounded(t *testing.T) {
	h, _, _ := webHarness(t, func(w http.ResponseWriter, r *http.Request) { io.Copy(io.Discard, r.Body) }, nil)
	for size, status := range map[int]int{1 << 20: http.StatusOK, 1<<20 + 1: http.StatusBadRequest} {
		c, r := rawHTTP(t, h, fmt.Sprintf("POST /gateway/gateway.dll?%s HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n", open, size))
		go io.WriteString(c, strings.Repeat("x", size))
		if resp, err := http.ReadResponse(r, nil); err != nil || resp.StatusCode != status {
			t.Errorf("a body of %d bytes: %v, %v", size, resp, err)
		}
	}
}
