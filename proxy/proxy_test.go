package proxy

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand"
	"net"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"msnproxy/decode"
	"msnproxy/internal/journal"
)

// patience is how long a test waits for what should happen at once.
const patience = 30 * time.Second

// longPatience is how long it waits for what takes its time: an evening, or a
// thousand people who sign in at once.
const longPatience = 10 * patience

// shortDrain is how long the proxy of a test waits for the ends that the test
// has left open.
const shortDrain = 100 * time.Millisecond

// recorder is a sink that keeps all records.
type recorder struct {
	mu      sync.Mutex
	records []*decode.Record
}

func (r *recorder) Record(rec *decode.Record) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.records = append(r.records, rec.Clone())
	return nil
}

func (r *recorder) Close() error { return nil }

// harness is a proxy in front of a server that the test plays itself.
type harness struct {
	t        *testing.T
	server   net.Listener
	proxy    *Proxy
	recorder *recorder
	log      *lockedBuffer
	stop     func() // ends the proxy and waits for it
}

// lockedBuffer is a log that is read while it is written.
type lockedBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}

func start(t *testing.T, change func(*Config)) *harness {
	t.Helper()
	wantNoLeak(t)
	server, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	h := &harness{t: t, server: server, recorder: &recorder{}, log: &lockedBuffer{}}
	cfg := Config{Upstream: server.Addr().String(), Listen: "127.0.0.1:0", Log: zerolog.New(h.log), drainTime: shortDrain}
	if change != nil {
		change(&cfg)
	}
	if cfg.Live == nil {
		cfg.Live = journal.NewLive(true, func(name string, err error) { t.Errorf("%s: %v", name, err) }, journal.Output{Name: "test", Sink: h.recorder})
	}
	if h.proxy, err = New(cfg); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- h.proxy.Run(ctx) }()
	h.stop = sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("the proxy ended with %v", err)
		}
		cfg.Live.Close()
	})
	t.Cleanup(func() { h.stop(); server.Close() })
	return h
}

// connect makes a connection through the proxy and returns its two ends.
func (h *harness) connect() (client, server *net.TCPConn) {
	h.t.Helper()
	return h.connectTo(h.proxy.Addr().String(), h.server)
}

// connectFrom is connect, with the end of that name ("client" or "server") first.
func (h *harness) connectFrom(first string) (one, other *net.TCPConn) {
	h.t.Helper()
	client, server := h.connect()
	if first == "server" {
		return server, client
	}
	return client, server
}

// await waits until something is so that is to become so by itself.
func await(t testing.TB, what string, isSo func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); !isSo(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("it never comes to this: %s", what)
		}
	}
}

func (h *harness) connectTo(address string, l net.Listener) (client, server *net.TCPConn) {
	h.t.Helper()
	client, server = h.pair(address, l)
	h.t.Cleanup(func() { client.Close(); server.Close() })
	return client, server
}

// pair is connectTo for who closes the ends himself.
func (h *harness) pair(address string, l net.Listener) (client, server *net.TCPConn) {
	h.t.Helper()
	c, err := net.Dial("tcp", address)
	if err != nil {
		h.t.Fatal(err)
	}
	l.(*net.TCPListener).SetDeadline(time.Now().Add(patience))
	s, err := l.Accept()
	if err != nil {
		h.t.Fatalf("the proxy did not connect to the server: %v", err)
	}
	for _, end := range []net.Conn{c, s} {
		end.SetDeadline(time.Now().Add(patience))
	}
	return c.(*net.TCPConn), s.(*net.TCPConn)
}

func send(t *testing.T, to io.Writer, text string) {
	t.Helper()
	if _, err := io.WriteString(to, text); err != nil {
		t.Fatalf("sending %q: %v", text, err)
	}
}

func expect(t *testing.T, from io.Reader, text string) {
	t.Helper()
	got := make([]byte, len(text))
	if n, err := io.ReadFull(from, got); err != nil {
		t.Fatalf("got %q, then %v; want %q", got[:n], err, text)
	}
	if string(got) != text {
		t.Fatalf("got %q, want %q", got, text)
	}
}

func TestBytesOfACommandGoOnBeforeItIsComplete(t *testing.T) {
	h := start(t, nil)
	client, server := h.connect()
	for _, part := range []string{"V", "ER 1 MSN", "P8 CVR0\r", "\nMSG 3 A 10\r\nhal", "f"} {
		send(t, client, part)
		expect(t, server, part)
	}
	for _, part := range []string{"N", "LN NLN a@b", ".c Al 0\r\nMSG a@b.c Al 30\r\nha", "lf a payload", "ZZZ"} {
		send(t, server, part)
		expect(t, client, part)
	}
}

