package proxy

import (
	"context"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"msnproxy/decode"
	"msnproxy/internal/journal"
)

// What goes on before it is decoded, or is not decoded at all.

// invited is a switchboard that a client was referred to, and the address at
// which it was told to find it.
func (h *harness) invited() (client, server *net.TCPConn, told string, real net.Listener) {
	h.t.Helper()
	real = listen(h.t)
	notification, ns := h.follow(h.proxy.Addr().String(), h.server, "VER 1 MSNP8 CVR0\r\n")
	send(h.t, ns, fmt.Sprintf("VER 1 MSNP8\r\nXFR 4 SB %s CKI cookie\r\n", real.Addr()))
	expect(h.t, notification, "VER 1 MSNP8\r\nXFR 4 SB ")
	told = readWord(h.t, notification)
	expect(h.t, notification, "CKI cookie\r\n")
	client, server = h.follow(told, real, "USR 1 a@b.c cookie\r\n")
	send(h.t, server, "USR 1 OK a@b.c Alice\r\n")
	expect(h.t, client, "USR 1 OK a@b.c Alice\r\n")
	return client, server, told, real
}

func withRoster(header, address string) string {
	payload := "MIME-Version: 1.0\r\n" + header + ": 1;" + address + "\r\n\r\nhi"
	return fmt.Sprintf("MSG a@b.c Al %d\r\n%s", len(payload), payload)
}

func TestARosterOnASwitchboardIsReplacedThoughOtherBytesGoOnFirst(t *testing.T) {
	for _, header := range []string{"Roster", "ROSTER", "roster"} {
		h := start(t, nil)
		client, server, told, real := h.invited()
		send(t, server, "ACK 2\r\nMSG a@b.c Al 2\r\nhi")
		expect(t, client, "ACK 2\r\nMSG a@b.c Al 2\r\nhi")
		send(t, server, "ACK 3\r\n"+withRoster(header, real.Addr().String())+"ACK 4\r\n")
		expect(t, client, "ACK 3\r\n"+withRoster(header, told)+"ACK 4\r\n")
		h.stop()
	}
}

func TestAReferralIsReplacedEvenOnASwitchboard(t *testing.T) {
	h := start(t, nil)
	client, server, told, real := h.invited()
	send(t, server, "ACK 2\r\n")
	expect(t, client, "ACK 2\r\n")
	for _, part := range []string{"MSG a@b.c Al 2\r\nhiXF", "R 3 SB " + real.Addr().String() + " CKI x\r\n"} {
		send(t, server, part)
	}
	expect(t, client, "MSG a@b.c Al 2\r\nhiXFR 3 SB "+told+" CKI x\r\n")
}

func TestARosterThatComesInPiecesIsTold(t *testing.T) {
	h := start(t, nil)
	client, server, _, real := h.invited()
	message := withRoster("Roster", real.Addr().String())
	for _, part := range []string{message[:30], message[30:]} {
		send(t, server, part)
		expect(t, client, part)
	}
	for end := time.Now().Add(patience); !strings.Contains(h.log.String(), "went through unchanged"); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("the log does not say so: %s", h.log)
		}
	}
}

func TestOnlyOnASwitchboardBytesGoOnUndecoded(t *testing.T) {
	live := journal.NewLive(false, nil, discardedRecords())
	defer live.Close()
	const chat = "MSG a@b.c Al 2\r\nhi"
	for _, one := range []struct {
		name string
		text string
		conn *conn
		want bool
	}{
		{"a switchboard", chat, &conn{decoding: decoding{switchboard: true}}, true},
		{"a server that is not known yet", chat, &conn{}, false},
		{"a Roster", withRoster("Roster", "1.2.3.4:5"), &conn{decoding: decoding{switchboard: true}}, false},
		{"a referral behind a message", chat + "XFR 3 SB 1.2.3.4:5 CKI 6\r\n", &conn{decoding: decoding{switchboard: true}}, false},
		{"what may be the beginning of one", chat + "XF", &conn{decoding: decoding{switchboard: true}}, false},
		{"bytes that are held back", chat, &conn{decoding: decoding{switchboard: true, gate: gate{held: []byte("M")}}}, false},
		{"faults", chat, &conn{decoding: decoding{switchboard: true}, faults: &faulty{}}, false},
		{"the proxy's own questions", chat, &conn{decoding: decoding{switchboard: true, asking: &questioning{}}}, false},
	} {
		one.conn.proxy = &Proxy{cfg: Config{Live: live}}
		if got := one.conn.passesUnchanged([]byte(one.text)); got != one.want {
			t.Errorf("%s: got %t, want %t", one.name, got, one.want)
		}
	}
}

