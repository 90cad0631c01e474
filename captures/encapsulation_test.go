package captures_test

import (
	"encoding/binary"
	"fmt"
	"slices"
	"testing"
)

// encapsulation is a way to wrap IP packets. The headers stand here as the
// standards print them.
type encapsulation struct {
	name string
	link int
	wrap func(ip []byte) []byte

	trailer []byte // that wrap adds
}

// isV6 tells the version of an IP packet.
func isV6(ip []byte) bool { return ip[0]>>4 == 6 }

// etherType is that of an IP packet.
func etherType(ip []byte) []byte {
	if isV6(ip) {
		return []byte{0x86, 0xdd}
	}
	return []byte{0x08, 0x00}
}

// behind returns a wrapping of fixed bytes and the ether type.
func behind(head ...byte) func([]byte) []byte {
	return func(ip []byte) []byte { return slices.Concat(head, etherType(ip), ip) }
}

// after returns a wrapping of fixed bytes only.
func after(head ...byte) func([]byte) []byte {
	return func(ip []byte) []byte { return slices.Concat(head, ip) }
}

// inner wraps in fixed bytes what another wrapping has made.
func inner(in func([]byte) []byte, head ...byte) func([]byte) []byte {
	return func(ip []byte) []byte { return slices.Concat(head, in(ip)) }
}

// ppp is the protocol of an IP packet within PPP.
func ppp(head ...byte) func([]byte) []byte {
	return func(ip []byte) []byte {
		if isV6(ip) {
			return slices.Concat(head, []byte{0x00, 0x57}, ip)
		}
		return slices.Concat(head, []byte{0x00, 0x21}, ip)
	}
}

// shortPPP is that with its first byte left out.
func shortPPP(head ...byte) func([]byte) []byte {
	return func(ip []byte) []byte { return slices.Concat(head, ppp()(ip)[1:]) }
}

// inIPv4 and inIPv6Packet wrap in another IP packet.
func inIPv4(protocol byte, in func([]byte) []byte) func([]byte) []byte {
	return func(ip []byte) []byte {
		payload := in(ip)
		head := []byte{0x45, 0, 0, 0, 0, 0, 0, 0, 64, protocol, 0, 0, 10, 9, 9, 1, 10, 9, 9, 2}
		binary.BigEndian.PutUint16(head[2:], uint16(20+len(payload)))
		return append(head, payload...)
	}
}

func inIPv6Packet(protocol byte, in func([]byte) []byte) func([]byte) []byte {
	return func(ip []byte) []byte {
		payload := in(ip)
		head := make([]byte, 40)
		head[0], head[6], head[7], head[23], head[39] = 0x60, protocol, 64, 1, 2
		binary.BigEndian.PutUint16(head[4:], uint16(len(payload)))
		return append(head, payload...)
	}
}

// byVersion chooses by the version of the packet within.
func byVersion(v4, v6 func([]byte) []byte) func([]byte) []byte {
	return func(ip []byte) []byte {
		if isV6(ip) {
			return v6(ip)
		}
		return v4(ip)
	}
}

func plain(ip []byte) []byte { return ip }

var (
	macs    = []byte{2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2}
	snap    = []byte{0xaa, 0xaa, 0x03, 0, 0, 0}
	ether   = behind(macs...)
	fcs     = []byte{0xde, 0xad, 0xbe, 0xef}
	wifi    = slices.Concat([]byte{0x08, 0x01, 0, 0}, macs, macs[:6], []byte{0x10, 0})
	wifiQoS = slices.Concat([]byte{0x88, 0x02, 0, 0}, macs, macs[:6], []byte{0x10, 0, 0, 0})
	wds     = slices.Concat([]byte{0x88, 0x83, 0, 0}, macs, macs[:6], []byte{0x10, 0}, macs[:6], []byte{0, 0}, []byte{0, 0, 0, 0})
	gre     = []byte{0, 0}
)

// with puts bytes together.
func with(list ...any) (out []byte) {
	for _, e := range list {
		switch e := e.(type) {
		case int:
			out = append(out, byte(e))
		case []byte:
			out = append(out, e...)
		}
	}
	return out
}

