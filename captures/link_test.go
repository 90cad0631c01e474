package captures

import (
	"encoding/binary"
	"fmt"
	"testing"

	"msnproxy/decode"
)

// v6Talk is the usual talk over IPv6.
func v6Talk() *talk { return newTalk("[2001:db8::1]:2048", "[2001:db8::2]:1863") }

// decodeLink decodes a talk with a link header, each packet changed first.
func decodeLink(t *testing.T, link int, k *talk, change func([]byte) []byte) result {
	t.Helper()
	list := packets(t, link, k)
	for i := range list {
		if change != nil {
			list[i].data = change(list[i].data)
			list[i].length = len(list[i].data)
		}
	}
	r := decodeFile(pcapFile(link, list))
	check(t, r.err)
	return r
}

// wantSignIn wants all of a sign-in with a chat, and nothing skipped.
func wantSignIn(t *testing.T, r result) {
	t.Helper()
	wantClean(t, r)
	if n := r.kinds(decode.KindCommand); n != 11 {
		t.Errorf("%d commands", n)
	}
	if len(r.summary.Skipped) > 0 {
		t.Errorf("skipped %v", r.summary.Skipped)
	}
	wantReasons(t, r, "client closed")
}

func TestLinkTypes(t *testing.T) {
	for _, link := range []int{linkEthernet, linkRaw, linkRawBSD, linkRawOpenBSD, linkSLL, linkSLL2, linkNull, linkLoop} {
		t.Run(fmt.Sprint(link), func(t *testing.T) {
			wantSignIn(t, decodeLink(t, link, usualTalk().open().signIn().chat(5).close(), nil))
			r := decodeLink(t, link, v6Talk().open().signIn().chat(5).close(), nil)
			wantSignIn(t, r)
			if o := r.records[0]; o.Client != "[2001:db8::1]:2048" || o.ServerAddr != "[2001:db8::2]:1863" {
				t.Errorf("client %s, server %s", o.Client, o.ServerAddr)
			}
		})
	}
	wantSignIn(t, decodeLink(t, linkIPv4, usualTalk().open().signIn().chat(5).close(), nil))
	wantSignIn(t, decodeLink(t, linkIPv6, v6Talk().open().signIn().chat(5).close(), nil))
}

func TestFamiliesOfLoopback(t *testing.T) {
	for _, family := range []uint32{10, 24, 28, 30} {
		for _, order := range []binary.ByteOrder{binary.LittleEndian, binary.BigEndian} {
			wantSignIn(t, decodeLink(t, linkNull, v6Talk().open().signIn().chat(5).close(), func(p []byte) []byte {
				order.PutUint32(p, family)
				return p
			}))
		}
	}
	r := decodeLink(t, linkNull, usualTalk().open().signIn().chat(5).close(), func(p []byte) []byte {
		binary.BigEndian.PutUint32(p, 2)
		return p
	})
	wantSignIn(t, r)
}

func TestTagsBehindEthernet(t *testing.T) {
	for name, tags := range map[string][]byte{
		"VLAN":         {0x81, 0, 0, 7},
		"QinQ":         {0x88, 0xa8, 0, 7, 0x81, 0, 0, 8},
		"old QinQ":     {0x91, 0, 0, 7, 0x81, 0, 0, 8},
		"PPPoE":        {0x88, 0x64, 0x11, 0, 0, 1, 0, 50, 0, 0x21},
		"VLAN + PPPoE": {0x81, 0, 0, 7, 0x88, 0x64, 0x11, 0, 0, 1, 0, 50, 0, 0x21},
	} {
		t.Run(name, func(t *testing.T) {
			wantSignIn(t, decodeLink(t, linkEthernet, usualTalk().open().signIn().chat(5).close(), func(p []byte) []byte {
				out := append(append([]byte{}, p[:12]...), tags...)
				if tags[len(tags)-1] == 0x21 {
					return append(out, p[14:]...)
				}
				return append(out, p[12:]...)
			}))
		})
	}
}

func TestPaddingIsNotPartOfTheStream(t *testing.T) {
	pad := func(p []byte) []byte { return append(p, "OUT\r\nOUT\r\nOUT\r\nOUT\r\n"...) }
	for _, link := range []int{linkEthernet, linkSLL, linkSLL2, linkRaw, linkNull} {
		wantSignIn(t, decodeLink(t, link, usualTalk().open().signIn().chat(5).close(), pad))
		wantSignIn(t, decodeLink(t, link, v6Talk().open().signIn().chat(5).close(), pad))
	}
}

