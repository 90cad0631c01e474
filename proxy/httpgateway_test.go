package proxy

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"msnproxy/decode"
	"msnproxy/internal/sim/peers"
)

// httpEvening has two clients that can use HTTP only spend an evening through a
// proxy. The gateway takes sessions with addresses of its servers, and no
// others.
func httpEvening(t *testing.T, dialects [2]decode.Dialect, chunked bool, change func(*Config)) (records []*decode.Record, capture []byte) {
	t.Helper()
	server, err := peers.NewServer(peers.ServerConfig{})
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	g, err := peers.NewGateway(server)
	if err != nil {
		t.Fatal(err)
	}
	g.Chunked = chunked
	defer g.Close()
	h, file := startTapped(t, func(cfg *Config) {
		cfg.Upstream = server.Addr(decode.DS)
		cfg.HTTPListen, cfg.HTTPUpstream = "127.0.0.1:0", g.Addr()
		if change != nil {
			change(cfg)
		}
	})
	ctx, cancel := context.WithTimeout(context.Background(), longPatience)
	defer cancel()
	dialer := &peers.GatewayDialer{Addr: h.proxy.HTTPAddr().String()}
	play := &peers.Play{Server: h.proxy.Addr().String(), Dialects: dialects, Dial: dialer.Dial}
	if err := play.Run(ctx); err != nil {
		t.Errorf("the evening ended early: %v", err)
	}
	wantAllTold(t, h, play)
	for _, host := range dialer.Seen() {
		if host != h.proxy.HTTPAddr().String() {
			t.Errorf("a client was told that the gateway is %s", host)
		}
	}
	for _, err := range append(server.Errors(), g.Errors()...) {
		t.Errorf("the server noticed: %v", err)
	}
	h.stop()
	if opened := countKind(h.recorder.records, decode.KindOpen); opened != g.Sessions() {
		t.Errorf("%d connections were recorded, %d sessions were opened", opened, g.Sessions())
	}
	return h.recorder.records, file.Bytes()
}

func TestAnEveningOverHTTPThroughTheProxy(t *testing.T) {
	for _, pair := range pairs {
		for _, chunked := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s and %s, chunked %t", pair[0], pair[1], chunked), func(t *testing.T) {
				records, capture := httpEvening(t, pair, chunked, nil)
				wantParity(t, records, capture)
				for _, r := range records {
					if r.Kind == decode.KindOpaque || r.Note(decode.NoteIssue) != nil {
						t.Errorf("%s %d %s: %s", r.Conn, r.Seq, r.Line, r.Note(decode.NoteIssue).Text)
					}
					if r.Kind == decode.KindOpen && r.Carrier.Conn == "" {
						t.Errorf("%s is carried by nothing", r.Conn)
					}
				}
				if n := countKind(records, decode.KindCommand); n < 100 {
					t.Errorf("only %d commands were recorded", n)
				}
			})
		}
	}
}

func TestAnEveningOverHTTPAndOnePort(t *testing.T) {
	records, capture := httpEvening(t, [2]decode.Dialect{8, 18}, false, func(cfg *Config) { cfg.SinglePort = true })
	wantParity(t, records, capture)
}

// TestNobodyIsAskedAnythingOverHTTP: there is no way to a client but the answers
// to what it asks.
func TestNobodyIsAskedAnythingOverHTTP(t *testing.T) {
	records, _ := httpEvening(t, [2]decode.Dialect{8, 18}, false, func(cfg *Config) { cfg.InjectChallenge = time.Millisecond })
	for _, r := range records {
		if r.Injected {
			t.Errorf("%s %d: the proxy says %s", r.Conn, r.Seq, r.Line)
		}
	}
}

// TestACaptureOfTheClientsSide shows what the client received.
func TestACaptureOfTheClientsSideOverHTTP(t *testing.T) {
	records, capture := httpEvening(t, [2]decode.Dialect{8, 18}, false, func(cfg *Config) { cfg.CaptureClientSide = true })
	live, offline := 0, 0
	for _, r := range records {
		if r.Kind == decode.KindCommand {
			live++
		}
	}
	for _, r := range decoded(t, capture) {
		if r.Kind == decode.KindCommand {
			offline++
		}
	}
	if live != offline {
		t.Errorf("%d commands, %d in the capture", live, offline)
	}
}