func TestAReferralIsHeldUntilItsAddressIsKnown(t *testing.T) {
	h := start(t, nil)
	client, server := h.connect()
	go func() {
		for _, b := range []byte("QNG 5\r\nXFR 3 SB 127.0.0.1:9 CKI cook\r\nXFR 0 NS 0\r\nQNG 6\r\n") {
			server.Write([]byte{b})
		}
	}()
	expect(t, client, "QNG 5\r\nXFR 3 SB ")
	var address strings.Builder
	for b := make([]byte, 1); ; {
		if _, err := client.Read(b); err != nil {
			t.Fatal(err)
		}
		if b[0] == ' ' {
			break
		}
		address.WriteByte(b[0])
	}
	if host, _, err := net.SplitHostPort(address.String()); err != nil || host != "127.0.0.1" || address.String() == "127.0.0.1:9" {
		t.Errorf("the client was told %q", address.String())
	}
	expect(t, client, "CKI cook\r\nXFR 0 NS 0\r\nQNG 6\r\n")
}

func TestEveryLaterConnectionPassesThroughTheProxy(t *testing.T) {
	for _, single := range []bool{false, true} {
		t.Run(fmt.Sprintf("one port %t", single), func(t *testing.T) {
			h := start(t, func(cfg *Config) { cfg.SinglePort = single })
			notification, switchboard := listen(t), listen(t)
			client, server := h.follow(h.proxy.Addr().String(), h.server, "VER 1 MSNP8 CVR0\r\n")
			send(t, server, fmt.Sprintf("VER 1 MSNP8\r\nXFR 2 NS %s 0 %s\r\n", notification.Addr(), h.server.Addr()))
			expect(t, client, "VER 1 MSNP8\r\nXFR 2 NS ")
			client, server = h.follow(readWord(t, client), notification, "VER 3 MSNP8 CVR0\r\n")
			send(t, server, fmt.Sprintf("VER 3 MSNP8\r\nXFR 4 SB %s CKI cookieA\r\nRNG 7 %s CKI cookieB b@b.c Bob\r\n", switchboard.Addr(), switchboard.Addr()))
			expect(t, client, "VER 3 MSNP8\r\nXFR 4 SB ")
			called := readWord(t, client)
			expect(t, client, "CKI cookieA\r\nRNG 7 ")
			invited := readWord(t, client)
			h.follow(called, switchboard, "USR 1 a@b.c cookieA\r\n")
			h.follow(invited, switchboard, "ANS 1 a@b.c cookieB 7\r\n")
			if !single && called != invited {
				t.Errorf("one switchboard has two listeners, %s and %s", called, invited)
			}
			h.stop()
			h.wantVias("c1 { 0}", "c2 {c1 4}", "c3 {c2 4}", "c4 {c2 5}")
		})
	}
}

func listen(t *testing.T) net.Listener {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l
}

// follow connects to an address that the client was told, with a first line.
func (h *harness) follow(told string, l net.Listener, first string) (client, server *net.TCPConn) {
	h.t.Helper()
	c, err := net.Dial("tcp", told)
	if err != nil {
		h.t.Fatal(err)
	}
	send(h.t, c, first)
	l.(*net.TCPListener).SetDeadline(time.Now().Add(patience))
	s, err := l.Accept()
	if err != nil {
		h.t.Fatalf("a connection to %s did not reach its server: %v", told, err)
	}
	for _, end := range []net.Conn{c, s} {
		end.SetDeadline(time.Now().Add(patience))
		h.t.Cleanup(func() { end.Close() })
	}
	expect(h.t, s, first)
	return c.(*net.TCPConn), s.(*net.TCPConn)
}

// readWord reads up to the next space.
func readWord(t *testing.T, from io.Reader) string {
	t.Helper()
	var word strings.Builder
	for b := make([]byte, 1); ; {
		if _, err := from.Read(b); err != nil {
			t.Fatalf("after %q: %v", word.String(), err)
		}
		if b[0] == ' ' {
			return word.String()
		}
		word.WriteByte(b[0])
	}
}

