package proxy

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"math/rand"
	"net"
	"slices"
	"strings"
	"testing"

	"msnproxy/captures"
	"msnproxy/decode"
	"msnproxy/internal/journal"
)

// shownRecords shows the records of a run by connection, with all that must be
// equal however the dialogue was decoded. Connections go by their client's
// address: ids are of one run.
func shownRecords(records []*decode.Record) map[string][]string {
	clients := map[string]string{}
	for _, r := range records {
		if r.Kind == decode.KindOpen {
			clients[r.Conn] = r.Client
		}
	}
	shown := map[string][]string{}
	for _, r := range records {
		client := clients[r.Conn]
		shown[client] = append(shown[client], shownRecord(r, clients))
	}
	return shown
}

func shownRecord(r *decode.Record, clients map[string]string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%d %s %s %s %s %s %s %d %t %q %d %t %d %d", r.Seq, r.Kind, r.Dir, r.Server, r.Dialect, r.DialectFrom,
		r.Verb, r.TrID, r.HasTrID, r.Line, r.Bytes, r.HasPayload, r.PayloadBytes, r.Offset)
	for _, a := range r.Args {
		fmt.Fprintf(&b, " %s=%q", a.Name, a.Value)
	}
	fmt.Fprintf(&b, " payload %q", r.Payload)
	for _, n := range r.Notes {
		if n.Kind != decode.NoteRewrite && n.Kind != decode.NoteFault {
			var challenge decode.Challenge
			if n.Challenge != nil {
				challenge = *n.Challenge
			}
			n.Latency, n.Challenge, challenge.Latency = 0, nil, 0
			fmt.Fprintf(&b, " note %v %+v", n, challenge)
		}
	}
	fmt.Fprintf(&b, " %s %s %s#%d %s %d %d", r.Client, r.ServerAddr, clients[r.Via.Conn], r.Via.Seq, r.Reason, r.BytesC2S, r.BytesS2C)
	return b.String()
}

// decoded reads a capture.
func decoded(t *testing.T, capture []byte) []*decode.Record {
	t.Helper()
	var records []*decode.Record
	d := captures.NewDecoder(captures.Options{Emit: func(r *decode.Record) { records = append(records, r.Clone()) }})
	if err := d.File(context.Background(), "the run's capture", bytes.NewReader(capture)); err != nil {
		t.Fatal(err)
	}
	d.Close()
	return records
}

// wantParity compares the records of a live run with those of its capture.
func wantParity(t *testing.T, live []*decode.Record, capture []byte) {
	t.Helper()
	got, want := shownRecords(decoded(t, capture)), shownRecords(live)
	if len(got) != len(want) {
		t.Errorf("the capture has %d connections, the run had %d", len(got), len(want))
	}
	for client, lines := range want {
		offline := got[client]
		for i := range max(len(lines), len(offline)) {
			l, o := "nothing", "nothing"
			if i < len(lines) {
				l = lines[i]
			}
			if i < len(offline) {
				o = offline[i]
			}
			if l != o {
				t.Fatalf("%s, record %d:\nlive    %s\noffline %s", client, i+1, l, o)
			}
		}
	}
}

// startTapped starts a proxy whose run is also written to a capture.
func startTapped(t *testing.T, changes ...func(*Config)) (*harness, *bytes.Buffer) {
	t.Helper()
	var capture bytes.Buffer
	tap, err := captures.NewTap(&capture)
	if err != nil {
		t.Fatal(err)
	}
	var rec *recorder
	h := start(t, func(cfg *Config) {
		rec = &recorder{}
		cfg.Live = journal.NewLive(true, func(name string, err error) { t.Errorf("%s: %v", name, err) },
			journal.Output{Name: "test", Sink: rec}, journal.Output{Name: "capture", Tap: tap})
		for _, change := range changes {
			change(cfg)
		}
	})
	h.recorder = rec
	return h, &capture
}

