package captures

import (
	"encoding/binary"
	"fmt"
	"io"
	"net/netip"
	"time"

	"github.com/google/gopacket"
	"github.com/google/gopacket/layers"
	"github.com/google/gopacket/pcapgo"

	"msnproxy/decode"
)

// What the packets of a Writer look like. Readers depend on none of it; it is
// what an Ethernet with ordinary hosts would show.
const (
	// writerMTU keeps packets at the size that a reader expects of a LAN.
	writerMTU = 1500
	// Sizes of the headers, none of which carries options but for a SYN's.
	writerTCPHeader  = 20
	writerIPv4Header = 20
	writerIPv6Header = 40
	// writerWindow is the largest window without scaling. An end acknowledges
	// every second segment, so that no more than two are ever under way.
	writerWindow   = 65535
	writerAckEvery = 2
	writerHopLimit = 64

	// writerSeqStep parts the first sequence numbers of connections, so that
	// addresses and ports which are used again show a new connection rather
	// than the old one sent again. It is small, so that a capture gets near
	// the wrap at 2^32 only with 4 GiB on a connection or with thousands of
	// connections; several readers are known to mishandle the wrap.
	writerSeqStep = 1 << 16
)

// writerLastTime is the last time that gopacket can write: it counts
// nanoseconds since 1970 in 63 bits.
var writerLastTime = time.Unix(0, 1<<63-1)

// Writer writes MSNP dialogues as TCP packets into a pcapng file, with
// nanosecond time stamps. The packets are made up: the handshake, the
// segments, their acknowledgements and the ends are those of a network without
// loss or delay, and all the packets of a call bear the time of the call.
//
// The same calls give the same file, byte for byte: nothing in it comes from
// the clock or the machine.
//
// The link type is raw IP (LINKTYPE_RAW). It holds IPv4 and IPv6 in one
// interface, and spares the file the invented hardware addresses and the
// padding of short frames that Ethernet would need.
//
// What a Writer holds grows with the number of open connections only. It is
// not safe for concurrent use.
type Writer struct {
	out      *pcapgo.NgWriter
	count    writerCount
	open     map[string]*writerConn
	byEnds   map[ports]string // the ids of the open ones
	opened   uint32           // connections so far
	firstSeq uint32           // of the first connection
	comment  string           // on each packet that carries data
	buffer   gopacket.SerializeBuffer
}

// writerCount counts what goes through it.
type writerCount struct {
	to io.Writer
	n  int64
}

func (c *writerCount) Write(p []byte) (int, error) {
	n, err := c.to.Write(p)
	c.n += int64(n)
	return n, err
}

// writerConn is an open connection.
type writerConn struct {
	client, server writerEnd
	last           time.Time // of what happened on it
	path           string    // of a Tap: the client, and by what address it connected
}

// writerEnd is one end of a connection, as a sender.
type writerEnd struct {
	addr   netip.AddrPort
	next   uint32 // sequence number of what it sends next
	jumped int64  // bytes that are missing since it sent something
	done   bool   // it has sent its FIN
}

// NewWriter returns a Writer after writing the head of the file. Close what
// lies below after the last Flush; the file needs no end of its own.
func NewWriter(w io.Writer) (*Writer, error) {
	wr := &Writer{
		count:  writerCount{to: w},
		open:   map[string]*writerConn{},
		byEnds: map[ports]string{},
		buffer: gopacket.NewSerializeBuffer(),
	}
	var err error
	// gopacket's defaults name the machine that writes.
	wr.out, err = pcapgo.NewNgWriterInterface(&wr.count,
		pcapgo.NgInterface{Name: "msnp", LinkType: layers.LinkTypeRaw},
		pcapgo.NgWriterOptions{SectionInfo: pcapgo.NgSectionInfo{Application: "msnproxy"}})
	if err != nil {
		return nil, fmt.Errorf("write the head of the capture: %w", err)
	}
	return wr, nil
}

