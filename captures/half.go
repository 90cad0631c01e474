package captures

import (
	"sort"
	"time"

	"github.com/google/gopacket"
	"github.com/google/gopacket/reassembly"

	"msnproxy/decode"
)

const (
	// maxAhead is how far from the bytes expected next a segment may be.
	// Windows are far smaller, but a capture can have lost any amount. What
	// is further off belongs to another connection of the same ports.
	maxAhead = 64 << 20
	// holePatience is how long, in capture time, missing bytes are waited
	// for: longer than a sender's first few retransmissions take.
	holePatience = 30 * time.Second
	// ackPatience is the same for bytes that the receiver has acknowledged.
	// It will never ask for them again; but capturing on several queues or
	// cards reorders packets by some milliseconds.
	ackPatience = 100 * time.Millisecond
)

// half is one direction of a TCP connection. Its offsets count the bytes of
// the direction from the first one that was seen, or that the handshake told.
type half struct {
	conn *connection
	side int // of its sender: the index in conn.ends

	started bool
	origin  uint32 // the sequence number at offset 0
	exact   bool   // the direction really begins there: its handshake was seen

	next   int64 // expected next: all before it was delivered, or given up
	passed int64 // end of what the assembler was given
	sent   int64 // end of what is known to have been sent
	acked  int64 // end of what the receiver has acknowledged
	fin    int64 // where the direction ends; -1 while that is not known
	cut    int64 // where the capture cut a packet: what follows there is lost
	ended  bool

	behindHole deadline // of the bytes that are kept
	ackedHole  deadline // of the bytes that were acknowledged

	// What the assembler knows of it.
	open bool
	flow gopacket.Flow
	base int64 // the offset that has sequence number 0 there
}

// deadline tells since when bytes up to an offset are known to have been sent.
type deadline struct {
	upTo  int64
	since time.Time
}

// over tells whether bytes before d.upTo are missing for longer than patience.
// Once none is, the deadline begins anew, with what is known by now.
func (d *deadline) over(next, upTo int64, now time.Time, patience time.Duration) bool {
	if d.upTo <= next {
		*d = deadline{upTo, now}
	}
	return next < d.upTo && now.Sub(d.since) >= patience
}

// start fixes the sequence number at offset 0.
func (h *half) start(origin uint32, exact bool) {
	if !h.started {
		h.started, h.origin, h.exact = true, origin, exact
	}
}

// offset maps a sequence number to the offset that is nearest to the bytes
// expected next. This is what makes the wrap at 2^32 harmless.
func (h *half) offset(seq uint32) int64 {
	return h.next + int64(int32(seq-(h.origin+uint32(h.next))))
}

// reaches tells whether an offset can belong to this connection.
func (h *half) reaches(offset int64) bool {
	return offset-h.next <= maxAhead && h.next-offset <= maxAhead
}

// take accepts the bytes of a segment.
func (h *half) take(a *assembler, s *segment) (skip string) {
	if !h.started {
		h.start(s.seq, false)
		if keepAliveProbe(s.data) {
			h.origin++
		}
	}
	from := h.offset(s.seq)
	if !h.reaches(from) {
		return skipUnreachable
	}
	if at, data := h.unseen(from, s.data); len(data) > 0 {
		a.push(h, at, data, s)
		h.passed = max(h.passed, at+int64(len(data)))
		h.skipKnownLost(a)
	}
	end := from + int64(len(s.data))
	if s.lost > 0 {
		h.cut = end
	}
	h.sent = max(h.sent, end+int64(s.lost))
	return ""
}

// unseen takes off a segment what was delivered before, and what stands
// beyond the end of the direction.
func (h *half) unseen(from int64, data []byte) (int64, []byte) {
	if h.fin >= 0 && from+int64(len(data)) > h.fin {
		data = data[:max(0, h.fin-from)]
	}
	old := min(max(0, h.next-from), int64(len(data)))
	return from + old, data[old:]
}

// keepAliveProbe recognises the byte before the first one of a direction that
// was joined in the middle: Windows sends a zero when a connection is idle.
func keepAliveProbe(data []byte) bool { return len(data) == 1 && data[0] == 0 }