// webHarness is a proxy in front of a web server.
func webHarness(t *testing.T, serve http.HandlerFunc, change func(*Config)) (*harness, *bytes.Buffer, *httptest.Server) {
	t.Helper()
	web := httptest.NewServer(serve)
	t.Cleanup(web.Close)
	h, capture := startTapped(t, func(cfg *Config) {
		cfg.HTTPListen, cfg.HTTPUpstream = "127.0.0.1:0", web.Listener.Addr().String()
		if change != nil {
			change(cfg)
		}
	})
	return h, capture, web
}

// rawHTTP sends a request as it is and returns the connection, and a reader of
// what comes back.
func rawHTTP(t *testing.T, h *harness, request string) (net.Conn, *bufio.Reader) {
	t.Helper()
	c, err := net.Dial("tcp", h.proxy.HTTPAddr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	c.SetDeadline(time.Now().Add(patience))
	send(t, c, request)
	return c, bufio.NewReader(c)
}

func TestOtherHTTPIsRelayedAsItIs(t *testing.T) {
	var got []string
	h, capture, _ := webHarness(t, func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		got = append(got, fmt.Sprint(r.Method, " ", r.RequestURI, " ", r.Host, " ", string(body), " ", r.Header))
		switch r.URL.Path {
		case "/rdr/pprdr.asp":
			w.Header()["PassportURLs"] = []string{"DALogin=login.live.com/login2.srf"}
		case "/login2.srf":
			w.Header().Set("Authentication-Info", "Passport1.4 da-status=success,from-PP='t=ticket&p=profile'")
		}
		w.Header()["Date"] = nil
		io.WriteString(w, "hello")
	}, nil)
	_, r := rawHTTP(t, h, "GET /page?a=1;b=2 HTTP/1.1\r\nHost: www.example.com\r\nX-One: 1\r\n\r\n"+
		"GET http://nexus.passport.com/rdr/pprdr.asp HTTP/1.1\r\nHost: nexus.passport.com\r\n\r\n"+
		"GET /login2.srf HTTP/1.1\r\nHost: login.live.com\r\nAuthorization: Passport1.4 OrgVerb=GET,sign-in=alice%40example.com,pwd=secret,lc=1033\r\n\r\n"+
		"POST /post HTTP/1.1\r\nHost: www.example.com\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n3\r\nabc\r\n0\r\n\r\n")
	all, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	want := []string{
		"GET /page?a=1;b=2 www.example.com  map[X-One:[1]]", "GET /rdr/pprdr.asp nexus.passport.com  map[]",
		"GET /login2.srf login.live.com  map[Authorization:[Passport1.4 OrgVerb=GET,sign-in=alice%40example.com,pwd=secret,lc=1033]]",
		"POST /post www.example.com abc map[]",
	}
	if !slices.Equal(got, want) {
		t.Errorf("the server got\n%q, want\n%q", got, want)
	}
	if n := strings.Count(string(all), "hello"); n != 4 || !strings.Contains(string(all), "\r\nPassportURLs: DALogin") {
		t.Errorf("the client got %q", all)
	}
	h.stop()
	records := h.recorder.records
	if len(records) != 2 || records[0].HTTP.Action != "nexus" || records[1].HTTP.Payload.Text("ticket") != "t=ticket&p=profile" {
		t.Fatalf("%d records: %+v", len(records), records)
	}
	wantHTTPParity(t, records, decoded(t, capture.Bytes()))
}

// TestTheActionOfACallIsTold: its header goes on to the server with other capitals
// than net/http knows it by.
func TestTheActionOfACallIsTold(t *testing.T) {
	h, capture, _ := webHarness(t, func(http.ResponseWriter, *http.Request) {}, nil)
	_, r := rawHTTP(t, h, "POST /abservice/abservice.asmx HTTP/1.1\r\nHost: x\r\nSOAPAction: \"http://www.msn.com/webservices/AddressBook/ABFindAll\"\r\n"+
		"Content-Length: 4\r\nConnection: close\r\n\r\n<a/>")
	readAnswer(t, r)
	h.stop()
	records := h.recorder.records
	if len(records) != 1 || records[0].HTTP.Action != "ABFindAll" {
		t.Fatalf("%d records: %+v", len(records), records)
	}
	wantHTTPParity(t, records, decoded(t, capture.Bytes()))
}

