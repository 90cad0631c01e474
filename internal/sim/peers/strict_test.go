package peers

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"msnproxy/decode"
)

// impatience is how long a scenario is given that is not expected to end well.
const impatience = 500 * time.Millisecond

// atATime is how many such scenarios are played at a time: most only wait.
const atATime = 32

// More tries, at other places, are for a change of this package.
var (
	tries = flag.Int("tries", 8, "how many bytes to tamper with, for each pair of dialects and way")
	seed  = flag.Uint64("seed", 1, "chooses the bytes")
)

// pairs are pairs of dialects in which each is on either side once.
func pairs() [][2]decode.Dialect {
	var all [][2]decode.Dialect
	for i, d := range Dialects {
		all = append(all, [2]decode.Dialect{d, Dialects[(i+1)%len(Dialects)]})
	}
	return all
}

func TestBytesThatComeOneByOneMakeNoDifference(t *testing.T) {
	noLeaks(t)
	for _, d := range pairs() {
		t.Run(fmt.Sprint(d), func(t *testing.T) {
			r := newRelay(t, ServerConfig{}, &relay{mangle: func(*relayed) mangler { return singly }})
			if err := Scenario(within(t, evening), r.addr(), d); err != nil {
				t.Error(err)
			}
			noErrors(t, r.server)
		})
	}
}

// noticedSince plays the evening through a relay that does wrong, and tells
// what was noticed of it. Only once that has happened is the evening given
// little time to end.
func noticedSince(happened *atomic.Bool, t *testing.T, d [2]decode.Dialect, r *relay) error {
	t.Helper()
	ctx, cancel := context.WithCancel(within(t, evening))
	defer cancel()
	go func() {
		for ctx.Err() == nil && !happened.Load() {
			time.Sleep(time.Millisecond)
		}
		select {
		case <-ctx.Done():
		case <-time.After(impatience):
			cancel()
		}
	}()
	return noticedIn(ctx, t, d, r)
}

func noticedIn(ctx context.Context, t *testing.T, d [2]decode.Dialect, r *relay) error {
	t.Helper()
	r = newRelay(t, ServerConfig{}, r)
	defer r.close()
	play := &Play{Server: r.addr(), Dialects: d}
	err := play.Run(ctx)
	for _, c := range play.Clients() {
		for _, address := range c.Mentioned() {
			if address != r.addr() && address != "127.0.0.1" {
				err = errors.Join(err, errors.New("another address: "+address))
			}
		}
	}
	return errors.Join(err, errors.Join(r.server.Errors()...))
}

// untouched passes everything on.
func untouched(chunk []byte) [][]byte { return [][]byte{chunk} }

// streamsOf plays an evening and tells how many bytes went each way, of the
// connections in the order in which they were made.
func streamsOf(t *testing.T, d [2]decode.Dialect) (streams []relayed, sizes map[relayed]int) {
	t.Helper()
	sizes = map[relayed]int{}
	r := newRelay(t, ServerConfig{}, &relay{tap: func(c *relayed, chunk []byte) {
		if sizes[*c] == 0 {
			streams = append(streams, *c)
		}
		sizes[*c] += len(chunk)
	}})
	if err := Scenario(within(t, evening), r.addr(), d); err != nil {
		t.Fatal(err)
	}
	r.close()
	slices.SortFunc(streams, func(a, b relayed) int { return (a.number-b.number)*2 + int(a.dir) - int(b.dir) })
	return streams, sizes
}

// crowd does things n at a time.
func crowd(n, times int, do func(i int)) {
	var running sync.WaitGroup
	slots := make(chan struct{}, n)
	for i := range times {
		slots <- struct{}{}
		running.Go(func() { do(i); <-slots })
	}
	running.Wait()
}

// place is a byte of a stream.
type place struct {
	relayed
	byte int
}

