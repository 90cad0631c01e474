package captures

import "encoding/binary"

// Link types: the numbers by which capture files tell which header a packet
// begins with (https://www.tcpdump.org/linktypes.html).
const (
	linkNull       = 0   // BSD loopback: the address family in the byte order of its host
	linkEthernet   = 1   //
	linkRaw        = 101 // an IP header at once
	linkRawBSD     = 12  // the same, as some systems number it
	linkRawOpenBSD = 14  //
	linkLoop       = 108 // OpenBSD loopback: the address family in network byte order
	linkSLL        = 113 // Linux "cooked": what capturing on "any" gives
	linkIPv4       = 228 //
	linkIPv6       = 229 //
	linkSLL2       = 276 // the second version of it
)

// Ether types. etherIP is none of them: it stands for an IP header that tells
// its version itself.
const (
	etherIP    = 0
	etherIPv4  = 0x0800
	etherIPv6  = 0x86dd
	etherPPPoE = 0x8864
	etherVLAN  = 0x8100
	etherQinQ  = 0x88a8
	etherQinQ2 = 0x9100 // before 802.1ad
)

// stripLink takes the link header off a packet and tells what follows.
func stripLink(link int, data []byte) (proto uint16, rest []byte, skip string) {
	switch link {
	case linkEthernet:
		return stripEther(data, 12)
	case linkSLL:
		return stripEther(data, 14)
	case linkSLL2:
		return stripSLL2(data)
	case linkNull, linkLoop:
		return stripFamily(data)
	case linkRaw, linkRawBSD, linkRawOpenBSD:
		return etherIP, data, ""
	case linkIPv4:
		return etherIPv4, data, ""
	case linkIPv6:
		return etherIPv6, data, ""
	}
	return 0, nil, skipLink(link)
}

// stripEther takes off a header that ends in an ether type at an offset, and
// the VLAN tags and PPPoE headers behind it.
func stripEther(data []byte, at int) (proto uint16, rest []byte, skip string) {
	for {
		if len(data) < at+2 {
			return 0, nil, skipBadLink
		}
		proto, data = binary.BigEndian.Uint16(data[at:]), data[at+2:]
		switch proto {
		case etherVLAN, etherQinQ, etherQinQ2:
			at = 2
		case etherPPPoE:
			return stripPPPoE(data)
		case etherIP:
			return 0, nil, skipNotIP // a length of zero, not our etherIP
		default:
			return proto, data, ""
		}
	}
}

// stripPPPoE takes off what DSL lines put between Ethernet and IP.
func stripPPPoE(data []byte) (proto uint16, rest []byte, skip string) {
	const header, pppIPv4, pppIPv6 = 8, 0x0021, 0x0057
	if len(data) < header {
		return 0, nil, skipBadLink
	}
	switch binary.BigEndian.Uint16(data[6:]) {
	case pppIPv4:
		return etherIPv4, data[header:], ""
	case pppIPv6:
		return etherIPv6, data[header:], ""
	}
	return 0, nil, skipNotIP
}

// stripSLL2 takes off a header of twenty bytes that begins with the ether
// type. VLAN tags may follow.
func stripSLL2(data []byte) (proto uint16, rest []byte, skip string) {
	const header = 20
	if len(data) < header {
		return 0, nil, skipBadLink
	}
	proto, data = binary.BigEndian.Uint16(data), data[header:]
	switch proto {
	case etherVLAN, etherQinQ, etherQinQ2:
		return stripEther(data, 2)
	}
	return proto, data, ""
}

// stripFamily takes off the address family. Its byte order is the capturing
// host's, and the number of IPv6 depends on its system; but IPv4 has the same
// one everywhere, and the small numbers tell the byte order.
func stripFamily(data []byte) (proto uint16, rest []byte, skip string) {
	if len(data) < 4 {
		return 0, nil, skipBadLink
	}
	family := binary.BigEndian.Uint32(data)
	if family > 0xffff {
		family = binary.LittleEndian.Uint32(data)
	}
	switch family {
	case 2:
		return etherIPv4, data[4:], ""
	case 10, 24, 28, 30: // Linux; NetBSD and OpenBSD; FreeBSD; macOS
		return etherIPv6, data[4:], ""
	}
	return 0, nil, skipNotIP
}
