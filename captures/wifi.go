package captures

import "encoding/binary"

// stripWiFi takes off the header of an 802.11 data frame. Most Wi-Fi is
// encrypted, and a capture holds what was on the air.
func stripWiFi(p *parser) (layer, string) { return p.wiFi(1) }

// wiFi does so where the header is padded to a multiple of some bytes.
func (p *parser) wiFi(padding int) (layer, string) {
	const (
		typeMask, typeData            = 0x0c, 0x08
		subtypeQoS, subtypeNoData     = 0x80, 0x40
		bothDS, moreFragments         = 0x03, 0x04
		protected, order, aggregation = 0x40, 0x80, 0x80
		fragmentNumber                = 0x0f
	)
	if len(p.data) < 24 {
		return nil, skipBadLink
	}
	control, flags, header := p.data[0], p.data[1], 24
	switch {
	case control&typeMask != typeData || control&subtypeNoData != 0:
		return nil, skipNotIP
	case flags&protected != 0:
		return nil, skipCiphered
	case flags&moreFragments != 0 || p.data[22]&fragmentNumber != 0:
		return nil, skipAggregate
	}
	if flags&bothDS == bothDS {
		header += 6
	}
	if control&subtypeQoS != 0 {
		if len(p.data) > header && p.data[header]&aggregation != 0 {
			return nil, skipAggregate
		}
		header += 2
		if flags&order != 0 {
			header += 4
		}
	}
	return p.then((header+padding-1)/padding*padding, stripLLC)
}

// stripRadiotap takes off what the card tells of a frame, and looks only for
// whether the frame's header is padded, or the frame was damaged on the air.
func stripRadiotap(p *parser) (layer, string) {
	const padded, badChecksum = 0x20, 0x40
	if len(p.data) < 8 {
		return nil, skipBadLink
	}
	flags := radiotapFlags(p.data)
	if _, ok := p.take(int(binary.LittleEndian.Uint16(p.data[2:]))); !ok {
		return nil, skipBadLink
	}
	switch {
	case flags&badChecksum != 0:
		return nil, skipBadLink
	case flags&padded != 0:
		return func(p *parser) (layer, string) { return p.wiFi(4) }, ""
	}
	return stripWiFi, ""
}

// radiotapFlags finds the flags in a radiotap header: behind the words that
// tell which fields there are, and the time, if that is there.
func radiotapFlags(header []byte) byte {
	const hasTime, hasFlags, moreWords, timeSize = 1, 2, 1 << 31, 8
	present := binary.LittleEndian.Uint32(header[4:])
	if present&hasFlags == 0 {
		return 0
	}
	at := 8
	for word := present; word&moreWords != 0 && at+4 <= len(header); at += 4 {
		word = binary.LittleEndian.Uint32(header[at:])
	}
	if present&hasTime != 0 {
		at = (at+timeSize-1)/timeSize*timeSize + timeSize
	}
	if at >= len(header) {
		return 0
	}
	return header[at]
}

// stripPrism takes off the header of Prism cards, in whose place some drivers
// write that of AVS.
func stripPrism(p *parser) (layer, string) {
	const avsMagic, avsMask, size = 0x80211000, 0xfffff000, 144
	if len(p.data) >= 4 && binary.BigEndian.Uint32(p.data)&avsMask == avsMagic {
		return stripAVS, ""
	}
	return p.then(size, stripWiFi)
}

// stripAVS takes off a header that tells its size.
func stripAVS(p *parser) (layer, string) {
	const smallest = 8
	if len(p.data) < smallest {
		return nil, skipBadLink
	}
	return p.then(int(min(binary.BigEndian.Uint32(p.data[4:]), maxPacket)), stripWiFi)
}

// stripPPI takes off a header that tells its size and the link type of what
// follows.
func stripPPI(p *parser) (layer, string) {
	const smallest = 8
	if len(p.data) < smallest {
		return nil, skipBadLink
	}
	size, link := binary.LittleEndian.Uint16(p.data[2:]), int(binary.LittleEndian.Uint32(p.data[4:]))
	if linkLayer(link) == nil {
		return nil, skipLink(link)
	}
	return p.then(max(smallest, int(size)), linkLayer(link))
}
