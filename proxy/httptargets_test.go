package proxy

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

// gatewayAt is a gateway on another address of this machine. It counts what it
// is asked, and names a gateway for the next requests.
func gatewayAt(t *testing.T, address, next string, body func() string) (g *httptest.Server, asked chan *http.Request) {
	t.Helper()
	l, err := net.Listen("tcp", address)
	if err != nil {
		t.Skipf("%s cannot be had here: %v", address, err)
	}
	asked = make(chan *http.Request, 10)
	g = httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked <- r
		w.Header()["X-MSN-Messenger"] = []string{"SessionID=7.1; GW-IP=" + next}
		io.WriteString(w, body())
	}))
	g.Listener.Close()
	g.Listener = l
	g.Start()
	t.Cleanup(g.Close)
	return g, asked
}

func nothing() string { return "" }

func wantAsked(t *testing.T, asked chan *http.Request, host, query string) {
	t.Helper()
	select {
	case r := <-asked:
		if r.Host != host || r.URL.RawQuery != query {
			t.Errorf("the gateway was asked %s of %s, want %s of %s", r.URL.RawQuery, r.Host, query, host)
		}
	case <-time.After(patience):
		t.Error("the gateway was not asked")
	}
}

func TestASessionGoesOnAtTheGatewayThatIsNamed(t *testing.T) {
	second, askedSecond := gatewayAt(t, "127.0.0.2:0", "", nothing)
	first, askedFirst := gatewayAt(t, "127.0.0.1:0", second.Listener.Addr().String(), nothing)
	h, _, _ := webHarness(t, nil, func(cfg *Config) { cfg.HTTPUpstream = first.Listener.Addr().String() })
	h.ask("gateway.example.com", open, "VER 1 MSNP8 CVR0\r\n")
	wantAsked(t, askedFirst, "gateway.example.com", open)
	h.ask(h.proxy.HTTPAddr().String(), "SessionID=7.1", "PNG\r\n")
	wantAsked(t, askedSecond, second.Listener.Addr().String(), "SessionID=7.1")
	h.ask("gateway.example.com", open, "VER 1 MSNP8 CVR0\r\n") // another session begins at the first one
	wantAsked(t, askedFirst, "gateway.example.com", open)
}

func TestASessionStaysWhereTheNamedGatewayCannotBeReached(t *testing.T) {
	g, asked := gatewayAt(t, "127.0.0.1:0", refusingServer(t, "127.0.0.3"), nothing)
	h, _, _ := webHarness(t, nil, func(cfg *Config) { cfg.HTTPUpstream = g.Listener.Addr().String() })
	h.ask("x", open, "VER 1 MSNP8 CVR0\r\n")
	wantAsked(t, asked, "x", open)
	for range 2 {
		h.ask("x", "SessionID=7.1", "PNG\r\n")
		wantAsked(t, asked, "x", "SessionID=7.1")
	}
	if n := strings.Count(h.log.String(), "cannot be reached"); n != 1 {
		t.Errorf("it was tried %d times: %s", n, h.log)
	}
}

func TestAReferralToAGatewayIsFollowed(t *testing.T) {
	second, askedSecond := gatewayAt(t, "127.0.0.2:0", "", nothing)
	body := "XFR 0 NS " + second.Listener.Addr().String() + " G D\r\n"
	first, askedFirst := gatewayAt(t, "127.0.0.1:0", "", func() string { return body })
	h, _, _ := webHarness(t, nil, func(cfg *Config) { cfg.HTTPUpstream = first.Listener.Addr().String() })
	h.ask("x", open, "VER 1 MSNP21 CVR0\r\n")
	wantAsked(t, askedFirst, "x", open)
	h.ask(h.proxy.HTTPAddr().String(), open, "VER 1 MSNP21 CVR0\r\n")
	wantAsked(t, askedSecond, second.Listener.Addr().String(), open)
}

func TestAGatewayOfTLSIsLeftAlone(t *testing.T) {
	g, _ := gatewayAt(t, "127.0.0.1:0", "", func() string { return "XFR 0 NS x.gateway.example.com:443 G D\r\n" })
	h, _, _ := webHarness(t, nil, func(cfg *Config) { cfg.HTTPUpstream = g.Listener.Addr().String() })
	h.ask("x", open, "VER 1 MSNP21 CVR0\r\n")
	if !strings.Contains(h.log.String(), "speaks TLS") {
		t.Errorf("the log says %s", h.log)
	}
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

// TestTheStrictestOfThoseWhoNameAGatewayCounts, because a name stands for any address.
func TestTheStrictestOfThoseWhoNameAGatewayCounts(t *testing.T) {
	private, public := &net.TCPAddr{IP: net.IPv4(10, 0, 0, 5)}, &net.TCPAddr{IP: net.IPv4(203, 0, 113, 5)}
	for _, order := range [][]net.Addr{{private, public}, {public, private}} {
		targets := targets{g: &httpGateway{proxy: &Proxy{}}}
		for _, from := range order {
			if err := targets.name("inside.example.com:80", from); err != nil {
				t.Fatal(err)
			}
		}
		if from := targets.by["inside.example.com:80"].from; !isPublic(from) {
			t.Errorf("named by %v: what counts is %s", order, from)
		}
	}
}

func TestGatewaysThatAreNamedAreBounded(t *testing.T) {
	targets := targets{g: &httpGateway{proxy: &Proxy{}}}
	for n := range maxTargets + 1 {
		if n == maxTargets && len(targets.by) != maxTargets {
			t.Errorf("%d are remembered, want %d", len(targets.by), maxTargets)
		}
		if err := targets.name(fmt.Sprintf("10.0.%d.%d:80", n>>8, n&0xff), &net.TCPAddr{IP: net.IPv4(10, 0, 0, 5)}); err != nil {
			t.Fatal(err)
		}
	}
	if len(targets.by) > maxTargets || len(targets.by) == 0 {
		t.Errorf("%d are remembered", len(targets.by))
	}
}

// By whom a gateway was named decides where its name may lead to: without that, the
// name must lead nowhere.
func TestAGatewayThatIsForgottenWhileItIsDialledStaysForgotten(t *testing.T) {
	g := &targets{g: &httpGateway{proxy: &Proxy{cfg: Config{Now: time.Now}}}}
	from := &net.TCPAddr{IP: net.IPv4(203, 0, 113, 1)}
	g.name("gateway.example.com:80", from)
	for n := range maxTargets { // others take its place
		g.name(fmt.Sprintf("gateway%d.example.com:80", n), from)
	}
	g.fail("gateway.example.com:80")
	if one, ok := g.by["gateway.example.com:80"]; ok {
		t.Errorf("it is known, as one that was named by %v", one.from)
	}
}
