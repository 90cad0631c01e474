package captures

import (
	"bytes"
	"net/netip"
	"slices"
	"testing"
	"time"

	"msnproxy/decode"
)

// tapProxy is the address at which clients connect.
const tapProxy = "192.0.2.200:1863"

// The two ways of a relay tell of an end each in their own time: a client may
// have broken off, and use its port again, before anybody has said so.
func TestATapOfAClientThatUsesItsPortAgain(t *testing.T) {
	var file bytes.Buffer
	tap, err := NewTap(&file)
	check(t, err)
	seconds := 0
	at := func() decode.Stamp {
		seconds++
		return decode.Stamp{Time: writerStart.Add(time.Duration(seconds) * time.Second)}
	}
	client, server := writerClient.String(), writerServer.String()
	check(t, tap.Open("c1", client, server, tapProxy, at().Time))
	check(t, tap.Data("c1", writerC2S, []byte("VER 1 MSNP8 CVR0\r\n"), at()))
	check(t, tap.Data("c1", writerS2C, []byte("VER 1 MSNP8\r\n"), at()))
	check(t, tap.Open("c2", client, server, tapProxy, at().Time))
	check(t, tap.Data("c1", writerS2C, []byte("late\r\n"), at()))
	check(t, tap.Data("c2", writerC2S, []byte("VER 2 MSNP9 CVR0\r\n"), at()))
	check(t, tap.Data("c2", writerS2C, []byte("VER 2 MSNP9\r\n"), at()))
	check(t, tap.Reset("c1", writerC2S, at().Time))
	check(t, tap.End("c2", writerC2S, at().Time))
	check(t, tap.End("c2", writerS2C, at().Time))
	check(t, tap.Close())
	r := decodeFile(file.Bytes())
	wantClean(t, r)
	wantReasons(t, r, "client reset", "client closed")
	wantLines(t, r, writerC2S, "VER 1 MSNP8 CVR0", "VER 2 MSNP9 CVR0")
	wantLines(t, r, writerS2C, "VER 1 MSNP8", "VER 2 MSNP9")
}

// A server that refers clients to itself is behind two addresses of the proxy, and
// a client's port can be in use towards both.
func TestATapOfAClientThatUsesItsPortTwice(t *testing.T) {
	var file bytes.Buffer
	tap, err := NewTap(&file)
	check(t, err)
	at := decode.Stamp{Time: writerStart}
	client, server, other := writerClient.String(), writerServer.String(), "192.0.2.200:40000"
	check(t, tap.Open("c1", client, server, tapProxy, at.Time))
	check(t, tap.Data("c1", writerC2S, []byte("VER 1 MSNP8 CVR0\r\n"), at))
	check(t, tap.Open("c2", client, server, other, at.Time))
	check(t, tap.Data("c2", writerC2S, []byte("VER 2 MSNP9 CVR0\r\n"), at))
	check(t, tap.Data("c1", writerC2S, []byte("INF 3\r\n"), at))
	check(t, tap.Open("c3", client, server, tapProxy, at.Time)) // c1 is over, though nobody says so
	check(t, tap.Data("c3", writerC2S, []byte("VER 4 MSNP8 CVR0\r\n"), at))
	check(t, tap.Data("c2", writerC2S, []byte("INF 5\r\n"), at))
	for _, conn := range []string{"c2", "c3"} {
		check(t, tap.End(conn, writerC2S, at.Time))
		check(t, tap.End(conn, writerS2C, at.Time))
	}
	check(t, tap.Close())
	r := decodeFile(file.Bytes())
	wantClean(t, r)
	wantReasons(t, r, "client reset", "client closed", "client closed")
	wantLines(t, r, writerC2S, "VER 1 MSNP8 CVR0", "VER 2 MSNP9 CVR0", "INF 3", "VER 4 MSNP8 CVR0", "INF 5")
}

