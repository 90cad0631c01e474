package captures

import "encoding/binary"

// Link types: the numbers by which capture files tell which header a packet
// begins with (https://www.tcpdump.org/linktypes.html).
const (
	linkNull       = 0   // BSD loopback: the address family in the byte order of its host
	linkEthernet   = 1   //
	linkTokenRing  = 6   //
	linkSLIP       = 8   // a pseudo header of sixteen bytes
	linkPPP        = 9   //
	linkFDDI       = 10  //
	linkRaw        = 101 // an IP header at once
	linkRawBSD     = 12  // the same, as some systems number it
	linkRawOpenBSD = 14  //
	linkPPPSerial  = 50  // PPP in frames like HDLC, or Cisco's instead
	linkPPPoE      = 51  //
	linkATM        = 100 // RFC 1483: LLC
	linkCiscoHDLC  = 104 //
	linkWiFi       = 105 // 802.11, and with what cards tell before it:
	linkWiFiPrism  = 119 //
	linkWiFiTap    = 127 // radiotap
	linkWiFiAVS    = 163 //
	linkFrameRelay = 107 //
	linkLoop       = 108 // OpenBSD loopback: the address family in network byte order
	linkEnc        = 109 // OpenBSD's view into IPsec
	linkSLL        = 113 // Linux "cooked": what capturing on "any" gives
	linkPFLog      = 117 // OpenBSD's packet filter
	linkIPOverFC   = 122 //
	linkPPPD       = 166 // PPP with the direction in the place of its address
	linkPPI        = 192 // what cards tell, and the link type of what follows
	linkPPPWithDir = 204 // PPP behind a byte for the direction
	linkMPLS       = 219 //
	linkIPv4       = 228 //
	linkIPv6       = 229 //
	linkNFLog      = 239 // Linux's packet filter
	linkSLL2       = 276 // the second version of Linux "cooked"

	linkUndescribed = -1 // a file does not tell it
)

// linkLayer returns what takes off the headers of a link type, or nil.
func linkLayer(link int) layer {
	switch link {
	case linkEthernet:
		return stripEthernet
	case linkSLL:
		return stripSLL
	case linkSLL2:
		return stripSLL2
	case linkNull, linkLoop:
		return stripFamily
	case linkRaw, linkRawBSD, linkRawOpenBSD:
		return stripIP
	case linkIPv4:
		return stripIPv4
	case linkIPv6:
		return stripIPv6
	case linkMPLS:
		return stripMPLS
	}
	if s := serialLayer(link); s != nil {
		return s
	}
	return radioOrRingLayer(link)
}

// serialLayer returns the layer of what goes over lines and virtual circuits,
// and for what packet filters log.
func serialLayer(link int) layer {
	switch link {
	case linkPPP, linkPPPSerial, linkPPPD:
		return stripPPP
	case linkPPPWithDir:
		return func(p *parser) (layer, string) { return p.then(1, stripPPP) }
	case linkPPPoE:
		return stripPPPoE
	case linkCiscoHDLC:
		return stripCiscoHDLC
	case linkSLIP:
		return func(p *parser) (layer, string) { return p.then(16, stripIP) }
	case linkFrameRelay:
		return stripFrameRelay
	case linkATM:
		return stripLLC
	case linkEnc:
		return func(p *parser) (layer, string) { return p.then(12, stripIP) }
	case linkPFLog:
		return stripPFLog
	case linkNFLog:
		return stripNFLog
	}
	return nil
}

// radioOrRingLayer returns the layer of the other networks whose frames have
// two stations' addresses and LLC.
func radioOrRingLayer(link int) layer {
	switch link {
	case linkTokenRing:
		return stripTokenRing
	case linkFDDI:
		return func(p *parser) (layer, string) { return p.then(13, stripLLC) }
	case linkIPOverFC:
		return func(p *parser) (layer, string) { return p.then(16, stripLLC) }
	case linkWiFi:
		return stripWiFi
	case linkWiFiTap:
		return stripRadiotap
	case linkWiFiPrism:
		return stripPrism
	case linkWiFiAVS:
		return stripAVS
	case linkPPI:
		return stripPPI
	}
	return nil
}

