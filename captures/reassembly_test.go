package captures

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"msnproxy/decode"
)

const (
	c2s = decode.ClientToServer
	s2c = decode.ServerToClient
)

// clean is what the usual sign-in gives where nothing is wrong.
func clean(t *testing.T) result {
	t.Helper()
	r := decodeTalks(t, usualTalk().open().signIn().chat(5).close())
	wantClean(t, r)
	if n := r.kinds(decode.KindCommand); n != 11 {
		t.Fatalf("the clean capture gives %d commands", n)
	}
	return r
}

func TestWholeConnection(t *testing.T) {
	r := clean(t)
	wantReasons(t, r, "client closed")
	first, last := r.records[0], r.records[len(r.records)-1]
	if first.Kind != decode.KindOpen || first.Client != "10.0.0.1:2048" || first.ServerAddr != "10.0.0.2:1863" || first.Packet != 1 {
		t.Errorf("opened as %+v", first)
	}
	if last.Kind != decode.KindClose || last.Packet != 16 || last.BytesC2S == 0 || last.BytesS2C == 0 {
		t.Errorf("closed as %+v", last)
	}
	if r.summary.Packets != 17 {
		t.Errorf("%d packets", r.summary.Packets)
	}
}

func TestStampsAreThoseOfThePackets(t *testing.T) {
	r := decodeTalks(t, usualTalk().open().signIn())
	for i, rec := range r.records[1:9] {
		packet := int64(4 + i)
		if rec.Packet != packet || !rec.Time.Equal(talkStart.Add(time.Duration(packet)*step)) {
			t.Errorf("%s: packet %d at %v", rec.Line, rec.Packet, rec.Time)
		}
	}
}

func TestTwoCommandsInOneSegment(t *testing.T) {
	r := decodeTalks(t, usualTalk().open().c("VER 1 MSNP8 CVR0\r\nINF 2\r\n"))
	wantLines(t, r, c2s, "VER 1 MSNP8 CVR0", "INF 2")
}

func TestCommandSplitOverSegments(t *testing.T) {
	r := decodeTalks(t, usualTalk().open().c("V", "ER 1 MSN", "P8 CVR0\r", "\nINF 2\r\n"))
	wantLines(t, r, c2s, "VER 1 MSNP8 CVR0", "INF 2")
	wantClean(t, r)
	if r.records[1].Packet != 4 {
		t.Errorf("VER begins in packet %d", r.records[1].Packet)
	}
}

func TestChatTextThatBeginsLikeACommand(t *testing.T) {
	text := "XFR 3 SB 10.9.9.9:1863 CKI 1.2\r\nXFR 3 SB 10.9.9.9:1863 CKI 1.2\r\n"
	message := fmt.Sprintf("MSG 7 N %d\r\n%s", len(text), text)
	r := decodeTalks(t, usualTalk().open().c("USR 1 alice@example.com 1.2\r\n").c(message, "OUT\r\n"))
	wantLines(t, r, c2s, "USR 1 alice@example.com 1.2", fmt.Sprintf("MSG 7 N %d", len(text)), "OUT")
}

func TestSequenceNumbersWrap(t *testing.T) {
	want := clean(t)
	for _, before := range []uint32{0, 1, 2, 16, 17, 18, 19, 40, 100, 150, 1 << 20} {
		t.Run(fmt.Sprint(before), func(t *testing.T) {
			k := usualTalk()
			k.next = [2]uint32{-before, -before - 3}
			wantSame(t, decodeTalks(t, k.open().signIn().chat(5).close()), want)
		})
	}
}

func TestSequenceNumbersWrapInReorderedSegments(t *testing.T) {
	want := clean(t)
	for before := uint32(0); before < 300; before += 7 {
		k := usualTalk()
		k.next = [2]uint32{-before, -before}
		k.open().signIn().chat(5).close()
		for i := range k.segs { // cut in two, the second half first
			if s := k.segs[i]; len(s.data) > 4 {
				half := len(s.data) / 2
				k.segs[i].seq, k.segs[i].data = s.seq+uint32(half), s.data[half:]
				s.data, s.at = s.data[:half], s.at+time.Millisecond
				k.segs = append(k.segs, s)
			}
		}
		wantSame(t, decodeTalks(t, k), want)
	}
}

func TestJoinedInTheMiddleCloseToTheWrap(t *testing.T) {
	for _, before := range []uint32{0, 1, 20, 60, 200} {
		k := usualTalk()
		k.next = [2]uint32{-before, -before}
		r := decodeTalks(t, k.chat(5).chat(6).chat(7).close())
		wantClean(t, r)
		wantLines(t, r, c2s, "MSG 5 A 56", "MSG 6 A 56", "MSG 7 A 56")
		wantReasons(t, r, "client closed")
	}
}