// wantVias checks which referrals led to which connections.
func (h *harness) wantVias(want ...string) {
	h.t.Helper()
	vias := map[string]bool{}
	for _, r := range h.recorder.records {
		if r.Kind == decode.KindOpen {
			vias[fmt.Sprintf("%s %v", r.Conn, r.Via)] = true
		}
	}
	for _, w := range want {
		if !vias[w] {
			h.t.Errorf("no connection is told as %q: %v", w, vias)
		}
	}
}

func TestAClientThatWasNotReferredIsTurnedAway(t *testing.T) {
	h := start(t, nil)
	client, server := h.connect()
	send(t, server, "XFR 3 SB 127.0.0.1:9 CKI cook\r\n")
	expect(t, client, "XFR 3 SB ")
	told := readWord(t, client)
	stranger := &net.Dialer{LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 0, 0, 2)}}
	c, err := stranger.Dial("tcp", told)
	if err != nil {
		t.Skipf("this machine cannot connect from 127.0.0.2: %v", err)
	}
	defer c.Close()
	c.SetDeadline(time.Now().Add(patience))
	if _, err := c.Read(make([]byte, 1)); !errors.Is(err, io.EOF) {
		t.Errorf("the stranger got %v, want the end", err)
	}
	if !strings.Contains(h.log.String(), "not referred") {
		t.Errorf("the log does not say why: %s", h.log)
	}
}

func TestHalfCloseIsPassedOnEachWay(t *testing.T) {
	for _, first := range []string{"client", "server"} {
		t.Run(first+" first", func(t *testing.T) {
			h := start(t, nil)
			one, other := h.connectFrom(first)
			send(t, one, "OUT\r\n")
			one.CloseWrite()
			if rest, err := io.ReadAll(other); err != nil || string(rest) != "OUT\r\n" {
				t.Fatalf("got %q, %v", rest, err)
			}
			send(t, other, "OUT\r\n")
			other.CloseWrite()
			if rest, err := io.ReadAll(one); err != nil || string(rest) != "OUT\r\n" {
				t.Fatalf("the other way: got %q, %v", rest, err)
			}
			h.stop()
			last := h.recorder.records[len(h.recorder.records)-1]
			if last.Kind != decode.KindClose || last.Reason != first+" closed" {
				t.Errorf("the last record is %s, %q", last.Kind, last.Reason)
			}
		})
	}
}

func TestAResetIsPassedOn(t *testing.T) {
	for _, first := range []string{"client", "server"} {
		t.Run(first, func(t *testing.T) {
			h := start(t, nil)
			one, other := h.connectFrom(first)
			send(t, one, "OUT\r\n")
			expect(t, other, "OUT\r\n")
			one.SetLinger(0)
			one.Close()
			if _, err := other.Read(make([]byte, 1)); err == nil || errors.Is(err, io.EOF) {
				t.Errorf("the other end got %v, want a reset", err)
			}
			h.stop()
			last := h.recorder.records[len(h.recorder.records)-1]
			if last.Kind != decode.KindClose || last.Reason != first+" reset" {
				t.Errorf("the last record is %s, %q", last.Kind, last.Reason)
			}
		})
	}
}

// wantTheEnd connects, and wants to be told nothing but the end.
func wantTheEnd(t *testing.T, address string) {
	t.Helper()
	c, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	c.SetDeadline(time.Now().Add(patience))
	if _, err := c.Read(make([]byte, 1)); !errors.Is(err, io.EOF) {
		t.Errorf("the client got %v, want the end", err)
	}
}

func TestAServerThatCannotBeReached(t *testing.T) {
	h := start(t, func(cfg *Config) { cfg.Upstream = refusingServer(t, "127.0.0.1") })
	wantTheEnd(t, h.proxy.Addr().String())
	h.stop()
	if !strings.Contains(h.log.String(), "cannot reach the server") {
		t.Errorf("the log does not say why: %s", h.log)
	}
	last := h.recorder.records[len(h.recorder.records)-1]
	if last.Kind != decode.KindClose || last.Reason != "server unreachable" {
		t.Errorf("the last record is %s, %q", last.Kind, last.Reason)
	}
}

func TestAnUpstreamThatIsTheProxyItselfIsNotALoop(t *testing.T) {
	port := fmt.Sprint(freePort(t))
	address := "127.0.0.1:" + port
	h := start(t, func(cfg *Config) { cfg.Listen, cfg.Upstream = "0.0.0.0:"+port, address })
	c, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	c.SetDeadline(time.Now().Add(patience))
	if _, err := c.Read(make([]byte, 1)); err == nil {
		t.Error("the client got bytes, want the end")
	}
	h.stop()
	if !strings.Contains(h.log.String(), "this is the proxy itself") || h.proxy.number != 1 {
		t.Errorf("%d connections; the log does not say why: %.500s", h.proxy.number, h.log)
	}
}

