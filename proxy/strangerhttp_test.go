package proxy

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
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
	for end := time.Now().Add(patience); h.proxy.http.count() == 0; time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("the client did not come")
		}
	}
	for end := time.Now().Add(patience); h.proxy.http.count() > 0; time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("the client is still there")
		}
	}
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

// TestAGatewayThatIsNamedIsForTheClientOfTheSession: who knows its id and comes
// from elsewhere gets to the upstream gateway, like anybody.
func TestAGatewayThatIsNamedIsForTheClientOfTheSession(t *testing.T) {
	second, askedSecond := gatewayAt(t, "127.0.0.2:0", "", nothing)
	first, askedFirst := gatewayAt(t, "127.0.0.1:0", second.Listener.Addr().String(), nothing)
	h, _, _ := webHarness(t, nil, func(cfg *Config) { cfg.HTTPUpstream = first.Listener.Addr().String() })
	h.ask("x", open, "VER 1 MSNP8 CVR0\r\n")
	wantAsked(t, askedFirst, "x", open)
	stranger, err := (&net.Dialer{LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 0, 0, 3)}}).Dial("tcp", h.proxy.HTTPAddr().String())
	if err != nil {
		t.Skipf("this machine cannot connect from 127.0.0.3: %v", err)
	}
	defer stranger.Close()
	send(t, stranger, "POST /gateway/gateway.dll?SessionID=7.1 HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nPNG\r\n")
	wantAsked(t, askedFirst, "x", "SessionID=7.1")
	h.ask("x", "SessionID=7.1", "PNG\r\n")
	wantAsked(t, askedSecond, "x", "SessionID=7.1")
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
	fits := zipped("VER 1 MSNP8\r\n" + strings.Repeat("x", 1<<20-13))
	over := zipped("VER 1 MSNP8\r\n" + strings.Repeat("x", 1<<20-12))
	for name, tt := range map[string]struct {
		body  string
		plain bool
	}{"as large as may be": {fits, true}, "one byte more": {over, false}, "cut off": {fits[:len(fits)-9], false}, "not compressed at all": {"VER 1 MSNP8\r\n", false}} {
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
		if _, err := io.Copy(io.Discard, c); err != nil {
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

// awaitClients waits until so many clients are there, some of which ask nothing.
func awaitClients(t *testing.T, g *httpGateway, n, quiet int) {
	t.Helper()
	for end := time.Now().Add(patience); g.count() != n || g.quietOnes() != quiet; time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("%d clients, %d of which ask nothing", g.count(), g.quietOnes())
		}
	}
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

// deadlines is the answer to a request, and counts the deadlines that are set for
// reading it.
type deadlines struct {
	http.ResponseWriter
	set int
}

func (d *deadlines) SetReadDeadline(time.Time) error { d.set++; return nil }

// A server may answer before it has read the request, and the client may have asked
// the next thing, or nothing, when the relay gets to the end of the first: what time
// net/http gives the client then stands.
func TestABodyThatIsReadBehindItsAnswerLeavesTheTimeOfTheClientAlone(t *testing.T) {
	connection := &deadlines{}
	body := &timedBody{ReadCloser: io.NopCloser(strings.NewReader("late")), control: http.NewResponseController(connection), time: time.Second}
	body.Read(make([]byte, 1))
	if connection.set == 0 {
		t.Error("a body need not come in time")
	}
	if body.leave() {
		t.Error("a body has ended before it was read")
	}
	before := connection.set
	if rest, err := io.ReadAll(body); string(rest) != "ate" || err != nil || connection.set != before {
		t.Errorf("%q, %v; the time changed %d times", rest, err, connection.set-before)
	}
}
