package captures

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"msnproxy/decode"
)

// realCaptures is where captures of real clients are, if they are there: they
// are not part of the project.
const realCaptures = "../../shared/captures"

// realFigures are the figures of those captures, counted by another program.
var realFigures = map[string]struct {
	connections            int
	c2s, s2c               int
	payloadC2S, payloadS2C int64
}{
	"twisted-msnp2-goserver.pcap":                        {6, 31, 61, 434, 434},
	"twisted-msnp7-escargot.pcap":                        {4, 27, 74, 498, 3316},
	"bitlbee128-msnp8-escargot.pcap":                     {4, 21, 48, 389, 3207},
	"pecan-msnp12-escargot.pcap":                         {4, 37, 74, 950, 4158},
	"libpurple259-msnp15-escargot.pcap":                  {4, 37, 60, 1181, 6459},
	"cross-libpurple-msnp18-twisted-msnp7-escargot.pcap": {4, 36, 78, 1236, 6565},
	// All of it is within HTTP, and must not be taken for plain MSNP.
	"libpurple2109-httpgw-escargot.pcap": {0, 0, 0, 0, 0},
}

func TestRealCapturesGiveTheFiguresOfAnotherProgram(t *testing.T) {
	for name, want := range realFigures {
		t.Run(strings.TrimSuffix(name, ".pcap"), func(t *testing.T) {
			f, err := os.Open(filepath.Join(realCaptures, name))
			if err != nil {
				t.Skipf("the captures of real clients are not here: %v", err)
			}
			defer f.Close()
			var commands [3]int
			var payload [3]int64
			sum, err := NewDecoder(Options{Book: &decode.Book{}, Emit: func(r *decode.Record) {
				switch r.Kind {
				case decode.KindCommand:
					commands[r.Dir]++
					payload[r.Dir] += r.PayloadBytes
				case decode.KindOpaque, decode.KindGap:
					t.Errorf("packet %d: %v of %d bytes: %q", r.Packet, r.Kind, r.Bytes, r.Payload)
				}
			}}).File(context.Background(), name, f)
			if err != nil {
				t.Fatal(err)
			}
			if sum.Connections != want.connections {
				t.Errorf("%d connections, want %d", sum.Connections, want.connections)
			}
			if commands[1] != want.c2s || commands[2] != want.s2c {
				t.Errorf("%d and %d commands, want %d and %d", commands[1], commands[2], want.c2s, want.s2c)
			}
			if payload[1] != want.payloadC2S || payload[2] != want.payloadS2C {
				t.Errorf("%d and %d bytes of payload, want %d and %d", payload[1], payload[2], want.payloadC2S, want.payloadS2C)
			}
			if t.Failed() || testing.Verbose() {
				t.Logf("%+v", sum)
			}
		})
	}
}