func TestDirectionOverGigabytes(t *testing.T) {
	total := int64(0)
	k := usualTalk()
	c := newConnection(1, &segment{from: k.ends[0], to: k.ends[1]}, &recents{})
	c.live.held = nil
	c.live.session = decode.NewSession(decode.Config{Emit: func(*decode.Record) {}})
	a, h := newAssembler(), &c.live.halves[0]
	h.start(1<<31, true)
	chunk := make([]byte, 30<<20)
	take := func(at int64) {
		seg := &segment{from: k.ends[0], to: k.ends[1], seq: uint32(1<<31 + at), data: chunk}
		if skip := h.take(a, seg); skip != "" {
			t.Fatalf("at %d: %s", at, skip)
		}
	}
	for total < 9<<30 {
		take(total)
		if total += int64(len(chunk)); h.next != total {
			t.Fatalf("delivered %d of %d bytes", h.next, total)
		}
	}
}

func TestRetransmission(t *testing.T) {
	k := usualTalk().open().signIn().chat(5)
	for i := range k.segs {
		k.repeat(i)
	}
	wantSame(t, decodeTalks(t, k.close()), clean(t))
}

func TestOverlap(t *testing.T) {
	k := usualTalk().open().signIn().chat(5)
	for i := range k.segs {
		// A later packet brings the end of one segment and the beginning of
		// the next of the same side.
		for j := i + 1; j < len(k.segs); j++ {
			if k.segs[j].side == k.segs[i].side && len(k.segs[i].data) > 3 {
				k.segs[j].seq -= 3
				k.segs[j].data = k.segs[i].data[len(k.segs[i].data)-3:] + k.segs[j].data
				if k.segs[j].syn || k.segs[j].data == k.segs[i].data[len(k.segs[i].data)-3:] {
					t.Fatal("not the segments that were meant")
				}
				break
			}
		}
	}
	wantSame(t, decodeTalks(t, k.close()), clean(t))
}

func TestReordering(t *testing.T) {
	want := clean(t)
	for _, pair := range [][2]int{{3, 5}, {5, 7}, {4, 6}, {7, 9}, {11, 14}, {12, 13}} {
		k := usualTalk().open().signIn().chat(5).close()
		got := decodeTalks(t, k.swap(pair[0], pair[1]))
		for _, dir := range []decode.Direction{c2s, s2c} {
			wantLines(t, got, dir, want.lines(dir)...)
		}
		wantClean(t, got)
		wantReasons(t, got, "client closed")
	}
}

func TestReorderedBytesBearTheStampsOfTheirPackets(t *testing.T) {
	k := usualTalk().open().c("VER 1 MSNP8 CVR0\r\n", "INF 2\r\n", "INF 3\r\n", "INF 4\r\n")
	r := decodeTalks(t, k.swap(4, 6))
	wantLines(t, r, c2s, "VER 1 MSNP8 CVR0", "INF 2", "INF 3", "INF 4")
	for i, packet := range []int64{4, 7, 6, 5} {
		if got := r.records[1+i]; got.Packet != packet {
			t.Errorf("%s is in packet %d, want %d", got.Line, got.Packet, packet)
		}
	}
}

func TestLargeSegmentsThatComeTooEarly(t *testing.T) {
	// Offload makes segments of several pages of the library; the later pages
	// know no packet there.
	big := strings.Repeat("x", 9000)
	var texts []string
	for i := range 4 {
		texts = append(texts, fmt.Sprintf("MSG %d N %d\r\n%s", i, len(big), big))
	}
	k := usualTalk().open().c("USR 1 alice@example.com 1.2\r\n").c(texts...).close()
	r := decodeTalks(t, k.swap(4, 7))
	wantClean(t, r)
	wantLines(t, r, c2s, "USR 1 alice@example.com 1.2", "MSG 0 N 9000", "MSG 1 N 9000", "MSG 2 N 9000", "MSG 3 N 9000")
}

func TestKeepAliveProbes(t *testing.T) {
	for _, data := range []string{"", "\x00", "\n", "Z"} {
		k := usualTalk().open().signIn()
		for side := range 2 {
			probe := k.add(side, seg{acks: true, data: data})
			probe.seq = k.next[side] - uint32(len(data)) - 1
			k.next[side] -= uint32(len(data))
		}
		wantSame(t, decodeTalks(t, k.chat(5).close()), clean(t))
	}
}

func TestKeepAliveProbeIsTheFirstPacket(t *testing.T) {
	k := usualTalk()
	for side := range 2 {
		k.next[side]--
		k.add(side, seg{acks: true, data: "\x00"})
	}
	r := decodeTalks(t, k.chat(5).chat(6))
	wantClean(t, r)
	wantLines(t, r, c2s, "MSG 5 A 56", "MSG 6 A 56")
}

// marker is a short connection of its own that shows, among the records, when
// something was told.
func marker(at time.Duration) *talk {
	return newTalk("10.0.0.9:2048", "10.0.0.2:1863").wait(at).open().c("VER 1 MSNP8 CVR0\r\n")
}

