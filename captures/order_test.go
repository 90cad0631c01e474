package captures

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"testing"
	"time"

	"msnproxy/decode"
)

// bustle makes a capture in which much goes on at a time: connections that
// begin and end, sessions of the gateway, exchanges of HTTP, commands in many
// packets, and packets that come twice, late, at the same time, or not at all.
func bustle(t testing.TB, seed int) []packet {
	m := mangler{rand.New(rand.NewPCG(uint64(seed), 4))}
	var talks []*talk
	for i := range 12 {
		k := newTalk(fmt.Sprintf("10.0.0.1:%d", 2048+i), "10.0.0.2:1863").open().signIn().chat(1)
		for n := range m.IntN(4) {
			k.chat(n).c("PNG\r\n").s("QNG 43\r\n")
		}
		if i%4 > 0 {
			k.close()
		}
		if i%3 == 0 {
			k.drop(5 + m.IntN(len(k.segs)-5))
		}
		talks = append(talks, k)
	}
	for i := range 4 {
		k := newTalk(fmt.Sprintf("10.0.1.%d:2048", i), "10.0.0.9:80").open()
		k.c(openNS("10.0.0.2", "VER 1 MSNP8 CVR0\r\n")).s(reply(fmt.Sprint(i, ".1"), "VER 1 MSNP8\r\n"))
		k.c(get(nexus, "nexus.passport.com")).s(page("", "PassportURLs", "DALogin=login.example.com"))
		k.c(post(fmt.Sprint(i, ".1"), "PNG\r\nPNG\r\n")).s(reply(fmt.Sprint(i, ".2"), "QNG 50\r\nCHL 0 1\r\n"))
		talks = append(talks, k)
	}
	for _, k := range talks {
		k.segs = m.shuffle(m.duplicate(m.cut(m.cut(m.merge(k.segs)))))
		at := time.Duration(m.IntN(300)) * time.Millisecond
		for i := range k.segs {
			k.segs[i].at = at
			at += time.Duration(m.IntN(12)) * time.Millisecond
		}
	}
	return packets(t, linkEthernet, talks...)
}

// sortedByHand sorts records as the documentation tells it.
func sortedByHand(records []*decode.Record) []*decode.Record {
	type entry struct {
		*decode.Record
		time   time.Time
		packet int64
	}
	var all []entry
	before := map[string]entry{}
	for _, r := range records {
		e := entry{r, r.Time, r.Packet}
		if b, ok := before[r.Conn]; ok && (b.time.After(e.time) || b.time.Equal(e.time) && b.packet > e.packet) {
			e.time, e.packet = b.time, b.packet
		}
		before[r.Conn] = e
		all = append(all, e)
	}
	number := func(id string) int { n, _ := strconv.Atoi(id[1:]); return n }
	slices.SortStableFunc(all, func(a, b entry) int {
		return cmp.Or(a.time.Compare(b.time), cmp.Compare(a.packet, b.packet), cmp.Compare(a.Conn[0], b.Conn[0]), cmp.Compare(number(a.Conn), number(b.Conn)))
	})
	var out []*decode.Record
	for _, e := range all {
		out = append(out, e.Record)
	}
	return out
}

// places tells of each record which it is and where it begins.
func places(records []*decode.Record, packets bool) (out []string) {
	for _, r := range records {
		text := fmt.Sprintf("%s#%d %s at %s", r.Conn, r.Seq, r.Verb, r.Time.Format("05.000"))
		if packets {
			text += fmt.Sprint(" in ", r.Packet)
		}
		out = append(out, text)
	}
	return out
}

func wantPlaces(t *testing.T, what string, got, want []string) {
	t.Helper()
	for i := range max(len(got), len(want)) {
		if i >= len(got) || i >= len(want) || got[i] != want[i] {
			t.Fatalf("%s: %d and %d records, which differ from number %d on:\n%q\nwant\n%q", what, len(got), len(want), i, got[min(i, len(got)):], want[min(i, len(want)):])
		}
	}
}

