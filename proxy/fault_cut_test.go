package proxy

import (
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"msnproxy/decode"
	"msnproxy/internal/journal"
)

// What the two ends say before one of them is cut off: lines, payloads, text
// that is not ASCII, and an address that is replaced.
const (
	cutUp = "VER 1 MSNP8 CVR0\r\nREA 2 a@b.c Zoë\r\nMSG 3 A 12\r\nhal\r\nf ☺ or\r\nPNG\r\n"
	// cutAddress is the command of cutDown that is held back.
	cutBefore  = "VER 1 MSNP8\r\nNLN NLN a@b.c Zoë 0\r\n"
	cutAddress = "XFR 3 SB 127.0.0.1:9 CKI cook\r\n"
	cutDown    = cutBefore + cutAddress + "MSG a@b.c Zoë 12\r\nhal\r\nf ☺ or\r\nQNG 5\r\n"
)

// cut is an end that says only a part of its text, and how it ends.
type cut struct {
	dir   decode.Direction
	at    int
	reset bool
}

func (c cut) String() string {
	return fmt.Sprintf("%s, reset %t, at byte %d", c.dir, c.reset, c.at)
}

// text is what the end says.
func (c cut) text() string {
	if c.dir == decode.ClientToServer {
		return cutUp[:c.at]
	}
	return cutDown[:c.at]
}

// held is how much of the text the proxy holds back when no more comes: what
// there is of XFR, and of MSG until it is clear that it is not the profile.
func (c cut) held() int {
	n, m := c.at-len(cutBefore), c.at-len(cutBefore+cutAddress)
	switch {
	case c.dir == decode.ClientToServer:
	case n > 0 && m < 0:
		return n
	case m > 0 && m <= len("MSG "):
		return m
	}
	return 0
}

// play has one end of a new connection say its part and end, and checks what
// the other end gets of it.
func (c cut) play(t *testing.T, h *harness) {
	t.Helper()
	client, server := h.pair(h.proxy.Addr().String(), h.server)
	defer client.Close()
	defer server.Close()
	from, to := client, server
	if c.dir == decode.ServerToClient {
		from, to = server, client
		// A server that resets at once may not have been reached at all.
		const first = "VER 1 MSNP8 CVR0\r\n"
		send(t, client, first)
		expect(t, server, first)
	}
	send(t, from, c.text())
	if !c.reset {
		from.CloseWrite()
		got, err := io.ReadAll(to)
		c.want(t, h, got, err, c.text())
		send(t, to, "OUT\r\n") // the other way is still open
		to.CloseWrite()
		got, err = io.ReadAll(from)
		c.want(t, h, got, err, "OUT\r\n")
		return
	}
	seen := c.text()[:c.at-c.held()]
	got := c.readSeen(t, h, to, seen)
	from.SetLinger(0)
	from.Close()
	rest, err := io.ReadAll(to)
	if err == nil {
		t.Errorf("%v: the other end was closed in peace", c)
	}
	if len(rest) > 0 { // what was held may come, or get lost in the reset
		got, seen = append(got, rest...), c.text()
	}
	c.want(t, h, got, nil, seen)
}

// readSeen reads until all has come that is to come before the reset, because
// a reset may overtake it. The address that is replaced has another length.
func (c cut) readSeen(t *testing.T, h *harness, from io.Reader, want string) (got []byte) {
	buffer := make([]byte, len(want)+100)
	for backToReal(h, string(got), "", "127.0.0.1:9") != want {
		n, err := from.Read(buffer)
		if err != nil || len(got) > len(buffer) {
			t.Fatalf("%v: got %q, then %v; want %q", c, got, err, want)
		}
		got = append(got, buffer[:n]...)
	}
	return got
}

func (c cut) want(t *testing.T, h *harness, got []byte, err error, want string) {
	t.Helper()
	if real := backToReal(h, string(got), "", "127.0.0.1:9"); err != nil || real != want {
		t.Errorf("%v: got %q, %v; want %q", c, real, err, want)
	}
}

// TestAnEndIsCutOffAnywhere cuts both ends off after every byte, which is at
// every boundary of commands and in the middle of line, line end, character and
// payload, in both ways. Every cut is the "later connection" of the one before.
func TestAnEndIsCutOffAnywhere(t *testing.T) {
	h, capture := startTapped(t, func(cfg *Config) { cfg.Advertise = "192.0.2.77" })
	resets := 0
	for _, reset := range []bool{false, true} {
		for _, dir := range []decode.Direction{decode.ClientToServer, decode.ServerToClient} {
			length := len(cutUp)
			if dir == decode.ServerToClient {
				length = len(cutDown)
			}
			for at := range length + 1 {
				cut{dir, at, reset}.play(t, h)
				if reset {
					resets++
				}
			}
		}
	}
	h.stop()
	wantParity(t, speaking(h.recorder.records), capture.Bytes())
	wantReasons(t, h, "client closed", len(cutUp)+1, "server closed", len(cutDown)+1, "client reset", len(cutUp)+1, "server reset", len(cutDown)+1)
	if n := strings.Count(h.log.String(), "broken off"); n != resets {
		t.Errorf("the log tells of %d resets, there were %d", n, resets)
	}
}

