package proxy

import (
	"bytes"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"msnproxy/decode"
	"msnproxy/internal/journal"
)

// soloist is a connection of which only the decoding is there, and how many
// commands of it were decoded.
func soloist(t *testing.T) (c *conn, decoded *atomic.Int64) {
	live := journal.NewLive(true, nil, discardedRecords())
	p := &Proxy{cfg: Config{Live: live, Now: time.Now}}
	p.backlog = newBacklog(&p.stacks)
	decoded = new(atomic.Int64)
	c = &conn{proxy: p, id: "c1"}
	c.session = decode.NewSession(decode.Config{Conn: "c1", Emit: func(r *decode.Record) {
		if r.Kind == decode.KindCommand {
			decoded.Add(1)
		}
	}})
	t.Cleanup(func() {
		p.backlog.clear()
		p.stacks.drop()
		live.Close()
	})
	return c, decoded
}

// length is how many pieces wait.
func (b *backlog) length() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return len(b.waits.list)
}

func TestWhatNothingFollowsIsDecodedInTime(t *testing.T) {
	c, decoded := soloist(t)
	for n := range int64(2) {
		c.onward(decode.ClientToServer, []byte("PNG\r\n"))
		await(t, fmt.Sprintf("command %d is decoded", n+1), func() bool { return decoded.Load() != n })
	}
}

// Where much is said, nobody waits for a single record of it.
func TestWhatComesAfterAPauseIsDecodedAtOnce(t *testing.T) {
	b := newBacklog(&stacks{})
	defer b.timer.Stop()
	for ago, want := range map[time.Duration]time.Duration{time.Hour: backlogPrompt, 2 * backlogTime: backlogPrompt, 0: backlogTime} {
		b.cleared = time.Now().Add(-ago)
		if got := b.patience(); got != want {
			t.Errorf("%v after the last, what comes waits for %v, want %v", ago, got, want)
		}
	}
	c, _ := soloist(t)
	c.onward(decode.ClientToServer, []byte("PNG\r\n"))
	c.proxy.backlog.clear()
	if c.proxy.backlog.cleared.IsZero() {
		t.Error("when something was decoded is not noted")
	}
}

func TestTheBacklogIsDecodedWhenItIsFull(t *testing.T) {
	for _, one := range []struct {
		name  string
		piece string
		most  int // pieces that wait
	}{
		{"many pieces", "PNG\r\n", backlogPieces},
		{"many lines", strings.Repeat("PNG\r\n", 500), backlogLines/500 + 1},
		{"many bytes", "MSG 1 N 4000\r\n" + strings.Repeat("x", 4000), backlogBytes/4014 + 1},
	} {
		t.Run(one.name, func(t *testing.T) {
			c, decoded := soloist(t)
			const times = 10 * backlogPieces
			for range times {
				c.onward(decode.ClientToServer, []byte(one.piece))
				c.proxy.backlog.bound()
				if n := c.proxy.backlog.length(); n >= one.most {
					t.Errorf("%d pieces wait, want fewer than %d", n, one.most)
				}
			}
			c.proxy.backlog.clear()
			if got, want := decoded.Load(), int64(times*strings.Count(one.piece, "\n")); got != want {
				t.Errorf("%d commands were decoded, want %d", got, want)
			}
		})
	}
}

// Whoever waits for the backlog must not wait for one who sends very much.
func TestWhatIsMuchAtATimeIsDecodedInTheTimeOfWhoSentIt(t *testing.T) {
	c, decoded := soloist(t)
	much := bytes.Repeat([]byte("PNG\r\n"), firstBytes/len("PNG\r\n")+1)
	if got := c.onward(decode.ClientToServer, much); !bytes.Equal(got, much) {
		t.Errorf("%d of %d bytes go on", len(got), len(much))
	}
	if got, want := decoded.Load(), int64(bytes.Count(much, lineEnd)); got != want {
		t.Errorf("%d commands were decoded at once, want %d", got, want)
	}
	c.switchboard = true
	if c.wait(decode.ServerToClient, bytes.Repeat([]byte("ACK 1\r\n"), firstBytes/len("ACK 1\r\n")+1)) {
		t.Error("what a switchboard says at a time waits, however much it is")
	}
}

func TestTheBacklogKeepsNoMemoryForWhatWasHuge(t *testing.T) {
	c, _ := soloist(t)
	for range 3 * backlogBytes / firstBytes {
		c.onward(decode.ClientToServer, bytes.Repeat([]byte("P"), firstBytes))
	}
	for range 2 { // the two halves of it
		c.proxy.backlog.clear()
	}
	c.proxy.backlog.mu.Lock()
	defer c.proxy.backlog.mu.Unlock()
	for _, p := range []*pieces{&c.proxy.backlog.waits, &c.proxy.backlog.taken} {
		if cap(p.bytes) > 2*backlogBytes {
			t.Errorf("room for %d bytes is kept", cap(p.bytes))
		}
	}
}

// What somebody says on one connection has effects on others: a call, that it
// rings there.
func TestACauseIsDecodedBeforeItsEffectOnAnotherConnection(t *testing.T) {
	h := start(t, nil)
	alice, room := h.connect()
	bob, notification := h.connect()
	send(t, alice, "USR 1 a@b.c 1.2\r\n")
	expect(t, room, "USR 1 a@b.c 1.2\r\n")
	send(t, room, "USR 1 OK a@b.c Alice\r\n")
	expect(t, alice, "USR 1 OK a@b.c Alice\r\n")
	for i := range 20 {
		call := fmt.Sprintf("CAL %d b@b.c\r\n", i+2)
		send(t, alice, call)
		expect(t, room, call)
		send(t, notification, "CHG 1 NLN 0\r\n")
		expect(t, bob, "CHG 1 NLN 0\r\n")
	}
	for _, end := range []interface{ Close() error }{alice, room, bob, notification} {
		end.Close()
	}
	h.stop()
	h.wantVerbs("USR <USR" + strings.Repeat(" CAL <CHG", 20))
}