// Whatever single byte is altered, lost or repeated anywhere: it is noticed.
func TestEveryBytePlaysAPart(t *testing.T) {
	noLeaks(t)
	random := rand.New(rand.NewPCG(*seed, 0))
	for _, d := range pairs() {
		streams, sizes := streamsOf(t, d)
		for _, way := range []struct {
			name string
			do   func(byte) []byte
		}{{"altered", flipped}, {"lost", dropped}, {"repeated", doubled}} {
			t.Run(fmt.Sprint(d, " ", way.name), func(t *testing.T) {
				places := make([]place, *tries)
				for i := range places {
					s := streams[random.IntN(len(streams))]
					places[i] = place{s, random.IntN(sizes[s])}
				}
				var done atomic.Int64
				crowd(atATime, *tries, func(i int) {
					var happened atomic.Bool
					err := noticedSince(&happened, t, d, &relay{mangle: func(c *relayed) mangler {
						if *c == places[i].relayed {
							return at(places[i].byte, func(b byte) []byte { happened.Store(true); return way.do(b) })
						}
						return untouched
					}})
					if happened.Load() {
						done.Add(1)
					}
					if happened.Load() && err == nil {
						t.Errorf("%+v was %s", places[i], way.name)
					}
				})
				// Connections may come in another order, and be shorter then.
				if int(done.Load()) < *tries/2 {
					t.Errorf("only %d of %d places were there again", done.Load(), *tries)
				}
			})
		}
	}
}

// once does something to the first command of a verb in a direction.
func once(verb string, dir decode.Direction, happened *atomic.Bool, do func(c command) []command) *relay {
	return &relay{mangle: func(r *relayed) mangler {
		if r.dir != dir {
			return untouched
		}
		return byCommand(payloadsOf(dir), func(c command) []command {
			if c.verb() != verb || happened.Swap(true) {
				return []command{c}
			}
			return do(c)
		})
	}}
}

// Whatever command is lost or repeated: it is noticed.
func TestEveryCommandPlaysAPart(t *testing.T) {
	noLeaks(t)
	verbs := map[decode.Direction]string{
		decode.ClientToServer: "VER CVR USR SYN GCF ADL BLP PRP CHG UUX QRY PNG XFR CAL ANS MSG OUT",
		decode.ServerToClient: "VER CVR USR SYN GTC LST LSG GCF SBS MSG ADL BLP PRP CHG ILN NLN FLN UUX UBX CHL QRY QNG XFR RNG CAL JOI IRO ANS ACK NAK BYE 217",
	}
	for dir, list := range verbs {
		verbs := strings.Fields(list)
		crowd(atATime, len(verbs), func(i int) {
			for name, wrong := range map[string]func(c command) []command{
				"lost":     func(command) []command { return nil },
				"repeated": func(c command) []command { return []command{c, c} },
			} {
				ever := false
				for _, d := range [][2]decode.Dialect{{11, 15}, {18, 11}} {
					var happened atomic.Bool
					err := noticedSince(&happened, t, d, once(verbs[i], dir, &happened, wrong))
					ever = ever || happened.Load()
					// After OUT, nobody need be there to notice a second one.
					if happened.Load() && err == nil && !(verbs[i] == "OUT" && name == "repeated") {
						t.Errorf("%v %v: %s was %s", d, dir, verbs[i], name)
					}
				}
				if !ever {
					t.Errorf("%v: there was no %s", dir, verbs[i])
				}
			}
		})
	}
}

// A caller who is told that somebody is offline may have left by the time at
// which a second word of it is read.
func TestASecondWordAfterTheLastReplyIsNoticed(t *testing.T) {
	noLeaks(t)
	var happened atomic.Bool
	d := [2]decode.Dialect{11, 15}
	again := once("217", decode.ServerToClient, &happened, func(c command) []command { return []command{c, c} })
	again = newRelay(t, ServerConfig{}, again)
	play := &Play{Server: again.addr(), Dialects: d, Dial: func(ctx context.Context, kind decode.Server, address string) (net.Conn, error) {
		c, err := dialTCP(ctx, kind, address)
		return &slowReader{Conn: c, after: "217 "}, err
	}}
	if err := play.Run(within(t, evening)); err == nil || !happened.Load() {
		t.Errorf("it was there: %t, and %v", happened.Load(), err)
	}
}