// tokenRing and the others below are frames with LLC and SNAP.
var encapsulations = []encapsulation{
	{name: "Ethernet", link: 1, wrap: ether},
	{name: "Ethernet with a checksum behind", link: 1, wrap: func(ip []byte) []byte { return append(ether(ip), fcs...) }, trailer: fcs},
	{name: "802.3", link: 1, wrap: func(ip []byte) []byte {
		return slices.Concat(macs, binary.BigEndian.AppendUint16(nil, uint16(min(1500, len(ip)+8))), snap, etherType(ip), ip)
	}},
	{name: "VLAN", link: 1, wrap: behind(with(macs, 0x81, 0, 0, 7)...)},
	{name: "QinQ", link: 1, wrap: behind(with(macs, 0x88, 0xa8, 0, 7, 0x81, 0, 0, 8)...)},
	{name: "four tags", link: 1, wrap: behind(with(macs, 0x91, 0, 0, 7, 0x92, 0, 0, 7, 0x88, 0xa8, 0, 7, 0x81, 0, 0, 8)...)},
	{name: "MAC in MAC", link: 1, wrap: inner(ether, with(macs, 0x88, 0xe7, 0, 0, 0, 1)...)},
	{name: "PPPoE", link: 1, wrap: ppp(with(macs, 0x88, 0x64, 0x11, 0, 0, 1, 0, 50)...)},
	{name: "PPPoE in VLAN", link: 1, wrap: ppp(with(macs, 0x81, 0, 0, 7, 0x88, 0x64, 0x11, 0, 0, 1, 0, 50)...)},
	{name: "PPPoE, short protocol", link: 1, wrap: shortPPP(with(macs, 0x88, 0x64, 0x11, 0, 0, 1, 0, 50)...)},
	{name: "MPLS", link: 1, wrap: after(with(macs, 0x88, 0x47, 0, 0, 0x11, 64)...)},
	{name: "three labels", link: 1, wrap: after(with(macs, 0x88, 0x48, 0, 0, 0x10, 64, 0, 0, 0x20, 64, 0, 0, 0x31, 64)...)},
	{name: "Ethernet in MPLS, control word", link: 1, wrap: inner(ether, with(macs, 0x88, 0x47, 0, 0, 0x11, 64, 0, 0, 0, 0)...)},
	{name: "Ethernet in MPLS", link: 1, wrap: inner(ether, with(macs, 0x88, 0x47, 0, 0, 0x11, 64)...)},
	{name: "PPP", link: 9, wrap: ppp(0xff, 0x03)},
	{name: "PPP, no address", link: 9, wrap: ppp()},
	{name: "PPP, short protocol", link: 9, wrap: shortPPP()},
	{name: "PPP, short protocol behind address", link: 9, wrap: shortPPP(0xff, 0x03)},
	{name: "PPP, serial", link: 50, wrap: ppp(0xff, 0x03)},
	{name: "Cisco as PPP", link: 50, wrap: behind(0x0f, 0)},
	{name: "PPPoE, no Ethernet", link: 51, wrap: ppp(0x11, 0, 0, 1, 0, 50)},
	{name: "Cisco HDLC", link: 104, wrap: behind(0x8f, 0)},
	{name: "PPP, received", link: 166, wrap: ppp(0x00, 0x03)},
	{name: "PPP, sent", link: 166, wrap: ppp(0x01, 0x03)},
	{name: "PPP with direction", link: 204, wrap: ppp(1, 0xff, 0x03)},
	{name: "SLIP", link: 8, wrap: after(make([]byte, 16)...)},
	{name: "frame relay", link: 107, wrap: byVersion(after(0x18, 0x41, 0x03, 0xcc), after(0x18, 0x41, 0x03, 0x8e))},
	{name: "frame relay, SNAP", link: 107, wrap: behind(0x18, 0x41, 0x03, 0x00, 0x80, 0, 0, 0)},
	{name: "ATM", link: 100, wrap: behind(snap...)},
	{name: "Ethernet over ATM", link: 100, wrap: inner(ether, 0xaa, 0xaa, 0x03, 0x00, 0x80, 0xc2, 0x00, 0x07, 0, 0)},
	{name: "token ring", link: 6, wrap: behind(with(0x10, 0x40, macs, snap)...)},
	{name: "token ring, routed", link: 6, wrap: behind(with(0x10, 0x40, macs[:6], 0x82, macs[7:], 4, 0, 1, 2, snap)...)},
	{name: "FDDI", link: 10, wrap: behind(with(0x50, macs, snap)...)},
	{name: "IP over Fibre Channel", link: 122, wrap: behind(with(make([]byte, 16), snap)...)},
	{name: "loopback, this order", link: 0, wrap: byVersion(after(2, 0, 0, 0), after(30, 0, 0, 0))},
	{name: "loopback, the other order", link: 0, wrap: byVersion(after(0, 0, 0, 2), after(0, 0, 0, 24))},
	{name: "loopback of OpenBSD", link: 108, wrap: byVersion(after(0, 0, 0, 2), after(0, 0, 0, 24))},
	{name: "raw", link: 101, wrap: plain},
	{name: "raw of BSD", link: 12, wrap: plain},
	{name: "raw of OpenBSD", link: 14, wrap: plain},
	{name: "either version", link: 228, wrap: byVersion(plain, nil)},
	{name: "IPsec of OpenBSD", link: 109, wrap: after(make([]byte, 12)...)},
	{name: "packet filter of OpenBSD", link: 117, wrap: after(with(61, 2, make([]byte, 62))...)},
	{name: "packet filter of Linux", link: 239, wrap: after(2, 0, 0, 0, 8, 0, 1, 0, 8, 0, 0, 0, 7, 0, 10, 0, 'm', 's', 'n', 0, 0, 0, 9, 0)},
	{name: "Linux cooked", link: 113, wrap: behind(make([]byte, 14)...)},
	{name: "Linux cooked, VLAN", link: 113, wrap: behind(with(make([]byte, 14), 0x81, 0, 0, 9)...)},
	{name: "Linux cooked v2", link: 276, wrap: func(ip []byte) []byte { return slices.Concat(etherType(ip), make([]byte, 18), ip) }},
	{name: "Linux cooked v2, VLAN", link: 276, wrap: behind(with(0x81, 0, make([]byte, 18), 0, 9)...)},
	{name: "Wi-Fi", link: 105, wrap: behind(with(wifi, snap)...)},
	{name: "Wi-Fi QoS", link: 105, wrap: behind(with(wifiQoS, snap)...)},
	{name: "Wi-Fi between stations", link: 105, wrap: behind(with(wds, snap)...)},
	{name: "Wi-Fi with a checksum behind", link: 105, wrap: func(ip []byte) []byte { return append(behind(with(wifi, snap)...)(ip), fcs...) }, trailer: fcs},
	{name: "radiotap", link: 127, wrap: behind(with(0, 0, 8, 0, 0, 0, 0, 0, wifi, snap)...)},
	{name: "radiotap, padded", link: 127, wrap: behind(with(0, 0, 9, 0, 2, 0, 0, 0, 0x20, wifiQoS, 0, 0, snap)...)},
	{name: "radiotap, with time", link: 127, wrap: behind(with(0, 0, 25, 0, 3, 0, 0, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, make([]byte, 8), 0x20, wifiQoS, 0, 0, snap)...)},
	{name: "Prism", link: 119, wrap: behind(with(0, 0, 0, 0x44, make([]byte, 140), wifi, snap)...)},
	{name: "AVS as Prism", link: 119, wrap: behind(with(0x80, 0x21, 0x10, 0x01, 0, 0, 0, 64, make([]byte, 56), wifi, snap)...)},
	{name: "AVS", link: 163, wrap: behind(with(0x80, 0x21, 0x10, 0x02, 0, 0, 0, 64, make([]byte, 56), wifi, snap)...)},
	{name: "PPI", link: 192, wrap: behind(with(0, 0, 8, 0, 105, 0, 0, 0, wifi, snap)...)},
	{name: "GRE", link: 101, wrap: inIPv4(47, behind(gre...))},
	{name: "GRE in IPv6", link: 101, wrap: inIPv6Packet(47, behind(gre...))},
	{name: "GRE with key", link: 101, wrap: inIPv4(47, func(ip []byte) []byte { return slices.Concat([]byte{0x20, 0}, etherType(ip), []byte{0, 0, 0, 5}, ip) })},
	{name: "GRE with checksum, key and number", link: 101, wrap: inIPv4(47, func(ip []byte) []byte {
		return slices.Concat([]byte{0xb0, 0}, etherType(ip), make([]byte, 12), ip)
	})},
	{name: "GRE with route", link: 101, wrap: inIPv4(47, func(ip []byte) []byte {
		return slices.Concat([]byte{0x40, 0}, etherType(ip), []byte{0, 0, 0, 0, 8, 0, 0, 4, 10, 0, 0, 1, 0, 0, 0, 0}, ip)
	})},
	{name: "Ethernet in GRE", link: 101, wrap: inIPv4(47, inner(ether, 0, 0, 0x65, 0x58))},
	{name: "PPTP", link: 101, wrap: inIPv4(47, ppp(0x30, 0x81, 0x88, 0x0b, 0, 60, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1, 0xff, 0x03))},
	{name: "ERSPAN", link: 101, wrap: inIPv4(47, inner(ether, 0, 0, 0x88, 0xbe))},
	{name: "ERSPAN II", link: 101, wrap: inIPv4(47, inner(ether, 0x10, 0, 0x88, 0xbe, 0, 0, 0, 1, 0x10, 0, 0, 1, 0, 0, 0, 2))},
	{name: "ERSPAN III", link: 101, wrap: inIPv4(47, inner(ether, with(0x10, 0, 0x22, 0xeb, 0, 0, 0, 1, 0x20, make([]byte, 10), 1, make([]byte, 8))...))},
	{name: "IP in IPv4", link: 101, wrap: byVersion(inIPv4(4, plain), inIPv4(41, plain))},
	{name: "IP in IPv6", link: 101, wrap: byVersion(inIPv6Packet(4, plain), inIPv6Packet(41, plain))},
	{name: "IP in IP in IP", link: 1, wrap: byVersion(inner(inIPv4(4, inIPv4(4, plain)), with(macs, 8, 0)...), inner(inIPv4(41, inIPv6Packet(41, plain)), with(macs, 8, 0)...))},
	{name: "MPLS in IP", link: 101, wrap: inIPv4(137, after(0, 0, 0x11, 64))},
	{name: "Ethernet in IP", link: 101, wrap: inIPv4(97, inner(ether, 0x30, 0))},
	{name: "signed by IPsec", link: 101, wrap: byVersion(inIPv4(51, after(4, 4, 0, 0, 0, 0, 0, 1, 0, 0, 0, 2, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9)), nil)},
	{name: "Geneve", link: 101, wrap: inIPv4(17, inner(ether, 0x30, 0x39, 0x17, 0xc1, 0, 0, 0, 0, 0, 0, 0x65, 0x58, 0, 0, 7, 0))},
	{name: "Geneve, with options", link: 101, wrap: inIPv4(17, inner(ether, 0x30, 0x39, 0x17, 0xc1, 0, 0, 0, 0, 2, 0, 0x65, 0x58, 0, 0, 7, 0, 1, 2, 3, 1, 5, 6, 7, 8))},
	{name: "GTP", link: 101, wrap: inIPv4(17, after(0x08, 0x68, 0x08, 0x68, 0, 0, 0, 0, 0x30, 255, 0, 0, 0, 0, 0, 9))},
	{name: "GTP, with a number", link: 101, wrap: inIPv4(17, after(0x08, 0x68, 0x08, 0x68, 0, 0, 0, 0, 0x32, 255, 0, 0, 0, 0, 0, 9, 0, 5, 0, 0))},
	{name: "GTP, with more headers", link: 101, wrap: inIPv4(17, after(0x08, 0x68, 0x08, 0x68, 0, 0, 0, 0, 0x34, 255, 0, 0, 0, 0, 0, 9, 0, 5, 0, 0x85,
		1, 0x10, 9, 0xc0, 2, 1, 2, 3, 4, 5, 6, 0))},
	{name: "L2TP", link: 101, wrap: inIPv4(17, ppp(6, 0xa5, 6, 0xa5, 0, 0, 0, 0, 0, 2, 0, 1, 0, 2, 0xff, 0x03))},
	{name: "L2TP, with all that may be there", link: 101, wrap: inIPv4(17, ppp(6, 0xa5, 6, 0xa5, 0, 0, 0, 0, 0x4a, 2, 0, 99, 0, 1, 0, 2, 0, 3, 0, 4, 0, 2, 7, 7))},
	{name: "VXLAN", link: 101, wrap: inIPv4(17, inner(ether, 0x30, 0x39, 0x12, 0xb5, 0, 0, 0, 0, 8, 0, 0, 0, 0, 0, 7, 0))},
	{name: "VLAN, MPLS, GRE and PPP", link: 1, wrap: inner(inIPv4(47, ppp(0, 0, 0x88, 0x0b)), with(macs, 0x81, 0, 0, 7, 0x88, 0x47, 0, 0, 0x11, 64)...)},
}