func TestAClientThatDoesNotSpeakMSNPIsRelayedAndToldAtOnce(t *testing.T) {
	for first, want := range map[string]string{
		"\x16\x03\x01\x02\x00\x01\x00": "begins with TLS",
		"GET / HTTP/1.1\r\n":           "begins with something that is not MSNP",
		"VER 1 MSNP8 CVR0\r\n":         "",
		"VER 1 MS":                     "",
	} {
		h := start(t, nil)
		client, server := h.connect()
		send(t, client, first)
		expect(t, server, first)
		send(t, server, "\x16\x03\x03\x00\x00")
		expect(t, client, "\x16\x03\x03\x00\x00")
		if log := h.log.String(); want == "" && strings.Contains(log, "begins with") || !strings.Contains(log, want) {
			t.Errorf("%q: the log says %s", first, log)
		}
		h.stop()
	}
}

func TestADecoderThatPanicsDoesNotStopTheBytes(t *testing.T) {
	h := start(t, nil)
	client, server := h.connect()
	send(t, server, "QNG 1\r\nXF")
	expect(t, client, "QNG 1\r\n") // the beginning of XFR is held
	h.proxy.mu.Lock()
	for c := range h.proxy.conns {
		c.mu.Lock()
		c.session = nil // the next use of it panics
		c.mu.Unlock()
	}
	h.proxy.mu.Unlock()
	send(t, server, "R 3 SB 127.0.0.1:9 CKI cook\r\n")
	expect(t, client, "XFR 3 SB 127.0.0.1:9 CKI cook\r\n")
	send(t, client, "PNG\r\n")
	expect(t, server, "PNG\r\n")
	send(t, server, "QNG 2\r\n")
	expect(t, client, "QNG 2\r\n")
	client.Close()
	h.stop()
	if n := strings.Count(h.log.String(), "the decoder failed"); n != 1 || !strings.Contains(h.log.String(), "nil pointer dereference") {
		t.Errorf("the log says %d times that the decoder failed, want once, and why: %s", n, h.log)
	}
}

// TestAPanicTellsNothingOfTheBytes: whoever panics may have a ticket in hand.
func TestAPanicTellsNothingOfTheBytes(t *testing.T) {
	for name, fault := range map[string]func(line []byte) any{
		"text": func(line []byte) any { return string(line) }, "bytes": func(line []byte) any { return line },
		"an error": func(line []byte) any { return fmt.Errorf("cannot read %q", line) },
	} {
		h := start(t, func(cfg *Config) {
			cfg.newSession = func(d decode.Config) *decode.Session {
				emit := d.Emit
				d.Emit = func(r *decode.Record) {
					emit(r)
					if r.Kind == decode.KindCommand {
						panic(fault(r.Line))
					}
				}
				return decode.NewSession(d)
			}
		})
		client, server := h.connect()
		send(t, client, "USR 1 TWN S t=TICKET\r\nPNG\r\n")
		expect(t, server, "USR 1 TWN S t=TICKET\r\nPNG\r\n")
		client.Close()
		h.stop()
		if log := h.log.String(); strings.Contains(log, "TICKET") || !strings.Contains(log, "the decoder failed") {
			t.Errorf("%s: the log says %s", name, log)
		}
	}
}

// serverPieces are what the random server of the transparency test sends:
// commands with addresses, commands without, and what is no command at all.
var serverPieces = []string{
	"QNG 45\r\n", "NLN NLN a@b.c Al 0\r\n", "MSG a@b.c Al 12\r\nXFR 1 SB a.b\n", "XFR 5 SB 127.0.0.1:9 CKI c1\r\n",
	"RNG 5 127.0.0.1:9 CKI c1 a@b.c  Al \r\n", "XFR 0 NS 0\r\n", "UBN a@b.c 5 13\r\n5;127.0.0.1:9", "UBN a@b.c 3 4\r\nINVI", "XFR\r\n", "XFRX", "junk\r\n", "\r\n",
	"MSG Hotmail Hotmail 5\r\nhello", "241 4\r\n", "ZZZ 1 4\r\nabcd", "\x16\x03\x01\x00", "X", "RN", "\n", "MSG a@b.c Al 300000\r\n",
}

