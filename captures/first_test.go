package captures

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"msnproxy/decode"
)

func TestFirstContentIsKeptBehindAHole(t *testing.T) {
	k := usualTalk().open().c("VER 1 MSNP8 CVR0\r\n", "INF 2\r\n", "INF 3\r\n")
	late := k.segs[4]
	k.drop(4)
	again := k.segs[4]
	again.data = "CVQ 9\r\n" // in the place of INF 3
	again.at += time.Millisecond
	wider := again
	wider.data, wider.at = "XXX 9\r\nINF 4\r\n", again.at+time.Millisecond
	late.at = wider.at + time.Millisecond
	k.segs = append(k.segs, again, wider, late)
	r := decodeTalks(t, k)
	wantLines(t, r, c2s, "VER 1 MSNP8 CVR0", "INF 2", "INF 3", "INF 4")
	var issues []string
	for _, rec := range r.records {
		for _, n := range rec.Notes {
			if n.Kind == decode.NoteIssue {
				issues = append(issues, string(rec.Line)+": "+n.Text)
			}
		}
	}
	want := []string{
		"INF 3: sent again with other content, which differs in 4 bytes from offset 25 on; the first is kept",
		"INF 3: sent again with other content, which differs in 4 bytes from offset 25 on; the first is kept",
	}
	if fmt.Sprint(issues) != fmt.Sprint(want) {
		t.Errorf("got  %q\nwant %q", issues, want)
	}
}

func TestAcknowledgedBytesThatWereNeverSeenAreToldAtOnce(t *testing.T) {
	k := usualTalk().open().signIn().c("CHG 5 NLN 0\r\n").acks(fromServer)
	mark := marker(k.now + 2*ackPatience)
	k.wait(time.Hour).s("NLN NLN bob@example.com Bob 0\r\n").close()
	r := decodeTalks(t, k.drop(11), mark)
	if got := r.beforeMarker(t); !strings.Contains(got, "c1 gap c2s 13") {
		t.Errorf("got:\n%s", got)
	}
	for _, rec := range r.records {
		if rec.Kind == decode.KindGap && rec.Packet != 12 {
			t.Errorf("the gap is told for packet %d", rec.Packet)
		}
	}
}

func TestMemoryOfWhatWasSeenFirstIsBounded(t *testing.T) {
	f := firstSeen{recents: &recents{}}
	for i := range 1000 {
		f.delivered(make([]byte, 100), int64(i+1)*100)
		if len(f.recent) > 2*maxRecent {
			t.Fatalf("%d bytes are kept", len(f.recent))
		}
	}
	if at, n := f.differing(100_000-maxRecent, []byte{1}, 100_000); at != 100_000-maxRecent || n != 1 {
		t.Errorf("%d bytes differ at %d", n, at)
	}
	f.lost(100_010)
	if _, n := f.differing(99_990, []byte{1}, 100_010); n != 0 {
		t.Errorf("%d bytes differ of those forgotten", n)
	}
	f.release()
	if len(f.recents.free) != 1 || f.recent != nil {
		t.Error("the buffer was not given back")
	}
	f.recents.made = maxRecents
	for range 2 {
		more := firstSeen{recents: f.recents}
		more.delivered([]byte{1}, 1)
	}
	if f.recents.made != maxRecents {
		t.Error("too many buffers")
	}
}

func TestFirstContentIsKeptWithinAWiderSegment(t *testing.T) {
	k := usualTalk().open().c("VER 1 MSNP8 CVR0\r\n", "INF 2\r\n", "INF 3\r\n", "INF 4\r\n")
	missing, between := k.segs[4], k.segs[5]
	k.drop(4).drop(4) // INF 4 waits
	between.data += "CVQ 9\r\n"
	between.at = k.segs[4].at + time.Millisecond
	missing.at = between.at + time.Millisecond
	k.segs = append(k.segs, between, missing)
	wantLines(t, decodeTalks(t, k), c2s, "VER 1 MSNP8 CVR0", "INF 2", "INF 3", "INF 4")
}

func TestAcknowledgementComesBeforeTheFirstBytes(t *testing.T) {
	k := usualTalk().c("CHG 5 NLN 0\r\n").s("CHG 5 NLN 0\r\n").chat(6).chat(7)
	r := decodeTalks(t, k.swap(0, 1))
	wantClean(t, r)
	wantLines(t, r, c2s, "CHG 5 NLN 0", "MSG 6 A 56", "MSG 7 A 56")
}
