package proxy

import (
	"bytes"
	"context"
	"io"
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

// pipes is a listener whose clients come through pipes.
type pipes struct {
	clients chan net.Conn
	closed  chan struct{}
	once    sync.Once
}

func newPipes() *pipes { return &pipes{clients: make(chan net.Conn), closed: make(chan struct{})} }

// connect returns the client's end of a new connection.
func (l *pipes) connect() net.Conn {
	near, far := net.Pipe()
	select {
	case l.clients <- far:
	case <-l.closed:
		far.Close()
	}
	return near
}

func (l *pipes) Accept() (net.Conn, error) {
	select {
	case c := <-l.clients:
		return pipeEnd{c}, nil
	case <-l.closed:
		return nil, net.ErrClosed
	}
}

func (l *pipes) Close() error   { l.once.Do(func() { close(l.closed) }); return nil }
func (l *pipes) Addr() net.Addr { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 80} }

// hearsay is an upstream server that answers each connection with the same
// bytes, whatever it is asked, and the addresses at which it was sought.
type hearsay struct {
	mu     sync.Mutex
	answer []byte
	sought []string
}

// dial connects to it: on a public address, wherever it was sought.
func (s *hearsay) dial(_ context.Context, _, address string) (net.Conn, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.sought = append(s.sought, address)
	near, far := net.Pipe()
	go func(answer []byte) {
		defer far.Close()
		if _, err := far.Read(make([]byte, 4<<10)); err == nil {
			go io.Copy(io.Discard, far)
			far.Write(answer)
		}
	}(s.answer)
	return publicAddr{near}, nil
}

// begin has it give another answer, and returns where it was sought before.
func (s *hearsay) begin(answer []byte) (sought []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	sought, s.sought, s.answer = s.sought, nil, answer
	return sought
}

// counted is a sink that throws records away.
type counted struct{}

func (counted) Record(*decode.Record) error { return nil }
func (counted) Close() error                { return nil }

// FuzzHTTPListener says whatever a client of HTTP may say, and has the upstream
// server answer whatever it may. Nothing fails; nobody is connected to but the
// upstream server and what it may name; and what the client gets is an answer of
// HTTP or nothing.
func FuzzHTTPListener(f *testing.F) {
	const answer = "HTTP/1.1 200 OK\r\nContent-Type: application/x-msn-messenger\r\nX-MSN-Messenger: SessionID=7.1; GW-IP=10.0.0.1\r\nConnection: close\r\n"
	post := "POST /gateway/gateway.dll?" + open + " HTTP/1.1\r\nHost: x\r\nContent-Length: 18\r\n\r\nVER 1 MSNP8 CVR0\r\n"
	f.Add([]byte(post), []byte(answer+"Content-Length: 13\r\n\r\nVER 1 MSNP8\r\n"))
	f.Add([]byte(post+"POST /gateway/gateway.dll?Action=poll&SessionID=7.1 HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n"), []byte(answer+"Content-Encoding: gzip\r\n\r\n"+zipped("XFR 3 NS 10.0.0.1:1863 0 x\r\nXFR 0 NS 127.0.0.1:22 G D\r\n")))
	f.Add([]byte("GET http://10.0.0.1/login2.srf HTTP/1.1\r\nHost: 10.0.0.1\r\nAuthorization: Passport1.4 sign-in=a,pwd=b\r\n\r\n"), []byte("HTTP/1.0 302 Found\r\nLocation: http://10.0.0.1/\r\n\r\n"))
	f.Add([]byte("POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nExpect: 100-continue\r\nUpgrade: h2c\r\n\r\n5\r\nwrap_\r\n0\r\n\r\n"), []byte("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 101 X\r\nUpgrade: h2c\r\n\r\n"))
	server, log := &hearsay{}, &lockedBuffer{}
	const short = 5 * time.Millisecond
	live := journal.NewLive(false, func(name string, err error) { f.Error(name, err) }, journal.Output{Name: "test", Sink: counted{}})
	p, err := New(Config{
		Upstream: "upstream.example.com", Listen: "127.0.0.1:0", HTTPListen: "127.0.0.1:0", HTTPUpstream: "upstream.example.com", Dial: server.dial, Live: live,
		Log: zerolog.New(log), drainTime: shortDrain, httpTimes: httpTimes{header: short, body: short, idle: short, write: 10 * short},
	})
	if err != nil {
		f.Fatal(err)
	}
	p.http.listener.Close()
	clients := newPipes()
	p.http.listener = clients
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error)
	go func() { ended <- p.Run(ctx) }()
	f.Cleanup(func() { cancel(); <-ended; live.Close() })
	f.Fuzz(func(t *testing.T, request, answer []byte) {
		// The fuzzer writes the next input where this one is, and some of this one
		// may be on its way when the client has its answer.
		request, answer = bytes.Clone(request), bytes.Clone(answer)
		server.begin(answer)
		near := clients.connect()
		near.SetDeadline(time.Now().Add(patience))
		go near.Write(request)
		got, _ := io.ReadAll(near)
		near.Close()
		if len(got) > 0 && !strings.HasPrefix(string(got), "HTTP/1.") {
			t.Fatalf("the client got %q", got)
		}
		for _, address := range server.begin(nil) {
			host, _, _ := net.SplitHostPort(address)
			if a, err := netip.ParseAddr(host); err == nil && !isPublic(a.Unmap()) {
				t.Fatalf("%s was connected to", address)
			}
		}
		if strings.Contains(log.String(), "panic") || strings.Contains(log.String(), "decoder failed") {
			t.Fatalf("the log says %s", log)
		}
		log.mu.Lock()
		log.buf.Reset()
		log.mu.Unlock()
		p.http.reverse.Transport.(interface{ CloseIdleConnections() }).CloseIdleConnections()
	})
}

// FuzzFirstLine finds out where a client of one-port mode belongs by whatever it
// says first: nowhere but where it was referred to.
func FuzzFirstLine(f *testing.F) {
	for _, first := range []string{"", "\r\n", "VER 1 MSNP8 CVR0\r\n", "USR 1 a@b.c cookie\r\n", "ANS 1 a@b.c cookie 7\r\n", "USR", "USR    ", "\x00gateway10.0.0.1"} {
		f.Add([]byte(first))
	}
	f.Fuzz(func(t *testing.T, first []byte) {
		first = bytes.Clone(first) // may be read for longer than the fuzzer leaves it as it is
		p := &Proxy{cfg: Config{Now: time.Now}}
		client := addrOf(pipeEnd{}.RemoteAddr())
		p.routes.referred(route{server: "sb", client: client, cookie: "cookie", at: time.Now()})
		p.routes.referred(route{server: "ns", client: client, at: time.Now()})
		p.routes.referred(route{server: "no", client: netip.MustParseAddr("127.0.0.9"), cookie: "other", at: time.Now()})
		near, far := net.Pipe()
		go func() { near.Write(first); near.Close() }()
		read, to, referred := p.route(pipeEnd{far})
		far.Close()
		if len(read) > len(first) || string(read) != string(first[:len(read)]) || to.server == "no" || referred != (to.server != "") {
			t.Fatalf("%q: %q, to %+v", first, read, to)
		}
		if to.server == "sb" && !strings.Contains(string(first), "cookie") || to.server == "ns" && !strings.HasPrefix(string(first), "VER") {
			t.Fatalf("%q leads to %s", first, to.server)
		}
	})
}