// TestWhatArrivesIsWhatWasSentButForTheAddresses sends random dialogues in
// random pieces both ways and compares all bytes.
func TestWhatArrivesIsWhatWasSentButForTheAddresses(t *testing.T) {
	const realAddress, told = "127.0.0.1:9", "192.0.2.77:9"
	for seed := range int64(30) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			rng := rand.New(rand.NewSource(seed))
			h := start(t, func(cfg *Config) { cfg.Advertise = "192.0.2.77" })
			client, server := h.connect()
			var down, up bytes.Buffer
			for range 400 {
				down.WriteString(serverPieces[rng.Intn(len(serverPieces))])
				up.WriteString([]string{"PNG\r\n", "MSG 3 A 5\r\nhello", "junk", "CHG 4 NLN\r\n", "\r\n"}[rng.Intn(5)])
			}
			go sendInPieces(rand.New(rand.NewSource(seed+1000)), server, down.Bytes())
			go sendInPieces(rand.New(rand.NewSource(seed+2000)), client, up.Bytes())
			gotUp := make(chan []byte, 1)
			go func() {
				got, _ := io.ReadAll(server)
				gotUp <- got
			}()
			gotDown, err := io.ReadAll(client)
			if err != nil {
				t.Fatal(err)
			}
			if got := <-gotUp; !bytes.Equal(got, up.Bytes()) {
				t.Errorf("the server got %d bytes, %d were sent, and they differ", len(got), up.Len())
			}
			if got := backToReal(h, string(gotDown), told, realAddress); got != down.String() {
				t.Errorf("the client got %q\nwant %q", got, down.String())
			}
		})
	}
}

// backToReal puts the real address back for the one the client was told, whose
// port the proxy chose; a payload that grew with it gets its length back.
func backToReal(h *harness, text, told, realAddress string) string {
	h.proxy.referrals.mu.Lock()
	defer h.proxy.referrals.mu.Unlock()
	for _, l := range h.proxy.referrals.byServer {
		toldHere := joinPort("192.0.2.77", l.Addr())
		grown := fmt.Sprintf("UBN a@b.c 5 %d\r\n5;%s", 2+len(toldHere), toldHere)
		text = strings.ReplaceAll(text, grown, "UBN a@b.c 5 13\r\n5;"+realAddress)
		text = strings.ReplaceAll(text, toldHere, realAddress)
	}
	return text
}

func sendInPieces(rng *rand.Rand, to *net.TCPConn, all []byte) {
	for len(all) > 0 {
		n := min(len(all), 1+rng.Intn(60))
		if _, err := to.Write(all[:n]); err != nil {
			return
		}
		all = all[n:]
		if rng.Intn(4) == 0 {
			time.Sleep(time.Duration(rng.Intn(200)) * time.Microsecond)
		}
	}
	to.CloseWrite()
}

func TestAServerOnAPublicAddressMayNotReferInside(t *testing.T) {
	public, private := &net.TCPAddr{IP: net.IPv4(203, 0, 113, 5)}, &net.TCPAddr{IP: net.IPv4(10, 0, 0, 5)}
	allowed := Config{AllowReferral: mustPrefixes("10.0.0.0/8", "fd00::/8")}
	tests := []struct {
		cfg  Config
		from net.Addr
		to   string
		ok   bool
	}{
		{Config{}, public, "203.0.113.9:1863", true},
		{Config{}, public, "10.1.2.3:1863", false},
		{Config{}, public, "127.0.0.1:1863", false},
		{Config{}, public, "[::1]:1863", false},
		{Config{}, public, "[::ffff:10.1.2.3]:1863", false},
		{Config{}, public, "169.254.0.1:80", false},
		{Config{}, public, "0.0.0.0:80", false},
		{Config{}, public, "100.64.0.1:80", false},
		{Config{}, public, "[64:ff9b::7f00:1]:80", false},
		{Config{}, public, "[2001:db8::1]:80", true},
		{Config{}, private, "10.1.2.3:1863", true},
		{Config{}, private, "127.0.0.1:1863", true},
		{Config{}, public, "ns.example.com:1863", true}, // checked when dialled
		{allowed, public, "10.1.2.3:1863", true},
		{allowed, public, "192.168.0.1:1863", false},
		{allowed, public, "[fd00::1]:1863", true},
	}
	for _, tt := range tests {
		if err := tt.cfg.mayRefer(tt.from, tt.to); (err == nil) != tt.ok {
			t.Errorf("%s refers to %s: %v, want allowed %t", tt.from, tt.to, err, tt.ok)
		}
	}
}