// beforeMarker are the records before that connection.
func (r result) beforeMarker(t *testing.T) string {
	t.Helper()
	before, _, found := strings.Cut(strings.Join(r.brief(), "\n"), " open 10.0.0.9")
	if !found {
		t.Fatal("the marker is missing")
	}
	return before
}

func TestGapIsToldOnceTheReceiverHasAcknowledged(t *testing.T) {
	k := usualTalk().open().signIn().c("CHG 5 NLN 0\r\n").s("CHG 5 NLN 0\r\n").c("CHG 6 AWY 0\r\n").s("CHG 6 AWY 0\r\n")
	k.wait(time.Second).s("NLN NLN bob@example.com Bob 0\r\n")
	mark := marker(k.now)
	k.wait(time.Second).c("CHG 7 BSY 0\r\n").close()
	r := decodeTalks(t, k.drop(11), mark) // the client's CHG 5
	want := strings.Join([]string{
		`c1 command s2c CHG 5 NLN 0""`, `c1 command s2c CHG 6 AWY 0""`,
		`c1 gap c2s 13`, `c1 command c2s CHG 6 AWY 0""`, `c1 command s2c NLN NLN bob@example.com Bob 0""`,
	}, "\n")
	if got := r.beforeMarker(t); !strings.Contains(got, want) {
		t.Errorf("got:\n%s", got)
	}
	wantLines(t, result{records: r.records[len(r.records)-3:]}, c2s, "CHG 7 BSY 0")
}

func TestGapIsToldAfterAWhileWhereNothingIsAcknowledged(t *testing.T) {
	k := usualTalk().open().c("VER 1 MSNP8 CVR0\r\n", "INF 2\r\n", "INF 3\r\n")
	k.wait(holePatience).c("INF 4\r\n")
	mark := marker(k.now)
	k.wait(time.Hour).c("INF 5\r\n")
	for i := range k.segs {
		if k.segs[i].side == fromServer {
			k.segs[i].acks = k.segs[i].syn
		}
	}
	r := decodeTalks(t, k.drop(4), mark)
	want := "c1 gap c2s 7\nc1 command c2s INF 3\"\"\nc1 command c2s INF 4\"\""
	if got := r.beforeMarker(t); !strings.Contains(got, want) {
		t.Errorf("got:\n%s", got)
	}
	for _, rec := range r.records {
		if rec.Kind == decode.KindGap && rec.Packet != 5 {
			t.Errorf("the gap shows before packet %d", rec.Packet)
		}
	}
}

func TestAcknowledgedBytesAtTheEndOfTheCapture(t *testing.T) {
	k := usualTalk().open().signIn().c("CHG 5 NLN 0\r\n").acks(fromServer)
	r := decodeTalks(t, k.drop(11))
	if got := strings.Join(r.brief(), "\n"); !strings.HasSuffix(got, "c1 gap c2s 13\nc1 close capture ended") {
		t.Errorf("got:\n%s", got)
	}
}

func TestGapAcrossTheWrap(t *testing.T) {
	for before := uint32(150); before < 200; before++ {
		k := usualTalk()
		k.next = [2]uint32{-before, -before}
		k.open().signIn().c("CHG 5 NLN 0\r\n", "CHG 6 NLN 0\r\n", "CHG 7 NLN 0\r\n")
		r := decodeTalks(t, k.drop(11))
		if got := strings.Join(r.brief(), "\n"); !strings.Contains(got, "c1 gap c2s 13\nc1 command c2s CHG 6 NLN 0\"\"\nc1 command c2s CHG 7 NLN 0\"\"") {
			t.Errorf("%d before the wrap:\n%s", before, got)
		}
	}
}

func TestDataWithTheSYN(t *testing.T) {
	k := usualTalk()
	k.add(fromClient, seg{syn: true, data: "VER 1 MSNP8 CVR0\r\n"}).ack = 0
	k.add(fromServer, seg{syn: true, acks: true})
	r := decodeTalks(t, k.c("INF 2\r\n"))
	wantLines(t, r, c2s, "VER 1 MSNP8 CVR0", "INF 2")
	wantClean(t, r)
}

func TestDataBehindTheFIN(t *testing.T) {
	k := usualTalk().open().signIn().chat(5).fin(fromClient).c("OUT\r\n").fin(fromServer)
	wantSame(t, decodeTalks(t, k), clean(t))
}

func TestJoinedInTheMiddleOfALine(t *testing.T) {
	k := usualTalk().c("THE end of a message\r\n").chat(5).chat(6)
	r := decodeTalks(t, k)
	if first := r.records[1]; first.Kind != decode.KindOpaque {
		t.Errorf("got %v %s", first.Kind, first.Line)
	}
}

