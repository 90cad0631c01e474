package proxy

import (
	"context"
	"flag"
	"fmt"
	"io"
	"math/rand"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"msnproxy/captures"
	"msnproxy/decode"
	"msnproxy/internal/journal"
	"msnproxy/internal/ndjson"
	"msnproxy/internal/sim/peers"
)

var soak = flag.Duration("soak", 0, "how long TestSoak lasts; it is skipped without")

// TestSoak has the proxy bear everything for a long time: people who spend
// their evenings, the strict kind; connections cut off anywhere; crowds that
// come and go. Whatever is wrong ends it. A summary tells what it was, and what
// is left of it.
func TestSoak(t *testing.T) {
	if *soak == 0 {
		t.Skip("-soak says for how long; see make soak")
	}
	s := newSoaking(t)
	s.round() // what is made once is made now
	s.atRest()
	before := s.takeStock()
	began, told := time.Now(), time.Now()
	for time.Since(began) < *soak && !t.Failed() {
		s.round()
		if time.Since(told) > time.Minute {
			told = time.Now()
			t.Logf("after %v: %v", time.Since(began).Round(time.Second), s)
		}
	}
	s.atRest()
	after := settled(before, s.takeStock)
	t.Logf("a soak of %v: %v\nat the start: %v\nat the end:   %v", time.Since(began).Round(time.Second), s, before, after)
	after.wantNoMoreThan(t, before)
}

// stock is what the process has, beside the listeners for servers that clients
// were referred to: those stay for a while, and there is one a server.
type stock struct {
	memory                  int64 // bytes of heap and stacks
	goroutines, descriptors int
}

func (s *soaking) takeStock() stock {
	listeners := 0
	for _, h := range s.proxies() {
		n := h.listeners()
		if n > maxServers {
			s.t.Errorf("there are %d listeners, but only %d servers", n, maxServers)
		}
		listeners += n
	}
	return stock{memory(), runtime.NumGoroutine() - listeners, countDescriptors(s.t) - listeners}
}

// maxServers is to how many servers clients of one proxy are referred here:
// dispatch, notification server, switchboard.
const maxServers = 3

// settled takes stock once there is no more than before, or patience ends:
// goroutines at the other ends of connections take a moment to notice that
// these are over.
func settled(before stock, take func() stock) stock {
	for end := time.Now().Add(patience); ; time.Sleep(10 * time.Millisecond) {
		now := take()
		if now.goroutines <= before.goroutines && now.descriptors <= before.descriptors || time.Now().After(end) {
			return now
		}
	}
}

func (s stock) String() string {
	return fmt.Sprintf("%d KiB of memory, %d goroutines, %d descriptors", s.memory>>10, s.goroutines, s.descriptors)
}

// memoryNoise is by how much the memory of the process, test and all, may grow
// between two moments at rest, however long that is: some 6 MiB of referrals and
// 10 MiB of masked secrets are remembered, and then no more; the rest is noise.
const memoryNoise = 24 << 20

func (s stock) wantNoMoreThan(t *testing.T, before stock) {
	t.Helper()
	if s.memory > before.memory+memoryNoise || s.goroutines > before.goroutines || s.descriptors > before.descriptors {
		t.Errorf("something is left: %v; before there were %v", s, before)
	}
}

// soaking is two proxies under load, one in front of the scripted peers and one
// in front of a server that the test plays.
type soaking struct {
	t        *testing.T
	rng      *rand.Rand
	counts   *counts
	people   *harness
	rough    *harness
	crowd    *harness
	at       peers.ServerConfig // where the scripted server is, each time anew
	evenings int
	cuts     int
	guests   int
}

// counts is a sink that counts.
type counts struct {
	mu                                   sync.Mutex
	connections, commands, replies, wire int64
}

func (c *counts) Record(r *decode.Record) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch r.Kind {
	case decode.KindOpen:
		c.connections++
	case decode.KindCommand:
		c.commands++
		if r.Note(decode.NoteError) != nil {
			c.replies++
		}
	case decode.KindClose:
		c.wire += r.BytesC2S + r.BytesS2C
	}
	return nil
}

func (c *counts) Close() error { return nil }

// String is the summary.
func (s *soaking) String() string {
	s.counts.mu.Lock()
	defer s.counts.mu.Unlock()
	return fmt.Sprintf("%d evenings, %d cuts and a crowd of %d; %d connections, %d commands, %d bytes, %d error replies",
		s.evenings, s.cuts, s.guests, s.counts.connections, s.counts.commands, s.counts.wire, s.counts.replies)
}

