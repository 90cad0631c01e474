package captures

import "encoding/binary"

// Protocols within PPP.
const (
	pppIPv4     = 0x0021
	pppIPv6     = 0x0057
	pppMPLS     = 0x0281
	pppMPLSMany = 0x0283
)

// stripPPP takes off PPP: address and control, which both ends may have agreed
// to leave out, and the protocol, of which they may have left out the first
// byte if that is zero. Such a protocol is odd in its only byte, and even in
// the first of two. On serial lines there may be Cisco's frames instead. Where
// the capture tells the direction, that stands in the place of the address.
func stripPPP(p *parser) (layer, string) {
	const control, ciscoToOne, ciscoToAll = 0x03, 0x0f, 0x8f
	if len(p.data) < 2 {
		return nil, skipBadLink
	}
	switch address := p.data[0]; {
	case (address == ciscoToOne || address == ciscoToAll) && p.data[1] == 0:
		return stripCiscoHDLC, ""
	case (address == 0xff || address <= 1) && p.data[1] == control:
		p.take(2)
	}
	return stripPPPProtocol, ""
}

func stripPPPProtocol(p *parser) (layer, string) {
	size := 2
	if len(p.data) > 0 && p.data[0]&1 == 1 {
		size = 1
	}
	header, ok := p.take(size)
	if !ok {
		return nil, skipBadLink
	}
	protocol := uint16(header[0])
	if size == 2 {
		protocol = binary.BigEndian.Uint16(header)
	}
	switch protocol {
	case pppIPv4:
		return stripIPv4, ""
	case pppIPv6:
		return stripIPv6, ""
	case pppMPLS, pppMPLSMany:
		return stripMPLS, ""
	}
	return nil, skipNotIP
}

// stripPPPoE takes off what DSL lines put between Ethernet and PPP.
func stripPPPoE(p *parser) (layer, string) {
	const session = 0x11 // version and type; the code 0 is for data
	header, ok := p.take(6)
	if !ok {
		return nil, skipBadLink
	}
	if header[0] != session || header[1] != 0 {
		return nil, skipNotIP
	}
	return stripPPPProtocol, ""
}

// stripCiscoHDLC takes off an address, a byte of no use, and an ether type.
func stripCiscoHDLC(p *parser) (layer, string) { return p.typeAt(2, nil) }

// stripFrameRelay takes off an address of two bytes or more, whose last one is
// odd, and what tells the protocol (RFC 2427).
func stripFrameRelay(p *parser) (layer, string) {
	const maxAddress, unnumbered, padding = 4, 0x03, 0
	const nlpidSNAP, nlpidIPv6, nlpidIPv4, nlpidPPP = 0x80, 0x8e, 0xcc, 0xcf
	for n := 1; ; n++ {
		b, ok := p.take(1)
		if !ok || n > maxAddress {
			return nil, skipBadLink
		}
		if b[0]&1 == 1 {
			break
		}
	}
	control, ok := p.take(1)
	if ok && len(p.data) > 0 && p.data[0] == padding {
		p.take(1)
	}
	protocol, more := p.take(1)
	if !ok || !more {
		return nil, skipBadLink
	}
	if control[0] != unnumbered {
		return nil, skipNotIP
	}
	switch protocol[0] {
	case nlpidIPv4:
		return stripIPv4, ""
	case nlpidIPv6:
		return stripIPv6, ""
	case nlpidPPP:
		return stripPPPProtocol, ""
	case nlpidSNAP:
		return stripSNAP, ""
	}
	return nil, skipNotIP
}
