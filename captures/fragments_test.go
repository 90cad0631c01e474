package captures

import (
	"encoding/binary"
	"strings"
	"testing"
	"time"

	"msnproxy/decode"
)

// ipFragment is a fragment of an IPv4 packet whose payload is TCP.
func ipFragment(id, offset int, more bool, data ...byte) []byte {
	p := append([]byte{0x45, 0, 0, 0, 0, 0, 0, 0, 64, protoTCP, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2}, data...)
	binary.BigEndian.PutUint16(p[2:], uint16(len(p)))
	binary.BigEndian.PutUint16(p[4:], uint16(id))
	place := offset / 8
	if more {
		place |= 0x2000
	}
	binary.BigEndian.PutUint16(p[6:], uint16(place))
	return p
}

// fragmentsOf makes n packets of fragments, a microsecond apart.
func fragmentsOf(n int, make func(i int) []byte) (list []packet) {
	for i := range n {
		data := make(i)
		list = append(list, packet{data: data, length: len(data), at: talkStart.Add(time.Duration(i) * time.Microsecond)})
	}
	return list
}

// fragmentedTalk is the beginning of a connection up to its first data, and the
// TCP segment with that.
func fragmentedTalk(t testing.TB, text string) (before []packet, segment []byte) {
	all := packets(t, linkRaw, usualTalk().open().c(text))
	last := len(all) - 1
	return all[:last], all[last].data[20:]
}

// commandsIn decodes packets that come behind others.
func commandsIn(before, list []packet) (commands int, skipped int64) {
	r := decodeFile(pcapFile(linkRaw, append(before[:len(before):len(before)], list...)))
	return r.kinds(decode.KindCommand), r.summary.Skipped[skipFragment]
}

// TestFragmentsThatWaitForTheirBeginningAreBounded has the beginning come last,
// behind as many fragments as may wait for it, and behind one more.
func TestFragmentsThatWaitForTheirBeginningAreBounded(t *testing.T) {
	const header = 20
	for _, tt := range []struct{ pieces, commands, skipped int }{{maxPieces, 1, 0}, {maxPieces + 1, 0, maxPieces + 1}} {
		text := "VER 1 MSNP8 CVR0 "
		text += strings.Repeat("x", 8*tt.pieces-header-len(text)-2) + "\r\n"
		before, tcp := fragmentedTalk(t, text)
		n, skipped := commandsIn(before, fragmentsOf(tt.pieces, func(i int) []byte {
			at := 8 * (tt.pieces - 1 - i)
			return ipFragment(7, at, i > 0, tcp[at:at+8]...)
		}))
		if n != tt.commands || skipped != int64(tt.skipped) {
			t.Errorf("of %d fragments: %d commands, %d skipped, want %d and %d", tt.pieces, n, skipped, tt.commands, tt.skipped)
		}
	}
}

// TestFragmentsOfManyPacketsAreBounded has the beginning of the first packet
// come behind those of as many others as are remembered, and of one more.
func TestFragmentsOfManyPacketsAreBounded(t *testing.T) {
	before, tcp := fragmentedTalk(t, "VER 1 MSNP8 CVR0\r\n")
	for others, commands := range map[int]int{maxFragmented - 1: 1, maxFragmented: 0} {
		n, _ := commandsIn(before, fragmentsOf(others+2, func(i int) []byte {
			if i > others {
				return ipFragment(0, 0, true, tcp[:24]...)
			}
			return ipFragment(i, 24, false, tcp[24:]...)
		}))
		if n != commands {
			t.Errorf("behind %d other packets: %d commands, want %d", others, n, commands)
		}
	}
}