func TestSeveralGapsAreToldTogether(t *testing.T) {
	k := usualTalk().open().signIn()
	for n := range 10 {
		k.c(fmt.Sprintf("CHG 1%d NLN 0\r\n", n))
	}
	k.acks(fromServer).wait(time.Second).acks(fromServer).wait(time.Second).c("OUT\r\n")
	for n := range 5 {
		k.drop(11 + n)
	}
	r := decodeTalks(t, k)
	if r.kinds(decode.KindGap) != 5 {
		t.Errorf("got:\n%s", strings.Join(r.brief(), "\n"))
	}
	wantLines(t, r, c2s, append(r.lines(c2s)[:4:4], "CHG 11 NLN 0", "CHG 13 NLN 0", "CHG 15 NLN 0", "CHG 17 NLN 0", "CHG 19 NLN 0", "OUT")...)
}

func TestGapWithinAPayloadIsBridged(t *testing.T) {
	text := strings.Repeat("x", 300)
	k := usualTalk().open().c("USR 1 alice@example.com 1.2\r\n").
		c("MSG 2 N 300\r\n"+text[:100], text[100:200], text[200:]).c("OUT\r\n").close()
	r := decodeTalks(t, k.drop(5))
	wantLines(t, r, c2s, "USR 1 alice@example.com 1.2", "MSG 2 N 300", "OUT")
	msg := r.records[2]
	if note := msg.Note(decode.NoteGap); note == nil || note.Bytes != 100 || msg.PayloadBytes != 300 {
		t.Errorf("got %+v", msg)
	}
}

func TestMissingBytesBeforeTheEnd(t *testing.T) {
	k := usualTalk().open().signIn().c("OUT\r\n").close()
	r := decodeTalks(t, k.drop(11))
	if got := r.brief(); !strings.Contains(strings.Join(got, "\n"), "c1 gap c2s 5") {
		t.Errorf("got:\n%s", strings.Join(got, "\n"))
	}
	wantReasons(t, r, "client closed")
}

func TestLostFINIsNoGap(t *testing.T) {
	k := usualTalk().open().signIn().fin(fromClient).acks(fromServer)
	r := decodeTalks(t, k.drop(11))
	wantClean(t, r)
	wantReasons(t, r, "capture ended")
}

func TestLastPacketIsCut(t *testing.T) {
	list := packets(t, linkEthernet, usualTalk().open().signIn().c("CHG 5 NLN 0\r\n"))
	last := &list[len(list)-1]
	last.data = last.data[:len(last.data)-6]
	r := decodeFile(pcapFile(linkEthernet, list))
	if got := strings.Join(r.brief(), "\n"); !strings.HasSuffix(got, "c1 opaque c2s \"CHG 5 N\"\nc1 gap c2s 6\nc1 close capture ended") {
		t.Errorf("got:\n%s", got)
	}
}

func TestStrayResetDoesNoHarm(t *testing.T) {
	k := usualTalk().open().signIn().rst(fromServer)
	k.segs[len(k.segs)-1].seq += 1 << 30
	wantSame(t, decodeTalks(t, k.chat(5).close()), clean(t))
}

func TestConnectionIsOpenedByItsFirstPacket(t *testing.T) {
	k := usualTalk().fin(fromServer).rst(fromServer)
	k.acks(fromServer).acks(fromServer).chat(5).chat(6)
	if r := decodeTalks(t, k); r.records[0].Packet != 3 {
		t.Errorf("opened in packet %d", r.records[0].Packet)
	}
}

func TestNoHandshake(t *testing.T) {
	k := usualTalk().signIn().chat(5).chat(6).close()
	r := decodeTalks(t, k)
	wantClean(t, r)
	if n := r.kinds(decode.KindCommand); n != 14 {
		t.Errorf("%d commands", n)
	}
	if o := r.records[0]; o.Client != "10.0.0.1:2048" || o.Packet != 1 {
		t.Errorf("%+v", o)
	}
}

func TestRecordsDoNotWaitForTheEndWithoutHandshake(t *testing.T) {
	k := usualTalk().chat(5).chat(6).wait(time.Hour).chat(7)
	var seen []int64
	r := decodeTalks(t, k)
	for _, rec := range r.records {
		if rec.Kind == decode.KindCommand {
			seen = append(seen, rec.Packet)
		}
	}
	if fmt.Sprint(seen) != "[1 2 3 4 5 6 7 8 9]" {
		t.Errorf("the commands are in packets %v", seen)
	}
}

func TestServerSpeaksFirstInTheCapture(t *testing.T) {
	// The library would call the server the client.
	k := usualTalk().chat(5).chat(6).close()
	r := decodeTalks(t, k.drop(0))
	if o := r.records[0]; o.Client != "10.0.0.1:2048" {
		t.Errorf("the client is %s", o.Client)
	}
	wantLines(t, r, s2c, "ACK 5", "MSG bob@example.com Bob 56", "ACK 6", "MSG bob@example.com Bob 56")
}