// TestAnAnswerAfterOneThatIsNotPassedOn is to its own request in the capture too.
func TestAnAnswerAfterOneThatIsNotPassedOn(t *testing.T) {
	h, capture, _ := webHarness(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/RST.srf" {
			c, _, _ := w.(http.Hijacker).Hijack()
			io.WriteString(c, "HTTP/1.1 099 X\r\nContent-Length: 0\r\n\r\n")
			c.Close()
		}
	}, nil)
	c, r := rawHTTP(t, h, "POST /RST.srf HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\n<a/>")
	if resp, _ := readAnswer(t, r); resp.StatusCode != http.StatusBadGateway {
		t.Errorf("the client got %s", resp.Status)
	}
	send(t, c, "POST /RST2.srf HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\nConnection: close\r\n\r\n<a/>")
	readAnswer(t, r)
	h.stop()
	records := h.recorder.records
	if len(records) != 2 || records[0].HTTP.Status != 0 || records[1].HTTP.Status != http.StatusOK {
		t.Fatalf("%d records: %+v", len(records), records)
	}
	wantHTTPParity(t, records, decoded(t, capture.Bytes()))
}

// TestASessionWhoseOpeningGetsNoAnswer is told as its capture tells it.
func TestASessionWhoseOpeningGetsNoAnswer(t *testing.T) {
	for name, serverCloses := range map[string]bool{"the server closes": true, "the client closes": false} {
		t.Run(name, func(t *testing.T) {
			asked := make(chan struct{})
			h, capture, _ := webHarness(t, func(_ http.ResponseWriter, r *http.Request) {
				io.Copy(io.Discard, r.Body)
				asked <- struct{}{}
				if !serverCloses {
					<-r.Context().Done()
				}
				panic(http.ErrAbortHandler)
			}, nil)
			c, r := rawHTTP(t, h, "POST /gateway/gateway.dll?"+open+" HTTP/1.1\r\nHost: x\r\nContent-Length: 18\r\n\r\nVER 1 MSNP8 CVR0\r\n")
			<-asked
			reason := "client closed"
			if serverCloses {
				reason = "server closed"
				if _, err := r.ReadByte(); err != io.EOF {
					t.Errorf("the client sees %v, not the end", err)
				}
			}
			c.Close()
			h.stop()
			records := h.recorder.records
			if len(records) != 3 || string(records[1].Line) != "VER 1 MSNP8 CVR0" || records[2].Reason != reason {
				t.Errorf("told %+v", records)
			}
			wantParity(t, records, capture.Bytes())
		})
	}
}

// TestAnAnswerThatIsCutShort reaches the client as it is: one that looks whole
// would have the client wait for what never comes.
func TestAnAnswerThatIsCutShort(t *testing.T) {
	for name, length := range map[string]string{"with a length": "Content-Length: 20\r\n\r\n", "in chunks": "Transfer-Encoding: chunked\r\n\r\n10\r\n"} {
		t.Run(name, func(t *testing.T) {
			h, capture, _ := webHarness(t, func(w http.ResponseWriter, r *http.Request) {
				const head = "HTTP/1.1 200 OK\r\nX-MSN-Messenger: SessionID=7.1; GW-IP=127.0.0.1\r\n"
				io.Copy(io.Discard, r.Body)
				c, _, _ := w.(http.Hijacker).Hijack()
				defer c.Close()
				if r.URL.Query().Get("Action") == "open" {
					io.WriteString(c, head+length+"VER 1 MSNP8\r\nCVR")
				} else {
					io.WriteString(c, head+"Content-Length: 4\r\n\r\n 2\r\n")
				}
			}, nil)
			_, r := rawHTTP(t, h, "POST /gateway/gateway.dll?"+open+" HTTP/1.1\r\nHost: x\r\nContent-Length: 18\r\n\r\nVER 1 MSNP8 CVR0\r\n")
			resp, err := http.ReadResponse(r, nil)
			if err != nil {
				t.Fatal(err)
			}
			if body, err := io.ReadAll(resp.Body); string(body) != "VER 1 MSNP8\r\nCVR" || err != io.ErrUnexpectedEOF {
				t.Errorf("the client got %q, then %v", body, err)
			}
			askGateway(t, h, "SessionID=7.1")
			h.stop()
			wantParity(t, h.recorder.records, capture.Bytes())
			if bytes.Contains(capture.Bytes(), []byte("\x000\r\n\x00")) { // in a packet of its own
				t.Error("the capture has the last chunk, which never came")
			}
		})
	}
}