func TestEncapsulations(t *testing.T) {
	for _, c := range samples(t) {
		for _, e := range encapsulations {
			t.Run(c.name+"/"+e.name, func(t *testing.T) {
				got := decoded(t, pcap(t, e.link, wrapped(raws(t, c.pieces), e)))
				wantEqual(t, got, c.want)
				if len(got.skipped) > 0 {
					t.Errorf("skipped %v", got.skipped)
				}
				if e.name == "either version" || e.name == "signed by IPsec" {
					return
				}
				wantEqual(t, decoded(t, pcap(t, e.link, wrapped(raws(t, toIPv6(c.pieces)), e))), inIPv6(t, c))
			})
		}
	}
}

func wrapped(in []frame, e encapsulation) (out []frame) {
	for _, f := range in {
		out = append(out, frame{at: f.at, data: e.wrap(f.data)})
	}
	return out
}

// TestEncapsulationsCutAnywhere cuts each packet at each length: no part of a
// header is read that is not there, and what cannot be used is counted.
func TestEncapsulationsCutAnywhere(t *testing.T) {
	c := samples(t)[0]
	for _, e := range encapsulations {
		whole := wrapped(raws(t, c.pieces[3:4]), e)[0]
		var cuts []frame
		for n := range whole.data {
			cuts = append(cuts, frame{data: slices.Clone(whole.data[:n]), length: len(whole.data)})
		}
		got := decoded(t, pcap(t, e.link, cuts))
		skipped, headers := int64(0), int64(len(whole.data)-len(c.pieces[3].data)-len(e.trailer))
		for _, n := range got.skipped {
			skipped += n
		}
		if skipped != headers {
			t.Errorf("%s: %d skipped %v, want %d", e.name, skipped, got.skipped, headers)
		}
	}
}

