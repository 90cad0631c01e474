package captures

import "encoding/binary"

// udpTunnel returns the layer of a tunnel over UDP, by its port: clouds mirror
// traffic by VXLAN and Geneve, phone networks carry it by GTP, dial-in lines by
// L2TP. Nothing else over UDP is of use.
func udpTunnel(port uint16) layer {
	switch port {
	case 1701:
		return stripL2TP
	case 2152:
		return stripGTP
	case 4789, 8472: // the latter is Linux's, from before the other was assigned
		return stripVXLAN
	case 6081:
		return stripGeneve
	}
	return nil
}

// stripUDP looks for a tunnel at the port of the receiver.
func stripUDP(p *parser) (layer, string) {
	const size = 8
	header, ok := p.take(size)
	if !ok {
		return nil, skipBadTunnel
	}
	if tunnel := udpTunnel(binary.BigEndian.Uint16(header[2:])); tunnel != nil {
		return tunnel, ""
	}
	return nil, skipNotTCP
}

// stripGeneve takes off a header (RFC 8926) that tells the length of its options
// in words.
func stripGeneve(p *parser) (layer, string) {
	const size, version, words = 8, 0xc0, 0x3f
	header, ok := p.take(size)
	switch {
	case !ok:
		return nil, skipBadTunnel
	case header[0]&version != 0:
		return nil, skipNotTCP
	}
	if _, ok := p.take(4 * int(header[0]&words)); !ok {
		return nil, skipBadTunnel
	}
	return thenEther(binary.BigEndian.Uint16(header[2:]))
}

// stripGTP takes off the header of a user's packet (3GPP TS 29.281). If one of
// three things may be there, room for all of them is, and headers may follow
// that tell their lengths in words, and in their last byte what comes next.
func stripGTP(p *parser) (layer, string) {
	const size, kinds, version, more, userPacket = 8, 0xf0, 0x30, 0x07, 0xff
	header, ok := p.take(size)
	switch {
	case !ok:
		return nil, skipBadTunnel
	case header[0]&kinds != version || header[1] != userPacket:
		return nil, skipNotTCP
	case header[0]&more == 0:
		return stripIP, ""
	}
	options, ok := p.take(4)
	for ok && options[len(options)-1] != 0 {
		words := 0
		if len(p.data) > 0 {
			words = int(p.data[0])
		}
		options, ok = p.take(4 * words)
		ok = ok && words > 0
	}
	if !ok {
		return nil, skipBadTunnel
	}
	return stripIP, ""
}

// stripL2TP takes off the header of a data message (RFC 2661): two numbers, and
// before and behind them what its flags tell of. PPP follows.
func stripL2TP(p *parser) (layer, string) {
	const control, length, sequence, offset, versions, version = 0x8000, 0x4000, 0x0800, 0x0200, 0x000f, 2
	header, ok := p.take(2)
	if !ok {
		return nil, skipBadTunnel
	}
	flags := binary.BigEndian.Uint16(header)
	if flags&versions != version || flags&control != 0 {
		return nil, skipNotTCP
	}
	size := 4
	for _, flag := range [...]uint16{length, sequence, sequence} {
		if flags&flag != 0 {
			size += 2
		}
	}
	if _, ok := p.take(size); !ok {
		return nil, skipBadTunnel
	}
	if flags&offset == 0 {
		return stripPPP, ""
	}
	if header, ok = p.take(2); !ok {
		return nil, skipBadTunnel
	}
	return p.then(int(binary.BigEndian.Uint16(header)), stripPPP)
}

// stripVXLAN takes off a header (RFC 7348) that begins with its only flag.
func stripVXLAN(p *parser) (layer, string) {
	const valid, size = 0x08, 8
	header, ok := p.take(size)
	switch {
	case !ok:
		return nil, skipBadTunnel
	case header[0] != valid:
		return nil, skipNotTCP
	}
	return stripEthernet, ""
}
