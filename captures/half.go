package captures

import (
	"fmt"
	"sort"
	"time"

	"github.com/google/gopacket"
	"github.com/google/gopacket/reassembly"

	"msnproxy/decode"
)

const (
	// maxAhead is how far from what is known to have been sent a segment may be.
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
	timed      [3]bool  // by kind of timer: one runs

	first firstSeen // what was seen of the bytes that may be sent again

	// What the assembler knows of it.
	open bool
	flow gopacket.Flow
	base int64 // the offset that has sequence number 0 there
}

// deadline tells since when bytes up to an offset are known to have been sent.
type deadline struct {
	upTo  int64
	since decode.Stamp
}

// over tells whether bytes before d.upTo are missing for longer than patience.
// Once none is, the deadline begins anew, with what is known by now.
func (d *deadline) over(next, upTo int64, now decode.Stamp, patience time.Duration) bool {
	if d.upTo <= next {
		if upTo <= next {
			return false
		}
		*d = deadline{upTo, now}
	}
	return now.Time.Sub(d.since.Time) >= patience
}

// start fixes the sequence number at offset 0.
func (h *half) start(origin uint32, exact bool) {
	if !h.started {
		h.started, h.origin, h.exact = true, origin, exact
	}
}

// beginsBehind tells whether the direction begins behind a SYN with a sequence
// number, as far as is known without one.
func (h *half) beginsBehind(syn uint32) bool { return h.started && h.origin == syn+1 }

// offset maps a sequence number to the offset that is nearest to how far the
// sender is known to have come. This is what makes the wrap at 2^32 harmless.
func (h *half) offset(seq uint32) int64 {
	known := h.known()
	return known + int64(int32(seq-(h.origin+uint32(known))))
}

// known is the end of what is known to have been sent: more than what came, where
// packets are cut.
func (h *half) known() int64 { return max(h.sent, h.next) }

// reaches tells whether an offset can belong to this connection.
func (h *half) reaches(offset int64) bool {
	return offset-h.known() <= maxAhead && h.next-offset <= maxAhead
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
	if from < 0 && h.untouched() && !keepAliveProbe(s.data) {
		h.beginEarlier(-from)
		from = 0
	}
	h.compare(from, s.data)
	at, data := h.unseen(from, s.data)
	h.pushNew(a, at, data, s)
	end := from + int64(len(s.data))
	if s.lost > 0 {
		h.cut = end
	}
	h.sent = max(h.sent, end+int64(s.lost))
	return ""
}

// untouched tells whether nothing has come of the direction yet, and it is not
// known where it begins.
func (h *half) untouched() bool { return !h.exact && h.next == 0 && h.passed == 0 }

// beginEarlier moves offset 0 by some bytes towards the beginning: what told
// it was an acknowledgement, and here come bytes that stand before it.
func (h *half) beginEarlier(n int64) {
	h.origin -= uint32(n)
	h.acked += n
	h.sent += n
	if h.fin >= 0 {
		h.fin += n
	}
}

// pushNew hands to the assembler those bytes of which no others have come yet:
// the first ones are kept.
func (h *half) pushNew(a *assembler, at int64, data []byte, s *segment) {
	for len(data) > 0 {
		skip, n := h.first.unseen(at, len(data))
		at, data = at+int64(skip), data[skip:]
		if n == 0 {
			return
		}
		if at > h.next {
			h.first.keep(at, data[:n])
		}
		a.push(h, at, data[:n], s)
		h.passed = max(h.passed, at+int64(n))
		at, data = at+int64(n), data[n:]
		h.skipKnownLost(a)
	}
}

// compare looks at bytes that were seen before. They should be the same; the
// byte of a keep-alive probe means nothing.
func (h *half) compare(from int64, data []byte) {
	if len(data) == 1 && from == h.next-1 {
		return
	}
	if at, n := h.first.differing(from, data, h.next); n > 0 {
		h.conn.remark(h.side, at, fmt.Sprintf("sent again with other content, which differs in %d bytes from offset %d on; the first is kept", n, at))
	}
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

// behindFIN is the sequence number behind the end of the direction.
func (h *half) behindFIN() uint32 { return h.origin + uint32(h.fin) + 1 }

// lastSent is the sequence number of the last byte that is known to have been sent.
func (h *half) lastSent() uint32 { return h.origin + uint32(h.sent) - 1 }

// acknowledge notes what the receiver has got. That tells where a direction
// begins of which nothing was seen, and which may never be seen.
func (h *half) acknowledge(ack uint32) {
	h.start(ack, false)
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
func (h *half) skipStale(a *assembler, now decode.Stamp) {
	for h.stale(now) && h.giveUp(a) {
	}
}

// stale tells whether the hole before the bytes that are kept, or were
// acknowledged, has been waited for long enough.
func (h *half) stale(now decode.Stamp) bool {
	acked := h.ackedHole.over(h.next, h.ackedData(), now, ackPatience)
	return h.behindHole.over(h.next, h.passed, now, holePatience) || acked
}

// giveUp gives up the hole at hand. Bytes that were acknowledged, and behind
// which nothing has come, are missing from the time on when that was known.
func (h *half) giveUp(a *assembler) bool {
	if h.waiting() {
		return h.skipHole(a)
	}
	missing := min(h.ackedHole.upTo, h.ackedData()) - h.next
	if missing <= 0 {
		return false // the last byte was a FIN, as is known by now
	}
	a.close(h)
	h.lose(missing, h.ackedHole.since)
	return true
}

// ackedData is the end of the bytes that the receiver has acknowledged. A FIN
// counts as a byte in TCP: where the capture does not have it, it may be the
// last one of those, and is if the receiver has sent its own.
func (h *half) ackedData() int64 {
	seen := h.known()
	switch {
	case h.fin >= 0:
		return min(h.acked, h.fin)
	case h.acked == seen+1, h.acked > seen && h.peer().fin >= 0:
		return h.acked - 1
	}
	return h.acked
}

// peer is the other direction.
func (h *half) peer() *half { return &h.conn.live.halves[1-h.side] }

// waits tells which kinds of timer the direction needs: bytes are missing
// before those that are kept, or that were acknowledged, or its sender sent a RST.
func (h *half) waits() [3]bool {
	return [3]bool{h.waiting(), h.ackedData() > h.next, h.conn.reset == h.side}
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

// tail is the end of what was sent, as far as that is known.
func (h *half) tail() int64 {
	if h.fin >= 0 {
		return h.fin
	}
	return max(h.sent, h.ackedData())
}

// deliver passes on bytes that are in order.
func (h *half) deliver(data []byte, at decode.Stamp) {
	h.next += int64(len(data))
	h.first.delivered(data, h.next)
	h.conn.bytes(h.side, data, at)
}

// lose passes on that bytes are missing.
func (h *half) lose(n int64, at decode.Stamp) {
	h.next += n
	h.first.lost(h.next)
	h.conn.gap(h.side, n, at)
}

// checkEnd passes on that the direction has ended, once all of it was
// delivered.
func (h *half) checkEnd() {
	if h.fin >= 0 && h.next >= h.fin && !h.ended {
		h.ended = true
		h.conn.end(h.side, h.conn.last)
	}
}

// stampAt tells which packet brought the byte at an offset.
func stampAt(sg reassembly.ScatterGather, offset int) decode.Stamp {
	ci := sg.CaptureInfo(offset)
	return decode.Stamp{Time: ci.Timestamp, Packet: int64(ci.InterfaceIndex), Input: int32(ci.Length), Injected: ci.CaptureLength != 0}
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
	h.first.release()
}