// FuzzTap writes what a run may tell a tap, four bytes each: which connection,
// what, and how many bytes. The file is read again with exactly the bytes that
// the tap took.
func FuzzTap(f *testing.F) {
	f.Add([]byte{0, 0, 0, 0, 0, 1, 9, 0, 0, 2, 20, 0, 0, 3, 5, 1, 0, 4, 0, 0, 0, 4, 0, 1}, "VER 1 MSNP8 CVR0\r\n")
	f.Add([]byte{1, 0, 0, 0, 1, 1, 255, 3, 2, 0, 0, 0, 1, 5, 0, 0, 1, 1, 1, 1}, "MSG 1 N 3\r\n\xff\x00\x1b")
	f.Fuzz(func(t *testing.T, orders []byte, text string) {
		if len(orders) > 1<<10 || len(text) > 1<<10 {
			return
		}
		var file bytes.Buffer
		tap, err := NewTap(&file)
		check(t, err)
		at := writerStart
		for n := 0; len(orders) >= 4; orders = orders[4:] {
			at = at.Add(time.Millisecond)
			conn := string('a' + rune(orders[0]%3))
			dir := [...]decode.Direction{writerC2S, writerS2C}[orders[3]&1]
			switch orders[1] % 6 {
			case 0: // a name is used once, an address of a client again
				n++
				client := netip.AddrPortFrom(writerClient.Addr(), uint16(1025+n%5))
				if tap.w.open[conn] == nil {
					check(t, tap.Open(conn, client.String(), writerServer.String(), tapProxy, at))
				}
			case 1, 2:
				p := text[:min(len(text), int(orders[2]))]
				check(t, tap.Data(conn, dir, []byte(p), decode.Stamp{Time: at, Injected: orders[3]&2 != 0}))
			case 3:
				check(t, tap.Lost(conn, dir, int64(orders[2])<<(orders[3]>>4)))
			case 4:
				check(t, tap.End(conn, dir, at))
			case 5:
				check(t, tap.Reset(conn, dir, at))
			}
		}
		check(t, tap.Close())
		decodeFuzzed(t, file.Bytes())
		if r := decodeFile(file.Bytes()); r.err != nil || len(r.summary.Skipped) > 0 {
			t.Fatalf("%v, skipped %v", r.err, r.summary.Skipped)
		}
	})
}

// However much a tap misses, the capture tells how much, and what comes after that
// is of the same connection.
func TestBytesThatATapMissesAreMissingInTheCaptureHoweverMany(t *testing.T) {
	for _, server := range []string{"198.51.100.7:1863", "[2001:db8::7]:1863"} {
		for name, losses := range map[string][]int64{
			"one byte":                           {1},
			"as many as a number may jump":       {largestJump},
			"one more":                           {largestJump + 1},
			"many at a time, often":              slices.Repeat([]int64{largestJump - 1}, 20),
			"more than a sequence number counts": {5 << 30},
			"exactly what it counts":             {1 << 32},
		} {
			var file bytes.Buffer
			tap, err := NewTap(&file)
			check(t, err)
			at := decode.Stamp{Time: writerStart}
			check(t, tap.Open("c1", writerClient.String(), server, tapProxy, at.Time))
			check(t, tap.Data("c1", writerC2S, []byte("ANS 1 a@example.com x 1\r\n"), at))
			check(t, tap.Data("c1", writerS2C, []byte("ANS 1 OK\r\n"), at))
			var all int64
			for _, n := range losses {
				check(t, tap.Lost("c1", writerS2C, n))
				all += n
			}
			check(t, tap.Data("c1", writerS2C, []byte("BYE bob@example.com\r\n"), at))
			check(t, tap.Close())
			r := decodeFile(file.Bytes())
			check(t, r.err)
			var missing int64
			for _, record := range r.records {
				if record.Kind == decode.KindGap {
					missing += record.Bytes
				}
			}
			if missing != all || r.summary.Connections != 1 || len(r.summary.Skipped) > 0 {
				t.Errorf("%s, %s: %d bytes are missing of %d, in %d connections; skipped %v", name, server, missing, all, r.summary.Connections, r.summary.Skipped)
			}
			wantLines(t, r, writerS2C, "ANS 1 OK", "BYE bob@example.com")
		}
	}
}

func TestWhatATapMissesFirstBearsTheTimeOfTheOpening(t *testing.T) {
	var file bytes.Buffer
	tap, err := NewTap(&file)
	check(t, err)
	check(t, tap.Open("c1", writerClient.String(), writerServer.String(), tapProxy, writerStart))
	check(t, tap.Lost("c1", writerC2S, largestJump+1))
	check(t, tap.Close())
	r := decodeFile(file.Bytes())
	if r.err != nil || !r.summary.First.Equal(writerStart) || !r.summary.Last.Equal(writerStart) {
		t.Errorf("%v; packets from %v to %v, want %v", r.err, r.summary.First, r.summary.Last, writerStart)
	}
}