// Open begins a connection with its handshake. The id is the caller's name
// for the connection until it ends. Where one end has an IPv4 and the other an
// IPv6 address, as on both sides of a proxy, the first is written as an
// IPv4-mapped IPv6 address, because a packet has addresses of one kind only.
func (w *Writer) Open(conn string, client, server netip.AddrPort, at time.Time) error {
	if err := checkTime(conn, at); err != nil {
		return err
	}
	client, server = sameFamily(client, server)
	if err := w.checkNew(conn, client, server); err != nil {
		return err
	}
	seq := w.firstSeq + w.opened*writerSeqStep
	w.opened++
	c := &writerConn{
		client: writerEnd{addr: client, next: seq},
		server: writerEnd{addr: server, next: seq + writerSeqStep/2},
		last:   at,
	}
	w.open[conn], w.byEnds[orderedPorts(client, server)] = c, conn
	return w.handshake(c, at)
}

// holder returns the id of the open connection between two addresses, or "".
func (w *Writer) holder(client, server netip.AddrPort) string {
	return w.byEnds[orderedPorts(sameFamily(client, server))]
}

// forget lets go of a connection that has ended.
func (w *Writer) forget(conn string, c *writerConn) {
	delete(w.open, conn)
	delete(w.byEnds, orderedPorts(c.client.addr, c.server.addr))
}

// checkNew refuses a connection that could not be told from an open one.
func (w *Writer) checkNew(conn string, client, server netip.AddrPort) error {
	if !client.IsValid() || !server.IsValid() {
		return fmt.Errorf("capture: connection %q has no valid addresses: %v and %v", conn, client, server)
	}
	if client == server {
		return fmt.Errorf("capture: both ends of connection %q are %v", conn, client)
	}
	if w.open[conn] != nil {
		return fmt.Errorf("capture: connection %q is open already", conn)
	}
	if id := w.holder(client, server); id != "" {
		return fmt.Errorf("capture: connection %q has the addresses of %q, which is still open", conn, id)
	}
	return nil
}

// sameFamily gives both addresses the form that stands in packets: without
// zones, IPv4 where both are, else IPv6.
func sameFamily(client, server netip.AddrPort) (netip.AddrPort, netip.AddrPort) {
	a, b := client.Addr().Unmap().WithZone(""), server.Addr().Unmap().WithZone("")
	if a.IsValid() && b.IsValid() && a.Is4() != b.Is4() {
		a, b = netip.AddrFrom16(a.As16()), netip.AddrFrom16(b.As16())
	}
	return netip.AddrPortFrom(a, client.Port()), netip.AddrPortFrom(b, server.Port())
}

// handshake writes SYN, SYN+ACK, ACK. Both SYNs tell the segment size that
// the writer keeps to.
func (w *Writer) handshake(c *writerConn, at time.Time) error {
	mss := segmentSize(c)
	size := []layers.TCPOption{{OptionType: layers.TCPOptionKindMSS, OptionData: []byte{byte(mss >> 8), byte(mss)}}}
	if err := w.packet(&c.client, &c.server, layers.TCP{SYN: true, Options: size}, nil, at); err != nil {
		return err
	}
	if err := w.packet(&c.server, &c.client, layers.TCP{SYN: true, ACK: true, Options: size}, nil, at); err != nil {
		return err
	}
	return w.acknowledge(&c.client, &c.server, at)
}

// segmentSize is how many bytes a segment of the connection can carry.
func segmentSize(c *writerConn) int {
	if c.client.addr.Addr().Is4() {
		return writerMTU - writerIPv4Header - writerTCPHeader
	}
	return writerMTU - writerIPv6Header - writerTCPHeader
}

// Data writes bytes that one end sent, in as many segments as they need, and
// their acknowledgements. The last segment bears PSH, as after a write.
func (w *Writer) Data(conn string, dir decode.Direction, p []byte, at time.Time) error {
	c, from, to, err := w.sender(conn, dir, at)
	if err != nil {
		return err
	}
	mss := segmentSize(c)
	for n := 1; len(p) > 0; n++ {
		segment := p[:min(mss, len(p))]
		p = p[len(segment):]
		last := len(p) == 0
		if err := w.packet(from, to, layers.TCP{ACK: true, PSH: last}, segment, at); err != nil {
			return err
		}
		if last || n%writerAckEvery == 0 {
			if err := w.acknowledge(to, from, at); err != nil {
				return err
			}
		}
	}
	return nil
}

// Comment has the packets that carry data bear a comment, until it is called
// again; "" ends that.
func (w *Writer) Comment(text string) { w.comment = text }

