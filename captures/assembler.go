package captures

import (
	"encoding/binary"

	"github.com/google/gopacket"
	"github.com/google/gopacket/layers"
	"github.com/google/gopacket/reassembly"
)

const (
	// pageBytes is the size of the pages in which the library keeps what
	// came too early. Of a segment that needs several, only the first page
	// knows its packet, and asking another one panics: so longer segments
	// are handed over in pieces of this size.
	pageBytes = 1900
	// maxPages is how many pages one direction may keep while it waits for
	// missing bytes: about 480 KB, several windows of the time's TCP. Beyond
	// it the missing bytes are given up.
	maxPages = 256
	// maxPagesTotal bounds them over all connections, to 16 MB.
	maxPagesTotal = 8 << 10
)

// assembler puts segments in order with gopacket's reassembly. Bytes that are in
// order anyway, as nearly all are, do not go through it; a direction is made
// known to the library when something comes too early, and forgotten when
// nothing waits there any more. What it is given differs from what was on the
// wire, because of what it does with that:
//
//   - Sequence numbers count from zero for each direction. The library loses
//     and repeats bytes where they wrap at 2^32.
//   - Each direction is a connection of its own there, under a key that no
//     other one ever has. So the reuse of ports, and which of the two ends was
//     seen first, mean nothing to it.
//   - It sees no SYN, FIN or RST of the wire. It forgets a FIN that comes too
//     early, and without a SYN it delivers nothing until the end.
//
// It consumes nothing that it does not deliver to half.ReassembledSG, within
// the same call or within a later one for the same half.
type assembler struct {
	lib     *reassembly.Assembler // nil while it was not needed
	current *half                 // the one whose segment is handed over
	segment layers.TCP
	context packetContext // of segments that are delivered at once
	halves  uint64        // made so far: the key of the next one
	recents recents
}

// newAssembler returns an assembler. The library takes 2 MB, and gets them when
// something is out of order for the first time.
func newAssembler() *assembler { return &assembler{} }

func (a *assembler) newLibrary() *reassembly.Assembler {
	lib := reassembly.NewAssembler(reassembly.NewStreamPool(a))
	lib.MaxBufferedPagesPerConnection = maxPages
	lib.MaxBufferedPagesTotal = maxPagesTotal
	return lib
}

// New implements reassembly.StreamFactory.
func (a *assembler) New(_, _ gopacket.Flow, _ *layers.TCP, _ reassembly.AssemblerContext) reassembly.Stream {
	return a.current
}

// packetContext tells the library about a packet, and so us when it delivers
// its bytes. InterfaceIndex and Length, which nothing else uses here, carry the
// numbers of the packet and of its file, and CaptureLength whether the proxy
// said it.
type packetContext gopacket.CaptureInfo

// GetCaptureInfo implements reassembly.AssemblerContext.
func (c *packetContext) GetCaptureInfo() gopacket.CaptureInfo { return gopacket.CaptureInfo(*c) }

func contextOf(s *segment) packetContext {
	c := packetContext{Timestamp: s.at.Time, InterfaceIndex: int(s.at.Packet), Length: int(s.at.Input)}
	if s.at.Injected {
		c.CaptureLength = 1
	}
	return c
}

// push hands over data that stands at an offset of a direction, at or beyond
// what was delivered of it so far.
func (a *assembler) push(h *half, offset int64, data []byte, s *segment) {
	if !h.waiting() && offset == h.next {
		a.close(h)
		h.deliver(data, s.at)
		return
	}
	a.start(h)
	if offset == h.next {
		a.context = contextOf(s)
		a.send(h, offset, data, &a.context)
		return
	}
	// It may be kept: its context must stay as it is.
	context := contextOf(s)
	for len(data) > 0 {
		n := min(len(data), pageBytes)
		a.send(h, offset, data[:n], &context)
		offset, data = offset+int64(n), data[n:]
	}
}

// start makes a direction known to the library.
func (a *assembler) start(h *half) {
	if h.open {
		return
	}
	if a.lib == nil {
		a.lib = a.newLibrary()
	}
	h.open, h.base = true, h.next
	h.flow = a.newFlow()
	a.send(h, h.next, nil, &a.context)
}

// newFlow makes a key that no direction has had before.
func (a *assembler) newFlow() gopacket.Flow {
	a.halves++
	var id [8]byte
	binary.BigEndian.PutUint64(id[:], a.halves)
	return gopacket.NewFlow(layers.EndpointIPv6, id[:], nil)
}

// send hands over one segment.
func (a *assembler) send(h *half, offset int64, data []byte, context *packetContext) {
	a.segment = layers.TCP{BaseLayer: layers.BaseLayer{Payload: data}, Seq: uint32(offset - h.base)}
	a.assemble(h, h.flow, context)
}

func (a *assembler) assemble(h *half, flow gopacket.Flow, context *packetContext) {
	a.current = h
	a.lib.AssembleWithContext(flow, &a.segment, context)
	a.current = nil
}

// skip gives up the missing bytes that a direction waits for, so that what
// comes after them is delivered. The library does so when too many pages are
// kept; so it is told that one is too many, and gets an empty segment in the
// hole to see it. (Its Flush methods do it for all connections at once, in
// the order of a map, and with a nil context that panics.)
func (a *assembler) skip(h *half) {
	a.lib.MaxBufferedPagesPerConnection = 1
	a.send(h, h.next+1, nil, &a.context)
	a.lib.MaxBufferedPagesPerConnection = maxPages
}

// close makes the library forget a direction, from which nothing is waiting:
// pages that it still kept would leak. It removes a connection when both of
// its directions were reset, although there is only one here.
func (a *assembler) close(h *half) {
	if !h.open {
		return
	}
	a.segment = layers.TCP{Seq: uint32(h.next - h.base), RST: true}
	a.assemble(h, h.flow, &a.context)
	a.assemble(h, h.flow.Reverse(), &a.context)
	h.open = false
}

// Accept implements reassembly.Stream. Setting start makes the library
// deliver from the first segment on; it would wait for a SYN otherwise.
func (h *half) Accept(_ *layers.TCP, _ gopacket.CaptureInfo, _ reassembly.TCPFlowDirection, next reassembly.Sequence, start *bool, _ reassembly.AssemblerContext) bool {
	*start = next < 0
	return true
}

// ReassembledSG implements reassembly.Stream: it passes on bytes that are in
// order now. Those that several packets brought go one packet after the other.
func (h *half) ReassembledSG(sg reassembly.ScatterGather, _ reassembly.AssemblerContext) {
	total, _ := sg.Lengths()
	if total == 0 {
		return
	}
	if _, _, _, skipped := sg.Info(); skipped > 0 {
		h.lose(int64(skipped), stampAt(sg, 0))
	}
	data := sg.Fetch(total)
	for len(data) > 0 {
		at := stampAt(sg, total-len(data))
		n := runLength(sg, total-len(data), len(data))
		h.deliver(data[:n], at)
		data = data[n:]
	}
}

// ReassemblyComplete implements reassembly.Stream.
func (h *half) ReassemblyComplete(reassembly.AssemblerContext) bool { return true }
