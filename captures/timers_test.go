package captures

import (
	"net/netip"
	"testing"

	"msnproxy/decode"
)

// TestTimersOfAFloodOfConnectionsAreBounded: each of the connections has a hole
// when it is given up, all within the time for which holes are waited for.
func TestTimersOfAFloodOfConnectionsAreBounded(t *testing.T) {
	d := NewDecoder(Options{})
	d.register(d.reading.begin("x"))
	server := netip.MustParseAddrPort("10.0.0.2:1863")
	for i := range maxTimers + 100 {
		client := netip.AddrPortFrom(netip.AddrFrom4([4]byte{11, byte(i >> 16), byte(i >> 8), byte(i)}), 2048)
		at := decode.Stamp{Time: talkStart, Packet: int64(2*i + 1)}
		d.table.packet(&segment{from: client, to: server, seq: 100, data: []byte("MS"), at: at})
		at.Packet++
		d.table.packet(&segment{from: client, to: server, seq: 110, data: []byte("late"), at: at})
	}
	if n := len(d.table.timers[0]); n <= maxUndecided-100 || n > maxUndecided+200 {
		t.Errorf("there are %d timers for %d connections", n, d.table.undecided.size)
	}
}