func TestOnlyTheAnswerOfTheHandshake(t *testing.T) {
	k := newTalk("10.0.0.1:1863", "10.0.0.2:1025").open().signIn().close()
	r := decodeTalks(t, k.drop(0))
	if o := r.records[0]; o.Client != "10.0.0.1:1863" {
		t.Errorf("the client is %s", o.Client)
	}
	wantClean(t, r)
	if len(r.lines(c2s)) != 4 || len(r.lines(s2c)) != 4 {
		t.Errorf("got %q", r.brief())
	}
}

func TestAnswerOfTheHandshakeTellsWhereTheClientBegins(t *testing.T) {
	k := usualTalk().open().c("VER 1 MSNP8 CVR0\r\n", "INF 2\r\n").swap(3, 4)
	wantLines(t, decodeTalks(t, k.drop(0)), c2s, "VER 1 MSNP8 CVR0", "INF 2")
}

func TestHandshakeInTheWrongOrder(t *testing.T) {
	k := usualTalk().open().signIn().chat(5).close()
	got := decodeTalks(t, k.swap(0, 1))
	wantSame(t, got, clean(t))
}

func TestHandshakeIsOvertaken(t *testing.T) {
	for name, order := range map[string][]int{
		"by data of the client":          {1, 2, 3, 0, 4},
		"by data of both":                {3, 4, 0, 1, 2},
		"by data of both, the other way": {4, 3, 1, 0, 2},
	} {
		t.Run(name, func(t *testing.T) {
			k := usualTalk().open().signIn().chat(5).close()
			first := slices.Clone(k.segs[:5])
			for i, from := range order {
				at := k.segs[i].at
				k.segs[i] = first[from]
				k.segs[i].at = at
			}
			r := decodeTalks(t, k)
			wantReasons(t, r, "client closed")
			wantClean(t, r)
			wantLines(t, r, c2s, clean(t).lines(c2s)...)
			wantLines(t, r, s2c, clean(t).lines(s2c)...)
		})
	}
}

func TestOnlyOneSideWasCaptured(t *testing.T) {
	for side, dir := range map[int]decode.Direction{fromClient: c2s, fromServer: s2c} {
		for _, handshake := range []bool{true, false} {
			k := usualTalk()
			if handshake {
				k.open()
			}
			k.signIn().chat(5).chat(6).close()
			want := decodeTalks(t, k)
			for i := len(k.segs) - 1; i >= 0; i-- {
				if k.segs[i].side != side {
					k.drop(i)
				}
			}
			r := decodeTalks(t, k)
			wantLines(t, r, dir, want.lines(dir)...)
			wantLines(t, r, dir.Opposite())
			wantReasons(t, r, dir.String()[:1]+map[bool]string{true: "lient closed", false: "erver closed"}[dir == c2s])
			if o := r.records[0]; o.Client != "10.0.0.1:2048" {
				t.Errorf("the client is %s", o.Client)
			}
		}
	}
}

func TestClientUsesThePortOfTheService(t *testing.T) {
	for _, server := range []string{"10.0.0.2:1863", "10.0.0.2:1864", "10.0.0.2:443"} {
		for _, handshake := range []bool{true, false} {
			k := newTalk("10.0.0.1:1863", server)
			if handshake {
				k.open()
			}
			r := decodeTalks(t, k.c("USR 1 alice@example.com 1.2\r\n").s("USR 1 OK alice@example.com Alice\r\n").chat(5).chat(6).close())
			if o := r.records[0]; o.Client != "10.0.0.1:1863" || o.ServerAddr != server {
				t.Errorf("client %s, server %s", o.Client, o.ServerAddr)
			}
			wantClean(t, r)
			if n := r.kinds(decode.KindCommand); n != 8 {
				t.Errorf("%d commands", n)
			}
		}
	}
}

func TestPortsAreUsedAgain(t *testing.T) {
	for name, end := range map[string]func(*talk) *talk{
		"after FIN":  (*talk).close,
		"after RST":  func(k *talk) *talk { return k.rst(fromServer) },
		"after both": func(k *talk) *talk { return k.close().rst(fromClient) },
		"unended":    func(k *talk) *talk { return k },
	} {
		t.Run(name, func(t *testing.T) {
			first, second := usualTalk(), usualTalk()
			end(first.open().signIn())
			second.next = [2]uint32{1_000_000 + 1<<16, 3_000_000_000 + 1<<16}
			second.wait(first.now + time.Second).open().signIn().chat(5).close()
			r := decodeTalks(t, first, second)
			if r.summary.Connections != 2 {
				t.Fatalf("%d connections:\n%s", r.summary.Connections, strings.Join(r.brief(), "\n"))
			}
			wantClean(t, r)
			want := []string{map[string]string{"after FIN": "client closed", "after both": "client closed", "after RST": "server reset", "unended": "ports used again"}[name], "client closed"}
			wantReasons(t, r, want...)
		})
	}
}

