package captures

import (
	"fmt"
	"testing"
	"time"

	"msnproxy/decode"
)

// fuzzedLinks are the link types that are read, and one that is not.
var fuzzedLinks = []int{
	linkNull, linkEthernet, linkTokenRing, linkSLIP, linkPPP, linkFDDI, linkRaw, linkRawBSD, linkRawOpenBSD, linkPPPSerial, linkPPPoE,
	linkATM, linkCiscoHDLC, linkWiFi, linkWiFiPrism, linkWiFiTap, linkWiFiAVS, linkFrameRelay, linkLoop, linkEnc, linkSLL, linkPFLog,
	linkIPOverFC, linkPPPD, linkPPI, linkPPPWithDir, linkMPLS, linkIPv4, linkIPv6, linkNFLog, linkSLL2, 147,
}

// FuzzPacket takes whatever headers there may be off packets of every link
// type. Each packet gives segments or a reason; what a segment holds stood in
// the packet, and the end of it is not where the packet was cut.
func FuzzPacket(f *testing.F) {
	ip := packets(f, linkRaw, usualTalk().c("VER 1 MSNP8\r\n"))[0].data
	v6 := packets(f, linkRaw, v6Talk().c("VER 1 MSNP8\r\n"))[0].data
	mac := make([]byte, 12)
	for i, head := range [][]byte{
		append(mac, 8, 0), append(mac, 0x81, 0, 0, 7, 8, 0), append(mac, 0x88, 0x64, 0x11, 0, 0, 1, 0, 50, 0, 0x21),
		append(mac, 0x88, 0x47, 0, 0, 0x10, 64, 0, 0, 0x31, 64), append(mac, 0x88, 0xe7, 0, 0, 0, 1),
	} {
		f.Add(uint8(1), uint16(i), append(head, ip...))
	}
	tunnel := func(protocol byte, head ...byte) []byte {
		return append(append([]byte{0x45, 0, 0, 0, 0, 0, 0, 0, 64, protocol, 0, 0, 10, 9, 9, 1, 10, 9, 9, 2}, head...), ip...)
	}
	f.Add(uint8(6), uint16(0), tunnel(protoIPv4))
	f.Add(uint8(6), uint16(0), tunnel(protoGRE, 0xb0, 0, 8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0))
	f.Add(uint8(6), uint16(0), tunnel(protoUDP, 0, 1, 0x12, 0xb5, 0, 0, 0, 0, 8, 0, 0, 0, 0, 0, 0, 0))
	f.Add(uint8(6), uint16(3), append(v6[:6:6], append([]byte{protoHopByHop}, v6[7:]...)...))
	for i := range fuzzedLinks {
		f.Add(uint8(i), uint16(9), append([]byte{0, 0, 8, 0, 4, 0, 0, 0, 0xaa, 0xaa, 3, 0, 0, 0, 8, 0}, ip...))
	}
	f.Fuzz(func(t *testing.T, link uint8, cut uint16, data []byte) {
		var p parser
		for i := range 3 { // fragments may come again
			at := decode.Stamp{Time: talkStart.Add(time.Duration(i) * time.Second), Packet: int64(i)}
			skip := p.parse(&frame{data: data, length: len(data) + int(cut), link: fuzzedLinks[int(link)%len(fuzzedLinks)]}, at)
			if skip != "" && len(p.segments) > 0 {
				t.Fatalf("%d segments, and skipped: %s", len(p.segments), skip)
			}
			for _, s := range p.segments {
				if len(s.data) > len(data) || s.lost < 0 || s.lost > len(data)+int(cut)+1<<16 {
					t.Fatalf("a segment of %d bytes, and %d cut off, in a packet of %d", len(s.data), s.lost, len(data))
				}
			}
		}
		if p.headers > maxHeaders+1 || p.fragments.bytes > 3*(len(data)+fragmentCost) || p.fragments.bytes < 0 {
			t.Fatalf("%d headers, %d bytes of fragments", p.headers, p.fragments.bytes)
		}
	})
}

// TestHeadersOneWithinTheOtherAreBounded piles up tags: with Ethernet, IP and
// TCP around them, 32 headers are taken off, and of one more nothing is.
func TestHeadersOneWithinTheOtherAreBounded(t *testing.T) {
	for tags, want := range map[int]string{maxHeaders - 3: "", maxHeaders - 2: skipTooDeep} {
		k := usualTalk().open().signIn().chat(5).close()
		r := decodeLink(t, linkEthernet, k, func(p []byte) []byte {
			out := append([]byte{}, p[:12]...)
			for range tags {
				out = append(out, 0x81, 0, 0, 7)
			}
			return append(out, p[12:]...)
		})
		if want == "" {
			wantSignIn(t, r)
		} else if n := r.summary.Skipped[want]; n != int64(len(k.segs)) {
			t.Errorf("%d tags: skipped %v", tags, fmt.Sprint(r.summary.Skipped))
		}
	}
}
