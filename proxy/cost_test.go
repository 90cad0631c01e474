package proxy

import (
	"context"
	"io"
	"net"
	"runtime"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"msnproxy/decode"
	"msnproxy/internal/journal"
	"msnproxy/internal/ndjson"
)

// These tests hold the relay to what its work costs in calls, allocations and
// bytes, which are the same on every machine. Times are for the benchmarks.

// countedConn counts what is asked of the system.
type countedConn struct {
	*net.TCPConn
	reads, writes *atomic.Int64
}

func counting(c net.Conn) countedConn {
	return countedConn{c.(*net.TCPConn), new(atomic.Int64), new(atomic.Int64)}
}

func (c countedConn) Read(p []byte) (int, error) {
	c.reads.Add(1)
	return c.TCPConn.Read(p)
}

func (c countedConn) Write(p []byte) (int, error) {
	c.writes.Add(1)
	return c.TCPConn.Write(p)
}

func (c countedConn) SyscallConn() (syscall.RawConn, error) {
	socket, err := c.TCPConn.SyscallConn()
	return countedSocket{socket, c.reads}, err
}

// countedSocket counts the attempts to read.
type countedSocket struct {
	syscall.RawConn
	reads *atomic.Int64
}

func (s countedSocket) Read(attempt func(uintptr) bool) error {
	return s.RawConn.Read(func(fd uintptr) bool {
		s.reads.Add(1)
		return attempt(fd)
	})
}

// room is a conversation through a proxy: the two ends of it.
type room struct {
	t              *testing.T
	client, server *net.TCPConn
	buffer         []byte
}

// enter begins a conversation, so that the proxy knows what it is.
func enter(t *testing.T, client, server *net.TCPConn) *room {
	r := &room{t, client, server, make([]byte, 1<<10)}
	r.pass(client, server, []byte("ANS 1 alice@example.com 4711.81450277 11752013\r\n"))
	r.pass(server, client, []byte("ANS 1 OK\r\n"))
	return r
}

// pass has one end send something, and the other get it.
func (r *room) pass(from, to *net.TCPConn, b []byte) {
	if _, err := from.Write(b); err != nil {
		r.t.Fatal(err)
	}
	if _, err := io.ReadFull(to, r.buffer[:len(b)]); err != nil {
		r.t.Fatal(err)
	}
}

var requestBytes, replyBytes = []byte(request), []byte(reply)

// exchange has a message sent and acknowledged.
func (r *room) exchange() {
	r.pass(r.client, r.server, requestBytes)
	r.pass(r.server, r.client, replyBytes)
}

// startRecorded starts a proxy with these outputs.
func startRecorded(t *testing.T, outputs ...journal.Output) *harness {
	return start(t, func(cfg *Config) {
		cfg.Live = journal.NewLive(false, func(name string, err error) { t.Errorf("%s: %v", name, err) }, outputs...)
	})
}

// relayed has the proxy relay a client whose connection the test wraps.
func (h *harness) relayed(wrap func(net.Conn) net.Conn) (client, server *net.TCPConn) {
	h.t.Helper()
	h.works() // so the proxy is running
	l := listen(h.t)
	client, ours := h.pair(l.Addr().String(), l)
	ours.SetDeadline(time.Time{}) // only the ends of the test have one
	wrapped := wrap(ours)
	h.proxy.wait.Go(func() { h.proxy.relay(wrapped, destination{server: h.proxy.cfg.Upstream}) })
	end, err := h.server.Accept()
	if err != nil {
		h.t.Fatal(err)
	}
	end.SetDeadline(time.Now().Add(patience))
	h.t.Cleanup(func() { client.Close(); end.Close() })
	return client, end.(*net.TCPConn)
}

func discardedRecords() journal.Output {
	return journal.Output{Name: "records", Sink: ndjson.New(io.Discard, ndjson.Options{})}
}