// slowReader finds what follows a command only some time after it.
type slowReader struct {
	net.Conn
	after string
	rest  []byte
}

func (r *slowReader) Read(p []byte) (int, error) {
	if len(r.rest) > 0 {
		time.Sleep(impatience / 10)
		n := copy(p, r.rest)
		r.rest = r.rest[n:]
		return n, nil
	}
	n, err := r.Conn.Read(p)
	if at := strings.Index(string(p[:n]), r.after); at >= 0 {
		if end := at + strings.IndexByte(string(p[at:n]), '\n') + 1; end > at {
			r.rest = bytes.Clone(p[end:n])
			return end, err
		}
	}
	return n, err
}

// A proxy that waits for the end of a command before it passes it on is
// noticed by a witness.
func TestBytesThatAreHeldBack(t *testing.T) {
	noLeaks(t)
	for _, dir := range []decode.Direction{decode.ClientToServer, decode.ServerToClient} {
		w := NewWitness()
		w.Patience = impatience
		r := newRelay(t, ServerConfig{Witness: w}, &relay{mangle: func(c *relayed) mangler {
			if c.dir != dir {
				return untouched
			}
			return byCommand(payloadsOf(dir), func(c command) []command { return []command{c} })
		}})
		play := &Play{Server: r.addr(), Dialects: [2]decode.Dialect{15, 15}, Witness: w}
		err := errors.Join(play.Run(within(t, evening)), errors.Join(r.server.Errors()...))
		if !errors.Is(err, ErrHeldBack) {
			t.Errorf("%v: %v", dir, err)
		}
	}
}

func TestWitnessOfAnHonestRelay(t *testing.T) {
	noLeaks(t)
	for _, d := range pairs() {
		w := NewWitness()
		r := newRelay(t, ServerConfig{Witness: w}, &relay{})
		play := &Play{Server: r.addr(), Dialects: d, Witness: w}
		if err := play.Run(within(t, evening)); err != nil {
			t.Errorf("%v: %v", d, err)
		}
		noErrors(t, r.server)
	}
}