// people of an evening: Alice, Bob and Carol, several times over.
const tables = 4

func newSoaking(t *testing.T) *soaking {
	s := &soaking{t: t, rng: rand.New(rand.NewSource(time.Now().UnixNano())), counts: &counts{}}
	s.at = peers.ServerConfig{Roster: peers.Roster{}}
	for i := range tables {
		a := s.accounts(i)
		s.at.Roster[a[0]], s.at.Roster[a[1]], s.at.Roster[a[2]] = []string{a[1], a[2]}, []string{a[0], a[2]}, []string{a[0], a[1]}
	}
	first, err := peers.NewServer(s.at)
	if err != nil {
		t.Fatal(err)
	}
	s.at.DS, s.at.NS, s.at.SB = first.Addr(decode.DS), first.Addr(decode.NS), first.Addr(decode.SB)
	first.Close()
	s.people = start(t, s.outputs(func(cfg *Config) { cfg.Upstream = s.at.DS }))
	s.rough = start(t, s.outputs(func(cfg *Config) { cfg.Advertise = "192.0.2.77" }))
	guests := serveEach(t, referAndAnswer)
	s.crowd = start(t, s.outputs(func(cfg *Config) { cfg.Upstream = guests }))
	return s
}

func (s *soaking) accounts(table int) [3]string {
	name := func(who string) string { return fmt.Sprintf("%s%d@example.com", who, table) }
	return [3]string{name("alice"), name("bob"), name("carol")}
}

// outputs has a run written as it is by the program, to nowhere, and counted.
func (s *soaking) outputs(change func(*Config)) func(*Config) {
	tap, err := captures.NewTap(io.Discard)
	if err != nil {
		s.t.Fatal(err)
	}
	return func(cfg *Config) {
		cfg.Live = behindOnce(func(name string, err error) { s.t.Errorf("%s: %v", name, err) },
			journal.Output{Name: "counts", Sink: s.counts}, journal.Output{Name: "capture", Tap: tap},
			journal.Output{Name: "records", Sink: ndjson.New(io.Discard, ndjson.Options{Payload: true})})
		cfg.Log = cfg.Log.Level(zerolog.WarnLevel) // resets are no news here
		change(cfg)
	}
}

// round is a few seconds of everything.
func (s *soaking) round() {
	server, err := peers.NewServer(s.at)
	if err != nil {
		s.t.Fatal(err)
	}
	defer server.Close()
	var all sync.WaitGroup
	for i := range tables {
		dialects := pairs[s.rng.Intn(len(pairs))]
		all.Go(func() { s.spend(i, dialects) })
	}
	all.Go(func() { use(s.t, s.crowd.proxy.Addr().String(), guestsARound) })
	for range cutsARound {
		s.randomCut().play(s.t, s.rough)
	}
	all.Wait()
	s.evenings += tables * eveningsARound
	s.cuts += cutsARound
	s.guests += guestsARound
	for _, err := range server.Errors() {
		s.t.Errorf("the server noticed: %v", err)
	}
}

// How much there is in a round: about a second of work.
const (
	eveningsARound = 5
	cutsARound     = 100
	guestsARound   = 200
)

// spend has a table of people spend some evenings.
func (s *soaking) spend(table int, dialects [2]decode.Dialect) {
	for range eveningsARound {
		ctx, cancel := context.WithTimeout(context.Background(), longPatience)
		play := &peers.Play{Server: s.people.proxy.Addr().String(), Dialects: dialects, Accounts: s.accounts(table)}
		if err := play.Run(ctx); err != nil {
			s.t.Errorf("an evening ended early: %v", err)
		}
		cancel()
	}
}

func (s *soaking) randomCut() cut {
	c := cut{dir: decode.ClientToServer, at: s.rng.Intn(len(cutUp) + 1), reset: s.rng.Intn(2) == 0}
	if s.rng.Intn(2) == 0 {
		c.dir, c.at = decode.ServerToClient, s.rng.Intn(len(cutDown)+1)
	}
	return c
}

func (s *soaking) proxies() []*harness { return []*harness{s.people, s.rough, s.crowd} }

// atRest waits until nobody is connected.
func (s *soaking) atRest() {
	for _, h := range s.proxies() {
		h.idle()
		if strings.Contains(h.log.String(), "error") {
			s.t.Errorf("the log tells of errors: %s", h.log)
		}
	}
}
