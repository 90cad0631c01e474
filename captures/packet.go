package captures

import (
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
	skipFragment    = "IP fragment whose packet's beginning is missing"
	skipNested      = "IP fragment within an IP fragment"
	skipEncrypted   = "encrypted (IPsec)"
	skipCiphered    = "encrypted (Wi-Fi)"
	skipAggregate   = "Wi-Fi frame that holds several packets"
	skipTooDeep     = "too many headers one within the other"
	skipBadLink     = "malformed link header"
	skipBadIP       = "malformed IP header"
	skipBadTunnel   = "malformed tunnel header"
	skipBadTCP      = "malformed TCP header"
	skipCutHeader   = "headers cut off by the snap length of the capture"
	skipUnreachable = "TCP sequence number out of reach"
	skipOtherPort   = "on another port"
	skipUndescribed = "of an interface that the file does not describe"
)

// skipLink says that a link type is not supported.
func skipLink(link int) string {
	if link == linkUndescribed {
		return skipUndescribed
	}
	return "link type " + strconv.Itoa(link) + " not supported"
}

// maxHeaders bounds the headers of a packet. A tunnel within a tunnel behind a
// few tags has about ten; what has more was made to have them.
const maxHeaders = 32

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
// for short, leave the padding behind a hop-by-hop header in, and take four
// bytes off every Wi-Fi frame for a checksum that most captures lack.
// Checksums are not looked at: offload leaves them wrong in captures of the
// sender.
type parser struct {
	segments  []segment // what the packet at hand gave
	fragments fragments
	tcp       layers.TCP

	data     []byte // what is left of the packet at hand
	missing  int    // bytes behind it that the capture cut off
	headers  int    // taken off so far
	from, to netip.Addr
	at       decode.Stamp

	inFragment bool // it was put together from fragments
	bounded    bool // and a header in it tells its size
}

// layer takes a header off the packet at hand. It returns the layer of what
// follows, or none when it has come to the end, or says why it cannot.
type layer func(p *parser) (next layer, skip string)

// parse fills in p.segments, or says why the packet is of no use. A packet may
// give no segment, where it is a fragment that must wait, and several, where
// others have waited for it.
func (p *parser) parse(f *frame, at decode.Stamp) (skip string) {
	p.segments, p.headers, p.at = p.segments[:0], 0, at
	p.data, p.missing = f.data, f.length-len(f.data)
	p.fragments.expire(at.Time)
	begin := linkLayer(f.link)
	if begin == nil {
		return skipLink(f.link)
	}
	return cutShort(f, p.peel(begin))
}

// peel takes headers off until there are none.
func (p *parser) peel(next layer) (skip string) {
	for next != nil && skip == "" {
		if p.headers++; p.headers > maxHeaders {
			return skipTooDeep
		}
		next, skip = next(p)
	}
	return skip
}

// take takes bytes off the front, if they are there.
func (p *parser) take(n int) (header []byte, ok bool) {
	if n < 0 || len(p.data) < n {
		return nil, false
	}
	header, p.data = p.data[:n], p.data[n:]
	return header, true
}

// then takes off a header that says nothing of use.
func (p *parser) then(size int, next layer) (layer, string) {
	if _, ok := p.take(size); !ok {
		return nil, skipBadLink
	}
	return next, ""
}

// cutShort blames the capture for a header that does not fit into the bytes
// of a packet that it cut.
func cutShort(f *frame, skip string) string {
	switch skip {
	case skipBadLink, skipBadIP, skipBadTunnel, skipBadTCP:
		if len(f.data) < f.length {
			return skipCutHeader
		}
	}
	return skip
}

// stripTCP reads the header of a TCP packet. Options that make no sense are
// no reason to lose the packet's data: its receiver took it as well.
func stripTCP(p *parser) (next layer, skip string) {
	err := p.tcp.DecodeFromBytes(p.data, gopacket.NilDecodeFeedback)
	header := 4 * int(p.tcp.DataOffset)
	if err != nil && (len(p.data) < 20 || header < 20 || header > len(p.data)) {
		return nil, skipBadTCP
	}
	p.take(header)
	t := &p.tcp
	p.segments = append(p.segments, segment{
		from: netip.AddrPortFrom(p.from, uint16(t.SrcPort)),
		to:   netip.AddrPortFrom(p.to, uint16(t.DstPort)),
		seq:  t.Seq, ack: t.Ack,
		syn: t.SYN, fin: t.FIN, rst: t.RST, acks: t.ACK,
		data: p.data, lost: p.missing, at: p.at,
	})
	return nil, ""
}
