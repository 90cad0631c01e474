package captures

import "encoding/binary"

// stripGRE takes off the header of GRE (RFC 2784, 2890), or of the version of
// it that PPTP has (RFC 2637).
func stripGRE(p *parser) (layer, string) {
	const (
		hasChecksum, hasRoute, hasKey, hasSequence = 0x8000, 0x4000, 0x2000, 0x1000
		hasAck, version                            = 0x0080, 0x0007
	)
	header, ok := p.take(4)
	if !ok {
		return nil, skipBadTunnel
	}
	flags, kind := binary.BigEndian.Uint16(header), binary.BigEndian.Uint16(header[2:])
	if flags&version > 1 {
		return nil, skipNotIP
	}
	options := 0
	for _, flag := range [...]uint16{hasChecksum | hasRoute, hasKey, hasSequence} {
		if flags&flag != 0 {
			options += 4
		}
	}
	if flags&version == 1 && flags&hasAck != 0 {
		options += 4
	}
	if _, ok := p.take(options); !ok || flags&hasRoute != 0 && !p.takeRoute() {
		return nil, skipBadTunnel
	}
	return thenGRE(kind, flags&hasSequence != 0)
}

// takeRoute takes off the entries of a source route, the last of which is
// empty.
func (p *parser) takeRoute() bool {
	for {
		entry, ok := p.take(4)
		if !ok {
			return false
		}
		if binary.BigEndian.Uint32(entry) == 0 {
			return true
		}
		if _, ok := p.take(int(entry[3])); !ok || entry[3] == 0 {
			return false
		}
	}
}

// thenGRE goes on with what GRE carries. The first version of ERSPAN has no
// header of its own, and is told from the second one by having no numbers.
func thenGRE(kind uint16, numbered bool) (layer, string) {
	switch {
	case kind == etherERSPAN && !numbered:
		return stripEthernet, ""
	case kind == etherERSPAN:
		return func(p *parser) (layer, string) { return p.then(8, stripEthernet) }, ""
	case kind == etherERSPAN3:
		return stripERSPAN3, ""
	}
	return thenEther(kind)
}

// stripERSPAN3 takes off twelve bytes, the last of which tells of eight more.
func stripERSPAN3(p *parser) (layer, string) {
	const size, more, hasMore = 12, 8, 1
	header, ok := p.take(size)
	if !ok {
		return nil, skipBadTunnel
	}
	if header[size-1]&hasMore != 0 {
		return p.then(more, stripEthernet)
	}
	return stripEthernet, ""
}

// stripMPLS takes off a label. Nothing tells what is behind the last one: IP
// begins with its version, and Ethernet may stand behind a word whose first
// four bits are zero, which an address may begin with too.
func stripMPLS(p *parser) (layer, string) {
	const last = 0x01
	label, ok := p.take(4)
	if !ok {
		return nil, skipBadTunnel
	}
	if label[2]&last == 0 {
		return stripMPLS, ""
	}
	switch {
	case len(p.data) == 0:
		return nil, skipBadTunnel
	case p.data[0]>>4 == 4, p.data[0]>>4 == 6:
		return stripIP, ""
	case p.data[0]>>4 == 0 && (len(p.data) < 14 || etherLayer(binary.BigEndian.Uint16(p.data[12:])) == nil):
		return p.then(4, stripEthernet)
	}
	return stripEthernet, ""
}

// stripEtherIP takes off two bytes before an Ethernet frame (RFC 3378).
func stripEtherIP(p *parser) (layer, string) { return p.then(2, stripEthernet) }
