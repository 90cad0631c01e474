package decode

import (
	"fmt"
	"math/rand"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"
)

// collect returns a session and the records it has emitted so far.
func collect(cfg Config) (*Session, *[]*Record) {
	var records []*Record
	cfg.Emit = func(r *Record) { records = append(records, r.Clone()) }
	return NewSession(cfg), &records
}

func TestRepliesArePairedOutOfOrderAndManyToOne(t *testing.T) {
	s, records := collect(Config{Conn: "c1"})
	at := func(ms int) Stamp { return Stamp{Time: time.Unix(0, int64(ms)*1e6)} }
	s.Feed(ClientToServer, []byte("VER 1 MSNP7\r\n"), at(0))
	s.Feed(ClientToServer, []byte("SYN 2 0\r\nCHG 3 NLN\r\n"), at(10))
	s.Feed(ServerToClient, []byte("CHG 3 NLN\r\nSYN 2 1\r\nGTC 2 1 A\r\nLST 2 FL 1 1 1 a@b.c Al 0\r\n"), at(25))
	s.Feed(ServerToClient, []byte("VER 1 MSNP7\r\n215 3\r\nACK 99\r\n"), at(30))
	want := []string{"CHG 4 15ms", "SYN 3 15ms", "SYN 3 15ms", "SYN 3 15ms", "VER 2 30ms", "CHG 4 20ms", ""}
	var got []string
	for _, r := range *records {
		if r.Dir != ServerToClient {
			continue
		}
		text := ""
		if n := r.Note(NoteReply); n != nil {
			text = fmt.Sprintf("%s %d %v", n.Request, n.ToSeq, n.Latency)
		}
		got = append(got, text)
	}
	if strings.Join(got, "; ") != strings.Join(want, "; ") {
		t.Errorf("got  %q\nwant %q", got, want)
	}
}

func TestATransactionIDThatIsUsedAgainMeansTheNewerRequest(t *testing.T) {
	s, records := collect(Config{Conn: "c1"})
	s.Feed(ClientToServer, []byte("CHG 3 NLN\r\nPRP 3 MFN Al\r\n"), Stamp{})
	s.Feed(ServerToClient, []byte("PRP 3 MFN Al\r\n"), Stamp{})
	last := (*records)[len(*records)-1]
	if n := last.Note(NoteReply); n == nil || n.ToSeq != 3 {
		t.Errorf("reply notes %v, want one to record 3", last.Notes)
	}
}

func TestOpenRequestsAreBounded(t *testing.T) {
	s, _ := collect(Config{Conn: "c1"})
	for i := range 3 * maxPending {
		s.Feed(ClientToServer, fmt.Appendf(nil, "CHG %d NLN\r\n", i+1), Stamp{})
	}
	if n := len(s.pending.open); n > maxPending {
		t.Errorf("%d requests are kept, want at most %d", n, maxPending)
	}
	if s.pending.find(3*maxPending, "CHG") == nil || s.pending.find(1, "CHG") != nil {
		t.Error("the newest requests must be the ones that are kept")
	}
}

func TestAnsweredRequestsMakeRoom(t *testing.T) {
	s, _ := collect(Config{Conn: "c1"})
	for i := range 1000 {
		s.Feed(ClientToServer, fmt.Appendf(nil, "CHG %d NLN\r\n", i+1), Stamp{})
		s.Feed(ServerToClient, fmt.Appendf(nil, "CHG %d NLN\r\n", i+1), Stamp{})
	}
	if n := len(s.pending.open); n > keepAnswered+1 {
		t.Errorf("%d requests are kept, want about %d", n, keepAnswered)
	}
}

