package captures

import (
	"encoding/binary"
	"net/netip"
	"strconv"

	"github.com/google/gopacket"
	"github.com/google/gopacket/layers"

	"msnproxy/decode"
)

// Why a packet was not used. The words stand in the summary.
const (
	skipNotIP       = "not IP"
	skipNotTCP      = "not TCP"
	skipFragment    = "IP fragment"
	skipBadLink     = "malformed link header"
	skipBadIP       = "malformed IP header"
	skipBadTCP      = "malformed TCP header"
	skipCutHeader   = "headers cut off by the snap length of the capture"
	skipUnreachable = "TCP sequence number out of reach"
)

// segment is what matters of one TCP packet.
type segment struct {
	from, to            netip.AddrPort
	seq, ack            uint32
	syn, fin, rst, acks bool
	data                []byte
	lost                int // bytes at the end that the capture cut off
	at                  decode.Stamp
}

// parser takes the headers off packets. It is used again for each packet, so
// that none of them allocates.
//
// The headers below TCP are read here and not by gopacket's layers: those
// refuse IPv6 packets of offload (length zero), take IPv4 ones of over 64 KiB
// for short, and leave the padding behind a hop-by-hop header in. Checksums
// are not looked at: offload leaves them wrong in captures of the sender.
type parser struct {
	segment segment
	tcp     layers.TCP
}

// parse fills in p.segment, or says why the packet is of no use.
func (p *parser) parse(f frame) (skip string) {
	proto, data, skip := stripLink(f.link, f.data)
	if skip != "" {
		return cutShort(f, skip)
	}
	packet, skip := parseIP(proto, data, f.length-len(f.data))
	if skip != "" {
		return cutShort(f, skip)
	}
	return cutShort(f, p.parseTCP(packet))
}

// cutShort blames the capture for a header that does not fit into the bytes
// of a packet that it cut.
func cutShort(f frame, skip string) string {
	switch skip {
	case skipBadLink, skipBadIP, skipBadTCP:
		if len(f.data) < f.length {
			return skipCutHeader
		}
	}
	return skip
}

// parseTCP reads the header of a TCP packet. Options that make no sense are
// no reason to lose the packet's data: its receiver took it as well.
func (p *parser) parseTCP(ip ipPacket) (skip string) {
	err := p.tcp.DecodeFromBytes(ip.payload, gopacket.NilDecodeFeedback)
	header := 4 * int(p.tcp.DataOffset)
	if err != nil && (len(ip.payload) < 20 || header < 20 || header > len(ip.payload)) {
		return skipBadTCP
	}
	t := &p.tcp
	p.segment = segment{
		from: netip.AddrPortFrom(ip.from, uint16(t.SrcPort)),
		to:   netip.AddrPortFrom(ip.to, uint16(t.DstPort)),
		seq:  t.Seq, ack: t.Ack,
		syn: t.SYN, fin: t.FIN, rst: t.RST, acks: t.ACK,
		data: ip.payload[header:],
		lost: ip.lost,
	}
	return ""
}

// ipPacket is what matters of an IP packet.
type ipPacket struct {
	from, to netip.Addr
	payload  []byte
	lost     int // bytes at the end that the capture cut off
}

// parseIP reads an IP header. Missing is how many bytes of the packet the
// capture cut off.
func parseIP(proto uint16, data []byte, missing int) (ipPacket, string) {
	if proto == etherIP {
		proto = etherIPv4
		if len(data) > 0 && data[0]>>4 == 6 {
			proto = etherIPv6
		}
	}
	switch proto {
	case etherIPv4:
		return parseIPv4(data, missing)
	case etherIPv6:
		return parseIPv6(data, missing)
	}
	return ipPacket{}, skipNotIP
}

const protocolTCP = 6

func parseIPv4(data []byte, missing int) (ipPacket, string) {
	if len(data) < 20 || data[0]>>4 != 4 {
		return ipPacket{}, skipBadIP
	}
	header, total := 4*int(data[0]&0x0f), int(binary.BigEndian.Uint16(data[2:]))
	if header < 20 || header > len(data) || total != 0 && total < header {
		return ipPacket{}, skipBadIP
	}
	const moreOrOffset = 0x3fff
	switch {
	case data[9] != protocolTCP:
		return ipPacket{}, skipNotTCP
	case binary.BigEndian.Uint16(data[6:])&moreOrOffset != 0:
		return ipPacket{}, skipFragment
	}
	p := ipPacket{from: netip.AddrFrom4([4]byte(data[12:])), to: netip.AddrFrom4([4]byte(data[16:]))}
	p.payload, p.lost = cutAt(data[header:], total-header, missing)
	return p, ""
}

// cutAt cuts the payload of an IP packet at the length that its header tells,
// because what follows is padding of the link, and not always zeros. Offload
// leaves that length zero (size is negative then): the packet tells its own.
func cutAt(payload []byte, size, missing int) ([]byte, int) {
	switch {
	case size < 0:
		return payload, max(missing, 0)
	case size <= len(payload):
		return payload[:size], 0
	}
	return payload, size - len(payload)
}

func parseIPv6(data []byte, missing int) (ipPacket, string) {
	const header = 40
	if len(data) < header || data[0]>>4 != 6 {
		return ipPacket{}, skipBadIP
	}
	size := int(binary.BigEndian.Uint16(data[4:]))
	if size == 0 {
		size = -1
	}
	p := ipPacket{from: netip.AddrFrom16([16]byte(data[8:])), to: netip.AddrFrom16([16]byte(data[24:]))}
	p.payload, p.lost = cutAt(data[header:], size, missing)
	var skip string
	p.payload, skip = stripExtensions(data[6], p.payload)
	return p, skip
}

// Extension headers of IPv6.
const (
	extHopByHop       = 0
	extRouting        = 43
	extFragment       = 44
	extAuthentication = 51
	extDestination    = 60
)

// stripExtensions takes the extension headers off an IPv6 payload.
func stripExtensions(next byte, payload []byte) ([]byte, string) {
	for next != protocolTCP {
		size, skip := extensionSize(next, payload)
		if skip != "" {
			return nil, skip
		}
		if len(payload) < size {
			return nil, skipBadIP
		}
		next, payload = payload[0], payload[size:]
	}
	return payload, ""
}

// extensionSize tells the size of the extension header at hand.
func extensionSize(kind byte, header []byte) (size int, skip string) {
	switch kind {
	case extHopByHop, extRouting, extDestination, extAuthentication, extFragment:
	default:
		return 0, skipNotTCP
	}
	const smallest = 8
	if len(header) < smallest {
		return 0, skipBadIP
	}
	switch kind {
	case extAuthentication:
		return 4 * (int(header[1]) + 2), ""
	case extFragment:
		const moreOrOffset = 0xfff9
		if binary.BigEndian.Uint16(header[2:])&moreOrOffset != 0 {
			return 0, skipFragment
		}
		return smallest, ""
	}
	return 8 * (int(header[1]) + 1), ""
}

// skipLink says that a link type is not supported.
func skipLink(link int) string { return "link type " + strconv.Itoa(link) + " not supported" }