func TestWhatCannotBeDecodedIsCounted(t *testing.T) {
	ip := samples(t)[0].pieces[3].raw(t)
	deep := plain
	for range 40 {
		deep = inIPv4(4, deep)
	}
	fragment := func(in []byte) []byte { in = slices.Clone(in); in[7] = 9; return in }
	for want, e := range map[string]encapsulation{
		"not IP":                                          {link: 1, wrap: after(with(macs, 8, 6)...)},
		"not TCP":                                         {link: 101, wrap: inIPv4(1, plain)},
		"encrypted (IPsec)":                               {link: 101, wrap: inIPv4(50, plain)},
		"encrypted (Wi-Fi)":                               {link: 105, wrap: behind(with(0x08, 0x41, wifi[2:], snap)...)},
		"malformed tunnel header":                         {link: 101, wrap: func(ip []byte) []byte { return inIPv4(47, func([]byte) []byte { return []byte{0x20, 0, 8, 0} })(ip) }},
		"malformed link header":                           {link: 9, wrap: func([]byte) []byte { return []byte{0xff} }},
		"link type 147 not supported":                     {link: 147, wrap: plain},
		"link type 4711 not supported":                    {link: 192, wrap: after(0, 0, 8, 0, 0x67, 0x12, 0, 0)},
		"too many headers one within the other":           {link: 101, wrap: deep},
		"Wi-Fi frame that holds several packets":          {link: 105, wrap: behind(with(wifiQoS[:24], 0x80, 0, snap)...)},
		"IP fragment whose packet's beginning is missing": {link: 101, wrap: fragment},
		"IP fragment within an IP fragment":               {link: 101, wrap: func(ip []byte) []byte { out := inIPv4(4, fragment)(ip); out[6] = 0x20; return out }},
	} {
		got := decoded(t, pcap(t, e.link, []frame{{data: e.wrap(ip)}}))
		if got.skipped[want] != 1 {
			t.Errorf("%s: got %v", want, got.skipped)
		}
	}
}