func wantHTTPParity(t *testing.T, live, offline []*decode.Record) {
	t.Helper()
	show := func(records []*decode.Record) (lines []string) {
		for _, r := range records {
			x := *r.HTTP
			x.Latency, x.Payload = 0, nil
			lines = append(lines, fmt.Sprint(r.Conn, r.Seq, r.Kind, r.Client, r.ServerAddr, x, *r.HTTP.Payload, r.Notes))
		}
		return lines
	}
	if l, o := show(live), show(offline); !slices.Equal(l, o) {
		t.Errorf("live\n%s\noffline\n%s", strings.Join(l, "\n"), strings.Join(o, "\n"))
	}
}

func TestALongPollAndAStreamAreNotHeldBack(t *testing.T) {
	goOn := make(chan struct{})
	h, _, _ := webHarness(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Query().Get("Action") == "poll" {
			<-goOn
			w.Header()["X-MSN-Messenger"] = []string{"SessionID=7.2; GW-IP=127.0.0.1"}
			w.Header().Set("Content-Type", "application/x-msn-messenger")
			io.WriteString(w, "CHL 0 1\r\n")
			return
		}
		w.Header()["X-MSN-Messenger"] = []string{"SessionID=7.1; GW-IP=127.0.0.1"}
		w.WriteHeader(200)
		io.WriteString(w, "VER 1 MSNP8\r\nCVR 2 1")
		w.(http.Flusher).Flush()
		<-goOn
		io.WriteString(w, " 2\r\n")
	}, nil)
	c, r := rawHTTP(t, h, "POST /gateway/gateway.dll?Action=open&Server=NS&IP=messenger.example.com HTTP/1.1\r\nHost: x\r\nContent-Length: 18\r\n\r\nVER 1 MSNP8 CVR0\r\n")
	resp, err := http.ReadResponse(r, nil)
	if err != nil {
		t.Fatal(err)
	}
	expect(t, resp.Body, "VER 1 MSNP8\r\nCVR 2 1") // while the server has not ended
	goOn <- struct{}{}
	expect(t, resp.Body, " 2\r\n")
	io.Copy(io.Discard, resp.Body)
	send(t, c, "POST /gateway/gateway.dll?Action=poll&SessionID=7.1 HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n")
	time.Sleep(20 * time.Millisecond)
	close(goOn)
	if resp, err = http.ReadResponse(r, nil); err != nil {
		t.Fatal(err)
	}
	expect(t, resp.Body, "CHL 0 1\r\n")
}

func TestReferralsInAnswersOfTheGateway(t *testing.T) {
	for name, header := range map[string]string{"with a length": "", "compressed": "gzip", "HTTP/1.0": "old"} {
		t.Run(name, func(t *testing.T) {
			h, capture, web := webHarness(t, func(w http.ResponseWriter, r *http.Request) {
				body := "XFR 3 NS 127.0.0.1:5555 0 127.0.0.1:6666\r\nXFR 0 NS 127.0.0.1:" + strings.Split(r.Host, ":")[1] + " G D\r\n"
				w.Header()["X-MSN-Messenger"] = []string{"SessionID=7.1; GW-IP=127.0.0.1"}
				switch header {
				case "gzip":
					w.Header().Set("Content-Encoding", "gzip")
					body = zipped(body)
				case "old":
					c, _, _ := w.(http.Hijacker).Hijack()
					io.WriteString(c, "HTTP/1.0 200 OK\r\nX-MSN-Messenger: SessionID=7.1; GW-IP=127.0.0.1\r\n\r\n"+body)
					c.Close()
					return
				}
				io.WriteString(w, body)
			}, nil)
			port := web.Listener.Addr().(*net.TCPAddr).Port
			_, r := rawHTTP(t, h, fmt.Sprintf("POST /gateway/gateway.dll?Action=open&Server=NS&IP=127.0.0.1 HTTP/1.1\r\nHost: gw:%d\r\nConnection: close\r\nContent-Length: 18\r\n\r\nVER 1 MSNP8 CVR0\r\n", port))
			_, body := readAnswer(t, r)
			if strings.Contains(string(body), ":5555 ") || strings.Contains(string(body), ":6666\r") || !strings.HasSuffix(string(body), "XFR 0 NS "+h.proxy.HTTPAddr().String()+" G D\r\n") {
				t.Errorf("the client was told %q", body)
			}
			h.stop()
			wantParity(t, h.recorder.records, capture.Bytes())
		})
	}
}

