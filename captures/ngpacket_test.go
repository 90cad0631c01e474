package captures

import (
	"bufio"
	"bytes"
	"io"
	"net/netip"
	"reflect"
	"testing"
	"time"

	"github.com/google/gopacket/pcapgo"
)

// TestPacketsAreThoseOfTheReader: what is read without pcapgo's reader is what
// the reader makes of it, in a file that needs both.
func TestPacketsAreThoseOfTheReader(t *testing.T) {
	file := ngFileOfAllKinds(t)
	quick, slow := ngFrames(t, file, (*ngSource).next), ngFrames(t, file, (*ngSource).nextOfReader)
	if len(quick) == 0 || !reflect.DeepEqual(quick, slow) {
		t.Errorf("%d packets\n%v\nare not the reader's %d\n%v", len(quick), quick, len(slow), slow)
	}
	in := bufio.NewReaderSize(bytes.NewReader(file), readBuffer)
	src, err := newNgSource(in)
	if err != nil {
		t.Fatal(err)
	}
	ng := src.(*ngSource)
	var f frame
	if err := ng.next(&f); err != nil { // the reader learns of the interface
		t.Fatal(err)
	}
	if !ng.packet(&f) {
		t.Error("the second packet goes through the reader")
	}
}

// ngFileOfAllKinds is a file with two sections, of which the second counts time
// otherwise, packets of the proxy's own and a simple packet.
func ngFileOfAllKinds(t *testing.T) []byte {
	t.Helper()
	var first bytes.Buffer
	w, err := NewWriter(&first)
	if err != nil {
		t.Fatal(err)
	}
	at := time.Date(2004, 5, 17, 12, 0, 0, 123_456_789, time.UTC)
	must := func(err error) {
		if err != nil {
			t.Helper()
			t.Fatal(err)
		}
	}
	must(w.Open("c", netip.MustParseAddrPort("10.0.0.1:1025"), netip.MustParseAddrPort("10.0.0.2:1863"), at))
	must(w.Data("c", 1, []byte("VER 1 MSNP8 CVR0\r\n"), at.Add(time.Second)))
	w.Comment(commentInjected)
	must(w.Data("c", 2, []byte("VER 1 MSNP8\r\n"), at.Add(2*time.Second)))
	w.Comment("")
	must(w.Flush())
	second := bytes.Clone(first.Bytes())
	// The option that tells the resolution: code 9, one byte.
	i := bytes.Index(second, []byte{9, 0, 1, 0, 9})
	if i < 0 {
		t.Fatal("the interface tells no resolution")
	}
	second[i+4] = 6
	simple := []byte{3, 0, 0, 0, 20, 0, 0, 0, 4, 0, 0, 0, 1, 2, 3, 4, 20, 0, 0, 0}
	return append(append(append(first.Bytes(), simple...), second...), first.Bytes()...)
}

func ngFrames(t *testing.T, file []byte, next func(*ngSource, *frame) error) (all []frame) {
	t.Helper()
	src, err := newNgSource(bufio.NewReaderSize(bytes.NewReader(file), readBuffer))
	if err != nil {
		t.Fatal(err)
	}
	for {
		var f frame
		err := next(src.(*ngSource), &f)
		if err == io.EOF {
			return all
		}
		if err != nil {
			t.Fatal(err)
		}
		f.data = bytes.Clone(f.data)
		all = append(all, f)
	}
}

func TestClocksCountInEveryResolution(t *testing.T) {
	want := time.Unix(1_000_000_000, 500_000_000).UTC()
	for resolution, count := range map[pcapgo.NgResolution]uint64{
		0: 1_000_000_000, 3: 1_000_000_000_500, 6: 1_000_000_000_500_000, 9: 1_000_000_000_500_000_000,
		10: 10_000_000_005_000_000_000, 0x80 | 1: 2_000_000_001, 0x80 | 32: 1_000_000_000<<32 + 1<<31,
	} {
		got := ngClock{units: unitsOf(resolution)}.time(count)
		if resolution == 0 {
			got = got.Add(500 * time.Millisecond) // whole seconds have no halves
		}
		if !got.Equal(want) {
			t.Errorf("resolution %#x: %v", uint8(resolution), got)
		}
	}
	if got := (ngClock{units: 1000, offset: 1_000_000_000}).time(500); !got.Equal(want) {
		t.Errorf("with an offset: %v", got)
	}
}

// TestInterfacesThatComeBetweenPackets each count time in their own way; the clock of
// each is made once, or thousands of them would cost millions.
func TestInterfacesThatComeBetweenPackets(t *testing.T) {
	file := ngSection()
	packetOf := func(i uint32) []byte { return block(blockEnhanced, words(i, 0, 1_000_000, 0, 0)...) }
	for i := range uint32(3) {
		resolution := append(words(linkRaw, 0, 9|1<<16), byte(6+i), 0, 0, 0)
		file = append(file, block(blockInterface, resolution...)...)
		file = append(append(file, packetOf(i)...), packetOf(i)...)
	}
	src, err := newNgSource(bufio.NewReader(bytes.NewReader(file)))
	if err != nil {
		t.Fatal(err)
	}
	ng := src.(*ngSource)
	for i, want := range []time.Duration{time.Second, time.Second, 100 * time.Millisecond, 100 * time.Millisecond, 10 * time.Millisecond, 10 * time.Millisecond} {
		var f frame
		if err := ng.next(&f); err != nil {
			t.Fatal(err)
		}
		if got := time.Duration(f.time.UnixNano()); got != want {
			t.Errorf("packet %d is of %v, want %v", i+1, got, want)
		}
		if i == 3 {
			ng.clocks[0].units = 1 // as nobody makes it
		}
	}
	if len(ng.clocks) != 3 || ng.clocks[0].units != 1 {
		t.Errorf("the clocks are %v: they were made anew", ng.clocks)
	}
}