func TestACommandIsReadAndWrittenOnce(t *testing.T) {
	dialled := make(chan countedConn, 2)
	h := start(t, func(cfg *Config) {
		cfg.Dial = func(_ context.Context, network, address string) (net.Conn, error) {
			c, err := net.Dial(network, address)
			if err != nil {
				return nil, err
			}
			one := counting(c)
			dialled <- one
			return one, nil
		}
	})
	var toClient countedConn
	client, server := h.relayed(func(c net.Conn) net.Conn {
		toClient = counting(c)
		return toClient
	})
	r := enter(t, client, server)
	toServer := <-dialled
	if toServer.LocalAddr().String() != server.RemoteAddr().String() {
		toServer = <-dialled // that was the connection that was made before
	}
	const commands = 100
	calls := func() [4]int64 {
		return [...]int64{toServer.writes.Load(), toClient.writes.Load(), toServer.reads.Load(), toClient.reads.Load()}
	}
	before := calls()
	for range commands {
		r.exchange()
	}
	after := calls()
	for i, what := range []string{"writes to the server", "writes to the client"} {
		if n := after[i] - before[i]; n != commands {
			t.Errorf("%d %s for %d commands", n, what, commands)
		}
	}
	// Before it waits, an end is asked once whether it has something. Now and then
	// the system wakes it for what it has already got.
	for i, what := range []string{"reads from the server", "reads from the client"} {
		if n := after[i+2] - before[i+2]; n < commands || n > 2*commands+commands/10 {
			t.Errorf("%d %s for %d commands, want two each at most", n, what, commands)
		}
	}
}

func TestACommandCostsFewAllocations(t *testing.T) {
	if raceDetector {
		t.Skip("the race detector changes what is allocated")
	}
	for _, one := range []struct {
		name    string
		outputs []journal.Output
		most    float64 // for a command
	}{
		{"records off", nil, 0.1},
		{"records on", []journal.Output{discardedRecords()}, 0.1},
	} {
		t.Run(one.name, func(t *testing.T) {
			h := startRecorded(t, one.outputs...)
			client, server := h.connect()
			r := enter(t, client, server)
			const exchanges = 200
			talk := func() {
				for range exchanges {
					r.exchange()
				}
			}
			for range 4 * backlogPieces / exchanges {
				talk() // until every buffer is as large as it gets
			}
			if n := testing.AllocsPerRun(5, talk) / (2 * exchanges); n > one.most {
				t.Errorf("%.2f allocations a command, want %g at most", n, one.most)
			} else {
				t.Logf("%.2f allocations a command", n)
			}
		})
	}
}

func TestRelayedBytesAreNotCopied(t *testing.T) {
	if raceDetector {
		t.Skip("the race detector changes what is allocated")
	}
	client, server := startRecorded(t).connect()
	r := enter(t, client, server)
	traffic := make([]byte, 0, 1<<20)
	for len(traffic) < 1<<20 {
		traffic = append(traffic, request...)
	}
	buffer := make([]byte, bufferSize)
	pour := func() {
		go r.server.Write(traffic)
		for left := len(traffic); left > 0; {
			n, err := r.client.Read(buffer)
			if err != nil {
				t.Error(err)
				return
			}
			left -= n
		}
	}
	pour()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	const times = 8
	for range times {
		pour()
	}
	runtime.ReadMemStats(&after)
	relayed := float64(times * len(traffic))
	if copied := float64(after.TotalAlloc-before.TotalAlloc) / relayed; copied > 0.05 {
		t.Errorf("%.3f bytes were allocated for each byte relayed", copied)
	}
}

// progress is an output that tells how far it is.
type progress struct {
	journal.Sink
	records atomic.Int64
}

func (p *progress) Record(r *decode.Record) error {
	defer p.records.Add(1)
	return p.Sink.Record(r)
}

// await waits until it has written so many records.
func (p *progress) await(t *testing.T, records int) {
	t.Helper()
	for end := time.Now().Add(patience); p.records.Load() < int64(records); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("%d records were written, want %d", p.records.Load(), records)
		}
	}
}

// idleBound is what a connection may hold while nothing is said on it, in
// bytes, the sockets of the two ends included.
const idleBound = 11 << 10

func TestAnIdleConnectionHoldsLittle(t *testing.T) {
	if raceDetector {
		t.Skip("the race detector needs memory of its own")
	}
	written := &progress{Sink: discardedRecords().Sink}
	h := startRecorded(t, journal.Output{Name: "records", Sink: written})
	const connections, together = 1000, 20
	ends := make([]*net.TCPConn, 0, 4*connections)
	defer func() {
		for _, end := range ends {
			end.Close()
		}
	}()
	use := func(n int) {
		for range n {
			client, server := h.pair(h.proxy.Addr().String(), h.server)
			ends = append(ends, client, server)
			enter(t, client, server).exchange()
			if opened := len(ends) / 2; opened%together == 0 { // what waits to be written is not the connections'
				const records = 5 // the beginning, ANS and MSG, and what they are answered
				written.await(t, opened*records)
			}
		}
	}
	use(connections / 10) // what is made once is made now
	before := memory()
	use(connections)
	if held := (memory() - before) / connections; held > idleBound {
		t.Errorf("an idle connection holds %d bytes, want %d at most", held, idleBound)
	} else {
		t.Logf("an idle connection holds %d bytes", held)
	}
}