func TestPortsAreUsedAgainWithoutAHandshake(t *testing.T) {
	first, second := usualTalk().open().signIn(), usualTalk()
	second.next = [2]uint32{1_000_000 + 1<<30, 3_000_000_000 + 1<<30}
	second.wait(first.now + time.Second).chat(5).chat(6).chat(7).chat(8).chat(9)
	r := decodeTalks(t, first, second)
	wantReasons(t, r, "ports used again", "capture ended")
	wantLines(t, result{records: r.records[10:]}, s2c, "MSG bob@example.com Bob 56", "ACK 6", "MSG bob@example.com Bob 56", "ACK 7", "MSG bob@example.com Bob 56", "ACK 8", "MSG bob@example.com Bob 56", "ACK 9", "MSG bob@example.com Bob 56")
}

func TestPortsOfAnEndedConnectionAreUsedAgainWithoutAHandshake(t *testing.T) {
	for name, ahead := range map[string]uint32{"a little on": 100, "far on": 1 << 30, "far back": 3 << 30} {
		first, second := usualTalk().open().signIn().close(), usualTalk()
		second.next = [2]uint32{first.next[0] + ahead, first.next[1] + ahead}
		second.wait(first.now + time.Second).chat(5).chat(6)
		n := len(first.segs)
		first.repeat(n - 4).repeat(n - 3) // the last data and the FIN, late
		r := decodeTalks(t, first, second)
		wantReasons(t, r, "client closed", "capture ended")
		if lines := r.lines(c2s); len(lines) != 6 || lines[4] != "MSG 5 A 56" {
			t.Errorf("%s: got %q", name, lines)
		}
	}
}

func TestPortsOfAConnectionWithoutHandshakeAreUsedAgain(t *testing.T) {
	first, second := usualTalk().chat(5).chat(6), usualTalk()
	second.next = first.next // so that nothing but the handshake tells
	second.wait(first.now + time.Second).open().signIn().close()
	wantReasons(t, decodeTalks(t, first, second), "ports used again", "client closed")
	second.drop(0)
	wantReasons(t, decodeTalks(t, first, second), "ports used again", "client closed")
}

func TestOneStraySegmentDoesNoHarm(t *testing.T) {
	k := usualTalk().open().signIn()
	k.add(fromClient, seg{acks: true, data: "garbage"}).seq += 1 << 30
	k.next[fromClient] -= uint32(len("garbage"))
	r := decodeTalks(t, k.chat(5).close())
	wantSame(t, r, clean(t))
	if r.summary.Skipped[skipUnreachable] != 1 || r.skipped() != 1 {
		t.Errorf("skipped %v", r.summary.Skipped)
	}
}

func TestReset(t *testing.T) {
	for side, want := range []string{"client reset", "server reset"} {
		r := decodeTalks(t, usualTalk().open().signIn().rst(side).acks(1-side))
		wantReasons(t, r, want)
		last := r.records[len(r.records)-1]
		if r.summary.Connections != 1 || r.kinds(decode.KindCommand) != 8 || last.Packet != 12 {
			t.Errorf("got, to packet %d:\n%s", last.Packet, strings.Join(r.brief(), "\n"))
		}
	}
}

func TestWhatWasUnderWayAtAReset(t *testing.T) {
	k := usualTalk().open().signIn().rst(fromClient).s("NLN NLN bob@example.com Bob 0\r\n")
	r := decodeTalks(t, k, newTalk("10.0.0.3:2048", "10.0.0.2:1863").wait(time.Minute).open())
	wantReasons(t, r, "client reset")
	wantClean(t, r)
	if got := r.lines(s2c); got[len(got)-1] != "NLN NLN bob@example.com Bob 0" {
		t.Errorf("got %q", got)
	}
	if last := r.records[len(r.records)-1]; last.Packet != 12 {
		t.Errorf("closed by packet %d", last.Packet)
	}
}

// TestResetThatOvertookWhatWasSentBefore: capturing on several queues does that.
func TestResetThatOvertookWhatWasSentBefore(t *testing.T) {
	k := usualTalk().open().signIn().c("CHG 5 NLN 0\r\n", "OUT\r\n").rst(fromClient)
	r := decodeTalks(t, k.swap(-3+len(k.segs), -1+len(k.segs)))
	wantReasons(t, r, "client reset")
	wantClean(t, r)
	if got := r.lines(c2s); len(got) != 6 || got[5] != "OUT" {
		t.Errorf("got %q", got)
	}
}

// TestResetThatNobodyHeeded: some networks forge them, to break connections.
func TestResetThatNobodyHeeded(t *testing.T) {
	k := usualTalk().open().signIn().rst(fromClient).rst(fromServer).chat(5).wait(time.Minute).chat(6).close()
	r := decodeTalks(t, k)
	wantReasons(t, r, "client closed")
	wantClean(t, r)
	if got := r.lines(c2s); len(got) != 6 || got[5] != "MSG 6 A 56" {
		t.Errorf("got %q", got)
	}
}

