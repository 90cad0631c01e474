package captures

import (
	"time"

	"github.com/google/gopacket"
	"github.com/google/gopacket/layers"

	"msnproxy/decode"
)

const (
	// largestJump is how many bytes may be missing in the sequence numbers from
	// one segment to the next. Readers take what is further off for another
	// connection, and cannot tell two gigabytes from none.
	largestJump = maxAhead / 4
	// cutSegment is how many bytes a cut packet stands for: what IPv4 can tell.
	cutSegment = 1<<16 - 1 - writerIPv4Header - writerTCPHeader
)

// Lose tells that n bytes that one end sent are not to be had. Readers see them
// missing in the sequence numbers or, where that are very many, as the rest of
// packets of which only the headers were captured.
func (w *Writer) Lose(conn string, dir decode.Direction, n int64) error {
	c, from, to, err := w.find(conn, dir)
	if err != nil {
		return err
	}
	if from.jumped += n; from.jumped <= largestJump {
		from.next += uint32(n)
		return nil
	}
	for ; n > 0; n -= cutSegment {
		if err := w.cutPacket(from, to, uint16(min(n, cutSegment)), c.last); err != nil {
			return err
		}
	}
	from.jumped = 0
	return nil
}

// cutPacket writes a packet with size bytes of data, none of which was captured.
func (w *Writer) cutPacket(from, to *writerEnd, size uint16, at time.Time) error {
	tcp := from.segment(to, layers.TCP{ACK: true, DataOffset: writerTCPHeader / 4})
	from.next += uint32(size)
	raw, err := w.serialize(from.addr.Addr(), to.addr.Addr(), &tcp, nil, size)
	if err != nil {
		return err
	}
	return written(w.out.WritePacket(gopacket.CaptureInfo{Timestamp: at, CaptureLength: len(raw), Length: len(raw) + int(size)}, raw))
}
