package proxy

import (
	"context"
	"fmt"
	"io"
	"net"
	"runtime"
	"strings"
	"sync"
	"testing"

	"github.com/rs/zerolog"

	"msnproxy/internal/journal"
	"msnproxy/internal/ndjson"
)

// relays are what is measured: this proxy with and without records, and beside
// them a plain relay of io.Copy, which is what decoding may be compared with.
var relays = []struct {
	name  string
	start func(b *testing.B, upstream string) (address string)
}{
	{"io.Copy", startCopyRelay},
	{"proxy", func(b *testing.B, upstream string) string { return startProxy(b, upstream) }},
	{"proxy+records", func(b *testing.B, upstream string) string {
		return startProxy(b, upstream, journal.Output{Name: "records", Sink: ndjson.New(io.Discard, ndjson.Options{})})
	}},
}

func startProxy(b *testing.B, upstream string, outputs ...journal.Output) string {
	live := journal.NewLive(false, func(name string, err error) { b.Errorf("%s: %v", name, err) }, outputs...)
	p, err := New(Config{Upstream: upstream, Listen: "127.0.0.1:0", Live: live, Log: zerolog.Nop()})
	if err != nil {
		b.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		p.Run(ctx)
	}()
	b.Cleanup(func() { cancel(); <-done; live.Close() })
	return p.Addr().String()
}

// startCopyRelay relays with io.Copy, which on Linux splices in the kernel.
func startCopyRelay(b *testing.B, upstream string) string {
	return serveEach(b, func(client net.Conn) {
		server, err := net.Dial("tcp", upstream)
		if err != nil {
			client.Close()
			return
		}
		go func() { io.Copy(server, client); server.(*net.TCPConn).CloseWrite() }()
		io.Copy(client, server)
		client.Close()
		server.Close()
	})
}

// serveEach serves each connection in a goroutine until the benchmark ends.
func serveEach(b testing.TB, serve func(net.Conn)) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go serve(c)
		}
	}()
	return l.Addr().String()
}

const (
	request = "MSG 7 A 93\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; charset=UTF-8\r\n\r\nwhat people write to each other"
	reply   = "ACK 7\r\n"
)

// answer is a server that acknowledges every message.
func answer(c net.Conn) {
	defer c.Close()
	buffer := make([]byte, len(request))
	for {
		if _, err := io.ReadFull(c, buffer); err != nil {
			return
		}
		if _, err := io.WriteString(c, reply); err != nil {
			return
		}
	}
}

func dial(b *testing.B, address string) net.Conn {
	c, err := net.Dial("tcp", address)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { c.Close() })
	return c
}

func exchange(b *testing.B, c net.Conn, buffer []byte) {
	if _, err := io.WriteString(c, request); err != nil {
		b.Error(err)
		return
	}
	if _, err := io.ReadFull(c, buffer[:len(reply)]); err != nil {
		b.Error(err)
	}
}

// BenchmarkRoundTrip is the time from a message to its acknowledgement, which
// are two commands, on one connection and shared out over a hundred.
func BenchmarkRoundTrip(b *testing.B) {
	for _, connections := range []int{1, 100} {
		for _, relay := range relays {
			b.Run(fmt.Sprintf("%d/%s", connections, relay.name), func(b *testing.B) {
				address := relay.start(b, serveEach(b, answer))
				var all sync.WaitGroup
				share := b.N/connections + 1
				clients := make([]net.Conn, connections)
				for i := range clients {
					clients[i] = dial(b, address)
					exchange(b, clients[i], make([]byte, 64))
				}
				b.ResetTimer()
				for _, c := range clients {
					all.Add(1)
					go func() {
						defer all.Done()
						buffer := make([]byte, 64)
						for range share {
							exchange(b, c, buffer)
						}
					}()
				}
				all.Wait()
				b.ReportMetric(2*float64(share*connections)/b.Elapsed().Seconds(), "commands/s")
			})
		}
	}
}

// BenchmarkBulk sends chat traffic one way as fast as it goes.
func BenchmarkBulk(b *testing.B) {
	traffic := []byte(strings.Repeat("MSG a@b.c Al 120\r\n"+strings.Repeat("x", 120)+"ACK 5\r\n", 4000))
	for _, relay := range relays {
		b.Run(relay.name, func(b *testing.B) {
			received := make(chan int64, 1)
			address := relay.start(b, serveEach(b, func(c net.Conn) {
				for range b.N {
					c.Write(traffic)
				}
				c.Close()
			}))
			b.SetBytes(int64(len(traffic)))
			c := dial(b, address)
			go func() {
				n, _ := io.Copy(io.Discard, struct{ io.Reader }{c})
				received <- n
			}()
			if n := <-received; n != int64(b.N*len(traffic)) {
				b.Errorf("received %d bytes, want %d", n, b.N*len(traffic))
			}
		})
	}
}

// BenchmarkIdleConnections measures what a connection holds in the relay while
// nothing is said on it, after a first exchange: heap and stacks of the whole
// process, the two ends included, which are the same for each relay.
func BenchmarkIdleConnections(b *testing.B) {
	const connections = 2000
	for _, relay := range relays {
		b.Run(relay.name, func(b *testing.B) {
			address := relay.start(b, serveEach(b, answer))
			for range b.N {
				before := memory()
				clients := make([]net.Conn, connections)
				for i := range clients {
					clients[i] = dial(b, address)
					exchange(b, clients[i], make([]byte, 64))
				}
				b.ReportMetric(float64(memory()-before)/connections/1024, "KiB/connection")
				for _, c := range clients {
					c.Close()
				}
			}
		})
	}
}

func memory() int64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapInuse + m.StackInuse)
}
