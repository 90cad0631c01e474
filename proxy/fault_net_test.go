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
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"msnproxy/captures"
	"msnproxy/decode"
	"msnproxy/internal/journal"
	"msnproxy/internal/sim/peers"
)

// nameServer answers every question with "no such name", and returns a resolver
// that asks it.
func nameServer(t *testing.T) *net.Resolver {
	t.Helper()
	socket, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for buffer := make([]byte, 512); ; {
			n, from, err := socket.ReadFrom(buffer)
			if err != nil {
				return
			}
			buffer[2], buffer[3] = 0x81, 0x83 // a response: NXDOMAIN
			socket.WriteTo(buffer[:n], from)
		}
	}()
	t.Cleanup(func() { socket.Close(); <-done })
	return &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, network, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "udp", socket.LocalAddr().String())
	}}
}

// refusingServer is an address at which connections are refused. It is taken, so
// that nobody else comes to listen there.
func refusingServer(t *testing.T, host string) string {
	t.Helper()
	_, address := boundSocket(t, host)
	return address
}

// boundSocket is a socket that has an address of this machine, and does not
// listen yet.
func boundSocket(t *testing.T, host string) (fd int, address string) {
	t.Helper()
	fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { syscall.Close(fd) })
	if err := syscall.Bind(fd, &syscall.SockaddrInet4{Addr: netip.MustParseAddr(host).As4()}); err != nil {
		t.Skipf("%s cannot be had here: %v", host, err)
	}
	bound, err := syscall.Getsockname(fd)
	if err != nil {
		t.Fatal(err)
	}
	return fd, fmt.Sprintf("%s:%d", host, bound.(*syscall.SockaddrInet4).Port)
}

// deafServer is an address at which connections are neither taken nor refused:
// its queue of them is full.
func deafServer(t *testing.T) string {
	t.Helper()
	fd, address := boundSocket(t, "127.0.0.1")
	if err := syscall.Listen(fd, 0); err != nil {
		t.Fatal(err)
	}
	first, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { first.Close() })
	const enough = 3
	for range enough {
		c, err := net.DialTimeout("tcp", address, 50*time.Millisecond)
		if err != nil {
			return address
		}
		t.Cleanup(func() { c.Close() })
	}
	t.Skip("this system takes connections for a server that does not")
	return ""
}

// TestAServerThatCannotBeReachedIsToldInOneLine has the first connection fail
// in each of the ways in which one can, and the next one work.
func TestAServerThatCannotBeReachedIsToldInOneLine(t *testing.T) {
	for _, tt := range []struct {
		name, address, want string
		dialer              net.Dialer
	}{
		{"refused", refusingServer(t, "127.0.0.1"), "connection refused", net.Dialer{}},
		{"time-out", deafServer(t), "i/o timeout", net.Dialer{Timeout: 50 * time.Millisecond}},
		{"no such name", "messenger.example.invalid:1863", "no such host", net.Dialer{Resolver: nameServer(t)}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var dials atomic.Int32
			said := make(chan struct{}) // what comes later would be answered with a reset
			h := start(t, func(cfg *Config) {
				cfg.Dial = func(ctx context.Context, network, address string) (net.Conn, error) {
					if dials.Add(1) == 1 {
						<-said
						return tt.dialer.DialContext(ctx, network, tt.address)
					}
					return (&net.Dialer{}).DialContext(ctx, network, address)
				}
			})
			c, err := net.Dial("tcp", h.proxy.Addr().String())
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			send(t, c, "VER 1 MSNP8 CVR0\r\n")
			close(said)
			c.SetDeadline(time.Now().Add(patience))
			if rest, err := io.ReadAll(c); err != nil || len(rest) > 0 {
				t.Errorf("the client got %q, %v; want the end", rest, err)
			}
			h.works()
			h.wantOneLine(tt.want)
		})
	}
}

// wantOneLine checks that the log has just one line of its levels from info on,
// and what it says.
func (h *harness) wantOneLine(want string) {
	h.t.Helper()
	if log := h.log.String(); strings.Count(log, "\n") != 1 || !strings.Contains(log, want) {
		h.t.Errorf("the log is %q, want one line with %q", log, want)
	}
}

