package captures

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"github.com/google/gopacket/pcapgo"
)

// ngSource reads a pcapng file with pcapgo.NgReader. That reader trusts its
// input: it allocates what a length field asks for, divides by a time
// resolution that can overflow to zero, takes a cut block for the end of the
// file, and keeps only eight bits of a link type. So it gets its blocks from
// an ngGuard, which has looked at them before.
type ngSource struct {
	guard *ngGuard
	r     *pcapgo.NgReader

	clocks   []ngClock // of the interfaces
	clocksOf int       // the section that they are of

	held  bool // a packet has been read, or an error, and not handed on
	frame frame
	err   error
}

func newNgSource(in *bufio.Reader) (source, error) {
	guard := &ngGuard{in: in}
	// Mixed link types must be asked for, or packets of a second interface
	// that has another one are left out silently.
	r, err := pcapgo.NewNgReader(guard, pcapgo.NgReaderOptions{WantMixedLinkType: true})
	if err != nil {
		if errors.Is(err, io.ErrUnexpectedEOF) {
			err = errors.New("the file is cut off within its header")
		}
		return nil, err
	}
	return &ngSource{guard: guard, r: r}, nil
}

// next reads a packet. Those of no interface, which were passed over on the way
// to it, come before it.
func (s *ngSource) next(f *frame) error {
	if !s.held {
		err := s.read(f)
		if s.guard.strays == 0 {
			return err
		}
		s.held, s.frame, s.err = true, *f, err
	}
	if s.guard.strays > 0 {
		s.guard.strays--
		*f = frame{link: linkUndescribed}
		return nil
	}
	s.held, *f = false, s.frame
	return s.err
}

func (s *ngSource) read(f *frame) error {
	if s.packet(f) {
		return nil
	}
	return s.nextOfReader(f)
}

// nextOfReader recovers from panics of the reader as the very last resort: the guard
// keeps every kind that is known from it.
func (s *ngSource) nextOfReader(f *frame) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("the pcapng block is damaged: %v", p)
		}
	}()
	data, ci, err := s.r.ZeroCopyReadPacketData()
	if err != nil {
		return err
	}
	*f = frame{data: data, length: ci.Length, link: s.guard.link(ci.InterfaceIndex), time: ci.Timestamp, injected: s.guard.injected}
	return nil
}

// The blocks of a pcapng file that matter here.
const (
	blockInterface = 1
	blockPacket    = 2 // obsolete
	blockSimple    = 3
	blockEnhanced  = 6
	blockSection   = 0x0a0d0d0a
)

// Codes of the options of blocks.
const (
	endOfOptions  = 0
	optionComment = 1
)

// commentInjected marks a packet whose bytes the proxy has said in the place
// of the end that it bears the address of.
const commentInjected = "msnproxy: injected"

const (
	// maxBlock bounds a block that is taken: a packet and its options.
	maxBlock = maxPacket + 64<<10
	// maxInterfaces bounds the interfaces of a section. Real files have a
	// handful.
	maxInterfaces = 1 << 12
	// blockFrame is the size of what surrounds every block: its type and
	// length, and the length once more at its end.
	blockFrame = 12
)

// ngGuard hands a pcapng file on block by block, none before it has been
// checked and none that the reader does not need. A call of Read never goes
// beyond one block, and the reader's buffer is filled by one call at a time,
// so that the block at hand is always the one that the reader is at.
type ngGuard struct {
	in    *bufio.Reader
	order binary.ByteOrder
	block []byte // storage of the block at hand
	rest  []byte // what of it has not been handed on
	links []int  // of the section's interfaces
	// sections counts those that were begun: interfaces are numbered anew.
	sections int
	strays   int    // packets of interfaces that the section does not describe
	snap     uint32 // of the first of them: simple packets tell no captured length
	err      error

	injected bool // the comment of the packet at hand says so
}

// link returns the link type of an interface of the section at hand.
func (g *ngGuard) link(i int) int {
	if i < 0 || i >= len(g.links) {
		return -1
	}
	return g.links[i]
}

// Read implements io.Reader.
func (g *ngGuard) Read(p []byte) (int, error) {
	for len(g.rest) == 0 {
		if g.err != nil {
			return 0, g.err
		}
		if g.err = g.nextBlock(); g.err != nil {
			return 0, g.err
		}
	}
	n := copy(p, g.rest)
	g.rest = g.rest[n:]
	return n, nil
}

// nextBlock takes the next block of the file, or passes over it.
func (g *ngGuard) nextBlock() error {
	head, err := g.in.Peek(blockFrame)
	if err != nil {
		return cutIfAny(head, err)
	}
	if err := g.byteOrder(head); err != nil {
		return err
	}
	kind, size := g.order.Uint32(head), g.order.Uint32(head[4:])
	if size < blockFrame || size%4 != 0 {
		return fmt.Errorf("a pcapng block claims a size of %d bytes", size)
	}
	if !needed(kind) {
		return g.passOver(head, size)
	}
	if size > maxBlock {
		return fmt.Errorf("a pcapng block claims a size of %d bytes, which is over the limit of %d", size, maxBlock)
	}
	if int(size) >= blockFrame+blockHeader(kind) && g.isStray(kind, head[8:]) {
		err := g.passOver(head, size)
		if err == nil {
			g.strays++
		}
		return err
	}
	if err := g.take(int(size)); err != nil {
		return cutIfAny(head, err)
	}
	return g.check(kind, g.block[8:size-4])
}

// passOver leaves a block out.
func (g *ngGuard) passOver(head []byte, size uint32) error {
	_, err := io.CopyN(io.Discard, g.in, int64(size))
	return cutIfAny(head, err)
}

