package captures

import (
	"bytes"
	"fmt"
	"io"
	"testing"
	"time"

	"msnproxy/decode"
)

// These tests stand at the edges of limits: as much as may be is kept, and of
// one more it is told that it was too much, or the oldest makes room.

// TestConnectionsOfMSNPAreBounded has as many open as may be, and one more: the
// one that was silent longest is given up, and counted.
func TestConnectionsOfMSNPAreBounded(t *testing.T) {
	for n, evicted := range map[int]int64{maxAccepted: 0, maxAccepted + 1: 1} {
		var list []packet
		for i := range n {
			k := newTalk(fmt.Sprintf("10.%d.%d.%d:2048", i>>16, i>>8&0xff, i&0xff), "10.255.0.2:1863")
			list = append(list, packets(t, linkRaw, k.wait(time.Duration(i)*10*time.Millisecond).open().c("VER 1 MSNP8 CVR0\r\n", "PNG\r\n"))...)
		}
		r := decodeFile(pcapFile(linkRaw, list))
		if int64(r.summary.Evicted) != evicted || r.summary.Connections != n {
			t.Errorf("of %d, %d were given up, %d were found", n, r.summary.Evicted, r.summary.Connections)
		}
	}
}

func TestAQueueGivesUpOneTooMany(t *testing.T) {
	for n, want := range map[int]int{5: 0, 6: 1, 8: 3} {
		var q queue
		evicted := 0
		for range n {
			q.push(&connection{})
		}
		q.expire(time.Time{}, time.Hour, 5, func(*connection) { t.Error("one was dropped") }, func(c *connection) { evicted++; q.remove(c) })
		if evicted != want {
			t.Errorf("of %d, %d were given up, want %d", n, evicted, want)
		}
	}
}

func TestASequenceNumberReachesSoFarAndNoFurther(t *testing.T) {
	h := half{next: 1000}
	for offset, ok := range map[int64]bool{1000 + maxAhead: true, 1001 + maxAhead: false, 1000 - maxAhead: true, 999 - maxAhead: false} {
		if got := h.reaches(offset); got != ok {
			t.Errorf("%d reaches from %d: %t", offset, h.next, got)
		}
	}
}

func TestRemarksOfAConnectionAreBounded(t *testing.T) {
	c := &connection{live: &live{}}
	for n := range maxRemarks + 1 {
		if len(c.live.remarks) != n {
			t.Fatalf("%d remarks wait, of %d", len(c.live.remarks), n)
		}
		c.remark(0, int64(n), "odd")
	}
	if len(c.live.remarks) != maxRemarks {
		t.Errorf("%d remarks wait, want %d", len(c.live.remarks), maxRemarks)
	}
}

// TestPacketsOfAMessageAreToldApartUpToALimit: beyond it, bytes count as of the
// last that was.
func TestPacketsOfAMessageAreToldApartUpToALimit(t *testing.T) {
	var c httpCutter
	for n := range 2 * maxArrivals {
		c.feed([]byte("x"), decode.Stamp{Packet: int64(n + 1)})
	}
	if n := len(c.arrivals); n != maxArrivals+1 || c.arrivals[n-1].end != 2*maxArrivals {
		t.Errorf("%d packets are told apart, up to byte %d", n, c.arrivals[n-1].end)
	}
	if at := c.stampAt(maxArrivals - 1); at.Packet != maxArrivals {
		t.Errorf("byte %d came in packet %d", maxArrivals, at.Packet)
	}
}

// TestOutOfOrderBytesAreBounded keeps as many pages as may be behind a hole that
// is filled at last, and one more: then the hole is given up, and told.
func TestOutOfOrderBytesAreBounded(t *testing.T) {
	for pages, gaps := range map[int]int{maxPages - 1: 0, maxPages + 1: 1} {
		k := usualTalk().open().c("VER 1 MSNP8 CVR0\r\n")
		hole := len(k.segs)
		k.c("PNG\r\n")
		for range pages {
			k.c("PNG\r\n")
		}
		late := k.segs[hole]
		last := len(k.segs)
		copy(k.segs[hole:], k.segs[hole+1:])
		late.at = k.segs[last-2].at + time.Millisecond
		k.segs[last-1] = late
		for i := range k.segs { // nobody acknowledges, and nobody waits for long
			k.segs[i].at = time.Duration(i) * time.Millisecond
			k.segs[i].acks = i < hole
		}
		if r := decodeTalks(t, k); r.kinds(decode.KindGap) != gaps {
			t.Errorf("%d pages behind a hole: %d gaps, want %d", pages, r.kinds(decode.KindGap), gaps)
		}
	}
}

// TestFilesThatAreOpenAtOneTimeAreBounded reads captures of the same time.
func TestFilesThatAreOpenAtOneTimeAreBounded(t *testing.T) {
	open, most := 0, 0
	var inputs []Input
	for i := range maxOpenFiles + 20 {
		data := pcapFile(linkRaw, packets(t, linkRaw, newTalk(fmt.Sprintf("10.0.0.%d:2048", i+1), "10.0.1.2:1863").open().signIn().chat(3).close()))
		inputs = append(inputs, Input{Name: fmt.Sprint(i), Open: func() (io.ReadCloser, error) {
			open++
			most = max(most, open)
			return closing{bytes.NewReader(data), func() { open-- }}, nil
		}})
	}
	r, sums := decodeRun(Options{}, inputs...)
	if check(t, r.err); most > maxOpenFiles+1 || most < maxOpenFiles || open != 0 || len(sums) != len(inputs) {
		t.Errorf("%d files were open at one time, want about %d; %d still are", most, maxOpenFiles, open)
	}
	if n := r.kinds(decode.KindOpen); n != len(inputs) {
		t.Errorf("%d connections, want %d", n, len(inputs))
	}
}

type closing struct {
	io.Reader
	close func()
}

func (c closing) Close() error { c.close(); return nil }