// Ether types.
const (
	maxEtherLength = 1500 // smaller than every type: then it is the length of an LLC frame
	etherIPv4      = 0x0800
	etherIPv6      = 0x86dd
	etherBridged   = 0x6558 // a whole Ethernet frame
	etherVLAN      = 0x8100
	etherMPLS      = 0x8847
	etherMPLSMany  = 0x8848 // to several receivers
	etherPPPoE     = 0x8864
	etherPPP       = 0x880b // within GRE
	etherQinQ      = 0x88a8
	etherERSPAN    = 0x88be // a mirrored Ethernet frame, within GRE
	etherERSPAN3   = 0x22eb // the same, with more about it
	etherMacInMac  = 0x88e7
	etherQinQ2     = 0x9100 // before 802.1ad
	etherQinQ3     = 0x9200 //
	etherLLCInSLL  = 4      // 802.2, as Linux numbers it
	etherPPPInSLL  = 7
)

// etherLayer returns the layer of what an ether type announces, or nil.
func etherLayer(kind uint16) layer {
	switch kind {
	case etherIPv4:
		return stripIPv4
	case etherIPv6:
		return stripIPv6
	case etherVLAN, etherQinQ, etherQinQ2, etherQinQ3:
		return stripTag
	case etherPPPoE:
		return stripPPPoE
	case etherPPP:
		return stripPPP
	case etherMPLS, etherMPLSMany:
		return stripMPLS
	case etherBridged:
		return stripEthernet
	case etherMacInMac:
		return func(p *parser) (layer, string) { return p.then(4, stripEthernet) }
	}
	return nil
}

// thenEther goes on with what an ether type announces.
func thenEther(kind uint16) (layer, string) {
	if s := etherLayer(kind); s != nil {
		return s, ""
	}
	return nil, skipNotIP
}

// stripEthernet takes off two addresses and a type. A length in its place
// means that LLC follows.
func stripEthernet(p *parser) (layer, string) {
	return p.typeAt(12, stripLLC)
}

// stripTag takes off a VLAN tag, which may be one of several.
func stripTag(p *parser) (layer, string) { return p.typeAt(2, stripLLC) }

// typeAt takes off a header that ends in an ether type, or in a length.
func (p *parser) typeAt(at int, untyped layer) (layer, string) {
	header, ok := p.take(at + 2)
	if !ok {
		return nil, skipBadLink
	}
	kind := binary.BigEndian.Uint16(header[at:])
	if kind <= maxEtherLength && untyped != nil {
		return untyped, ""
	}
	return thenEther(kind)
}

// stripLLC takes off LLC, with SNAP behind it or, rarely, without.
func stripLLC(p *parser) (layer, string) {
	const ipSAP, snapSAP, unnumbered, header = 0x06, 0xaa, 0x03, 3
	llc, ok := p.take(header)
	if !ok || llc[2] != unnumbered {
		return nil, skipNotIP
	}
	switch {
	case llc[0] == ipSAP && llc[1] == ipSAP:
		return stripIPv4, ""
	case llc[0] == snapSAP && llc[1] == snapSAP:
		return stripSNAP, ""
	}
	return nil, skipNotIP
}

// stripSNAP takes off what tells, behind LLC, which protocol follows: by an
// ether type, or for a bridged Ethernet frame (RFC 2684) by a number of its
// own, with two bytes of padding.
func stripSNAP(p *parser) (layer, string) {
	const header, noVendor, tunnelled, bridges, ethernet = 5, 0, 0x0000f8, 0x0080c2, 7
	snap, ok := p.take(header)
	if !ok {
		return nil, skipBadLink
	}
	vendor := uint32(snap[0])<<16 | uint32(snap[1])<<8 | uint32(snap[2])
	kind := binary.BigEndian.Uint16(snap[3:])
	switch {
	case vendor == noVendor || vendor == tunnelled:
		return thenEther(kind)
	case vendor == bridges && (kind == ethernet || kind == 1):
		return p.then(2, stripEthernet)
	}
	return nil, skipNotIP
}