// End writes that one end sends no more (FIN). The other may go on; once both
// have ended, the connection is forgotten.
func (w *Writer) End(conn string, dir decode.Direction, at time.Time) error {
	c, from, to, err := w.sender(conn, dir, at)
	if err != nil {
		return err
	}
	err = w.packet(from, to, layers.TCP{ACK: true, FIN: true}, nil, at)
	from.done = true
	if to.done {
		w.forget(conn, c)
	}
	if err != nil {
		return err
	}
	return w.acknowledge(to, from, at)
}

// Reset writes that one end broke the connection off (RST). The connection is
// forgotten. An end can do so after its FIN.
func (w *Writer) Reset(conn string, dir decode.Direction, at time.Time) error {
	c, from, to, err := w.ends(conn, dir, at)
	if err != nil {
		return err
	}
	w.forget(conn, c)
	return w.packet(from, to, layers.TCP{ACK: true, RST: true}, nil, at)
}

// Idle writes an empty segment of the client: it tells readers of the capture
// that the connection got to that time, and nothing else.
func (w *Writer) Idle(conn string, at time.Time) error {
	_, from, to, err := w.ends(conn, decode.ClientToServer, at)
	if err != nil {
		return err
	}
	return w.acknowledge(from, to, at)
}

// canSend tells whether an end of a connection may still send.
func (w *Writer) canSend(conn string, dir decode.Direction) bool {
	c := w.open[conn]
	switch {
	case c == nil:
		return false
	case dir == decode.ClientToServer:
		return !c.client.done
	}
	return !c.server.done
}

// Flush hands everything that was written so far to the writer below. The
// file then ends with a whole packet.
func (w *Writer) Flush() error {
	if err := w.out.Flush(); err != nil {
		return fmt.Errorf("write the capture: %w", err)
	}
	return nil
}

// Size is how many bytes have gone to the writer below. Up to a few KiB more
// wait for Flush.
func (w *Writer) Size() int64 { return w.count.n }

// sender finds an end that may still send, and its peer.
func (w *Writer) sender(conn string, dir decode.Direction, at time.Time) (c *writerConn, from, to *writerEnd, err error) {
	c, from, to, err = w.ends(conn, dir, at)
	if err == nil && from.done {
		err = fmt.Errorf("capture: %v of connection %q has ended", dir, conn)
	}
	return c, from, to, err
}

// ends finds the two ends of an open connection, the sending one first.
func (w *Writer) ends(conn string, dir decode.Direction, at time.Time) (c *writerConn, from, to *writerEnd, err error) {
	if c, from, to, err = w.find(conn, dir); err != nil {
		return nil, nil, nil, err
	}
	if err := checkTime(conn, at); err != nil {
		return nil, nil, nil, err
	}
	c.last = at
	return c, from, to, nil
}

// find is ends for what happens at no time of its own.
func (w *Writer) find(conn string, dir decode.Direction) (c *writerConn, from, to *writerEnd, err error) {
	if c = w.open[conn]; c == nil {
		return nil, nil, nil, fmt.Errorf("capture: connection %q is not open", conn)
	}
	switch dir {
	case decode.ClientToServer:
		return c, &c.client, &c.server, nil
	case decode.ServerToClient:
		return c, &c.server, &c.client, nil
	}
	return nil, nil, nil, fmt.Errorf("capture: connection %q: %d is no direction", conn, dir)
}

// checkTime refuses times that a time stamp cannot hold, the zero time among
// them: they would turn into arbitrary ones.
func checkTime(conn string, at time.Time) error {
	if at.Unix() < 0 || at.After(writerLastTime) {
		return fmt.Errorf("capture: connection %q: the time %v does not fit a time stamp", conn, at)
	}
	return nil
}

// acknowledge writes an empty segment that confirms all the peer has sent.
func (w *Writer) acknowledge(from, to *writerEnd, at time.Time) error {
	return w.packet(from, to, layers.TCP{ACK: true}, nil, at)
}