func TestResetThatTurnsOutLateToBeHeededByNobody(t *testing.T) {
	k := usualTalk().open().signIn().rst(fromClient).wait(time.Minute)
	other := newTalk("10.0.0.3:2048", "10.0.0.2:1863").wait(k.now - time.Second).open() // so that the clock runs
	r := decodeTalks(t, k.chat(5).close(), other)
	wantReasons(t, r, "client reset", "client closed")
	if got := r.lines(c2s); len(got) != 5 || got[4] != "MSG 5 A 56" || r.summary.Connections != 2 {
		t.Errorf("got:\n%s", strings.Join(r.brief(), "\n"))
	}
}

// TestResetOutOfPlace: one that stands beyond all that was sent ends nothing, be it
// that the server alone goes on, or that nothing was said yet.
func TestResetOutOfPlace(t *testing.T) {
	k := usualTalk().open()
	k.rst(fromClient).segs[3].seq += 30_000
	k.signIn().rst(fromClient).segs[len(k.segs)-1].seq += 1000
	k.wait(time.Minute).s("NLN NLN bob@example.com Bob 0\r\n", "OUT SSD\r\n").close()
	other := newTalk("10.0.0.3:2048", "10.0.0.2:1863").wait(time.Minute / 2).open() // so that the clock runs
	r := decodeTalks(t, k, other)
	wantReasons(t, r, "client reset", "client closed")
	if got := r.lines(s2c); len(got) != 6 || got[4] != "NLN NLN bob@example.com Bob 0" || len(r.lines(c2s)) != 4 {
		t.Errorf("got:\n%s", strings.Join(r.brief(), "\n"))
	}
}

// TestScansOfPortsEndAtOnce: a RST is all that they get.
func TestScansOfPortsEndAtOnce(t *testing.T) {
	d := NewDecoder(Options{})
	d.register(d.reading.begin("x"))
	k := usualTalk()
	at := decode.Stamp{Time: talkStart, Packet: 1}
	d.table.packet(&segment{from: k.ends[0], to: k.ends[1], seq: 100, syn: true, at: at})
	d.table.packet(&segment{from: k.ends[1], to: k.ends[0], ack: 101, acks: true, rst: true, at: at})
	if d.table.undecided.size != 0 || d.table.done.size != 1 {
		t.Errorf("%d connections are undecided, %d done", d.table.undecided.size, d.table.done.size)
	}
}

func TestServerCloses(t *testing.T) {
	k := usualTalk().open().signIn().fin(fromServer).c("CHG 5 NLN 0\r\n", "OUT\r\n").fin(fromClient)
	r := decodeTalks(t, k)
	wantReasons(t, r, "server closed")
	wantClean(t, r)
	if got := r.lines(c2s); got[len(got)-1] != "OUT" {
		t.Errorf("what came after the half-close is missing: %q", got)
	}
}

func TestFINWithDataThatComesTooEarly(t *testing.T) {
	k := usualTalk().open().signIn().c("CHG 5 NLN 0\r\n", "OUT\r\n")
	k.segs[12].fin = true
	k.next[fromClient]++
	k.fin(fromServer)
	r := decodeTalks(t, k.swap(11, 12))
	wantClean(t, r)
	wantReasons(t, r, "client closed")
	if got := r.lines(c2s); len(got) != 6 || got[5] != "OUT" {
		t.Errorf("got %q", got)
	}
}

func TestHalfCloseWithACutCommandIsToldAtOnce(t *testing.T) {
	k := usualTalk().open().signIn().c("CHG 5 N").fin(fromClient).s("NLN NLN bob@example.com Bob 0\r\n").fin(fromServer)
	r := decodeTalks(t, k)
	got := strings.Join(r.brief(), "\n")
	if !strings.Contains(got, "c1 opaque c2s \"CHG 5 N\"\nc1 command s2c NLN") {
		t.Errorf("got:\n%s", got)
	}
}

func TestIdleConnectionBehindAnActiveOne(t *testing.T) {
	active, idle, last := usualTalk().open().signIn(), newTalk("10.0.0.3:2048", "10.0.0.2:1863"), marker(idleAfter+time.Hour)
	idle.wait(active.now).open().signIn()
	for range 10 {
		active.wait(idleAfter / 10).c("PNG\r\n").s("QNG 43\r\n")
	}
	r := decodeTalks(t, active, idle, last.wait(time.Hour).c("INF 2\r\n"))
	if got := r.beforeMarker(t); strings.Contains(got, "c1 close") || !strings.Contains(got, "c2 close idle") {
		t.Errorf("got:\n%s", got)
	}
}

