package proxy

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// TestAReferralByNameIsAsGoodAsWhoMadeIt: a name stands for any address. A
// server in the same network may refer to one inside it; that opens the
// listener to nobody whom a server on a public address refers there.
func TestAReferralByNameIsAsGoodAsWhoMadeIt(t *testing.T) {
	private, public := netip.MustParseAddr("10.0.0.5"), netip.MustParseAddr("203.0.113.5")
	local, guest := netip.MustParseAddr("127.0.0.1"), netip.MustParseAddr("127.0.0.2")
	h := start(t, nil)
	r := h.proxy.referrals
	l, err := r.forServer("inside.example.com:1863", private, local, true)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := r.forServer("inside.example.com:1863", public, guest, true); err != nil {
		t.Fatal(err)
	}
	for client, ok := range map[netip.Addr]bool{local: true, guest: false} {
		from, entered := r.enter(l, client)
		if err := h.proxy.allowFrom(from)(&net.TCPAddr{IP: net.IPv4(10, 1, 2, 3)}); !entered || (err == nil) != ok {
			t.Errorf("%s: %v, want allowed %t", client, err, ok)
		}
	}
}

// TestWhereNobodyCanConnectToNobodyIsSent: no listener is opened for it, and the
// client is told what the server said.
func TestWhereNobodyCanConnectToNobodyIsSent(t *testing.T) {
	const least, most = "127.0.0.1:1", "127.0.0.1:65535"
	never := []string{
		"a\xff.example:1863", "münchen.example:1863", "a/b:1863", "127.0.0.1:0", "127.0.0.1:65536", "127.0.0.1:99999", "127.0.0.1:-1", "127.0.0.1:+5", "127.0.0.1:", "127.0.0.1:http",
		":1863", "[]:1863", "127.0.0.1:1863:5", "127.0.0.1:1863:",
	}
	h := start(t, nil)
	client, server := h.connect()
	for _, form := range []string{"XFR 3 NS %s 0\r\n", "XFR 3 SB %s CKI 1.2\r\n", "RNG 3 %s CKI 1.2 a@b.c Al\r\n"} {
		for _, address := range never {
			line := fmt.Sprintf(form, address)
			send(t, server, line)
			expect(t, client, line)
		}
	}
	if n := strings.Count(h.log.String(), "goes through unchanged"); n != 3*len(never) {
		t.Errorf("%d lines of the log say so, want %d", n, 3*len(never))
	}
	if n := h.listeners(); n != 0 {
		t.Errorf("%d listeners are open", n)
	}
	for _, address := range []string{least, most} {
		send(t, server, "XFR 3 NS "+address+" 0\r\n")
		expect(t, client, "XFR 3 NS ")
		if told := readWord(t, client); told == address {
			t.Errorf("the client was told %s", told)
		}
		expect(t, client, "0\r\n")
	}
	for _, address := range never {
		targets := targets{g: &httpGateway{proxy: &Proxy{}}}
		if err := targets.name(withPort(address, defaultHTTPPort), server.LocalAddr()); err == nil {
			t.Errorf("a gateway may be at %s", address)
		}
	}
}

func TestAListenerRemembersSoManyClientsAndNoMore(t *testing.T) {
	h := start(t, nil)
	r := h.proxy.referrals
	client := func(n int) netip.Addr { return netip.AddrFrom4([4]byte{10, 0, byte(n >> 8), byte(n)}) }
	var l *referralListener
	for n := range maxReferred + 1 {
		var err error
		if l, err = r.forServer("10.0.0.5:1863", netip.Addr{}, client(n), true); err != nil {
			t.Fatal(err)
		}
		if n == maxReferred-1 {
			if _, ok := r.enter(l, client(0)); !ok {
				t.Error("one that may be remembered is not")
			}
		}
	}
	if _, ok := r.enter(l, client(0)); ok || len(l.clients) != maxReferred {
		t.Errorf("%d clients are remembered", len(l.clients))
	}
	if _, ok := r.enter(l, client(maxReferred)); !ok {
		t.Error("the newest is not remembered")
	}
}

func TestRoutesOfOnePortAreBounded(t *testing.T) {
	var r routes
	busy, other := netip.MustParseAddr("127.0.0.1"), netip.MustParseAddr("127.0.0.2")
	now := time.Now()
	r.referred(route{client: other, cookie: "cookie", at: now})
	r.referred(route{client: other, at: now})
	for n := range 2 * maxRoutes {
		r.referred(route{client: busy, cookie: fmt.Sprint("cookie", n), at: now})
	}
	if len(r.by) != maxRoutes || r.order.Len() != maxRoutes || r.of[busy] != maxRoutes-2 {
		t.Errorf("%d are remembered, %d in order, %d of one client", len(r.by), r.order.Len(), r.of[busy])
	}
	for _, one := range []struct {
		client netip.Addr
		cookie string
		want   bool
	}{
		{busy, "cookie0", false},
		{busy, fmt.Sprint("cookie", maxRoutes+1), false},
		{busy, fmt.Sprint("cookie", maxRoutes+2), true},
		{busy, fmt.Sprint("cookie", 2*maxRoutes-1), true},
		{other, "cookie", true},
		{other, "", true},
		{other, "", false}, // it counts once
	} {
		if _, ok := r.take(one.client, one.cookie, now); ok != one.want {
			t.Errorf("%s %q: got %t, want %t", one.client, one.cookie, ok, one.want)
		}
	}
}

