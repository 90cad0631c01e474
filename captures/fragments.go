package captures

import (
	"bytes"
	"container/list"
	"net/netip"
	"slices"
	"time"

	"msnproxy/decode"
)

// IP fragments. TCP puts bytes in order by their sequence numbers anyway, so a
// packet is not put together here: once its first bytes have told where its
// data stands in the TCP connection, each fragment is a segment of its own. So
// a fragment that is missing costs its own bytes only, and is told as any
// other loss, and nothing is kept but what came before those first bytes.
// (gopacket's ip4defrag gives nothing of a packet of which a fragment is
// missing or cut, forgets nothing by itself, and has no IPv6.)

const (
	// maxFragmented bounds the packets whose fragments are remembered.
	maxFragmented = 1 << 10
	// maxFragmentBytes bounds the bytes of fragments that wait for the
	// beginning of their packet, over all of them.
	maxFragmentBytes = 4 << 20
	// fragmentCost is what a fragment counts for beside its bytes: one may
	// have none.
	fragmentCost = 64
	// maxPieces is how many fragments of one packet may wait for its beginning:
	// all of them are looked at for each that comes, and more could not be put
	// in order. The largest packet has 119 where a link carries 576 bytes.
	maxPieces = maxPages
	// fragmentPatience is how long, in capture time, fragments belong
	// together: as long as Linux waits. Their numbers are used again soon.
	fragmentPatience = 30 * time.Second
)

// fragmentKey tells which fragments belong together.
type fragmentKey struct {
	from, to netip.Addr
	protocol byte
	id       uint32
}

// fragment is a part of an IP packet's payload.
type fragment struct {
	offset  int
	last    bool
	data    []byte
	missing int // bytes behind data that the capture cut off
	at      decode.Stamp
}

// fragmented is an IP packet that was sent in fragments.
type fragmented struct {
	key     fragmentKey
	begun   time.Time
	waiting []fragment // until there is a head; in the order in which they came
	known   int        // bytes of its beginning that were looked at
	skip    string     // why the packet is of no use
	head    *fragmentHead
}

// fragmentHead is what the first bytes of a fragmented packet tell.
type fragmentHead struct {
	segment     // without data
	start   int // where its data stands in the packet
	size    int // of its data, or -1 where nothing but the last fragment tells
}

// fragments remembers fragmented packets.
type fragments struct {
	byKey map[fragmentKey]*list.Element
	order list.List // of *fragmented, oldest first
	bytes int       // waiting
	lost  int64     // fragments that have waited in vain; see countLost
}

// find returns the packet that a fragment is of.
func (f *fragments) find(key fragmentKey, now time.Time) *fragmented {
	if e := f.byKey[key]; e != nil {
		return e.Value.(*fragmented)
	}
	if f.byKey == nil {
		f.byKey = map[fragmentKey]*list.Element{}
	}
	d := &fragmented{key: key, begun: now}
	f.byKey[key] = f.order.PushBack(d)
	return d
}

// expire forgets packets that are too old, or too many.
func (f *fragments) expire(now time.Time) {
	for e := f.order.Front(); e != nil; e = f.order.Front() {
		d := e.Value.(*fragmented)
		if f.order.Len() <= maxFragmented && f.bytes <= maxFragmentBytes && now.Sub(d.begun) <= fragmentPatience {
			return
		}
		f.forget(d)
	}
}

// forget counts what has waited in vain.
func (f *fragments) forget(d *fragmented) {
	f.lost += int64(len(f.release(d)))
	f.order.Remove(f.byKey[d.key])
	delete(f.byKey, d.key)
}

// forgetAll forgets all of them.
func (f *fragments) forgetAll() {
	for e := f.order.Front(); e != nil; e = f.order.Front() {
		f.forget(e.Value.(*fragmented))
	}
}

// countLost tells how many fragments have waited in vain since it was asked.
func (f *fragments) countLost() int64 {
	n := f.lost
	f.lost = 0
	return n
}

// hold keeps a fragment until the head of its packet is there.
func (f *fragments) hold(d *fragmented, piece fragment) {
	piece.data = bytes.Clone(piece.data)
	d.waiting = append(d.waiting, piece)
	f.bytes += fragmentCost + len(piece.data)
}

// release returns what was waiting, which it does no longer.
func (f *fragments) release(d *fragmented) []fragment {
	out := d.waiting
	d.waiting = nil
	for _, piece := range out {
		f.bytes -= fragmentCost + len(piece.data)
	}
	return out
}