func TestOnOnePortOnlyTheClientThatWasReferredGetsThere(t *testing.T) {
	h := start(t, func(cfg *Config) { cfg.SinglePort = true })
	switchboard := listen(t)
	client, server := h.follow(h.proxy.Addr().String(), h.server, "VER 1 MSNP8 CVR0\r\n")
	send(t, server, fmt.Sprintf("XFR 2 SB %s CKI cookieA\r\n", switchboard.Addr()))
	expect(t, client, "XFR 2 SB ")
	readWord(t, client)
	stranger, err := (&net.Dialer{LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 0, 0, 2)}}).Dial("tcp", h.proxy.Addr().String())
	if err != nil {
		t.Skipf("this machine cannot connect from 127.0.0.2: %v", err)
	}
	defer stranger.Close()
	send(t, stranger, "USR 1 a@b.c cookieA\r\n")
	h.server.(*net.TCPListener).SetDeadline(time.Now().Add(patience))
	got, err := h.server.Accept() // the stranger belongs to the upstream server, like anybody
	if err != nil {
		t.Fatal(err)
	}
	got.Close()
}

// publicAddr has a connection claim that its other end is on a public address.
type publicAddr struct{ net.Conn }

func (publicAddr) RemoteAddr() net.Addr {
	return &net.TCPAddr{IP: net.IPv4(203, 0, 113, 5), Port: 1863}
}