func TestRoutesThatAreOverAreForgotten(t *testing.T) {
	var r routes
	client := netip.MustParseAddr("127.0.0.1")
	now := time.Now()
	for n := range 5 {
		r.referred(route{client: client, cookie: fmt.Sprint("cookie", n), at: now})
	}
	r.take(client, "cookie3", now)
	later := now.Add(routeLife + 1)
	if _, ok := r.take(client, "cookie1", later); ok {
		t.Error("a route is taken that is over")
	}
	r.referred(route{client: client, at: later})
	if len(r.by) != 1 || r.order.Len() != 1 || r.of[client] != 1 {
		t.Errorf("%d are remembered, %d in order, %d of the client", len(r.by), r.order.Len(), r.of[client])
	}
}

// TestWhatIsNotPermittedIsNotEvenConnectedTo: a connection that is closed again
// at once would still tell who listens.
func TestWhatIsNotPermittedIsNotEvenConnectedTo(t *testing.T) {
	h := start(t, nil)
	inside := listen(t)
	public := netip.MustParseAddr("203.0.113.5")
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	_, port, _ := net.SplitHostPort(inside.Addr().String())
	for _, name := range []string{"127.0.0.1", "localhost", "[::ffff:127.0.0.1]", "0.0.0.0"} {
		if c, err := h.proxy.dialWith(ctx, name+":"+port, h.proxy.allowFrom(public)); err == nil {
			c.Close()
			t.Errorf("%s was reached", name)
		} else if name == "127.0.0.1" && !strings.Contains(err.Error(), "not public") {
			t.Errorf("%v does not say why", err)
		}
	}
	inside.(*net.TCPListener).SetDeadline(time.Now().Add(50 * time.Millisecond))
	if c, err := inside.Accept(); err == nil {
		c.Close()
		t.Error("somebody inside was connected to")
	}
}

func TestAddressesThatHoldOthersAreNotPublic(t *testing.T) {
	for address, public := range map[string]bool{
		"203.0.113.5": true, "2001:db8::1": true, "8.8.8.8": true, "2600::1": true,
		"::ffff:127.0.0.1": false, "::127.0.0.1": false, "::ffff:0:7f00:1": false, "64:ff9b::7f00:1": false, "2002:7f00:1::": false,
		"2001:0:7f00:1::1": false, "fe80::1%lo": false, "fec0::1": false, "ff02::1": false, "224.0.0.1": false, "255.255.255.255": false, "0.1.2.3": false, "::": false,
	} {
		a := netip.MustParseAddr(address)
		if got := isPublic(a.Unmap()); got != public {
			t.Errorf("%s is public: %t", address, got)
		}
	}
}

// TestAnUpstreamThatIsTheProxyByAnotherAddressIsNotALoop: all of 127/8 is this
// machine, and it connects from 127.0.0.1.
func TestAnUpstreamThatIsTheProxyByAnotherAddressIsNotALoop(t *testing.T) {
	port := freePort(t)
	h := start(t, func(cfg *Config) {
		cfg.Listen, cfg.Upstream = fmt.Sprintf("0.0.0.0:%d", port), fmt.Sprintf("127.0.0.2:%d", port)
	})
	wantTheEnd(t, fmt.Sprintf("127.0.0.1:%d", port))
	h.stop()
	if !strings.Contains(h.log.String(), "this is the proxy itself") || h.proxy.number != 1 {
		t.Errorf("%d connections; the log says %.500s", h.proxy.number, h.log)
	}
}

// TestAServerOnAnotherAddressOfThisMachineIsNoLoop: it may have the port that
// the proxy has on its own address.
func TestAServerOnAnotherAddressOfThisMachineIsNoLoop(t *testing.T) {
	port := freePort(t)
	server, err := net.Listen("tcp", fmt.Sprintf("127.0.0.2:%d", port))
	if err != nil {
		t.Skipf("127.0.0.2 cannot be had here: %v", err)
	}
	defer server.Close()
	h := start(t, func(cfg *Config) {
		cfg.Listen, cfg.Upstream = fmt.Sprintf("127.0.0.1:%d", port), server.Addr().String()
	})
	client, end := h.connectTo(h.proxy.Addr().String(), server)
	send(t, client, "PNG\r\n")
	expect(t, end, "PNG\r\n")
}

