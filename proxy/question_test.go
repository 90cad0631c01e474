package proxy

import (
	"bytes"
	"fmt"
	"net"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"msnproxy/decode"
	"msnproxy/internal/sim/peers"
)

func TestNobodyNoticesTheProxysOwnChallenges(t *testing.T) {
	for _, pair := range pairs {
		t.Run(pair[0].String()+" and "+pair[1].String(), func(t *testing.T) {
			const tries = 20 // a busy machine may have an evening over before anything is asked
			for n := 0; askedIn(t, pair) == 0; n++ {
				if n == tries {
					t.Fatalf("in %d evenings, no challenge was answered", n)
				}
			}
		})
	}
}

// askedIn has two clients spend an evening with a proxy that asks challenges of its
// own, and returns how many were answered.
func askedIn(t *testing.T, pair [2]decode.Dialect) (asked int) {
	records, capture := evening(t, pair, peers.ServerConfig{SkipsTrIDs: true}, func(cfg *Config) {
		cfg.InjectChallenge = time.Millisecond
	})
	wantParity(t, records, capture)
	for _, r := range records {
		if n := r.Note(decode.NoteIssue); r.Kind == decode.KindOpaque || n != nil {
			t.Errorf("%s %d %q: %v", r.Conn, r.Seq, r.Line, n)
		}
		asked += countOwn(t, r)
	}
	return asked
}

// countOwn counts the answers to challenges of the proxy's own in a record,
// which must be right.
func countOwn(t *testing.T, r *decode.Record) (n int) {
	for _, note := range r.Notes {
		if note.Kind != decode.NoteChallenge || !note.Challenge.Injected || r.Verb != "QRY" || r.Dir != decode.ClientToServer {
			continue
		}
		n++
		if c := note.Challenge; c.Verdict != decode.VerdictCorrect || c.ServerVerdict != "" {
			t.Errorf("%s %d: %+v", r.Conn, r.Seq, c)
		}
	}
	return n
}

// signedIn signs a client in, by hand, through a proxy that asks challenges of
// its own. It returns what is needed to go on.
func signedIn(t *testing.T) (h *harness, client, server interface {
	Read([]byte) (int, error)
	Write([]byte) (int, error)
}, capture *bytes.Buffer) {
	t.Helper()
	return signedInAsked(t, 20*time.Millisecond)
}

// signedInAsked is signedIn with another interval between challenges.
func signedInAsked(t *testing.T, interval time.Duration) (h *harness, client, server interface {
	Read([]byte) (int, error)
	Write([]byte) (int, error)
}, capture *bytes.Buffer) {
	t.Helper()
	h, capture = startTapped(t, func(cfg *Config) { cfg.InjectChallenge = interval })
	c, s := h.connect()
	send(t, c, "VER 1 MSNP8 CVR0\r\n")
	expect(t, s, "VER 1 MSNP8 CVR0\r\n")
	send(t, s, "VER 1 MSNP8\r\nUSR 3 OK alice@example.com Alice 1 0\r\n")
	expect(t, c, "VER 1 MSNP8\r\nUSR 3 OK alice@example.com Alice 1 0\r\n")
	return h, c, s, capture
}

// readLine reads a line, whatever it is.
func readLine(t *testing.T, from interface{ Read([]byte) (int, error) }) string {
	t.Helper()
	var line []byte
	for b := make([]byte, 1); ; {
		if _, err := from.Read(b); err != nil {
			t.Fatalf("after %q: %v", line, err)
		}
		line = append(line, b[0])
		if b[0] == '\n' {
			return strings.TrimSuffix(string(line), "\r\n")
		}
	}
}