func TestAReferralThatIsRefusedLeadsNowhereOnOnePortEither(t *testing.T) {
	private := listen(t)
	h := start(t, func(cfg *Config) {
		cfg.SinglePort = true
		cfg.Dial = func(ctx context.Context, network, address string) (net.Conn, error) {
			c, err := (&net.Dialer{}).DialContext(ctx, network, address)
			return publicAddr{c}, err
		}
	})
	client, server := h.follow(h.proxy.Addr().String(), h.server, "VER 1 MSNP8 CVR0\r\n")
	refused := fmt.Sprintf("XFR 2 SB %s CKI evil\r\n", private.Addr())
	send(t, server, refused)
	expect(t, client, refused)
	c, err := net.Dial("tcp", h.proxy.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	send(t, c, "USR 1 a@b.c evil\r\n")
	h.server.(*net.TCPListener).SetDeadline(time.Now().Add(patience))
	got, err := h.server.Accept()
	if err != nil {
		t.Fatalf("the connection did not go to the upstream server: %v", err)
	}
	got.Close()
}

func TestWhatPeopleSendOpensNoListener(t *testing.T) {
	h := start(t, nil)
	client, server := h.connect()
	payload := "MIME-Version: 1.0\r\nRoster: 1;10.0.0.1:1863\r\n\r\nhi"
	message := fmt.Sprintf("MSG a@b.c Al %d\r\n%s", len(payload), payload)
	send(t, server, message)
	expect(t, client, message)
	h.proxy.referrals.mu.Lock()
	defer h.proxy.referrals.mu.Unlock()
	if n := len(h.proxy.referrals.byServer); n != 0 {
		t.Errorf("%d listeners are open", n)
	}
}

func TestOnlyWhatMayBeReplacedIsHeld(t *testing.T) {
	h := start(t, nil)
	client, server := h.connect()
	for _, part := range []string{
		"UBN a@b.c 3 20\r\nINVITE", " MSNMSGR:a@b.c",
		"MSG Hotmail Hotmail 200\r\nMIME-Version: 1.0\r\nContent-Type: text/x-msmsgsinitialemailnotification\r\n", "Inbox",
	} {
		send(t, server, part)
		expect(t, client, part)
	}
}

func TestACaptureOutlivesResets(t *testing.T) {
	h, capture := startTapped(t)
	for range 30 {
		client, server := h.connect()
		send(t, client, "VER 1 MSNP8 CVR0\r\n")
		expect(t, server, "VER 1 MSNP8 CVR0\r\n")
		done := make(chan struct{})
		go func() {
			defer close(done)
			for range 50 {
				if _, err := io.WriteString(server, "QNG 5\r\n"); err != nil {
					return
				}
			}
		}()
		client.SetLinger(0)
		client.Close()
		<-done
		server.Close()
	}
	h.stop()
	wantParity(t, h.recorder.records, capture.Bytes())
}

func TestListenersAreBoundedAndReused(t *testing.T) {
	h := start(t, nil)
	client, server := h.connect()
	told := map[string]string{}
	for i := range maxListeners {
		real := fmt.Sprintf("127.0.0.1:%d", 1000+i)
		send(t, server, fmt.Sprintf("XFR 3 SB %s CKI c%d\r\n", real, i))
		expect(t, client, "XFR 3 SB ")
		told[real] = readWord(t, client)
		expect(t, client, fmt.Sprintf("CKI c%d\r\n", i))
	}
	// One more: nobody has had the time to follow the others, so none is closed.
	const oneMore = "XFR 3 SB 127.0.0.1:999 CKI c\r\n"
	send(t, server, oneMore)
	expect(t, client, oneMore)
	if !strings.Contains(h.log.String(), "which is the limit") {
		t.Errorf("the log does not say why: %s", h.log)
	}
	send(t, server, "XFR 3 SB 127.0.0.1:1005 CKI c\r\n")
	expect(t, client, "XFR 3 SB ")
	if again := readWord(t, client); again != told["127.0.0.1:1005"] {
		t.Errorf("a server has two listeners")
	}
}

func TestTheIdlestListenerMakesRoom(t *testing.T) {
	now := time.Date(2003, 7, 1, 12, 0, 0, 0, time.UTC)
	var clock sync.Mutex
	h := start(t, func(cfg *Config) {
		cfg.FirstPort, cfg.LastPort = freePort(t), 0
		cfg.LastPort = cfg.FirstPort
		cfg.Now = func() time.Time {
			clock.Lock()
			defer clock.Unlock()
			return now
		}
	})
	client, server := h.connect()
	send(t, server, "XFR 3 SB 127.0.0.1:9 CKI a\r\n")
	expect(t, client, "XFR 3 SB ")
	first := readWord(t, client)
	expect(t, client, "CKI a\r\n")
	clock.Lock()
	now = now.Add(listenerYouth + time.Second)
	clock.Unlock()
	send(t, server, "XFR 3 SB 127.0.0.1:10 CKI b\r\n")
	expect(t, client, "XFR 3 SB ")
	if second := readWord(t, client); second != first {
		t.Errorf("the only port is %s, but the client was told %s", first, second)
	}
}

// freePort is a port that nobody uses just now, and that systems give to nobody
// who asks for any port.
func freePort(t *testing.T) uint16 {
	t.Helper()
	const first, many, tries = 20_000, 10_000, 100
	for range tries {
		port := first + rand.Intn(many)
		if l, err := net.Listen("tcp", fmt.Sprintf(":%d", port)); err == nil {
			l.Close()
			return uint16(port)
		}
	}
	t.Fatal("no port is free")
	return 0
}

func TestNothingIsLeftWhenTheProxyHasEnded(t *testing.T) {
	h := start(t, nil)
	client, server := h.connect()
	send(t, server, "XFR 3 SB 127.0.0.1:9 CKI cook\r\n")
	expect(t, client, "XFR 3 SB ")
	told := readWord(t, client)
	h.stop()
	for _, address := range []string{h.proxy.Addr().String(), told} {
		if c, err := net.Dial("tcp", address); err == nil {
			c.Close()
			t.Errorf("%s still takes connections", address)
		}
	}
	if len(h.proxy.conns) != 0 {
		t.Errorf("%d connections are left", len(h.proxy.conns))
	}
}

func mustPrefixes(texts ...string) (prefixes []netip.Prefix) {
	for _, text := range texts {
		prefixes = append(prefixes, netip.MustParsePrefix(text))
	}
	return prefixes
}

func TestTheRouteOfAClientOverIPv6IsAURL(t *testing.T) {
	needIPv6(t)
	profile := func(host string) string {
		payload := "MIME-Version: 1.0\r\nContent-Type: text/x-msmsgsprofile\r\nRouteInfo: msnp://" + host + "/013557A5\r\n\r\n"
		return fmt.Sprintf("MSG Hotmail Hotmail %d\r\n%s", len(payload), payload)
	}
	h := start(t, func(cfg *Config) { cfg.Listen = "[::1]:0" })
	client, server := h.connect()
	send(t, server, profile("127.0.0.1"))
	expect(t, client, profile("[::1]"))
}