// TestConnectionsAreBounded fills the table of connections, and connects once
// more.
func TestConnectionsAreBounded(t *testing.T) {
	h := start(t, nil)
	h.proxy.mu.Lock()
	for range maxConnections - 1 {
		c := &conn{}
		c.greeted.Store(true)
		h.proxy.conns[c] = struct{}{}
	}
	h.proxy.mu.Unlock()
	client, server := h.connect() // the last one that fits
	send(t, client, "PNG\r\n")
	expect(t, server, "PNG\r\n")
	one, err := net.Dial("tcp", h.proxy.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer one.Close()
	one.SetDeadline(time.Now().Add(patience))
	if _, err := one.Read(make([]byte, 1)); !errors.Is(err, io.EOF) {
		t.Errorf("one more client got %v, want the end", err)
	}
	if !strings.Contains(h.log.String(), "too many connections; a client was turned away") {
		t.Errorf("the log does not say why: %s", h.log)
	}
	h.proxy.mu.Lock()
	defer h.proxy.mu.Unlock()
	for c := range h.proxy.conns {
		if c.client == nil {
			delete(h.proxy.conns, c)
		}
	}
}

// TestAClientThatSaysNothingMakesRoomForOneThatDoes: whoever connects and keeps
// silent could else keep all others out.
func TestAClientThatSaysNothingMakesRoomForOneThatDoes(t *testing.T) {
	var clock atomic.Int64
	h := start(t, func(cfg *Config) { cfg.Now = func() time.Time { return time.Unix(1e9, clock.Add(1)) } })
	talking, _ := h.connect()
	send(t, talking, "VER 1 MSNP8 CVR0\r\n")
	first, server := h.connect()
	second, _ := h.connect()
	for _, c := range h.proxy.connections() {
		for c.id == "c1" && !c.greeted.Load() {
			time.Sleep(time.Millisecond)
		}
	}
	if h.proxy.makeRoom() {
		t.Error("a client that has just come was turned out")
	}
	clock.Add(int64(firstLineTime) + 1)
	if !h.proxy.makeRoom() {
		t.Fatal("there is no room")
	}
	for _, end := range []io.Reader{first, server} {
		if _, err := end.Read(make([]byte, 1)); err == nil {
			t.Error("the one that has been silent longest goes on")
		}
	}
	send(t, second, "PNG\r\n")
	if !strings.Contains(h.log.String(), "has said nothing") {
		t.Errorf("the log does not say why: %s", h.log)
	}
	h.stop()
	wantReasons(t, h, "silent, and there were too many connections", 1)
}

// TestAClientThatSaysAByteNowAndThenMakesRoomToo, and one that says a line, or as much
// as one, does not.
func TestAClientThatSaysAByteNowAndThenMakesRoomToo(t *testing.T) {
	var clock atomic.Int64
	h := start(t, func(cfg *Config) { cfg.Now = func() time.Time { return time.Unix(1e9, clock.Load()) } })
	for said, silent := range map[string]bool{
		"V": true, "VER 1 MSNP8": true, strings.Repeat("x", maxGreeting-1): true,
		"VER 1 MSNP8\r\n": false, "\n": false, strings.Repeat("x", maxGreeting): false,
	} {
		client, server := h.connect()
		for _, part := range []string{said[:1], said[1:]} {
			send(t, client, part)
			expect(t, server, part)
		}
		h.proxy.backlog.clear()
		clock.Add(int64(firstLineTime) + 1)
		if made := h.proxy.makeRoom(); made != silent {
			t.Errorf("who has said %.20q makes room: %t", said, made)
		}
		client.Close()
		server.Close()
		h.idle()
	}
}

// TestADescriptorForTheServerIsMadeRoomFor: the client has taken the last one.
func TestADescriptorForTheServerIsMadeRoomFor(t *testing.T) {
	var clock, lacking atomic.Int64
	h := start(t, func(cfg *Config) {
		cfg.Now = func() time.Time { return time.Unix(1e9, clock.Load()) }
		cfg.Dial = func(ctx context.Context, network, address string) (net.Conn, error) {
			if lacking.Add(-1) >= 0 {
				return nil, &net.OpError{Op: "dial", Err: os.NewSyscallError("socket", syscall.EMFILE)}
			}
			return (&net.Dialer{}).DialContext(ctx, network, address)
		}
	})
	silent := [2]*net.TCPConn{}
	for i := range silent {
		silent[i], _ = h.connect()
	}
	clock.Add(int64(firstLineTime) + 1)
	lacking.Store(2)
	client, server := h.connect()
	send(t, client, "PNG\r\n")
	expect(t, server, "PNG\r\n")
	for _, c := range silent {
		if _, err := c.Read(make([]byte, 1)); err == nil {
			t.Error("one that has said nothing goes on")
		}
	}
	lacking.Store(1)
	wantTheEnd(t, h.proxy.Addr().String()) // there is nobody left
}

func TestClientsThatHaveSpokenMakeNoRoom(t *testing.T) {
	h := start(t, nil)
	client, server := h.connect()
	send(t, client, "PNG\r\n")
	expect(t, server, "PNG\r\n")
	if h.proxy.makeRoom() {
		t.Error("a client that talks was turned out")
	}
	send(t, client, "PNG\r\n")
	expect(t, server, "PNG\r\n")
}