// TestRequestsAreKeptInTheirOrder: whatever is answered when, the oldest answered
// one goes first, and all others stay where they are.
func TestRequestsAreKeptInTheirOrder(t *testing.T) {
	rng := rand.New(rand.NewSource(7))
	var kept transactions
	var want []uint32
	answered := map[uint32]bool{}
	for n := uint32(1); n < 5000; n++ {
		if len(want) >= keepAnswered {
			if i := slices.IndexFunc(want, func(id uint32) bool { return answered[id] }); i >= 0 {
				want = slices.Delete(want, i, i+1)
			}
		}
		want = append(want, n)
		kept.add(transaction{trid: n})
		for range rng.Intn(3) {
			id := want[rng.Intn(len(want))]
			answered[id] = true
			kept.answer(kept.find(id, ""))
		}
		var got []uint32
		for _, one := range kept.open {
			got = append(got, one.trid)
		}
		if !slices.Equal(got, want) {
			t.Fatalf("after %d requests %v are kept, want %v", n, got, want)
		}
	}
}

func TestRequestsThatAreAnsweredAllocateNothing(t *testing.T) {
	var kept transactions
	n := uint32(0)
	one := func() {
		n++
		kept.add(transaction{trid: n})
		kept.answer(kept.find(n, ""))
	}
	for range 10 * keepAnswered {
		one()
	}
	if allocs := testing.AllocsPerRun(10*keepAnswered, one); allocs > 0 {
		t.Errorf("%.2f allocations a request, want none", allocs)
	}
}

func TestARecordIsStampedWithThePacketInWhichItBegins(t *testing.T) {
	s, records := collect(Config{Conn: "c1"})
	packet := int64(0)
	feed := func(text string) {
		packet++
		s.Feed(ServerToClient, []byte(text), Stamp{Packet: packet, Time: time.Unix(packet, 0)})
	}
	feed("QNG 1\r\nMSG a@b.c A")
	feed("l 11\r\nhel")
	feed("lo worldQNG 2\r\nZZZ 1 ") // an unknown command waits for what follows
	feed("6\r\nabc")
	feed("defQ")
	feed("NG 3\r\n")
	want := map[string]int64{"QNG 1": 1, "MSG a@b.c Al 11": 1, "QNG 2": 3, "ZZZ 1 6": 3, "QNG 3": 5}
	seen := 0
	for _, r := range *records {
		if r.Kind != KindCommand {
			continue
		}
		seen++
		if r.Packet != want[string(r.Line)] || r.Time.Unix() != r.Packet {
			t.Errorf("%s: packet %d at %v, want %d", r.Line, r.Packet, r.Time.Unix(), want[string(r.Line)])
		}
	}
	if seen != len(want) {
		t.Errorf("%d commands, want %d", seen, len(want))
	}
}

func TestMarksAreBounded(t *testing.T) {
	s, records := collect(Config{Conn: "c1"})
	text := fmt.Sprintf("ZZZ 1 5000\r\n%sQNG 1\r\n", strings.Repeat("x", 5000))
	for i := range len(text) {
		s.Feed(ServerToClient, []byte(text[i:i+1]), Stamp{Packet: int64(i + 1)})
	}
	if n := len(s.sides[1].marks.list); n > maxMarks {
		t.Errorf("%d marks, want at most %d", n, maxMarks)
	}
	if r := (*records)[1]; r.Packet != 1 {
		t.Errorf("the command is stamped with packet %d, want 1", r.Packet)
	}
}

func TestTheBookForgetsTheOldest(t *testing.T) {
	var b Book
	for i := range maxReferrals + 1 {
		b.Add(Referral{From: Ref{Conn: "c1", Seq: int64(i)}, Client: "10.0.0.1", Address: fmt.Sprintf("192.0.2.1:%d", i), Cookie: fmt.Sprint("cookie", i)})
	}
	if _, ok := b.ByCookie([]byte("cookie0")); ok {
		t.Error("the oldest referral is still known")
	}
	if r, ok := b.ByCookie(fmt.Appendf(nil, "cookie%d", maxReferrals)); !ok || r.From.Seq != maxReferrals {
		t.Errorf("the newest referral is %v, %t", r, ok)
	}
	if len(b.list) > maxReferrals || len(b.cookies) != len(b.list) || len(b.addresses) != len(b.list) {
		t.Errorf("%d referrals, %d cookies, %d addresses are kept", len(b.list), len(b.cookies), len(b.addresses))
	}
}

