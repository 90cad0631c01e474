package sim

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"time"

	"msnproxy/captures"
	"msnproxy/decode"
)

// Load is traffic for benchmarks: that of Chat, and what else is on a network.
type Load struct {
	// Size is how many bytes the capture is to have, about.
	Size int64
	// Other is the percentage of these that is traffic of other protocols.
	Other int
	// OldRoll has switchboards list who is there as before MSNP12, without
	// capabilities: msgsnarf of dsniff 2.4 crashes at the others.
	OldRoll bool
}

// Write writes it into a capture, and tells how many commands are in it.
func (l Load) Write(w *captures.Writer) (commands int64, err error) {
	p := player{to: w, now: chatStart}
	c := newChatter(&script{oldRoll: l.OldRoll, emit: func(s Step) {
		commands += int64(len(s.Commands))
		if err == nil {
			err = p.step(s)
		}
	}})
	c.signIn()
	var others int64
	for w.Size() < l.Size && err == nil {
		if others*100 < w.Size()*int64(l.Other) {
			before := w.Size()
			c.elsewhere()
			others += w.Size() - before
			continue
		}
		c.turn()
	}
	c.signOut()
	if err != nil {
		return commands, err
	}
	return commands, w.Flush()
}

// otherTraffic is what other programs do: downloads, as TLS has them, each on a
// connection of its own.
type otherTraffic struct {
	begun int
	open  *link
	left  int // records to come
}

const (
	// otherRecord is the size of a TLS record, and otherRecords how many a
	// download has at most.
	otherRecord  = 8 << 10
	otherRecords = 64
)

var webServer = netip.MustParseAddrPort("198.51.100.7:443")

// elsewhere goes on with a download, or begins the next one.
func (c *chatter) elsewhere() {
	o := &c.other
	if o.left == 0 {
		o.left = 1 + c.random.IntN(otherRecords)
		o.begun++
		client := netip.AddrPortFrom(netip.AddrFrom4([4]byte{192, 0, 2, byte(10 + o.begun%64)}), uint16(1025+o.begun%60_000))
		o.open = c.dial(0, fmt.Sprintf("web-%d", o.begun), client, webServer)
		o.open.send(decode.ClientToServer, c.tls(tlsHandshake, 517))
		return
	}
	o.open.send(decode.ServerToClient, c.tls(tlsData, otherRecord))
	if o.left--; o.left == 0 {
		o.open.hangUp(decode.ServerToClient)
	}
}

// send has one end write bytes that are no commands, a moment later.
func (l *link) send(dir decode.Direction, b []byte) {
	const moment = 211 * time.Microsecond
	l.step(moment, Step{Conn: l.conn, Do: Send, Dir: dir, Bytes: b})
}

// Types of TLS records.
const (
	tlsHandshake = 0x16
	tlsData      = 0x17
)

// tls is a record of TLS, its contents random.
func (c *chatter) tls(kind byte, size int) []byte {
	record := binary.BigEndian.AppendUint16([]byte{kind, 3, 1}, uint16(size))
	for range size / 8 {
		record = binary.LittleEndian.AppendUint64(record, c.random.Uint64())
	}
	return append(record, make([]byte, size%8)...)
}