func TestChecksumsDoNotMatter(t *testing.T) {
	wantSignIn(t, decodeLink(t, linkRaw, usualTalk().open().signIn().chat(5).close(), func(p []byte) []byte {
		p[10], p[11], p[36], p[37] = 0xde, 0xad, 0xbe, 0xef
		return p
	}))
}

func TestOffloadLeavesTheLengthZero(t *testing.T) {
	wantSignIn(t, decodeLink(t, linkRaw, usualTalk().open().signIn().chat(5).close(), func(p []byte) []byte {
		p[2], p[3] = 0, 0
		return p
	}))
	wantSignIn(t, decodeLink(t, linkRaw, v6Talk().open().signIn().chat(5).close(), func(p []byte) []byte {
		p[4], p[5] = 0, 0
		return p
	}))
}

func TestOptionsThatMakeNoSense(t *testing.T) {
	wantSignIn(t, decodeLink(t, linkRaw, usualTalk().open().signIn().chat(5).close(), func(p []byte) []byte {
		p[32] = 6 << 4 // a TCP header of 24 bytes
		out := append(append(append([]byte{}, p[:40]...), 5, 0, 0, 0), p[40:]...)
		binary.BigEndian.PutUint16(out[2:], uint16(len(out)))
		return out
	}))
}

func TestExtensionHeaders(t *testing.T) {
	for name, header := range map[string][]byte{
		"hop-by-hop":      {0, 6, 0, 1, 4, 0, 0, 0, 0},
		"destination":     {60, 6, 0, 1, 4, 0, 0, 0, 0},
		"routing":         {43, 6, 0, 1, 4, 0, 0, 0, 0},
		"atomic fragment": {44, 6, 0, 0, 0, 0, 0, 0, 9},
		"authentication":  {51, 6, 1, 0, 0, 0, 0, 0, 9, 0, 0, 0, 1},
	} {
		t.Run(name, func(t *testing.T) {
			wantSignIn(t, decodeLink(t, linkRaw, v6Talk().open().signIn().chat(5).close(), func(p []byte) []byte {
				p[6] = header[0]
				binary.BigEndian.PutUint16(p[4:], binary.BigEndian.Uint16(p[4:])+uint16(len(header)-1))
				out := append(append([]byte{}, p[:40]...), header[1:]...)
				out = append(out, p[40:]...)
				return append(out, "OUT\r\n"...) // padding
			}))
		})
	}
}

func TestPacketsThatCannotBeUsed(t *testing.T) {
	ether := func(proto uint16, ip ...byte) packet {
		data := append(linkHeader(linkEthernet, proto), ip...)
		return packet{data: data, length: len(data), at: talkStart}
	}
	v4 := func(change func([]byte)) packet {
		k := usualTalk().c("VER 1 MSNP8 CVR0\r\n")
		p := packets(t, linkEthernet, k)[0]
		change(p.data)
		return p
	}
	for _, c := range []struct {
		want string
		p    packet
	}{
		{skipNotIP, ether(0x0806, make([]byte, 28)...)},
		{skipNotIP, ether(0x0026, make([]byte, 38)...)},
		{skipNotIP, ether(0, make([]byte, 38)...)},
		{skipBadLink, packet{data: []byte{1, 2, 3}, length: 3}},
		{skipBadLink, ether(etherVLAN, 0, 1)},
		{skipBadLink, ether(etherPPPoE, 0, 1)},
		{skipBadIP, ether(etherIPv4, 0x45, 0)},
		{skipBadIP, ether(etherIPv6, make([]byte, 60)...)},
		{skipNotTCP, v4(func(p []byte) { p[23] = 17 })},
		{skipFragment, v4(func(p []byte) { p[21] = 1 })},
		{skipBadIP, v4(func(p []byte) { p[14] = 0x44 })},
		{skipBadIP, v4(func(p []byte) { p[17] = 19 })},
		{skipBadTCP, v4(func(p []byte) { p[46] = 4 << 4 })},
		{skipBadTCP, v4(func(p []byte) { p[46], p[17] = 0xf0, 60 })},
		{skipBadTCP, v4(func(p []byte) { p[17] = 30 })},
		{skipFragment, ether(etherIPv6, v6Header(44, 6, 0, 0, 1, 0, 0, 0, 9)...)},
		{skipNotTCP, ether(etherIPv6, v6Header(17, 6, 0, 0, 1, 0, 0, 0, 9)...)},
		{skipBadIP, ether(etherIPv6, v6Header(0, 6, 0)...)},
		{skipBadIP, ether(etherIPv6, v6Header(60, 6, 9, 0, 0, 0, 0, 0, 0)...)},
		{skipBadLink, ether(etherPPPoE, make([]byte, 5)...)},
		{skipNotIP, ether(etherPPPoE, make([]byte, 8)...)},
		{skipCutHeader, packet{data: v4(func([]byte) {}).data[:40], length: 100}},
		{skipCutHeader, packet{data: v4(func([]byte) {}).data[:10], length: 100}},
	} {
		r := decodeFile(pcapFile(linkEthernet, []packet{c.p}))
		if r.err != nil || r.summary.Skipped[c.want] != 1 || r.skipped() != 1 {
			t.Errorf("want %q, got %v, %v", c.want, r.summary.Skipped, r.err)
		}
	}
	for link, data := range map[int][]byte{linkSLL2: make([]byte, 19), linkNull: {2, 0, 0}, linkSLL: make([]byte, 15)} {
		r := decodeFile(pcapFile(link, []packet{{data: data, length: len(data)}}))
		if r.summary.Skipped[skipBadLink] != 1 {
			t.Errorf("link type %d: %v", link, r.summary.Skipped)
		}
	}
	r := decodeFile(pcapFile(147, []packet{ether(etherIPv4)}))
	if r.summary.Skipped["link type 147 not supported"] != 1 {
		t.Errorf("got %v", r.summary.Skipped)
	}
}