// TestBytesOfFragmentsAreBounded lets as many bytes wait as may, and one more
// fragment.
func TestBytesOfFragmentsAreBounded(t *testing.T) {
	const size = 1 << 10
	before, tcp := fragmentedTalk(t, "VER 1 MSNP8 CVR0\r\n")
	fit := (maxFragmentBytes - fragmentCost - len(tcp[24:])) / (size + fragmentCost)
	for others, commands := range map[int]int{fit: 1, fit + 1: 0} {
		n, _ := commandsIn(before, fragmentsOf(others+2, func(i int) []byte {
			switch {
			case i == 0:
				return ipFragment(0, 24, false, tcp[24:]...)
			case i > others:
				return ipFragment(0, 0, true, tcp[:24]...)
			}
			return ipFragment(1+i/maxPieces, 8*i, true, make([]byte, size)...)
		}))
		if n != commands {
			t.Errorf("with %d bytes of others: %d commands, want %d", others*size, n, commands)
		}
	}
}

// TestFragmentsWithNothingInThemTakeLinearTime: each used to be compared with
// all before it.
func TestFragmentsWithNothingInThemTakeLinearTime(t *testing.T) {
	const n, limit = 100_000, time.Minute // took a quarter of an hour
	list := fragmentsOf(n, func(int) []byte { return ipFragment(7, 800, true) })
	begun := time.Now()
	r := decodeFile(pcapFile(linkRaw, list))
	if took := time.Since(begun); took > limit || r.summary.Skipped[skipFragment] != n {
		t.Errorf("took %v; skipped %v", took, r.summary.Skipped)
	}
}

// FuzzFragments cuts a packet into fragments as the input says, four bytes
// each: which packet, where, how many bytes, and whether it says that it is the
// last. Nothing comes out that was not sent, nor twice.
func FuzzFragments(f *testing.F) {
	f.Add([]byte{0, 0, 4, 0, 0, 4, 4, 1}, "VER 1 MSNP8 CVR0\r\n")
	f.Add([]byte{0, 9, 9, 1, 0, 3, 6, 0, 0, 0, 3, 0, 1, 0, 9, 0}, "PNG\r\n")
	f.Fuzz(func(t *testing.T, orders []byte, text string) {
		if len(text) > 1<<10 || len(orders) > 1<<12 {
			return
		}
		list, tcp := fragmentedTalk(t, "VER 1 MSNP8 CVR0\r\n"+text)
		for ; len(orders) >= 4; orders = orders[4:] {
			from := min(8*int(orders[1]), len(tcp))
			to := min(from+8*int(orders[2]), len(tcp))
			data := ipFragment(int(orders[0]%3), from, orders[3]&1 == 0, tcp[from:to]...)
			list = append(list, packet{data: data, length: len(data), at: talkStart.Add(time.Duration(len(list)) * time.Second / 8)})
		}
		file := pcapFile(linkRaw, list)
		decodeFuzzed(t, file)
		for _, rec := range decodeFile(file).records {
			if rec.Kind == decode.KindCommand && !strings.Contains("VER 1 MSNP8 CVR0\r\n"+text, string(rec.Line)) {
				t.Fatalf("%q was never sent", rec.Line)
			}
		}
	})
}

// TestTheBeginningOfAPacketIsLookedAtAgain only where a piece makes it longer: what
// stands elsewhere, or was there before, says nothing more of it.
func TestTheBeginningOfAPacketIsLookedAtAgain(t *testing.T) {
	piece := func(offset, size int) fragment { return fragment{offset: offset, data: make([]byte, size)} }
	for name, c := range map[string]struct {
		piece fragment
		want  bool
	}{
		"behind a hole":       {piece(24, 8), false},
		"at its end":          {piece(16, 8), true},
		"over its end":        {piece(8, 16), true},
		"within it":           {piece(8, 8), false},
		"its first part anew": {piece(0, 16), false},
		"nothing":             {piece(16, 0), false},
	} {
		if got := (&fragmented{known: 16}).goesOn(c.piece); got != c.want {
			t.Errorf("%s: %t", name, got)
		}
	}
	if !(&fragmented{}).goesOn(piece(0, 8)) || (&fragmented{}).goesOn(piece(8, 8)) {
		t.Error("the first part of a packet is what it begins with")
	}
}