// TestFragmentedTunnels cuts the packets of a tunnel into fragments, as routers
// do where the tunnel leaves less room.
func TestFragmentedTunnels(t *testing.T) {
	for _, c := range samples(t) {
		for _, e := range encapsulations {
			if e.link != 101 {
				continue
			}
			for _, size := range []int{8, 48, 104} {
				t.Run(fmt.Sprint(c.name, "/", e.name, "/", size), func(t *testing.T) {
					var out []frame
					for i, f := range wrapped(raws(t, c.pieces), e) {
						if isV6(f.data) {
							t.Skip("the tunnel is not in IPv4")
						}
						out = append(out, cutIPv4(f, i, size)...)
					}
					wantEqual(t, decoded(t, pcap(t, 101, out)), c.want)
				})
			}
		}
	}
}

// cutIPv4 cuts an IPv4 packet into fragments.
func cutIPv4(f frame, id, size int) (out []frame) {
	for at := 20; at < len(f.data); at += size {
		end := min(at+size, len(f.data))
		part := append(slices.Clone(f.data[:20]), f.data[at:end]...)
		binary.BigEndian.PutUint16(part[2:], uint16(len(part)))
		binary.BigEndian.PutUint16(part[4:], uint16(id))
		place := uint16(at-20) / 8
		if end < len(f.data) {
			place |= 0x2000
		}
		binary.BigEndian.PutUint16(part[6:], place)
		out = append(out, frame{at: f.at, data: part})
	}
	return out
}