func TestAnAddressWithoutPortMeans1863(t *testing.T) {
	var b Book
	noon := time.Date(2003, 7, 1, 12, 0, 0, 0, time.UTC)
	for _, tt := range []struct{ told, server string }{
		{"192.0.2.1", "192.0.2.1:1863"},
		{"192.0.2.2:1863", "192.0.2.2:1863"},
		{"[2001:db8::1]", "[2001:db8::1]:1863"},
		{"[2001:db8::2]:1864", "[2001:db8::2]:1864"},
	} {
		b.Add(Referral{From: Ref{Conn: "c1", Seq: 5}, At: noon, Client: "10.0.0.1", Address: tt.told})
		if _, ok := b.ByAddress("10.0.0.2:1025", tt.server, DS|NS, noon.Add(time.Second)); ok {
			t.Errorf("%s is found for another client", tt.told)
		}
		if _, ok := b.ByAddress("10.0.0.1:1025", tt.server, SB, noon.Add(time.Second)); ok {
			t.Errorf("%s, a notification server, is found as a switchboard", tt.told)
		}
		for _, when := range []time.Time{noon.Add(-time.Second), noon.Add(time.Hour)} {
			if _, ok := b.ByAddress("10.0.0.1:1025", tt.server, DS|NS, when); ok {
				t.Errorf("%s announces a connection at %v", tt.told, when)
			}
		}
		if r, ok := b.ByAddress("10.0.0.1:1025", tt.server, DS|NS, noon.Add(time.Second)); !ok || r.From.Seq != 5 {
			t.Errorf("%s is not found as %s", tt.told, tt.server)
		}
		if _, ok := b.ByAddress("10.0.0.1:1026", tt.server, DS|NS, noon.Add(time.Second)); ok {
			t.Errorf("%s is found twice", tt.told)
		}
	}
}

// Which of several referrals a connection follows does not depend on when its
// first bytes are looked at.
func TestClientsOfOneHostThatAreReferredAtATimeAreToldApart(t *testing.T) {
	noon := time.Date(2003, 7, 1, 12, 0, 0, 0, time.UTC)
	var b Book
	for i := range 3 {
		b.Add(Referral{From: Ref{Conn: "c1", Seq: int64(i)}, At: noon.Add(time.Duration(2*i) * time.Second), Client: "10.0.0.1", Address: "192.0.2.1"})
	}
	for _, tt := range []struct {
		opened time.Duration
		want   int64
	}{{time.Second, 0}, {5 * time.Second, 2}, {6 * time.Second, 1}} {
		if r, ok := b.ByAddress("10.0.0.1:1025", "192.0.2.1:1863", DS|NS, noon.Add(tt.opened)); !ok || r.From.Seq != tt.want {
			t.Errorf("opened after %v, it follows %d, %t; want %d", tt.opened, r.From.Seq, ok, tt.want)
		}
	}
	if len(b.addresses) != 0 {
		t.Errorf("what was followed is kept: %v", b.addresses)
	}
}

func TestADirectionThatEndsIsFlushedWhileTheOtherGoesOn(t *testing.T) {
	s, records := collect(Config{Conn: "c1"})
	s.Feed(ClientToServer, []byte("OUT\r\nBY"), Stamp{})
	s.End(ClientToServer, Stamp{})
	s.Feed(ServerToClient, []byte("QNG 1\r\n"), Stamp{})
	var kinds []string
	for _, r := range *records {
		kinds = append(kinds, r.Kind.String())
	}
	if got := strings.Join(kinds, " "); got != "open command opaque command" {
		t.Errorf("got %s", got)
	}
}

// wantReadableNotes checks that what a record's notes say is text: it comes back
// from an output as it went there.
func wantReadableNotes(t *testing.T, r *Record) {
	t.Helper()
	for _, n := range r.Notes {
		texts := []string{n.Meaning, n.Text, n.From, n.To, n.Account}
		if c := n.Challenge; c != nil {
			texts = append(texts, c.Challenge, c.ProductID, c.Client, c.Got, c.Expected, c.Explanation)
		}
		for _, text := range texts {
			if !utf8.ValidString(text) {
				t.Errorf("a note of %s %q says %q", r.Kind, r.Line, text)
			}
		}
	}
}