// stripSLL takes off a header of sixteen bytes that ends in the ether type.
func stripSLL(p *parser) (layer, string) {
	header, ok := p.take(16)
	if !ok {
		return nil, skipBadLink
	}
	return thenCooked(binary.BigEndian.Uint16(header[14:]), binary.BigEndian.Uint16(header[2:]))
}

// stripSLL2 takes off a header of twenty bytes that begins with the ether type.
func stripSLL2(p *parser) (layer, string) {
	header, ok := p.take(20)
	if !ok {
		return nil, skipBadLink
	}
	return thenCooked(binary.BigEndian.Uint16(header), binary.BigEndian.Uint16(header[8:]))
}

// thenCooked goes on behind Linux's header: what follows is told by the kind
// of device for Wi-Fi, and by a type otherwise.
func thenCooked(kind, device uint16) (layer, string) {
	const deviceWiFi, deviceRadiotap = 801, 803
	switch {
	case device == deviceWiFi:
		return stripWiFi, ""
	case device == deviceRadiotap:
		return stripRadiotap, ""
	case kind == etherLLCInSLL:
		return stripLLC, ""
	case kind == etherPPPInSLL:
		return stripPPP, ""
	}
	return thenEther(kind)
}

// stripFamily takes off the address family. Its byte order is the capturing
// host's, and the number of IPv6 depends on its system; but IPv4 has the same
// one everywhere, and the small numbers tell the byte order.
func stripFamily(p *parser) (layer, string) {
	header, ok := p.take(4)
	if !ok {
		return nil, skipBadLink
	}
	family := binary.BigEndian.Uint32(header)
	if family > 0xffff {
		family = binary.LittleEndian.Uint32(header)
	}
	switch family {
	case 2:
		return stripIPv4, ""
	case 10, 24, 28, 30: // Linux; NetBSD and OpenBSD; FreeBSD; macOS
		return stripIPv6, ""
	}
	return nil, skipNotIP
}

// stripTokenRing takes off two addresses and the route, if there is one: the
// highest bit of the sender's address tells.
func stripTokenRing(p *parser) (layer, string) {
	header, ok := p.take(14)
	if !ok {
		return nil, skipBadLink
	}
	const routed, sizeOfRoute = 0x80, 0x1f
	if header[8]&routed == 0 {
		return stripLLC, ""
	}
	if len(p.data) < 2 {
		return nil, skipBadLink
	}
	return p.then(int(p.data[0]&sizeOfRoute), stripLLC)
}

// stripPFLog takes off a header that tells its own size, without the padding
// to four bytes.
func stripPFLog(p *parser) (layer, string) {
	if len(p.data) < 1 {
		return nil, skipBadLink
	}
	return p.then((int(p.data[0])+3)/4*4, stripIP)
}

// stripNFLog finds the packet in a list of attributes, whose sizes are in the
// byte order of the host that captured.
func stripNFLog(p *parser) (layer, string) {
	const header, attribute, packet = 4, 4, 9
	if _, ok := p.take(header); !ok {
		return nil, skipBadLink
	}
	for len(p.data) >= attribute {
		size, kind := binary.LittleEndian.Uint16(p.data), binary.LittleEndian.Uint16(p.data[2:])
		if binary.BigEndian.Uint16(p.data[2:]) <= 0xff && kind > 0xff {
			size, kind = binary.BigEndian.Uint16(p.data), binary.BigEndian.Uint16(p.data[2:])
		}
		if kind == packet {
			return p.then(attribute, stripIP)
		}
		if size < attribute {
			return nil, skipBadLink
		}
		if _, ok := p.take((int(size) + 3) / 4 * 4); !ok {
			return nil, skipBadLink
		}
	}
	return nil, skipNotIP
}