// A client that says these is complained about, in words that have the bytes.
func TestServerIsStrict(t *testing.T) {
	noLeaks(t)
	hello := []string{"VER 1 MSNP8 CVR0\r\n", "CVR 2 0x0409 winnt 5.1 i386 MSMSGS 5.0.0544 MSMSGS alice@example.com\r\n"}
	tests := []struct {
		situation string
		kind      decode.Server
		says      []string
		got       string
	}{
		{"no MSNP", decode.DS, []string{"GET / HTTP/1.1\r\n"}, "GET / HTTP/1.1\r\n"},
		{"a line without CR", decode.DS, []string{"VER 1 MSNP8 CVR0\n"}, "VER 1 MSNP8 CVR0\n"},
		{"an end within a line", decode.DS, []string{"VER 1 MS"}, "VER 1 MS"},
		{"an end before OUT", decode.DS, []string{hello[0]}, ""},
		{"a dialect that this program has not", decode.DS, []string{"VER 1 MSNP9 MSNP8 CVR0\r\n", hello[1]}, "VER 1 MSNP9 MSNP8 CVR0\r\n"},
		{"a transaction id that begins with 0", decode.DS, []string{"VER 01 MSNP8 CVR0\r\n"}, "VER 01 MSNP8 CVR0\r\n"},
		{"a transaction id that is used again", decode.DS, []string{hello[0], "CVR 1 x\r\n"}, "CVR 1 x\r\n"},
		{"a transaction id that is left out", decode.NS, append(slices.Clone(hello), "USR 4 TWN I alice@example.com\r\n"), "USR 4 TWN I alice@example.com\r\n"},
		{"another's ticket", decode.NS, append(slices.Clone(hello), "USR 3 TWN I alice@example.com\r\n", "USR 4 TWN S t=1&p=\r\n"), "USR 4 TWN S t=1&p=\r\n"},
		{"bytes after a referral", decode.DS, append(slices.Clone(hello), "USR 3 TWN I alice@example.com\r\n", "OUT\r\n"), "OUT\r\n"},
		{"a cookie that nobody was given", decode.SB, []string{"USR 1 alice@example.com 17.1.1\r\n"}, "USR 1 alice@example.com 17.1.1\r\n"},
		{"a switchboard that begins with 2", decode.SB, []string{"USR 2 alice@example.com 17.1.1\r\n"}, "USR 2 alice@example.com 17.1.1\r\n"},
	}
	for _, tt := range tests {
		t.Run(tt.situation, func(t *testing.T) {
			s := newServer(t, ServerConfig{})
			conn, err := net.Dial("tcp", s.Addr(tt.kind))
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			replies := bufio.NewReader(conn)
			for i, text := range tt.says {
				io.WriteString(conn, text)
				if i < len(tt.says)-1 {
					replies.ReadString('\n')
				}
			}
			conn.(*net.TCPConn).CloseWrite()
			io.Copy(io.Discard, replies) // until the server closes, or breaks off
			if err := s.Idle(within(t, evening)); err != nil {
				t.Fatal(err)
			}
			errs := s.Errors()
			if len(errs) != 1 {
				t.Fatalf("errors: %v", errs)
			}
			if v, ok := errors.AsType[*Violation](errs[0]); !ok || string(v.Got) != tt.got {
				t.Errorf("got %v, want a complaint about %q", errs[0], tt.got)
			}
		})
	}
}

func TestWrongAnswerToAChallenge(t *testing.T) {
	noLeaks(t)
	for _, d := range Dialects {
		s := newServer(t, ServerConfig{})
		c := &Client{Account: Alice, Dialect: d, Server: s.Addr(decode.DS), Impostor: true}
		ctx := within(t, evening)
		if err := errors.Join(c.SignIn(ctx), c.SetStatus(ctx, "NLN")); err != nil {
			t.Fatal(err)
		}
		err := c.Sees(ctx, Bob, "NLN")
		if err == nil || !strings.Contains(err.Error(), `"540 `) {
			t.Errorf("%v: the client got %v", d, err)
		}
		c.Close()
		if err := s.Idle(ctx); err != nil {
			t.Error(err)
		}
		if errs := s.Errors(); len(errs) != 1 || !strings.Contains(errs[0].Error(), strings.Repeat("0", 32)) {
			t.Errorf("%v: the server noted %v", d, errs)
		}
	}
}

// Nothing is left when everything is broken off at any time.
func TestBreakingOff(t *testing.T) {
	noLeaks(t)
	for d := time.Duration(0); d < 12*time.Millisecond; d += 500 * time.Microsecond {
		s := newServer(t, ServerConfig{})
		ctx, cancel := context.WithTimeout(context.Background(), d)
		if err := Scenario(ctx, s.Addr(decode.DS), [2]decode.Dialect{18, 8}); err != nil && !errors.Is(err, context.DeadlineExceeded) && !strings.Contains(err.Error(), "timeout") {
			t.Errorf("after %v: %v", d, err)
		}
		cancel()
	}
}

// Close does not wait for clients.
func TestServerClosesUnderItsClients(t *testing.T) {
	noLeaks(t)
	s, err := NewServer(ServerConfig{})
	if err != nil {
		t.Fatal(err)
	}
	ctx := within(t, evening)
	c := &Client{Account: Alice, Dialect: 15, Server: s.Addr(decode.DS)}
	if err := c.SignIn(ctx); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	if err := c.Ping(ctx); err == nil {
		t.Error("a server that is closed has answered")
	}
	c.Close()
	if errs := s.Errors(); len(errs) > 0 {
		t.Error(errs)
	}
}