// beginning puts together what there is of a packet from its first byte on,
// and tells how many bytes the capture cut off behind that, and whether it is
// the whole packet.
func (d *fragmented) beginning() (data []byte, missing int, whole bool) {
	pieces := slices.Clone(d.waiting)
	slices.SortStableFunc(pieces, func(a, b fragment) int { return a.offset - b.offset })
	for _, piece := range pieces {
		if piece.offset > len(data) {
			break
		}
		if old := len(data) - piece.offset; old < len(piece.data) {
			data, missing = append(data, piece.data[old:]...), piece.missing
			whole = whole || piece.last
		}
	}
	return data, missing, whole
}

// fragment uses a fragment, whose payload is all that is left of the packet at
// hand and would be read by a layer.
func (p *parser) fragment(key fragmentKey, piece fragment, next layer) (layer, string) {
	if p.inFragment {
		return nil, skipNested
	}
	piece.data, piece.missing, piece.at = p.data, p.missing, p.at
	d := p.fragments.find(key, p.at.Time)
	if piece.offset == 0 && len(d.waiting) == 0 { // sent again, or the number is used again
		d.head, d.skip, d.known = nil, "", 0
	}
	switch {
	case d.skip != "":
		return nil, d.skip
	case d.head != nil:
		p.use(d.head, piece)
		return nil, ""
	case len(d.waiting) >= maxPieces:
		d.skip = skipFragment
		p.fragments.lost += int64(len(p.fragments.release(d)))
		return nil, d.skip
	}
	p.fragments.hold(d, piece)
	if !d.goesOn(piece) {
		return nil, ""
	}
	return nil, p.behead(d, next)
}

// goesOn tells whether there is more of a packet's beginning with a piece than what
// was looked at: or else it would be put together for each piece, to no purpose.
func (d *fragmented) goesOn(piece fragment) bool {
	return piece.offset <= d.known && piece.offset+len(piece.data) > d.known
}

// behead tries to read the head of a fragmented packet from what there is of
// it. If that is too little, there is nothing to use and nothing to skip yet.
func (p *parser) behead(d *fragmented, next layer) (skip string) {
	data, missing, whole := d.beginning()
	d.known = len(data)
	if len(data) == 0 {
		return ""
	}
	p.data, p.missing, p.inFragment, p.bounded = data, 0, true, false
	skip = p.peel(next)
	p.inFragment = false
	switch skip {
	case "":
		p.useAll(d, cap(data)-cap(p.data)) // headers were taken off its front
		return ""
	case skipBadTCP, skipBadIP, skipBadTunnel, skipBadLink:
		if !whole && missing == 0 {
			return ""
		}
	}
	d.skip = skip
	p.fragments.lost += int64(len(p.fragments.release(d)) - 1)
	return skip
}

// useAll makes segments of the fragments that have waited, whose packet's data
// begins at start: one for the header, and one for each of them.
func (p *parser) useAll(d *fragmented, start int) {
	whole := p.segments[len(p.segments)-1]
	head := &fragmentHead{segment: whole, start: start, size: -1}
	if p.bounded {
		head.size = len(whole.data) + whole.lost
	}
	head.data, head.lost = nil, 0
	d.head = head
	waiting := p.fragments.release(d)
	first := head.segment
	first.fin, first.at = false, waiting[0].at
	p.segments = append(p.segments[:0], first)
	if head.syn {
		head.syn = false
		head.seq++
	}
	for _, piece := range waiting {
		p.use(head, piece)
	}
}

// use makes a segment of a fragment, or none if it has nothing but headers. A
// FIN stands at the end of the packet.
func (p *parser) use(head *fragmentHead, piece fragment) {
	s := head.segment
	from, data := piece.offset-head.start, piece.data
	if from < 0 {
		n := min(-from, len(data))
		from, data = from+n, data[n:]
	}
	end := from + len(data) + piece.missing
	if head.size >= 0 && end >= head.size {
		piece.missing = max(0, head.size-from-len(data))
		data = data[:min(len(data), max(0, head.size-from))]
		piece.last = true
	}
	s.seq, s.data, s.lost, s.at = head.seq+uint32(from), data, piece.missing, piece.at
	s.fin = head.fin && piece.last
	if from >= 0 && (len(data)+s.lost > 0 || s.fin) {
		p.segments = append(p.segments, s)
	}
}