// finish notes where the direction ends, unless it is known already.
func (h *half) finish(s *segment) bool {
	end := s.seq + uint32(len(s.data)+s.lost)
	h.start(end, false)
	at := h.offset(end)
	if h.fin >= 0 || at < h.next || !h.reaches(at) {
		return false
	}
	h.fin = at
	h.sent = max(h.sent, at)
	return true
}

// acknowledge notes what the receiver has got.
func (h *half) acknowledge(ack uint32) {
	if !h.started {
		return
	}
	if at := h.offset(ack); h.reaches(at) {
		h.acked = max(h.acked, at)
	}
}

// waiting tells whether the assembler keeps bytes that stand behind a hole.
func (h *half) waiting() bool { return h.passed > h.next }

// skipKnownLost gives up bytes that the capture cut off a packet.
func (h *half) skipKnownLost(a *assembler) {
	if h.waiting() && h.next == h.cut {
		h.skipHole(a)
	}
}

// skipStale gives up holes that will not be filled any more.
func (h *half) skipStale(a *assembler, now time.Time) {
	for h.stale(now) && h.waiting() && h.skipHole(a) {
	}
}

// stale tells whether the hole before the bytes that are kept has been waited
// for long enough.
func (h *half) stale(now time.Time) bool {
	acked := h.ackedHole.over(h.next, h.acked, now, ackPatience)
	return h.behindHole.over(h.next, h.passed, now, holePatience) || acked
}

// skipHole gives up a hole, whatever there is to be said for it. It reports
// whether anything came of it.
func (h *half) skipHole(a *assembler) bool {
	before := h.next
	a.skip(h)
	return h.next > before
}

// drain delivers all that is kept, and tells what is missing at the end.
func (h *half) drain(a *assembler, at decode.Stamp) {
	for h.waiting() && h.skipHole(a) {
	}
	a.close(h)
	if missing := h.tail() - h.next; missing > 0 {
		h.lose(missing, at)
	}
	h.checkEnd()
}

// tail is the end of what was sent, as far as that is known. A FIN counts as a
// byte: an acknowledgement of a single byte more may be that of a FIN which
// the capture does not have.
func (h *half) tail() int64 {
	switch {
	case h.fin >= 0:
		return h.fin
	case h.acked > max(h.sent, h.next)+1:
		return h.acked
	}
	return h.sent
}

// deliver passes on bytes that are in order.
func (h *half) deliver(data []byte, at decode.Stamp) {
	h.next += int64(len(data))
	h.conn.bytes(h.side, data, at)
}

// lose passes on that bytes are missing.
func (h *half) lose(n int64, at decode.Stamp) {
	h.next += n
	h.conn.gap(h.side, n, at)
}

// checkEnd passes on that the direction has ended, once all of it was
// delivered.
func (h *half) checkEnd() {
	if h.fin >= 0 && h.next >= h.fin && !h.ended {
		h.ended = true
		h.conn.end(h.side)
	}
}

// stampAt tells which packet brought the byte at an offset.
func stampAt(sg reassembly.ScatterGather, offset int) decode.Stamp {
	ci := sg.CaptureInfo(offset)
	return decode.Stamp{Time: ci.Timestamp, Packet: int64(ci.InterfaceIndex), Injected: ci.CaptureLength != 0}
}

// runLength tells how many of the n bytes from an offset on came in the same
// packet.
func runLength(sg reassembly.ScatterGather, offset, n int) int {
	if sg.Stats().Chunks == 1 {
		return n
	}
	first := sg.CaptureInfo(offset)
	return 1 + sort.Search(n-1, func(i int) bool {
		ci := sg.CaptureInfo(offset + 1 + i)
		return ci.InterfaceIndex != first.InterfaceIndex || ci.Length != first.Length
	})
}

// discard makes the assembler forget the direction, and what it kept of it.
func (h *half) discard(a *assembler) {
	for h.waiting() && h.skipHole(a) {
	}
	a.close(h)
}
