package captures

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
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
	"libpurple2109-httpgw-escargot.pcap":                 {4, 39 + len(unanswered), 86, 1695, 10879},
}

// unanswered are the commands of libpurple2109-httpgw-escargot.pcap that the
// other program did not count: it counted the 68 requests with a response, and
// there are 71. Each client posted an OUT as its last request and closed.
var unanswered = []string{"OUT", "OUT", "OUT"}

// gatewayVerbs are the commands of that file by verb, as the other program
// counted them.
var gatewayVerbs = map[decode.Direction]string{
	c2s: "ADL 2, ANS 1, BLP 4, CAL 1, CHG 4, CVR 2, MSG 3, PRP 2, QRY 2, USR 7, UUX 8, VER 2, XFR 1",
	s2c: "ACK 3, ADL 2, ANS 1, BLP 4, BYE 2, CAL 1, CHG 4, CHL 2, CVR 2, GCF 2, IRO 2, JOI 3, MSG 7, NLN 12, PRP 2, " +
		"QRY 2, RNG 1, SBS 2, UBX 14, USR 7, UUX 8, VER 2, XFR 1",
}

func TestRealGatewayByVerb(t *testing.T) {
	data, err := os.ReadFile(filepath.Join(realCaptures, "libpurple2109-httpgw-escargot.pcap"))
	if err != nil {
		t.Skipf("the captures of real clients are not here: %v", err)
	}
	r := decodeFile(data)
	wantClean(t, r)
	count := map[decode.Direction]map[string]int{c2s: {}, s2c: {}}
	for _, rec := range r.records {
		if rec.Kind == decode.KindCommand {
			count[rec.Dir][rec.Verb]++
		}
		for _, n := range rec.Notes {
			if n.Kind == decode.NoteIssue {
				t.Errorf("packet %d: %s", rec.Packet, n.Text)
			}
		}
	}
	for _, verb := range unanswered {
		count[c2s][verb]--
	}
	for dir, want := range gatewayVerbs {
		var got []string
		for _, verb := range slices.Sorted(maps.Keys(count[dir])) {
			if n := count[dir][verb]; n != 0 {
				got = append(got, fmt.Sprintf("%s %d", verb, n))
			}
		}
		if strings.Join(got, ", ") != want {
			t.Errorf("%v: got %v, want %v", dir, got, want)
		}
	}
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
			sum, err := readOne(NewDecoder(Options{Book: &decode.Book{}, Emit: func(r *decode.Record) {
				switch r.Kind {
				case decode.KindCommand:
					commands[r.Dir]++
					payload[r.Dir] += r.PayloadBytes
				case decode.KindOpaque, decode.KindGap:
					t.Errorf("packet %d: %v of %d bytes: %q", r.Packet, r.Kind, r.Bytes, r.Payload)
				}
			}}), name, f)
			if err != nil {
				t.Fatal(err)
			}
			if sum.Connections != want.connections {
				t.Errorf("%d connections, want %d", sum.Connections, want.connections)
			}
			if sum.Exchanges != 0 { // these clients sign in, and fetch their contacts, over TLS
				t.Errorf("%d exchanges of HTTP", sum.Exchanges)
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