func TestRecordsOfFilesAreSorted(t *testing.T) {
	moved := 0
	for seed := range 30 {
		list := bustle(t, seed)
		file := pcapFile(linkEthernet, list)
		live := decodeAtOnce(t, list)
		if live.kinds(decode.KindHTTP) == 0 || live.kinds(decode.KindGap) == 0 || live.kinds(decode.KindOpen) < 16 {
			t.Fatal("the capture has not what it should have")
		}
		want := sortedByHand(live.records)
		got, _ := decodeRun(Options{}, input("whole", file))
		wantPlaces(t, fmt.Sprint("seed ", seed), places(got.records, true), places(want, true))
		piped := decodeFile(file)
		wantPlaces(t, fmt.Sprint("seed ", seed, " in a pipe"), places(piped.records, true), places(want, true))
		if !slices.Equal(places(live.records, true), places(want, true)) {
			moved++
		}
		for n := 2; n < 30; n += 9 { // dealt out to files, in any order, it stays the same
			dealt, _ := decodeRun(Options{}, dealOut(list, n)...)
			// A connection that does not end does so with its last file.
			wantPlaces(t, fmt.Sprint("seed ", seed, " in ", n, " files"), places(commandsOf(dealt.records), false), places(commandsOf(want), false))
		}
	}
	if moved < 25 {
		t.Errorf("only %d captures needed sorting", moved)
	}
}

// commandsOf are the commands among records.
func commandsOf(records []*decode.Record) []*decode.Record {
	return slices.DeleteFunc(slices.Clone(records), func(r *decode.Record) bool { return r.Kind != decode.KindCommand })
}

// dealOut cuts a capture into files, and gives them the wrong way round.
func dealOut(list []packet, n int) (files []Input) {
	for i, part := range slices.Collect(slices.Chunk(list, (len(list)+n-1)/n)) {
		files = append(files, input(fmt.Sprint("file", i), pcapFile(linkEthernet, part)))
	}
	slices.Reverse(files)
	return files
}

// decodeAtOnce decodes packets that come one by one, with a pause after each.
func decodeAtOnce(t testing.TB, list []packet) result {
	r, _ := decodeSlowly(t, list)
	return r
}

// decodeSlowly does the same, and tells how many records were out after how
// many packets.
func decodeSlowly(t testing.TB, list []packet) (r result, after []int) {
	d := NewDecoder(Options{Emit: func(rec *decode.Record) { r.records = append(r.records, rec.Clone()) }})
	f := d.reading.begin("pipe")
	d.register(f)
	check(t, f.open(bytes.NewReader(pcapFile(linkEthernet, list))))
	after = []int{0}
	for range list {
		var head frame
		var p readPacket
		check(t, f.next(&head))
		d.reading.packet(&p, f, &head)
		d.use(&p)
		d.Flush()
		after = append(after, len(r.records))
	}
	d.Close()
	return r, after
}

// TestRecordsOfASlowPipe wants what was printed to be all that could be said by
// then: it does not change when more packets come, and nothing waits for them.
func TestRecordsOfASlowPipe(t *testing.T) {
	for seed := range 6 {
		list := bustle(t, seed)
		whole, after := decodeSlowly(t, list)
		for n := 1; n < len(list); n += 23 {
			part := places(decodeAtOnce(t, list[:n]).records, true)
			if len(part) < after[n] || !slices.Equal(part[:after[n]], places(whole.records[:after[n]], true)) {
				t.Fatalf("seed %d: of %d packets, other records than at the beginning of all", seed, n)
			}
		}
	}
}

// TestRecordThatIsTooLate has a connection turn out to be MSNP after the window
// is over: its records come, though not in their place.
func TestRecordThatIsTooLate(t *testing.T) {
	for _, late := range []bool{false, true} {
		silence := window - 10*time.Second
		if late {
			silence = window + 10*time.Second
		}
		slow := usualTalk().open().wait(silence).signIn()
		busy := newTalk("10.0.0.3:2048", "10.0.0.2:1863").wait(time.Second).open().signIn().wait(window + 5*time.Second).chat(1)
		list := packets(t, linkEthernet, slow, busy)
		got, _ := decodeRun(Options{}, input("file", pcapFile(linkEthernet, list)))
		if len(got.records) != len(decodeAtOnce(t, list).records) {
			t.Fatalf("%d records", len(got.records))
		}
		first := got.records[0]
		if isSlow := first.Client == "10.0.0.1:2048"; first.Kind != decode.KindOpen || isSlow == late {
			t.Errorf("late %v: the first is %s %s", late, first.Kind, first.Client)
		}
	}
}