// isStray tells whether a block is a packet of an interface that the section
// does not describe. The reader would stop at it.
func (g *ngGuard) isStray(kind uint32, body []byte) bool {
	switch kind {
	case blockEnhanced:
		return g.order.Uint32(body) >= uint32(len(g.links))
	case blockPacket:
		return int(g.order.Uint16(body)) >= len(g.links)
	}
	return kind == blockSimple && len(g.links) == 0
}

// cutIfAny makes an end of the file an unexpected one if it comes after the
// beginning of a block.
func cutIfAny(begun []byte, err error) error {
	if err == io.EOF && len(begun) > 0 {
		return io.ErrUnexpectedEOF
	}
	return err
}

// byteOrder takes the byte order from a section header, which is the same
// block type in either order. A pcapng file begins with one.
func (g *ngGuard) byteOrder(head []byte) error {
	if binary.BigEndian.Uint32(head) != blockSection {
		return nil
	}
	const magic uint32 = 0x1a2b3c4d
	switch magic {
	case binary.LittleEndian.Uint32(head[8:]):
		g.order = binary.LittleEndian
	case binary.BigEndian.Uint32(head[8:]):
		g.order = binary.BigEndian
	default:
		return errors.New("the pcapng section header tells no byte order")
	}
	return nil
}

// needed tells whether the reader gets to see a kind of block.
func needed(kind uint32) bool {
	switch kind {
	case blockSection, blockInterface, blockPacket, blockSimple, blockEnhanced:
		return true
	}
	return false
}

// take reads a whole block.
func (g *ngGuard) take(size int) error {
	if cap(g.block) < size {
		g.block = make([]byte, size)
	}
	g.block = g.block[:size]
	g.rest = nil
	if _, err := io.ReadFull(g.in, g.block); err != nil {
		return err
	}
	g.rest = g.block
	return nil
}

// check looks at the body of a block for what the reader would trip over.
func (g *ngGuard) check(kind uint32, body []byte) error {
	header := blockHeader(kind)
	if len(body) < header {
		return errors.New("a pcapng block is too short for its kind")
	}
	room := uint32(len(body) - header)
	switch kind {
	case blockSection:
		g.links = g.links[:0]
		g.sections++
	case blockInterface:
		return g.addInterface(body)
	case blockPacket, blockEnhanced:
		size := g.order.Uint32(body[12:])
		if err := checkPacket(size, room); err != nil {
			return err
		}
		g.order.PutUint32(body[16:], max(size, g.order.Uint32(body[16:]))) // what claims to be shorter on the wire would be refused
		options := body[min(len(body), header+(int(size)+3)/4*4):]
		g.injected = kind == blockEnhanced && g.hasComment(options, commentInjected)
	case blockSimple:
		return checkPacket(min(g.order.Uint32(body), g.snap), room)
	}
	return nil
}

// blockHeader is the size of the fixed part of a block's body.
func blockHeader(kind uint32) int {
	switch kind {
	case blockSection:
		return 16 // byte order, version, section length
	case blockInterface:
		return 8
	case blockSimple:
		return 4
	}
	return 20
}

// checkPacket compares the captured length that a packet claims with the
// room in its block.
func checkPacket(claimed, room uint32) error {
	if claimed > room || claimed > maxPacket {
		return fmt.Errorf("a packet claims %d bytes, but its pcapng block has room for %d", claimed, min(room, maxPacket))
	}
	return nil
}

// addInterface notes the link type of an interface. The snap length in the
// block is lowered to ours, because the reader allocates it.
func (g *ngGuard) addInterface(body []byte) error {
	if len(g.links) >= maxInterfaces {
		return fmt.Errorf("the pcapng file has over %d interfaces", maxInterfaces)
	}
	snap := g.order.Uint32(body[4:])
	if snap == 0 || snap > maxPacket {
		snap = maxPacket
		g.order.PutUint32(body[4:], snap)
	}
	if len(g.links) == 0 {
		g.snap = snap
	}
	g.links = append(g.links, int(g.order.Uint16(body)))
	return g.checkOptions(body[8:])
}

// checkOptions walks the options of an interface: they must stay within the
// block, and the resolution of times must fit into 64 bits.
func (g *ngGuard) checkOptions(options []byte) error {
	const timeResolution = 9
	for len(options) >= 4 {
		code, size := g.order.Uint16(options), int(g.order.Uint16(options[2:]))
		padded := 4 + (size+3)/4*4
		switch {
		case code == endOfOptions:
			return nil
		case padded > len(options):
			return errors.New("an option of a pcapng interface is longer than its block")
		case code == timeResolution && (size != 1 || !usableResolution(options[4])):
			return errors.New("the time resolution of a pcapng interface cannot be used")
		}
		options = options[padded:]
	}
	return nil
}

// hasComment tells whether the options of a packet have a comment. What is
// wrong with them is of no account.
func (g *ngGuard) hasComment(options []byte, text string) bool {
	for len(options) >= 4 {
		code, size := g.order.Uint16(options), int(g.order.Uint16(options[2:]))
		if code == endOfOptions || 4+size > len(options) {
			return false
		}
		if code == optionComment && string(options[4:4+size]) == text {
			return true
		}
		options = options[min(len(options), 4+(size+3)/4*4):]
	}
	return false
}

// usableResolution tells whether a second has less than 2^64 units: the
// resolution is a negative power of ten, or of two if its highest bit is set.
func usableResolution(r byte) bool {
	if r&0x80 != 0 {
		return r&0x7f <= 63
	}
	return r <= 19
}
