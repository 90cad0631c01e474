package proxy

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"math/rand"
	"net"
	"os"
	"runtime"
	"sync"
	"testing"
	"time"

	"msnproxy/decode"
	"msnproxy/internal/journal"
	"msnproxy/internal/sim/peers"
)

// lockedRand is a source of random numbers for many goroutines.
type lockedRand struct {
	mu  sync.Mutex
	rng *rand.Rand
}

func (r *lockedRand) Int63n(n int64) int64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.rng.Int63n(n)
}

// crowd is a roster of people who know nobody.
func crowd(n int) (roster peers.Roster, accounts []string) {
	roster = peers.Roster{}
	for i := range n {
		account := fmt.Sprintf("person%d@example.com", i)
		roster[account] = []string{}
		accounts = append(accounts, account)
	}
	return roster, accounts
}

// together does something for each account at the same time.
func together(accounts []string, do func(account string)) {
	var all sync.WaitGroup
	for _, account := range accounts {
		all.Go(func() { do(account) })
	}
	all.Wait()
}

// TestAThousandSignInsAtOnce has a thousand people sign in at the same time,
// get their status, and sign out; the peers check every byte.
func TestAThousandSignInsAtOnce(t *testing.T) {
	n := 1000
	if testing.Short() {
		n = 100
	}
	roster, accounts := crowd(n)
	server, err := peers.NewServer(peers.ServerConfig{Roster: roster})
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	h := start(t, func(cfg *Config) { cfg.Upstream = server.Addr(decode.DS) })
	ctx, cancel := context.WithTimeout(context.Background(), longPatience)
	defer cancel()
	together(accounts, func(account string) {
		client := &peers.Client{Account: account, Dialect: 18, Server: h.proxy.Addr().String(), Contacts: roster[account]}
		defer client.Close()
		for _, step := range []func(context.Context) error{
			client.SignIn, func(ctx context.Context) error { return client.SetStatus(ctx, "NLN") }, client.Ping, client.SignOut,
		} {
			if err := step(ctx); err != nil {
				t.Errorf("%s: %v", account, err)
				return
			}
		}
	})
	if err := server.Idle(ctx); err != nil {
		t.Error(err)
	}
	for _, err := range server.Errors() {
		t.Error(err)
	}
	h.stop()
	if opened := countKind(h.recorder.records, decode.KindOpen); opened != 2*n {
		t.Errorf("%d connections were recorded, want %d", opened, 2*n)
	}
}

// TestNothingIsLeftOfTenThousandConnections opens, uses and closes them, each
// with a referral, a hundred at a time.
func TestNothingIsLeftOfTenThousandConnections(t *testing.T) {
	n := 10_000
	if testing.Short() {
		n = 1000
	}
	upstream := serveEach(t, referAndAnswer)
	h := start(t, func(cfg *Config) { cfg.Upstream = upstream; cfg.Live = discard(t) })
	use(t, h.proxy.Addr().String(), 200) // what is made once is made now
	h.idle()
	take := func() stock { return stock{memory(), runtime.NumGoroutine(), countDescriptors(t)} }
	before := take()
	use(t, h.proxy.Addr().String(), n)
	h.idle()
	after := settled(before, take) // the other ends are about to go
	if after.goroutines > before.goroutines || after.descriptors > before.descriptors || after.memory > before.memory+8<<20 {
		t.Errorf("something is left: %v; before there were %v", after, before)
	}
	if n := h.listeners(); n != 1 {
		t.Errorf("%d listeners are open, want 1", n)
	}
}

// referAndAnswer is a server that acknowledges a message, after a referral.
func referAndAnswer(c net.Conn) {
	defer c.Close()
	if _, err := io.ReadFull(c, make([]byte, len(request))); err == nil {
		io.WriteString(c, cutAddress+reply)
	}
	io.Copy(io.Discard, c)
}

// use opens n connections, a hundred at a time, has a message acknowledged on
// each, and closes it, every second one with a reset.
func use(t *testing.T, address string, n int) {
	t.Helper()
	const atOnce = 100
	var all sync.WaitGroup
	for range atOnce {
		all.Go(func() {
			for i := range n / atOnce {
				if err := useOne(address, i%2 == 0); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	all.Wait()
}

func useOne(address string, reset bool) error {
	c, err := net.Dial("tcp", address)
	if err != nil {
		return err
	}
	defer c.Close()
	c.SetDeadline(time.Now().Add(patience))
	if _, err := io.WriteString(c, request); err != nil {
		return err
	}
	lines := bufio.NewReader(c)
	for line := ""; line != reply; {
		if line, err = lines.ReadString('\n'); err != nil {
			return fmt.Errorf("after %q: %w", line, err)
		}
	}
	if reset {
		return c.(*net.TCPConn).SetLinger(0)
	}
	return nil
}

// idle waits until the proxy has no connections.
func (h *harness) idle() {
	h.t.Helper()
	for end := time.Now().Add(patience); len(h.proxy.connections()) > 0; time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			h.t.Fatalf("%d connections are left", len(h.proxy.connections()))
		}
	}
}

// listeners is how many there are for servers that clients were referred to.
func (h *harness) listeners() int {
	h.proxy.referrals.mu.Lock()
	defer h.proxy.referrals.mu.Unlock()
	return len(h.proxy.referrals.byServer)
}

// discard takes records as a run does, and keeps none.
func discard(t *testing.T) *journal.Live {
	return behindOnce(func(name string, err error) { t.Errorf("%s: %v", name, err) }, discardedRecords())
}

// behindOnce is a live run whose outputs have been behind as far as they may be:
// the memory that this takes is kept, and not made while a test measures, however
// busy the machine is.
func behindOnce(onError func(name string, err error), outputs ...journal.Output) *journal.Live {
	const (
		far  = 24_000 // records, which is nearly all that a queue holds
		said = "MSG a@b.c Al 84\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; charset=UTF-8\r\n\r\nwhat people say to all"
	)
	gate := make(chan struct{})
	live := journal.NewLive(false, onError, append(outputs, journal.Output{Name: "late", Sink: late(gate)})...)
	session := decode.NewSession(decode.Config{Emit: func(r *decode.Record) {
		r.Kind = decode.KindOpaque // it was said by nobody
		live.Emit(r)
	}})
	for range far {
		session.Feed(decode.ServerToClient, []byte(said), decode.Stamp{})
	}
	close(gate)
	return live
}

// late is an output that takes nothing before it is told to.
type late chan struct{}

func (l late) Record(*decode.Record) error {
	<-l
	return nil
}

func (late) Close() error { return nil }

// countDescriptors counts the open descriptors of the process, where the
// system tells them.
func countDescriptors(t *testing.T) int {
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Logf("descriptors are not counted: %v", err)
	}
	return len(entries)
}