func TestIdleConnectionsAreClosed(t *testing.T) {
	idle, other := usualTalk().open().signIn(), newTalk("10.0.0.1:3000", "10.0.0.2:1863")
	other.wait(idle.now + idleAfter + time.Second).open().signIn().close()
	wantReasons(t, decodeTalks(t, idle, other), "idle", "client closed")
}

func TestLongSilenceWithinAConnection(t *testing.T) {
	k := usualTalk().open().signIn().wait(idleAfter - time.Minute).chat(5).close()
	wantSame(t, decodeTalks(t, k), clean(t))
}

func TestConnectionsInterleave(t *testing.T) {
	var talks []*talk
	for i := range 20 {
		k := newTalk(fmt.Sprintf("10.0.0.1:%d", 2000+i), "10.0.0.2:1863").wait(time.Duration(i) * time.Millisecond)
		talks = append(talks, k.open().signIn().chat(5).close())
	}
	r := decodeTalks(t, talks...)
	wantClean(t, r)
	if r.summary.Connections != 20 || r.kinds(decode.KindCommand) != 220 {
		t.Errorf("%d connections, %d commands", r.summary.Connections, r.kinds(decode.KindCommand))
	}
}

func TestTwoRunsAreEqual(t *testing.T) {
	var talks []*talk
	for i := range 50 { // all of them are closed by the end of the capture
		talks = append(talks, newTalk(fmt.Sprintf("10.0.0.1:%d", 2000+i), "10.0.0.2:1863").open().signIn())
	}
	want := decodeTalks(t, talks...)
	for range 5 {
		wantSame(t, decodeTalks(t, talks...), want)
	}
	closed := 0
	for _, rec := range want.records {
		if rec.Kind == decode.KindClose {
			if closed++; rec.Conn != fmt.Sprintf("c%d", closed) {
				t.Fatalf("%s is closed as number %d", rec.Conn, closed)
			}
		}
	}
}

func TestWaitingBytesAreBounded(t *testing.T) {
	k := usualTalk().open().c("VER 1 MSNP8 CVR0\r\n", "INF 2\r\n")
	for n := range maxPages + 1 {
		k.c(fmt.Sprintf("INF %d\r\n", 1000+n))
	}
	for i := range k.segs { // at once
		k.segs[i].at = time.Duration(i)
	}
	r := decodeTalks(t, k.drop(4), marker(0))
	if got := r.beforeMarker(t); strings.Count(got, "gap") != 1 || strings.Count(got, "INF") != maxPages+1 {
		t.Errorf("got:\n%s", got)
	}
}

func TestNothingLeaksOfARejectedConnection(t *testing.T) {
	d := NewDecoder(Options{})
	k := newTalk("10.0.0.1:2048", "10.0.0.2:5000").s("it\r\n", "does\r\n", "not\r\n", "matter\r\n").drop(1).c("GET / HTTP/1.1\r\n")
	_, err := readOne(d, "x", bytes.NewReader(pcapFile(linkEthernet, packets(t, linkEthernet, k))))
	check(t, err)
	if got := d.assembler.lib.Dump(); !strings.HasPrefix(got, "pageCache: used: 0,") {
		t.Errorf("the library keeps %s", got)
	}
}

func TestNothingLeaksInTheLibrary(t *testing.T) {
	d := NewDecoder(Options{})
	d.register(d.reading.begin("x"))
	table := d.table
	for i := range 5000 {
		k := newTalk(fmt.Sprintf("10.0.%d.%d:2048", i/200, i%200), "10.0.0.2:1863")
		if i%5 == 0 {
			k.c("what\r\n").s("is\r\n").c("this\r\n") // never decided
		}
		k.open().c(map[bool]string{true: "VER 1 MSNP8 CVR0\r\n", false: "HELLO\r\n"}[i%2 == 0], "INF 2\r\n", "INF 3\r\n")
		switch i % 3 {
		case 0:
			k.rst(fromServer)
		case 1:
			k.close()
		}
		k.drop(4)
		for n, s := range k.segs {
			table.packet(&segment{
				from: k.ends[s.side], to: k.ends[1-s.side], seq: s.seq, ack: s.ack,
				syn: s.syn, fin: s.fin, rst: s.rst, acks: s.acks, data: []byte(s.data),
				at: decode.Stamp{Time: talkStart.Add(time.Duration(i) * time.Second), Packet: int64(n)},
			})
		}
	}
	if n := table.done.size; n == 0 || n > 400 {
		t.Errorf("%d connections that are done are remembered", n)
	}
	table.finishAll()
	if got := d.assembler.lib.Dump(); !strings.HasPrefix(got, "pageCache: used: 0,") {
		t.Errorf("the library keeps %s", got)
	}
	if table.undecided.size+table.sessions.size > 0 || table.done.size != len(table.byPorts) {
		t.Errorf("%d undecided, %d with sessions, %d done, %d in the table",
			table.undecided.size, table.sessions.size, table.done.size, len(table.byPorts))
	}
}