func TestTheAnswerToAChallengeOfTheProxysOwnStaysHere(t *testing.T) {
	h, client, server, capture := signedIn(t)
	text, ok := strings.CutPrefix(readLine(t, client), "CHL 0 ")
	if !ok || len(text) != 20 {
		t.Fatalf("the challenge is %q", text)
	}
	answer := decode.Respond(decode.AlgorithmMSNP6, text, "msmsgs@msnmsgr.com", "Q1P7W2E4J9R8U3S5")
	// In pieces, and between other commands: the first goes on at once, and so
	// does what cannot be the answer.
	send(t, client, "PNG\r\nQR")
	expect(t, server, "PNG\r\n")
	send(t, client, "Y 4 msmsgs@msnmsgr.com 32\r\n"+answer[:5])
	send(t, client, answer[5:]+"CHG 5 NL")
	expect(t, server, "CHG 5 NL")
	expect(t, client, "QRY 4\r\n")
	send(t, client, "N 0\r\n")
	expect(t, server, "N 0\r\n")
	h.stop()
	var own []*decode.Challenge
	for _, r := range h.recorder.records {
		for _, n := range r.Notes {
			if n.Kind == decode.NoteChallenge && n.Challenge.Verdict != "" && n.Challenge.Verdict != decode.VerdictUnanswered {
				own = append(own, n.Challenge)
			}
		}
	}
	if len(own) != 1 || own[0].Verdict != decode.VerdictCorrect || !own[0].Injected || own[0].Got != answer {
		t.Errorf("told of %+v", own)
	}
	if n := strings.Count(capture.String(), "msnproxy: injected"); n < 2 {
		t.Errorf("%d packets of the capture are marked, want those of CHL and of the reply to QRY", n)
	}
	wantParity(t, h.recorder.records, capture.Bytes())
}

func TestAWrongAnswerToTheProxysOwnChallengeHurtsNobody(t *testing.T) {
	h, client, server, _ := signedIn(t)
	readLine(t, client)
	send(t, client, "QRY 4 msmsgs@msnmsgr.com 32\r\n00112233445566778899aabbccddeeff")
	expect(t, client, "QRY 4\r\n")
	send(t, client, "PNG\r\n")
	expect(t, server, "PNG\r\n")
	h.stop()
	wrong := 0
	for _, r := range h.recorder.records {
		if n := r.Note(decode.NoteChallenge); n != nil && n.Challenge.Verdict == decode.VerdictWrong {
			wrong++
		}
	}
	if wrong != 1 {
		t.Errorf("%d wrong answers told, want 1", wrong)
	}
}

func TestTheServersOwnChallengeGoesOnBesideTheProxys(t *testing.T) {
	h, client, server, _ := signedIn(t)
	ours := strings.TrimPrefix(readLine(t, client), "CHL 0 ")
	send(t, server, "CHL 0 15570131571988941333\r\n")
	expect(t, client, "CHL 0 15570131571988941333\r\n")
	send(t, client, "QRY 4 msmsgs@msnmsgr.com 32\r\n8f2f5a91b72102cd28355e9fc9000d6e")
	expect(t, server, "QRY 4 msmsgs@msnmsgr.com 32\r\n8f2f5a91b72102cd28355e9fc9000d6e")
	answer := decode.Respond(decode.AlgorithmMSNP6, ours, "msmsgs@msnmsgr.com", "Q1P7W2E4J9R8U3S5")
	send(t, client, "QRY 5 msmsgs@msnmsgr.com 32\r\n"+answer+"PNG\r\n")
	expect(t, server, "PNG\r\n")
	expect(t, client, "QRY 5\r\n")
	h.stop()
}

func TestWhatIsHeldGoesOnWhenTheClientEnds(t *testing.T) {
	h, client, server, _ := signedIn(t)
	readLine(t, client)
	send(t, client, "PNG\r\nQRY 4 ms")
	client.(interface{ CloseWrite() error }).CloseWrite()
	expect(t, server, "PNG\r\nQRY 4 ms")
	h.stop()
}

func TestAChallengeWaitsForTheEndOfACommand(t *testing.T) {
	h, client, server, _ := signedIn(t)
	first := strings.TrimPrefix(readLine(t, client), "CHL 0 ")
	send(t, server, "NOT 10\r\n12345") // begun, and not at its end
	expect(t, client, "NOT 10\r\n12345")
	answer := decode.Respond(decode.AlgorithmMSNP6, first, "msmsgs@msnmsgr.com", "Q1P7W2E4J9R8U3S5")
	send(t, client, "QRY 4 msmsgs@msnmsgr.com 32\r\n"+answer+"PNG\r\n")
	expect(t, server, "PNG\r\n")
	time.Sleep(3 * 20 * time.Millisecond) // three intervals: nothing may come in between
	send(t, server, "67890QNG 40\r\n")
	expect(t, client, "67890QNG 40\r\nQRY 4\r\n")
	h.stop()
}

