package captures

import (
	"slices"

	"msnproxy/decode"
)

// maxHeld is how many bytes of a connection are held while it is not decided
// whether they are MSNP. A connection that a capture joined in the middle may
// begin with the rest of a payload: contact lists and XML of some ten KiB.
const maxHeld = 64 << 10

// held is what came of a connection that is not decided yet, in order.
type held struct {
	data     [2][]byte // by side
	pieces   []piece
	detector detector
	fresh    bool // something came since the detector looked
}

// piece is something that came at once: bytes, a gap, or the end of a side.
type piece struct {
	side int
	n    int   // bytes
	lost int64 // a gap
	at   decode.Stamp
}

// bytes holds bytes of a side.
func (h *held) bytes(side int, data []byte, at decode.Stamp) {
	h.data[side] = append(h.data[side], data...)
	h.add(piece{side: side, n: len(data), at: at})
}

// gap holds that bytes of a side are missing.
func (h *held) gap(side int, n int64, at decode.Stamp) {
	h.detector.gap(side, h.data[side])
	h.add(piece{side: side, lost: n, at: at})
}

// end holds that a side has ended.
func (h *held) end(side int, at decode.Stamp) { h.add(piece{side: side, at: at}) }

func (h *held) add(p piece) {
	h.pieces = append(h.pieces, p)
	h.fresh = true
}

// full tells whether no more may be held. The pieces count too: tiny ones
// take more room than their bytes.
func (h *held) full() bool {
	const smallest = 16
	return len(h.data[0])+len(h.data[1]) > maxHeld || len(h.pieces) > maxHeld/smallest
}

// whole tells whether nothing is missing.
func (h *held) whole() bool {
	return !slices.ContainsFunc(h.pieces, func(p piece) bool { return p.lost > 0 })
}

// without returns what is held without the first bytes of each side.
func (h *held) without(first [2]int) *held {
	out := &held{}
	at := [2]int{}
	for _, p := range h.pieces {
		from := at[p.side]
		at[p.side] += p.n
		skip := min(max(0, first[p.side]-from), p.n)
		switch {
		case p.n == 0:
			out.add(p)
		case skip < p.n:
			out.bytes(p.side, h.data[p.side][from+skip:at[p.side]], p.at)
		}
	}
	return out
}

// replay passes on what was held.
func (h *held) replay(c *connection) {
	for _, p := range h.pieces {
		switch {
		case p.n > 0:
			c.bytes(p.side, h.data[p.side][:p.n], p.at)
			h.data[p.side] = h.data[p.side][p.n:]
		case p.lost > 0:
			c.gap(p.side, p.lost, p.at)
		default:
			c.end(p.side, p.at)
		}
	}
}