func TestAProxyThatStopsWhileItReachesForAServerBlamesNobody(t *testing.T) {
	reaching := make(chan struct{})
	h := start(t, func(cfg *Config) {
		cfg.Dial = func(ctx context.Context, network, address string) (net.Conn, error) {
			close(reaching)
			<-ctx.Done()
			return nil, ctx.Err()
		}
	})
	c, err := net.Dial("tcp", h.proxy.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	<-reaching
	h.stop()
	if h.log.String() != "" {
		t.Errorf("the log says %s", h.log)
	}
	if last := h.recorder.records[len(h.recorder.records)-1]; last.Reason != "capture ended" {
		t.Errorf("the last record is %s, %q", last.Kind, last.Reason)
	}
}

func TestAClientThatLeavesBeforeItsServerIsReached(t *testing.T) {
	reached := make(chan struct{})
	h := start(t, func(cfg *Config) {
		cfg.Dial = func(ctx context.Context, network, address string) (net.Conn, error) {
			<-reached
			return (&net.Dialer{}).DialContext(ctx, network, address)
		}
	})
	c, err := net.Dial("tcp", h.proxy.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	send(t, c, "VER 1 MSNP8 CVR0\r\n")
	c.(*net.TCPConn).SetLinger(0)
	c.Close()
	close(reached)
	server, err := h.server.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	server.SetDeadline(time.Now().Add(patience))
	io.Copy(io.Discard, server)
	h.works()
}

func TestADialThatHangsDoesNotHoldUpTheEnd(t *testing.T) {
	h := start(t, func(cfg *Config) {
		cfg.Dial = func(ctx context.Context, _, _ string) (net.Conn, error) {
			<-ctx.Done()
			return nil, ctx.Err()
		}
	})
	c, err := net.Dial("tcp", h.proxy.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	ended := make(chan struct{})
	go func() { h.stop(); close(ended) }()
	select {
	case <-ended:
	case <-time.After(patience):
		t.Error("the proxy does not end")
	}
}

// exhausted is a listener that is out of descriptors for a while.
type exhausted struct {
	net.Listener
	fails int
}

func (l *exhausted) Accept() (net.Conn, error) {
	if l.fails--; l.fails >= 0 {
		return nil, &net.OpError{Op: "accept", Net: "tcp", Err: syscall.EMFILE}
	}
	return l.Listener.Accept()
}

func TestAnAcceptThatFailsIsToldOnce(t *testing.T) {
	h := start(t, nil)
	h.works()
	h.idle()
	again := &exhausted{Listener: listen(t), fails: 3}
	ended := make(chan error)
	go func() { ended <- h.proxy.serve(again, func(c net.Conn) { c.Close() }) }()
	c, err := net.Dial("tcp", again.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	c.SetDeadline(time.Now().Add(patience))
	io.Copy(io.Discard, c)
	again.Close()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	for _, line := range []string{"cannot accept", "accepting connections again"} {
		if n := strings.Count(h.log.String(), line); n != 1 {
			t.Errorf("the log says %d times %q: %s", n, line, h.log)
		}
	}
}

// failing is a file on a disk that is full, or gone, after some writes.
type failing struct {
	bytes.Buffer
	left int
	err  error
}

func (f *failing) Write(p []byte) (int, error) {
	if f.left--; f.left < 0 {
		return 0, f.err
	}
	return f.Buffer.Write(p)
}

// TestADiskThatIsFullHurtsNobody has the capture fail while two people talk.
func TestADiskThatIsFullHurtsNobody(t *testing.T) {
	for _, writes := range []int{1, 2, 17, 100} {
		file := &failing{left: writes, err: syscall.ENOSPC}
		tap, err := captures.NewTap(file)
		if err != nil {
			t.Fatal(err)
		}
		var told atomic.Int32
		rec := &recorder{}
		server, err := peers.NewServer(peers.ServerConfig{})
		if err != nil {
			t.Fatal(err)
		}
		defer server.Close()
		h := start(t, func(cfg *Config) {
			cfg.Upstream = server.Addr(decode.DS)
			cfg.Live = journal.NewLive(true, func(name string, err error) {
				if told.Add(1); name != "capture" || !errors.Is(err, syscall.ENOSPC) {
					t.Errorf("%s: %v", name, err)
				}
			}, journal.Output{Name: "test", Sink: rec}, journal.Output{Name: "capture", Tap: tap})
		})
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		if err := peers.Scenario(ctx, h.proxy.Addr().String(), [2]decode.Dialect{18, 8}); err != nil {
			t.Error(err)
		}
		h.stop()
		if told.Load() != 1 {
			t.Errorf("told %d times of the full disk, want once", told.Load())
		}
		if opened := countKind(rec.records, decode.KindOpen); opened < 6 {
			t.Errorf("the other output has only %d connections", opened)
		}
		decoded(t, file.Bytes()) // it can be read as far as it goes
	}
}

// TestTheClockJumps sets the clock forth and back, by up to jump, at every
// look at it.
func TestTheClockJumps(t *testing.T) {
	const jump = 11 * time.Hour // after twelve of silence, a capture's reader gives a connection up
	for seed := range int64(3) {
		rng := &lockedRand{rng: rand.New(rand.NewSource(seed))}
		records, capture := evening(t, [2]decode.Dialect{18, 8}, peers.ServerConfig{Witness: peers.NewWitness()}, func(cfg *Config) {
			cfg.Now = func() time.Time {
				return time.Date(2003, 7, 1, 12, 0, 0, 0, time.UTC).Add(time.Duration(rng.Int63n(int64(jump))))
			}
		})
		wantParity(t, records, capture)
	}
}