// Who is asked twice at a time, and answers one of them wrong, leaves open which.
func TestAChallengeThatWaitedIsNotAskedBesideOneOfTheServer(t *testing.T) {
	h, client, server, _ := signedInAsked(t, time.Hour)
	send(t, server, "NOT 10\r\n12345")
	expect(t, client, "NOT 10\r\n12345")
	c := h.proxy.connections()[0]
	c.ask()
	send(t, server, "67890CHL 0 15570131571988941333\r\n")
	expect(t, client, "67890CHL 0 15570131571988941333\r\n")
	send(t, server, "QNG 40\r\n")
	expect(t, client, "QNG 40\r\n")
	send(t, client, "QRY 5 msmsgs@msnmsgr.com 32\r\n8f2f5a91b72102cd28355e9fc9000d6e")
	expect(t, server, "QRY 5 msmsgs@msnmsgr.com 32\r\n8f2f5a91b72102cd28355e9fc9000d6e")
	c.ask()
	if again := readLine(t, client); !strings.HasPrefix(again, "CHL 0 ") {
		t.Errorf("after that, the client is told %q", again)
	}
	h.stop()
}

// pipeEnd is the proxy's end of a pipe, with the addresses of a connection.
type pipeEnd struct{ net.Conn }

func (pipeEnd) LocalAddr() net.Addr  { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 1863} }
func (pipeEnd) RemoteAddr() net.Addr { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 1050} }

// jammed relays a client that reads only what the test reads: a pipe holds
// nothing. It returns the client's end, signed in and asked a challenge.
func jammed(t *testing.T, h *harness) (client net.Conn, server *net.TCPConn, challenge string) {
	t.Helper()
	client, ours := net.Pipe()
	t.Cleanup(func() { client.Close() })
	client.SetDeadline(time.Now().Add(patience))
	h.proxy.wait.Go(func() { h.proxy.relay(pipeEnd{ours}, destination{server: h.proxy.cfg.Upstream}) })
	end, err := h.server.Accept()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { end.Close() })
	server = end.(*net.TCPConn)
	server.SetDeadline(time.Now().Add(patience))
	send(t, client, "VER 1 MSNP8 CVR0\r\n")
	expect(t, server, "VER 1 MSNP8 CVR0\r\n")
	send(t, server, "VER 1 MSNP8\r\nUSR 3 OK bob@example.com Bob 1 0\r\n")
	expect(t, client, "VER 1 MSNP8\r\nUSR 3 OK bob@example.com Bob 1 0\r\n")
	return client, server, strings.TrimPrefix(readLine(t, client), "CHL 0 ")
}

func TestWhatAClientSendsGoesOnWhileItDoesNotRead(t *testing.T) {
	h, _, _, _ := signedIn(t)
	client, server, challenge := jammed(t, h)
	time.Sleep(10 * time.Millisecond) // who asked has gone
	answer := decode.Respond(decode.AlgorithmMSNP6, challenge, "msmsgs@msnmsgr.com", "Q1P7W2E4J9R8U3S5")
	send(t, client, "QRY 4 msmsgs@msnmsgr.com 32\r\n"+answer)
	send(t, client, "PNG\r\n") // the reply to QRY has not been read
	expect(t, server, "PNG\r\n")
	expect(t, client, "QRY 4\r\n")
	client.Close()
	h.stop()
}

func TestAClientThatDoesNotReadKeepsNobodyFromBeingAsked(t *testing.T) {
	h, other, otherServer, _ := signedIn(t)
	client, _, challenge := jammed(t, h)
	answer := decode.Respond(decode.AlgorithmMSNP6, challenge, "msmsgs@msnmsgr.com", "Q1P7W2E4J9R8U3S5")
	send(t, client, "QRY 4 msmsgs@msnmsgr.com 32\r\n"+answer)
	expect(t, client, "QRY 4\r\n")
	time.Sleep(5 * 20 * time.Millisecond) // by now it is being asked again, and does not read
	for i := range 3 {
		text := strings.TrimPrefix(readLine(t, other), "CHL 0 ")
		answer := decode.Respond(decode.AlgorithmMSNP6, text, "msmsgs@msnmsgr.com", "Q1P7W2E4J9R8U3S5")
		send(t, other, fmt.Sprintf("QRY %d msmsgs@msnmsgr.com 32\r\n%sPNG\r\n", 10+i, answer))
		expect(t, otherServer, "PNG\r\n")
		expect(t, other, fmt.Sprintf("QRY %d\r\n", 10+i))
	}
	client.Close()
	h.stop()
}