func TestRecordsOfARunEqualThoseOfItsCapture(t *testing.T) {
	for seed := range int64(20) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			h, capture := startTapped(t)
			rng := rand.New(rand.NewSource(seed))
			dialect := []string{"MSNP2", "MSNP8", "MSNP11", "MSNP12", "MSNP15", "MSNP18", "MSNP21"}[rng.Intn(7)]
			client, server := h.connect()
			send(t, client, "VER 1 "+dialect+" CVR0\r\n")
			expect(t, server, "VER 1 "+dialect+" CVR0\r\n")
			send(t, server, "VER 1 "+dialect+"\r\n")
			expect(t, client, "VER 1 "+dialect+"\r\n")
			var down, up bytes.Buffer
			for i := range 150 {
				down.WriteString(serverPieces[rng.Intn(len(serverPieces))])
				fmt.Fprintf(&up, []string{"PNG\r\n", "MSG %d A 5\r\nhello", "junk%d", "CHG %d NLN\r\n", "USR %d TWN S t=a&p=b\r\n"}[rng.Intn(5)], i)
			}
			go sendInPieces(rand.New(rand.NewSource(seed+1000)), server, down.Bytes())
			go sendInPieces(rand.New(rand.NewSource(seed+2000)), client, up.Bytes())
			go io.Copy(io.Discard, server)
			io.Copy(io.Discard, client)
			h.stop()
			wantParity(t, h.recorder.records, capture.Bytes())
		})
	}
}

func needIPv6(t *testing.T) {
	t.Helper()
	l, err := net.Listen("tcp", "[::1]:0")
	if err != nil {
		t.Skipf("there is no IPv6 here: %v", err)
	}
	l.Close()
}

func TestParityHoldsWhereTheEndsHaveAddressesOfTwoKinds(t *testing.T) {
	needIPv6(t)
	h, capture := startTapped(t, func(cfg *Config) { cfg.Listen = "[::1]:0" })
	client, server := h.connect()
	send(t, client, "VER 1 MSNP8 CVR0\r\n")
	expect(t, server, "VER 1 MSNP8 CVR0\r\n")
	send(t, server, "VER 1 MSNP8\r\n")
	expect(t, client, "VER 1 MSNP8\r\n")
	client.CloseWrite()
	server.CloseWrite()
	io.Copy(io.Discard, client)
	h.stop()
	wantParity(t, h.recorder.records, capture.Bytes())
}

func TestParityHoldsAcrossConnections(t *testing.T) {
	h, capture := startTapped(t)
	switchboard := listen(t)
	client, server := h.follow(h.proxy.Addr().String(), h.server, "VER 1 MSNP18 CVR0\r\n")
	send(t, server, fmt.Sprintf("VER 1 MSNP18\r\nXFR 2 SB %s CKI cookieA U messenger.msn.com 1\r\nRNG 7 %s CKI cookieB b@b.c Bob U messenger.msn.com 1\r\n",
		switchboard.Addr(), switchboard.Addr()))
	expect(t, client, "VER 1 MSNP18\r\nXFR 2 SB ")
	called := readWord(t, client)
	expect(t, client, "CKI cookieA U messenger.msn.com 1\r\nRNG 7 ")
	invited := readWord(t, client)
	ends := []*net.TCPConn{client, server}
	for _, j := range []struct{ told, first string }{{called, "USR 1 a@b.c;{x} cookieA\r\n"}, {invited, "ANS 1 a@b.c;{x} cookieB 7\r\n"}} {
		c, s := h.follow(j.told, switchboard, j.first)
		send(t, s, "JOI b@b.c;{y} Bob 1:2\r\nMSG b@b.c Bob 3\r\nhey")
		expect(t, c, "JOI b@b.c;{y} Bob 1:2\r\nMSG b@b.c Bob 3\r\nhey")
		ends = append(ends, c, s)
	}
	for _, end := range slices.Backward(ends) {
		end.CloseWrite()
	}
	for i := 0; i < len(ends); i += 2 {
		io.Copy(io.Discard, ends[i])
	}
	h.stop()
	wantParity(t, h.recorder.records, capture.Bytes())
	for _, r := range h.recorder.records {
		if r.Verb == "JOI" && (r.Dialect != 18 || r.DialectFrom != decode.DialectInherited || r.Server != decode.SB) {
			t.Errorf("on the switchboard: %s from %s on %s", r.Dialect, r.DialectFrom, r.Server)
		}
	}
}