func TestWithNothingToRecordReferralsAreReplacedAndChatPasses(t *testing.T) {
	var fed [2]int // by direction, on the switchboard
	h := start(t, func(cfg *Config) {
		cfg.Live = journal.NewLive(false, nil)
		cfg.newSession = func(c decode.Config) *decode.Session {
			if emit := c.Emit; c.Conn == "c2" {
				c.Emit = func(r *decode.Record) {
					if r.Kind == decode.KindCommand {
						fed[r.Dir-1]++
					}
					emit(r)
				}
			}
			return decode.NewSession(c)
		}
	})
	client, server, told, real := h.invited()
	if told == real.Addr().String() {
		t.Error("the client was told the real address")
	}
	for range 20 {
		send(t, client, request)
		expect(t, server, request)
		send(t, server, reply+"BYE ")
		expect(t, client, reply+"BYE ")
	}
	h.stop()
	if fed[0]+fed[1] > 2 { // USR, by which it is known, and perhaps the answer
		t.Errorf("%v commands were decoded for nobody", fed)
	}
}

func TestWithNothingToRecordWhatIsHeldBackStillGoesFirst(t *testing.T) {
	h := start(t, func(cfg *Config) { cfg.Live = journal.NewLive(false, nil) })
	client, server := h.connect()
	send(t, client, "USR 1 a@b.c 1.2\r\n") // by which it is known to be a switchboard
	expect(t, server, "USR 1 a@b.c 1.2\r\n")
	send(t, server, "U") // of what may be UBN
	await(t, "the byte is held back", func() bool {
		c := h.proxy.connections()[0]
		c.mu.Lock()
		defer c.mu.Unlock()
		return len(c.gate.held) > 0
	})
	send(t, server, "SR 1 OK a@b.c Alice\r\n")
	expect(t, client, "USR 1 OK a@b.c Alice\r\n")
}

// lateConn is a connection on which a write has arrived long before the writer
// knows.
type lateConn struct {
	net.Conn
	arrived chan struct{}
}

func (c lateConn) Write(p []byte) (int, error) {
	n, err := c.Conn.Write(p)
	select {
	case <-c.arrived:
	case <-time.After(patience):
	}
	return n, err
}

func TestAReplyIsDecodedAfterItsRequestThoughItIsThereBefore(t *testing.T) {
	arrived := make(chan struct{}, 2)
	h := start(t, func(cfg *Config) {
		cfg.Dial = func(_ context.Context, network, address string) (net.Conn, error) {
			c, err := net.Dial(network, address)
			return lateConn{c, arrived}, err
		}
	})
	client, server := h.connect()
	for i := range 5 { // of which the first shows that this is a switchboard
		said := fmt.Sprintf("MSG %d A 2\r\nhi", i+1)
		send(t, client, said)
		expect(t, server, said)
		send(t, server, fmt.Sprintf("ACK %d\r\n", i+1))
		expect(t, client, fmt.Sprintf("ACK %d\r\n", i+1))
		arrived <- struct{}{}
	}
	client.Close()
	server.Close()
	h.stop()
	h.wantVerbs("MSG <ACK MSG <ACK MSG <ACK MSG <ACK MSG <ACK")
}

func TestWhatAClientSaysToAMessageIsDecodedAfterIt(t *testing.T) {
	arrived := make(chan struct{}, 2)
	h := start(t, nil)
	client, server := h.relayed(func(c net.Conn) net.Conn { return lateConn{c, arrived} })
	send(t, client, "ANS 1 a@b.c 1.2 3\r\n")
	expect(t, server, "ANS 1 a@b.c 1.2 3\r\n")
	for i := range 5 {
		send(t, server, "MSG b@b.c Bob 2\r\nhi")
		expect(t, client, "MSG b@b.c Bob 2\r\nhi")
		answer := fmt.Sprintf("MSG %d U 2\r\nho", i+1)
		send(t, client, answer)
		expect(t, server, answer)
		arrived <- struct{}{}
	}
	client.Close()
	server.Close()
	h.stop()
	h.wantVerbs("PNG <QNG ANS" + strings.Repeat(" <MSG MSG", 5))
}

// wantVerbs checks the order of the commands of the run: those of the server
// begin with <.
func (h *harness) wantVerbs(want string) {
	h.t.Helper()
	var got []string
	for _, r := range h.recorder.records {
		switch {
		case r.Kind != decode.KindCommand:
		case r.Dir == decode.ServerToClient:
			got = append(got, "<"+r.Verb)
		default:
			got = append(got, r.Verb)
		}
	}
	if shown := strings.Join(got, " "); shown != want {
		h.t.Errorf("the commands were decoded as %q, want %q", shown, want)
	}
}
