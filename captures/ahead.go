package captures

const (
	// aheadPackets and aheadBytes bound what is handed over at a time: enough
	// that handing over costs nothing beside the packets, and little enough that
	// those in use stay in a processor's cache.
	aheadPackets = 128
	aheadBytes   = 32 << 10
	// aheadBatches are in use: one is filled, one is used, and the others wait in
	// between. So neither side stands still while the other has no processor,
	// of which there may be fewer than goroutines that have something to do.
	aheadBatches = 12
)

// ahead hands packets from a goroutine that reads them to one that makes
// records of them.
type ahead struct {
	filling     *packetBatch
	full, empty chan *packetBatch
}

// packetBatch is packets that are handed over at a time, in memory of its own,
// and the files that were begun before them.
type packetBatch struct {
	begun    []*file
	packets  []readPacket
	segments []segment
	bytes    []byte
}

func newAhead() *ahead {
	a := &ahead{filling: &packetBatch{}, full: make(chan *packetBatch, aheadBatches-2), empty: make(chan *packetBatch, aheadBatches)}
	for range aheadBatches - 1 {
		a.empty <- &packetBatch{}
	}
	return a
}

// begin hands a file over that was begun.
func (a *ahead) begin(f *file) { a.filling.begun = append(a.filling.begun, f) }

// next is where the next packet goes.
func (a *ahead) next() *readPacket {
	b := a.filling
	b.packets = append(b.packets, readPacket{})
	return &b.packets[len(b.packets)-1]
}

// keep hands that packet over, which need not be valid any longer.
func (a *ahead) keep() {
	a.filling.keep(&a.filling.packets[len(a.filling.packets)-1])
	if len(a.filling.packets) >= aheadPackets || len(a.filling.bytes) >= aheadBytes {
		a.full <- a.filling
		a.filling = <-a.empty
	}
}

// close hands over what is left.
func (a *ahead) close() {
	a.full <- a.filling
	close(a.full)
}

// each takes what is handed over, until there is no more.
func (a *ahead) each(begun func(*file), use func(*readPacket)) {
	for b := range a.full {
		for _, f := range b.begun {
			begun(f)
		}
		for i := range b.packets {
			use(&b.packets[i])
		}
		b.reset()
		a.empty <- b
	}
}

// keep copies what a packet points to. When the room for segments or bytes grows,
// earlier ones stay where they are.
func (b *packetBatch) keep(p *readPacket) {
	from := len(b.segments)
	b.segments = append(b.segments, p.segments...)
	p.segments = b.segments[from:]
	for i := range p.segments {
		s, at := &p.segments[i], len(b.bytes)
		b.bytes = append(b.bytes, s.data...)
		s.data = b.bytes[at:len(b.bytes):len(b.bytes)]
	}
}

// reset forgets all, and keeps the room.
func (b *packetBatch) reset() {
	b.begun, b.packets, b.segments, b.bytes = b.begun[:0], b.packets[:0], b.segments[:0], b.bytes[:0]
}