func zipped(text string) string {
	var out bytes.Buffer
	z := gzip.NewWriter(&out)
	io.WriteString(z, text)
	z.Close()
	return out.String()
}

func TestTheServerBehindTheProxyIsNamedToTheGateway(t *testing.T) {
	asked := make(chan string, 10)
	serve := func(w http.ResponseWriter, r *http.Request) {
		asked <- r.URL.Query().Get("IP")
		w.Header()["X-MSN-Messenger"] = []string{"SessionID=7.1; GW-IP=127.0.0.1"}
		io.WriteString(w, "XFR 3 SB 10.1.2.3:1864 CKI cookie1\r\n")
	}
	h, _, _ := webHarness(t, serve, func(cfg *Config) { cfg.Upstream = "messenger.example.com" })
	ask := func(server, ip, body string) {
		_, r := rawHTTP(t, h, fmt.Sprintf("POST /gateway/gateway.dll?Action=open&Server=%s&IP=%s HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n%s", server, ip, len(body), body))
		if _, err := http.ReadResponse(r, nil); err != nil {
			t.Fatal(err)
		}
	}
	for _, s := range []struct{ server, ip, body, want string }{
		{"NS", "10.9.9.9", "VER 1 MSNP8 CVR0\r\n", "10.9.9.9"},                        // not the proxy
		{"NS", "127.0.0.1", "VER 1 MSNP8 CVR0\r\n", "messenger.example.com"},          // the proxy, as it was set up
		{"SB", "127.0.0.1", "USR 1 a@example.com cookie1\r\n", "10.1.2.3"},            // where the cookie is from
		{"SB", "127.0.0.1", "USR 1 a@example.com unknown\r\n", "127.0.0.1"},           // nobody knows
		{"SB", h.proxy.Addr().String(), "ANS 1 a@b.c cookie1 7\r\n", "10.1.2.3:1864"}, // again referred, and with a port
	} {
		ask(s.server, s.ip, s.body)
		if got := <-asked; got != s.want {
			t.Errorf("%s with %s and %q: the gateway was told %s, want %s", s.server, s.ip, s.body, got, s.want)
		}
	}
}

func TestATunnelIsRefused(t *testing.T) {
	h, _, _ := webHarness(t, func(http.ResponseWriter, *http.Request) {}, nil)
	_, r := rawHTTP(t, h, "CONNECT 127.0.0.1:22 HTTP/1.1\r\nHost: 127.0.0.1:22\r\n\r\n")
	if resp, err := http.ReadResponse(r, nil); err != nil || resp.StatusCode != http.StatusNotImplemented {
		t.Errorf("%v, %v", resp, err)
	}
}

func TestAGatewayThatCannotBeReached(t *testing.T) {
	h, _, web := webHarness(t, func(http.ResponseWriter, *http.Request) {}, nil)
	web.Close()
	_, r := rawHTTP(t, h, "GET / HTTP/1.1\r\nHost: x\r\n\r\n")
	if resp, err := http.ReadResponse(r, nil); err != nil || resp.StatusCode != http.StatusBadGateway {
		t.Errorf("%v, %v", resp, err)
	}
	h.stop()
	if !strings.Contains(h.log.String(), "came to nothing") {
		t.Errorf("the log says %s", h.log)
	}
}