// packet writes a segment with the given flags and counts what it takes of
// the sender's sequence numbers, which wrap at 2^32 as uint32 does.
func (w *Writer) packet(from, to *writerEnd, tcp layers.TCP, payload []byte, at time.Time) error {
	tcp = from.segment(to, tcp)
	from.next += uint32(len(payload))
	if len(payload) > 0 {
		from.jumped = 0
	}
	if tcp.SYN || tcp.FIN {
		from.next++
	}
	raw, err := w.serialize(from.addr.Addr(), to.addr.Addr(), &tcp, payload, 0)
	if err != nil {
		return err
	}
	if w.comment != "" && len(payload) > 0 {
		err = w.writeCommented(raw, at)
	} else {
		err = w.out.WritePacket(gopacket.CaptureInfo{Timestamp: at, CaptureLength: len(raw), Length: len(raw)}, raw)
	}
	return written(err)
}

// written says what was done where it failed.
func written(err error) error {
	if err != nil {
		return fmt.Errorf("write the capture: %w", err)
	}
	return nil
}

// segment completes the header of a segment with what both ends have got to.
func (from *writerEnd) segment(to *writerEnd, tcp layers.TCP) layers.TCP {
	tcp.SrcPort, tcp.DstPort = layers.TCPPort(from.addr.Port()), layers.TCPPort(to.addr.Port())
	tcp.Seq, tcp.Window = from.next, writerWindow
	if tcp.ACK {
		tcp.Ack = to.next
	}
	return tcp
}

// writeCommented writes an enhanced packet block with a comment, which
// gopacket's writer has no way to write.
func (w *Writer) writeCommented(packet []byte, at time.Time) error {
	if err := w.out.Flush(); err != nil {
		return err
	}
	order := binary.LittleEndian
	ts := uint64(at.UnixNano())
	b := order.AppendUint32(nil, blockEnhanced)
	b = order.AppendUint32(b, 0) // the size, once it is known
	b = order.AppendUint32(b, 0) // the interface
	b = order.AppendUint32(b, uint32(ts>>32))
	b = order.AppendUint32(b, uint32(ts))
	b = order.AppendUint32(b, uint32(len(packet)))
	b = order.AppendUint32(b, uint32(len(packet)))
	b = padBlock(append(b, packet...))
	b = order.AppendUint16(b, optionComment)
	b = order.AppendUint16(b, uint16(len(w.comment)))
	b = padBlock(append(b, w.comment...))
	b = order.AppendUint32(b, endOfOptions)
	b = order.AppendUint32(b, uint32(len(b)+4))
	order.PutUint32(b[4:], uint32(len(b)))
	_, err := w.count.Write(b)
	return err
}

// padBlock fills up to a multiple of four bytes, as all parts of a block are.
func padBlock(b []byte) []byte {
	for len(b)%4 != 0 {
		b = append(b, 0)
	}
	return b
}

// serialize returns the bytes of a packet, which are valid until the next call. Of
// a packet that is cut, so many bytes are told and not there.
func (w *Writer) serialize(src, dst netip.Addr, tcp *layers.TCP, payload []byte, cut uint16) ([]byte, error) {
	var network gopacket.SerializableLayer
	if src.Is4() {
		ip := ipv4Header(src, dst)
		ip.IHL, ip.Length = writerIPv4Header/4, writerIPv4Header+writerTCPHeader+cut
		_ = tcp.SetNetworkLayerForChecksum(ip) // fails for other layers only
		network = ip
	} else {
		ip := ipv6Header(src, dst)
		ip.Length = writerTCPHeader + cut
		_ = tcp.SetNetworkLayerForChecksum(ip)
		network = ip
	}
	fix := gopacket.SerializeOptions{FixLengths: cut == 0, ComputeChecksums: true}
	if err := gopacket.SerializeLayers(w.buffer, fix, network, tcp, gopacket.Payload(payload)); err != nil {
		return nil, fmt.Errorf("capture: make a packet: %w", err)
	}
	return w.buffer.Bytes(), nil
}

// ipv4Header forbids fragments, and so needs no identification (RFC 6864).
func ipv4Header(src, dst netip.Addr) *layers.IPv4 {
	return &layers.IPv4{
		Version: 4, TTL: writerHopLimit, Flags: layers.IPv4DontFragment,
		Protocol: layers.IPProtocolTCP, SrcIP: src.AsSlice(), DstIP: dst.AsSlice(),
	}
}

func ipv6Header(src, dst netip.Addr) *layers.IPv6 {
	return &layers.IPv6{
		Version: 6, HopLimit: writerHopLimit,
		NextHeader: layers.IPProtocolTCP, SrcIP: src.AsSlice(), DstIP: dst.AsSlice(),
	}
}