func TestWaitingRecordsAreBounded(t *testing.T) {
	for name, bound := range map[string]struct{ size, args, body, want int64 }{
		"many":      {10, 4, 0, maxWaiting},
		"large":     {1 << 20, 0, 0, maxWaitingBytes >> 20},
		"exchanges": {0, 0, 1 << 20, maxWaitingBytes / (&decode.Record{HTTP: &decode.HTTP{ResponseBytes: 1 << 20}}).Held()},
		"arguments": {0, 1 << 14, 0, maxWaitingBytes / (&decode.Record{Args: make([]decode.Arg, 1<<14)}).Held()},
	} {
		args := make([]decode.Arg, bound.args)
		out, s := int64(0), sorter{}
		s.emit = func(*decode.Record) { out++ }
		l := s.lane()
		for n := int64(1); n <= 3*maxWaiting; n++ {
			l.emit(&decode.Record{Stamp: decode.Stamp{Time: talkStart, Packet: n}, Conn: "c1", Bytes: bound.size, Args: args, HTTP: &decode.HTTP{ResponseBytes: bound.body}})
			s.release(talkStart)
			if waiting := n - out; waiting > bound.want {
				t.Fatalf("%s: %d records wait", name, waiting)
			}
		}
		if waiting := 3*maxWaiting - out; waiting != bound.want || int64(len(s.waiting)) > 3*maxWaiting {
			t.Errorf("%s: %d records wait in %d places", name, waiting, len(s.waiting))
		}
		s.flush()
		if out != 3*maxWaiting {
			t.Errorf("%s: %d records in all", name, out)
		}
	}
}

// TestWaitingRecordsAreCopies has records wait in the memory of others that did
// before.
func TestWaitingRecordsAreCopies(t *testing.T) {
	k := usualTalk().open().signIn()
	for n := range 20 {
		k.chat(n).wait(window/3).c("PNG\r\n").s("QNG 43\r\n", "NLN NLN bob@example.com Bob 0\r\n")
	}
	list := packets(t, linkEthernet, k.close())
	got, _ := decodeRun(Options{}, input("file", pcapFile(linkEthernet, list)))
	wantSame(t, got, decodeAtOnce(t, list))
}

// TestRecordsAreMadeOfOthers gives every record back at once.
func TestRecordsAreMadeOfOthers(t *testing.T) {
	for seed := range 5 {
		file := input("file", pcapFile(linkEthernet, bustle(t, seed)))
		want, _ := decodeRun(Options{}, file)
		var got result
		var d *Decoder
		d = NewDecoder(Options{Emit: func(r *decode.Record) {
			got.records = append(got.records, r.Clone())
			d.Recycle(r)
		}})
		check(t, d.Files(context.Background(), []Input{file}))
		d.Close()
		wantSame(t, got, want)
	}
}

// TestRecordsInUseDoNotGrowWithConnections gives every record back: as many are in
// use as wait within the window, however many connections come and go.
func TestRecordsInUseDoNotGrowWithConnections(t *testing.T) {
	var talks []*talk
	const connections, apart = 500, 10 * time.Second
	for i := range connections {
		k := newTalk(fmt.Sprintf("10.0.%d.%d:2048", i/200, 1+i%200), "10.0.0.2:1863")
		talks = append(talks, k.wait(time.Duration(i)*apart).open().signIn().close())
	}
	var d *Decoder
	made := 0
	d = NewDecoder(Options{Emit: func(r *decode.Record) { made++; d.Recycle(r) }})
	check(t, d.Files(context.Background(), []Input{input("file", pcapFile(linkEthernet, packets(t, linkEthernet, talks...)))}))
	d.Close()
	each := made / connections
	if n, most := len(d.order.spare), each*(1+int(window/apart))*2; n > most || each < 5 {
		t.Errorf("%d records were in use for %d, want at most %d", n, made, most)
	}
}

// TestWaitingRecordsStayApart has the one who gets a record put slices of its own
// into it, as masking does.
func TestWaitingRecordsStayApart(t *testing.T) {
	mine := []byte("***1")
	s := sorter{}
	s.emit = func(r *decode.Record) { r.Line, r.Payload, r.Args[0].Value = mine, mine, mine }
	l := s.lane()
	for range 3 {
		l.emit(&decode.Record{Conn: "c1", Line: []byte("long line"), Payload: []byte("payload"), Args: []decode.Arg{{Value: []byte("secret")}}})
		s.flush()
	}
	if string(mine) != "***1" {
		t.Errorf("it was written over: %q", mine)
	}
}

func TestFilesAreTold(t *testing.T) {
	list := packets(t, linkEthernet, usualTalk().open().signIn().chat(1).close())
	a, b := input("a", pcapFile(linkEthernet, list[:9])), input("b", pcapFile(linkEthernet, list[9:]))
	for _, told := range []bool{true, false} {
		got, sums := decodeRun(Options{TellFiles: told}, a, b)
		for i, r := range got.records {
			want := ""
			if told {
				want = sums[r.Input].File
			}
			if r.File != want || r.Input == 0 && r.Packet > 9 || (i < 7) != (r.Input == 0) {
				t.Errorf("record %d is of %q, packet %d of %d", i, r.File, r.Packet, r.Input)
			}
		}
	}
}