func TestWhatIsNoTextIsReadableInNotes(t *testing.T) {
	s, records := collect(Config{Checks: &Checks{Passwords: map[string]string{"a\uFFFD@b.c": "secret"}}})
	s.Feed(ClientToServer, []byte("USR 1 MD5 I a\xff@b.c\r\n"), Stamp{})
	s.Feed(ServerToClient, []byte("USR 1 MD5 S 989048851.1851137130\r\n"), Stamp{})
	s.Feed(ClientToServer, []byte("USR 2 MD5 S \xff\r\n"), Stamp{})
	s.Feed(ServerToClient, []byte("CHL 0 2221\xff0219\r\n"), Stamp{})
	s.Feed(ClientToServer, []byte("QRY 3 PROD\xfe 2\r\n\xff\xfe"), Stamp{})
	s.Feed(ServerToClient, []byte("540 3\r\n"), Stamp{})
	verdicts := 0
	for _, r := range *records {
		wantReadableNotes(t, r)
		if r.Note(NoteChallenge) != nil || r.Note(NoteSignIn) != nil {
			verdicts++
		}
	}
	if verdicts != 3 {
		t.Errorf("%d records tell of challenges or proofs, want those of USR, QRY and 540", verdicts)
	}
}

// FuzzSession feeds both directions in turn. Nothing may panic, and the
// records must account for every byte.
func FuzzSession(f *testing.F) {
	f.Add([]byte("VER 1 MSNP8\r\nUSR 1 a@b.c cook\r\n"), []byte("VER 1 MSNP8\r\nXFR 3 SB 1.2.3.4 CKI cook\r\n"), uint64(1))
	f.Add([]byte("MSG 3 A 5\r\nhello"), []byte(strings.Join(pieces, "")), uint64(2))
	f.Fuzz(func(t *testing.T, client, server []byte, seed uint64) {
		rng := rand.New(rand.NewSource(int64(seed)))
		var counted [2]int64
		m := NewMasker()
		s := NewSession(Config{Conn: "c1", Client: "10.0.0.1:1", Server: "10.0.0.2:1863", Book: &Book{}, MidStream: seed%2 == 0,
			Emit: func(r *Record) {
				if r.Dir != 0 {
					counted[r.Dir.index()] += r.Bytes
				}
				wantReadableNotes(t, r)
				m.Mask(r)
				r.DecodePayload()
			}})
		sent := [2]int64{int64(len(client)), int64(len(server))}
		for len(client)+len(server) > 0 {
			for _, side := range []struct {
				dir  Direction
				rest *[]byte
			}{{ClientToServer, &client}, {ServerToClient, &server}} {
				n := min(len(*side.rest), 1+rng.Intn(64))
				s.Feed(side.dir, (*side.rest)[:n], Stamp{Packet: rng.Int63n(100)})
				*side.rest = (*side.rest)[n:]
				if rng.Intn(10) == 0 {
					gap := rng.Int63n(50)
					s.Gap(side.dir, gap, Stamp{})
					sent[side.dir.index()] += gap
				}
			}
		}
		s.Close("client closed", Stamp{})
		if counted != sent {
			t.Errorf("records hold %d bytes, %d were sent or lost", counted, sent)
		}
	})
}

// TestStampOfARecordInManyPackets wants a record that came byte by byte to
// bear the time of its first byte, however many packets there were.
func TestStampOfARecordInManyPackets(t *testing.T) {
	for _, before := range []string{"", "PNG\r\n"} {
		var got []Stamp
		s := NewSession(Config{Emit: func(r *Record) { got = append(got, r.Stamp) }})
		input := before + "MSG 1 U 500\r\n" + strings.Repeat("x", 500) + "PNG\r\n"
		for i := range len(input) {
			s.Feed(ClientToServer, []byte(input[i:i+1]), Stamp{Packet: int64(i + 1)})
		}
		want := []int64{0, 1, int64(len(input) - 4)}
		if before != "" {
			want = []int64{0, 1, int64(len(before) + 1), int64(len(input) - 4)}
		}
		for i, at := range got {
			if i >= len(want) || at.Packet != want[i] {
				t.Errorf("record %d began in packet %d, want %v", i, at.Packet, want)
			}
		}
	}
}