// v6Header makes an IPv6 header with a payload.
func v6Header(next byte, payload ...byte) []byte {
	out := make([]byte, 40, 40+len(payload))
	out[0], out[5], out[6] = 0x60, byte(len(payload)), next
	return append(out, payload...)
}

func TestPacketsOfOtherConnectionsAreNotSkipped(t *testing.T) {
	r := decodeTalks(t, newTalk("10.0.0.1:2048", "10.0.0.2:80").open().c("GET / HTTP/1.1\r\n\r\n").close())
	if r.skipped() != 0 || r.summary.Packets != 7 || r.summary.Connections != 0 {
		t.Errorf("got %+v", r.summary)
	}
}

func TestPacketsCutByTheSnapLength(t *testing.T) {
	const header = 14 + 20 + 20
	for _, snap := range []int{header, header + 1, header + 10, header + 40, header + 60} {
		k := usualTalk().open().signIn().chat(5).chat(6).wait(1e9).close()
		list := packets(t, linkEthernet, k)
		for i := range list {
			list[i].data = list[i].data[:min(snap, len(list[i].data))]
		}
		r := decodeFile(pcapFile(linkEthernet, list))
		check(t, r.err)
		if snap <= header+10 {
			continue // too little is left of the lines to find anything
		}
		var c2sBytes, s2cBytes int64
		for _, rec := range r.records {
			switch rec.Dir {
			case c2s:
				c2sBytes += rec.Bytes
			case s2c:
				s2cBytes += rec.Bytes
			}
		}
		var want [2]int64
		for _, s := range k.segs {
			want[s.side] += int64(len(s.data))
		}
		if c2sBytes != want[0] || s2cBytes != want[1] {
			t.Errorf("snap length %d: %d and %d bytes, want %d and %d", snap, c2sBytes, s2cBytes, want[0], want[1])
		}
		wantReasons(t, r, "client closed")
	}
}

func TestCutPacketIsAGapAtOnce(t *testing.T) {
	k := usualTalk().open().signIn().c("CHG 5 NLN 0\r\n", "OUT\r\n").s("NLN NLN bob@example.com Bob 0\r\n").fin(fromServer).fin(fromClient)
	list := packets(t, linkEthernet, k)
	list[11].data = list[11].data[:len(list[11].data)-3]
	r := decodeFile(pcapFile(linkEthernet, list))
	check(t, r.err)
	got := r.brief()[9:]
	want := `[c1 opaque c2s "CHG 5 NLN " c1 gap c2s 3 c1 command c2s OUT"" c1 command s2c NLN NLN bob@example.com Bob 0"" c1 close server closed]`
	if fmt.Sprint(got) != want {
		t.Errorf("got  %v\nwant %v", got, want)
	}
}