// TestAnAnswerIsTakenOutWhereverItIsCut has the client send an answer between
// other commands, cut in two at every byte.
func TestAnAnswerIsTakenOutWhereverItIsCut(t *testing.T) {
	h, client, server, capture := signedIn(t)
	const before, after = "UUX 7 9\r\nQRY 4 5\r\nCHG 8 NLN 0\r\n", "QRZ 1\r\nQRX 7\r\nPNG\r\n"
	for cut := 1; ; cut++ {
		text := strings.TrimPrefix(readLine(t, client), "CHL 0 ")
		answer := decode.Respond(decode.AlgorithmMSNP6, text, "msmsgs@msnmsgr.com", "Q1P7W2E4J9R8U3S5")
		all := before + "QRY 5 msmsgs@msnmsgr.com 32\r\n" + answer + after
		if cut >= len(all) {
			break
		}
		send(t, client, all[:cut])
		time.Sleep(time.Millisecond) // so that it is read in two, as a rule
		send(t, client, all[cut:])
		expect(t, server, before+after)
		expect(t, client, "QRY 5\r\n")
	}
	client.(*net.TCPConn).Close()
	server.(*net.TCPConn).Close()
	h.stop()
	wantParity(t, h.recorder.records, capture.Bytes())
}

func TestASecondAnswerToTheProxysOwnChallengeStaysHereToo(t *testing.T) {
	h, client, server, _ := signedIn(t)
	text := strings.TrimPrefix(readLine(t, client), "CHL 0 ")
	answer := decode.Respond(decode.AlgorithmMSNP6, text, "msmsgs@msnmsgr.com", "Q1P7W2E4J9R8U3S5")
	send(t, client, "QRY 4 msmsgs@msnmsgr.com 32\r\n"+answer+"QRY 5 msmsgs@msnmsgr.com 32\r\n"+answer+"PNG\r\n")
	expect(t, server, "PNG\r\n")
	expect(t, client, "QRY 4\r\nQRY 5\r\n")
	client.(*net.TCPConn).Close()
	server.(*net.TCPConn).Close()
	h.stop()
}

func TestAnAnswerThatNeverComesIsToldWhileNothingElseDoes(t *testing.T) {
	var late atomic.Int64 // what the clock is ahead
	h, capture := startTapped(t, func(cfg *Config) {
		cfg.InjectChallenge = 20 * time.Millisecond
		cfg.Now = func() time.Time { return time.Now().Add(time.Duration(late.Load())) }
	})
	client, server := h.connect()
	send(t, client, "VER 1 MSNP8 CVR0\r\n")
	expect(t, server, "VER 1 MSNP8 CVR0\r\n")
	send(t, server, "VER 1 MSNP8\r\nUSR 3 OK alice@example.com Alice 1 0\r\n")
	expect(t, client, "VER 1 MSNP8\r\nUSR 3 OK alice@example.com Alice 1 0\r\n")
	readLine(t, client)
	late.Store(int64(time.Minute))
	h.recorder.await(t, func(r *decode.Record) bool {
		n := r.Note(decode.NoteChallenge)
		return r.Kind == decode.KindOverdue && n != nil && n.Challenge.Verdict == decode.VerdictUnanswered && n.Challenge.Injected
	})
	h.stop()
	wantParity(t, h.recorder.records, capture.Bytes())
}

func TestAnAnswerThatIsOverdueWhenTheRunEndsIsTold(t *testing.T) {
	var late atomic.Int64
	h, capture := startTapped(t, func(cfg *Config) {
		cfg.Now = func() time.Time { return time.Now().Add(time.Duration(late.Load())) }
	})
	client, server := h.connect()
	send(t, client, "VER 1 MSNP8 CVR0\r\n")
	expect(t, server, "VER 1 MSNP8 CVR0\r\n")
	send(t, server, "VER 1 MSNP8\r\nUSR 3 OK alice@example.com Alice 1 0\r\nCHL 0 15570131571988941333\r\n")
	expect(t, client, "VER 1 MSNP8\r\nUSR 3 OK alice@example.com Alice 1 0\r\nCHL 0 15570131571988941333\r\n")
	late.Store(int64(time.Minute))
	h.stop() // while both ends are there
	if n := countKind(h.recorder.records, decode.KindOverdue); n != 1 {
		t.Errorf("%d records tell of the answer that is overdue", n)
	}
	wantParity(t, h.recorder.records, capture.Bytes())
}