func (h *harness) ask(host, query, body string) {
	h.t.Helper()
	_, r := rawHTTP(h.t, h, fmt.Sprintf("POST /gateway/gateway.dll?%s HTTP/1.1\r\nHost: %s\r\nContent-Length: %d\r\n\r\n%s", query, host, len(body), body))
	if resp, err := http.ReadResponse(r, nil); err != nil || resp.StatusCode != http.StatusOK {
		h.t.Fatalf("%v, %v", resp, err)
	}
}

const open = "Action=open&Server=NS&IP=10.9.9.9"

// askGateway asks the gateway something, on a connection of its own.
func askGateway(t *testing.T, h *harness, query string) (*http.Response, []byte) {
	t.Helper()
	_, r := rawHTTP(t, h, "POST /gateway/gateway.dll?"+query+" HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
	return readAnswer(t, r)
}

// readAnswer reads one answer, whole.
func readAnswer(t *testing.T, r *bufio.Reader) (*http.Response, []byte) {
	t.Helper()
	resp, err := http.ReadResponse(r, nil)
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp, body
}

// TestWhatIsHeldBackComesWithTheNextAnswer, or with the last one.
func TestWhatIsHeldBackComesWithTheNextAnswer(t *testing.T) {
	answers := []string{"VER 1 MSNP8\r\nXFR 2 NS 10.1.2.3", ":1863 0 10.1.2.3:1863\r\nXFR 3 NS", ""}
	n := 0
	h, _, _ := webHarness(t, func(w http.ResponseWriter, r *http.Request) {
		about := "SessionID=7.1; GW-IP=127.0.0.1"
		if n == 2 {
			about += "; Session=close"
		}
		w.Header()["X-MSN-Messenger"] = []string{about}
		io.WriteString(w, answers[n])
		n++
	}, nil)
	var got []string
	for _, query := range []string{open, "Action=poll&SessionID=7.1", "Action=poll&SessionID=7.1"} {
		_, body := askGateway(t, h, query)
		got = append(got, string(body))
	}
	if got[0] != "VER 1 MSNP8\r\n" || !strings.HasPrefix(got[1], "XFR 2 NS 127.0.0.1:") || strings.Contains(got[1], "10.1.2.3") || got[2] != "XFR 3 NS" {
		t.Errorf("the client got %q", got)
	}
}

// TestWhatIsHeldBackOfASessionThatMadeRoomComesWithItsAnswer: other sessions
// came while the server was about to answer.
func TestWhatIsHeldBackOfASessionThatMadeRoomComesWithItsAnswer(t *testing.T) {
	asked, goOn := make(chan struct{}), make(chan struct{})
	h, _, _ := webHarness(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header()["X-MSN-Messenger"] = []string{"SessionID=7.1; GW-IP=127.0.0.1"}
		if r.URL.Query().Get("Action") == "open" {
			io.WriteString(w, "VER 1 MSNP8\r\nXFR 2 NS 10.1.2.3")
			return
		}
		asked <- struct{}{}
		<-goOn
		io.WriteString(w, ":1863 0 10.1.2.3:1863\r\n")
	}, nil)
	askGateway(t, h, open)
	go func() {
		<-asked
		h.proxy.http.find("7").close("idle")
		close(goOn)
	}()
	if _, body := askGateway(t, h, "Action=poll&SessionID=7.1"); string(body) != "XFR 2 NS 10.1.2.3:1863 0 10.1.2.3:1863\r\n" {
		t.Errorf("the client got %q", body)
	}
}

// TestSessionsBeginWhileConnectionsAreToldTheTime: the race detector sees whether
// they are made before others look at them.
func TestSessionsBeginWhileConnectionsAreToldTheTime(t *testing.T) {
	h, _, _ := webHarness(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header()["X-MSN-Messenger"] = []string{"SessionID=7.1; GW-IP=127.0.0.1"}
	}, nil)
	ended, told := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(told)
		for {
			select {
			case <-ended:
				return
			default:
			}
			for _, c := range h.proxy.connections() {
				c.tick()
			}
		}
	}()
	for range 100 {
		h.ask("x", open, "VER 1 MSNP8 CVR0\r\n")
	}
	close(ended)
	<-told
}
