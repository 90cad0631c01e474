package captures

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"msnproxy/decode"
)

// input makes a file that can be opened again and again.
func input(name string, data []byte) Input {
	return Input{Name: name, Open: func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(data)), nil }}
}

// decodeRun decodes files as one run.
func decodeRun(o Options, inputs ...Input) (result, []Summary) {
	var r result
	o.Emit = func(rec *decode.Record) { r.records = append(r.records, rec.Clone()) }
	d := NewDecoder(o)
	r.err = d.Files(context.Background(), inputs)
	return r, d.Close()
}

func TestFilesThatFailDoNotKeepTheOthersFromBeingRead(t *testing.T) {
	good := pcapFile(linkEthernet, usualPackets(t))
	missing := Input{Name: "missing", Open: func() (io.ReadCloser, error) { return nil, errors.New("open missing: no such file") }}
	r, sums := decodeRun(Options{}, input("cut", good[:len(good)-3]), missing, input("text", []byte("hello")), input("good", good))
	want := "open missing: no such file\ntext: neither a capture (pcap, pcapng, snoop) nor records (JSON lines); it begins with \"hello\"; editcap, of Wireshark, makes pcapng files of many others\n" +
		"cut: packet 17: the file is cut off here; the packets before it were decoded"
	if r.err == nil || r.err.Error() != want {
		t.Errorf("got  %v\nwant %s", r.err, want)
	}
	if len(sums) != 4 || r.kinds(decode.KindCommand) != 11 {
		t.Errorf("%d files, %d commands", len(sums), r.kinds(decode.KindCommand))
	}
}

func TestConnectionsCountForTheFileTheyBeganIn(t *testing.T) {
	list := usualPackets(t)
	r, sums := decodeRun(Options{}, input("b", pcapFile(linkEthernet, list[9:])), input("a", pcapFile(linkEthernet, list[:9])))
	wantClean(t, r)
	wantReasons(t, r, "client closed")
	if len(sums) != 2 || sums[0].File != "a" || sums[0].Connections != 1 || sums[1].Connections != 0 || sums[0].Packets != 9 || sums[1].Packets != int64(len(list)-9) {
		t.Errorf("got %+v", sums)
	}
}

func TestPacketsWithoutTheirEndsAreCounted(t *testing.T) {
	const snap = 70 // 54 bytes are headers
	list, want := usualPackets(t), int64(0)
	for i := range list {
		if len(list[i].data) > snap {
			list[i].data = list[i].data[:snap]
			want++
		}
	}
	for _, data := range [][]byte{pcapFile(linkEthernet, list), pcapngFile(t, linkEthernet, list)} {
		_, sums := decodeRun(Options{}, input("a", data))
		if want == 0 || want == int64(len(list)) || sums[0].Cut != want {
			t.Errorf("%d of %d packets, want %d", sums[0].Cut, len(list), want)
		}
	}
}

func TestConnectionOfAnEarlierFileEndsWithIt(t *testing.T) {
	first := packets(t, linkEthernet, usualTalk().open().signIn())
	years := newTalk("10.0.0.9:2048", "10.0.0.2:1863").wait(3 * 365 * 24 * time.Hour).open().signIn().close()
	r, _ := decodeRun(Options{}, input("2005", pcapFile(linkEthernet, first)), input("2008", pcapFile(linkEthernet, packets(t, linkEthernet, years))))
	wantReasons(t, r, "capture ended", "client closed")
	for _, rec := range r.records {
		if rec.Kind == decode.KindClose && rec.Reason == reasonCaptureEnded && rec.Time.Year() != 2005 {
			t.Errorf("it was closed at %v", rec.Time)
		}
	}
}

func TestGatewaySessionOfAnEarlierFileEndsWithIt(t *testing.T) {
	first := packets(t, linkEthernet, opened().close())
	laterTalk := newTalk("10.0.0.7:2048", "10.0.0.9:80").wait(idleAfter / 2).open().
		c(openNS("10.0.0.2", "VER 1 MSNP8 CVR0\r\n")).s(reply("8.1", "VER 1 MSNP8\r\n")).close()
	later := packets(t, linkEthernet, laterTalk)
	r, sums := decodeRun(Options{}, input("first", pcapFile(linkEthernet, first)), input("later", pcapFile(linkEthernet, later)))
	wantReasons(t, r, "capture ended", "capture ended")
	at := map[string]time.Time{}
	for _, rec := range r.records {
		if rec.Kind == decode.KindClose {
			at[rec.Conn] = rec.Time
		}
	}
	if !at["c1"].Equal(sums[0].Last) || !at["c2"].Equal(sums[1].Last) {
		t.Errorf("they were closed at %v and %v, the files end at %v and %v", at["c1"], at["c2"], sums[0].Last, sums[1].Last)
	}
}

func TestTooManyConnectionsEvictTheIdlest(t *testing.T) {
	var talks []*talk
	for i := range maxUndecided + 3 {
		talks = append(talks, newTalk(fmt.Sprintf("10.0.%d.%d:2048", i/250, i%250), "10.0.0.2:5000").wait(time.Duration(i)*time.Millisecond).open())
	}
	busy := talks[1].wait(time.Duration(maxUndecided-50) * time.Millisecond) // it is not among the idlest
	busy.c("VER 1 MSNP8 CVR0\r\n")
	r := decodeTalks(t, talks...)
	if r.summary.Evicted != 2 || r.summary.Connections != 1 {
		t.Errorf("%d were given up, %d connections", r.summary.Evicted, r.summary.Connections)
	}
}

func TestProgressCountsEveryByteOnce(t *testing.T) {
	a, b := pcapFile(linkEthernet, usualPackets(t)), zipped(t, pcapFile(linkEthernet, packets(t, linkEthernet, marker(time.Hour))))
	total := 0
	decodeRun(Options{Progress: func(n int) { total += n }}, input("a", a), input("b", b))
	if total != len(a)+len(b) {
		t.Errorf("%d bytes of %d", total, len(a)+len(b))
	}
}

// TestCancelStopsARun cancels at the first record of a file with far more packets
// than are read ahead. Those that were read have been used, and
// what is told is why, not that some context was done.
func TestCancelStopsARun(t *testing.T) {
	ctx, cancel := context.WithCancelCause(context.Background())
	why := errors.New("Ctrl-C")
	closed := 0
	k := usualTalk().open().signIn().wait(2 * window)
	for n := range 2 * aheadBatches * aheadPackets {
		k.chat(n)
	}
	list := packets(t, linkEthernet, k)
	in := Input{Name: "x", Open: func() (io.ReadCloser, error) {
		return closer{bytes.NewReader(pcapFile(linkEthernet, list)), &closed}, nil
	}}
	d := NewDecoder(Options{Emit: func(*decode.Record) { cancel(why) }})
	err := d.Files(ctx, []Input{in})
	used := d.Close()[0].Packets
	if !errors.Is(err, why) || !strings.HasPrefix(err.Error(), fmt.Sprintf("x: stopped after packet %d: ", used)) || closed != 2 {
		t.Errorf("%v, %d packets used, closed %d times", err, used, closed)
	}
	if used < 12 || used > int64(12+(aheadBatches+1)*aheadPackets) {
		t.Errorf("%d packets of %d were used", used, len(list))
	}
}

type closer struct {
	io.Reader
	closed *int
}

func (c closer) Close() error { *c.closed++; return nil }