// speaking returns the records of connections that begin with a whole command, and not the last:
// of others it cannot be told from a capture that they are of MSNP.
func speaking(records []*decode.Record) (kept []*decode.Record) {
	speaks := map[string]bool{}
	for _, r := range records {
		if r.Seq == 2 {
			speaks[r.Conn] = r.Kind == decode.KindCommand && r.Verb != "OUT"
		}
	}
	for _, r := range records {
		if speaks[r.Conn] {
			kept = append(kept, r)
		}
	}
	return kept
}

// wantReasons checks how many connections ended for each reason.
func wantReasons(t *testing.T, h *harness, reasonsAndCounts ...any) {
	t.Helper()
	got := map[string]int{}
	for _, r := range h.recorder.records {
		if r.Kind == decode.KindClose {
			got[r.Reason]++
		}
	}
	for i := 0; i < len(reasonsAndCounts); i += 2 {
		if n := got[reasonsAndCounts[i].(string)]; n != reasonsAndCounts[i+1] {
			t.Errorf("%d connections ended with %q, want %d", n, reasonsAndCounts[i], reasonsAndCounts[i+1])
		}
	}
}

func TestBothEndsBreakOffAtOnce(t *testing.T) {
	h := start(t, nil)
	for i := range 50 {
		client, server := h.connect()
		send(t, client, cutUp[:i])
		send(t, server, cutDown[:i])
		client.SetLinger(0)
		server.SetLinger(0)
		go client.Close()
		server.Close()
	}
	h.works()
}

// works checks that a new connection works, both ways.
func (h *harness) works() {
	h.t.Helper()
	client, server := h.connect()
	defer client.Close()
	defer server.Close()
	send(h.t, client, "PNG\r\n")
	expect(h.t, server, "PNG\r\n")
	send(h.t, server, "QNG 5\r\n")
	expect(h.t, client, "QNG 5\r\n")
}

// TestAReaderThatIsSlowHoldsUpOnlyItself has a client read byte by byte, with
// pauses, what would fill every buffer on the way.
func TestAReaderThatIsSlowHoldsUpOnlyItself(t *testing.T) {
	const slowly, pause = 50, 2 * time.Millisecond
	all := strings.Repeat("MSG a@b.c Zoë 12\r\nhal\r\nf ☺ or", 500_000)
	h := start(t, nil)
	client, server := h.connect()
	go func() {
		io.WriteString(server, all)
		server.CloseWrite()
	}()
	got := make([]byte, slowly)
	for i := range got {
		if _, err := client.Read(got[i : i+1]); err != nil {
			t.Fatal(err)
		}
		time.Sleep(pause)
		if i%10 == 0 {
			h.works()
		}
	}
	rest, err := io.ReadAll(client)
	if err != nil || string(got)+string(rest) != all {
		t.Errorf("got %d bytes, %v; want %d", len(got)+len(rest), err, len(all))
	}
}

// reasons is a recorder that keeps the ends of connections alone.
type reasons struct{ recorder }

func (r *reasons) Record(rec *decode.Record) error {
	if rec.Kind != decode.KindClose {
		return nil
	}
	return r.recorder.Record(rec)
}

// TestAReaderThatNeverReads has each end in turn take nothing: the other is
// held up, the proxy's memory is not, and it all ends when the reader goes.
func TestAReaderThatNeverReads(t *testing.T) {
	for _, deaf := range []string{"client", "server"} {
		t.Run(deaf, func(t *testing.T) {
			ends := &reasons{}
			h := start(t, func(cfg *Config) {
				cfg.Live = behindOnce(func(name string, err error) { t.Errorf("%s: %v", name, err) }, journal.Output{Name: "ends", Sink: ends})
			})
			client, server := h.connect()
			from, to := server, client
			if deaf == "server" {
				from, to = client, server
			}
			from.SetWriteDeadline(time.Now().Add(300 * time.Millisecond))
			piece := []byte(strings.Repeat("MSG a@b.c Zoë 12\r\nhal\r\nf ☺ or", 5_000))
			before := memory()
			var err error
			for err == nil {
				_, err = from.Write(piece)
			}
			if nerr, ok := errors.AsType[net.Error](err); !ok || !nerr.Timeout() {
				t.Errorf("the sender got %v, want to be held up", err)
			}
			h.works()
			if grown := memory() - before; grown > 16<<20 {
				t.Errorf("the process grew by %d bytes", grown)
			}
			to.SetLinger(0)
			to.Close()
			from.SetDeadline(time.Now().Add(patience))
			if _, err := io.Copy(io.Discard, from); err == nil {
				t.Error("the sender was closed in peace, want a reset")
			}
			h.stop()
			h.recorder.records = ends.records
			wantReasons(t, h, deaf+" reset", 1)
		})
	}
}
