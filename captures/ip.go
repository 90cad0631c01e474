package captures

import (
	"encoding/binary"
	"net/netip"
)

// Protocols within IP, and extension headers of IPv6.
const (
	protoHopByHop       = 0
	protoIPv4           = 4
	protoTCP            = 6
	protoUDP            = 17
	protoIPv6           = 41
	protoRouting        = 43
	protoFragment       = 44
	protoGRE            = 47
	protoESP            = 50
	protoAuthentication = 51
	protoDestination    = 60
	protoEtherIP        = 97
	protoMPLS           = 137
)

// ipLayer returns the layer of a protocol within IP.
func ipLayer(protocol byte) (layer, string) {
	switch protocol {
	case protoTCP:
		return stripTCP, ""
	case protoIPv4:
		return stripIPv4, ""
	case protoIPv6:
		return stripIPv6, ""
	case protoGRE:
		return stripGRE, ""
	case protoUDP:
		return stripUDP, ""
	case protoEtherIP:
		return stripEtherIP, ""
	case protoMPLS:
		return stripMPLS, ""
	case protoHopByHop, protoRouting, protoDestination:
		return stripExtension, ""
	case protoAuthentication:
		return stripAuthentication, ""
	case protoESP:
		return nil, skipEncrypted
	}
	return nil, skipNotTCP
}

// stripIP takes off an IP header, which tells its version itself.
func stripIP(p *parser) (layer, string) {
	if len(p.data) > 0 && p.data[0]>>4 == 6 {
		return stripIPv6, ""
	}
	return stripIPv4, ""
}

func stripIPv4(p *parser) (layer, string) {
	if len(p.data) < 20 || p.data[0]>>4 != 4 {
		return nil, skipBadIP
	}
	size, total := 4*int(p.data[0]&0x0f), int(binary.BigEndian.Uint16(p.data[2:]))
	if size < 20 || size > len(p.data) || total != 0 && total < size {
		return nil, skipBadIP
	}
	header, _ := p.take(size)
	p.from, p.to = netip.AddrFrom4([4]byte(header[12:])), netip.AddrFrom4([4]byte(header[16:]))
	p.cutAt(total - size)
	const more, offset = 0x2000, 0x1fff
	next, skip := ipLayer(header[9])
	place := binary.BigEndian.Uint16(header[6:])
	if skip == "" && place&(more|offset) != 0 {
		id := fragmentKey{from: p.from, to: p.to, protocol: header[9], id: uint32(binary.BigEndian.Uint16(header[4:]))}
		return p.fragment(id, fragment{offset: 8 * int(place&offset), last: place&more == 0}, next)
	}
	return next, skip
}

// cutAt cuts the payload of an IP packet at the length that its header tells,
// because what follows is padding of the link, and not always zeros. Offload
// leaves that length zero (size is negative then): the packet tells its own.
func (p *parser) cutAt(size int) {
	p.bounded = size >= 0
	switch {
	case size < 0:
		p.missing = max(p.missing, 0)
	case size <= len(p.data):
		p.data, p.missing = p.data[:size], 0
	default:
		p.missing = size - len(p.data)
	}
}

func stripIPv6(p *parser) (layer, string) {
	header, ok := p.take(40)
	if !ok || header[0]>>4 != 6 {
		return nil, skipBadIP
	}
	size := int(binary.BigEndian.Uint16(header[4:]))
	if size == 0 {
		size = -1
	}
	p.from, p.to = netip.AddrFrom16([16]byte(header[8:])), netip.AddrFrom16([16]byte(header[24:]))
	p.cutAt(size)
	return thenIPv6(header[6])
}

// thenIPv6 goes on with what a header of IPv6 announces. Only there is a
// fragment told by a header of its own.
func thenIPv6(next byte) (layer, string) {
	if next == protoFragment {
		return stripFragment, ""
	}
	return ipLayer(next)
}

// stripExtension takes off an extension header of IPv6.
func stripExtension(p *parser) (layer, string) {
	const smallest = 8
	if len(p.data) < smallest {
		return nil, skipBadIP
	}
	header, ok := p.take(8 * (int(p.data[1]) + 1))
	if !ok {
		return nil, skipBadIP
	}
	return thenIPv6(header[0])
}

// stripAuthentication takes off the header by which IPsec signs a packet.
func stripAuthentication(p *parser) (layer, string) {
	const smallest = 8
	if len(p.data) < smallest {
		return nil, skipBadIP
	}
	header, ok := p.take(4 * (int(p.data[1]) + 2))
	if !ok {
		return nil, skipBadIP
	}
	return thenIPv6(header[0])
}

// stripFragment takes off the header that makes an IPv6 packet a fragment,
// unless it is the only one of its packet.
func stripFragment(p *parser) (layer, string) {
	const more, offset = 0x0001, 0xfff8
	header, ok := p.take(8)
	if !ok {
		return nil, skipBadIP
	}
	next, skip := thenIPv6(header[0])
	place := binary.BigEndian.Uint16(header[2:])
	if skip == "" && place&(more|offset) != 0 {
		id := fragmentKey{from: p.from, to: p.to, protocol: header[0], id: binary.BigEndian.Uint32(header[4:])}
		return p.fragment(id, fragment{offset: int(place & offset), last: place&more == 0}, next)
	}
	return next, skip
}
