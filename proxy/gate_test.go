package proxy

import (
	"strings"
	"testing"

	"msnproxy/decode"
	"msnproxy/rewrite"
)

// TestAnAddressIsNotHeldForLongerThanTheBound: as much of a command is held
// back as may be, and of one byte more nothing is.
func TestAnAddressIsNotHeldForLongerThanTheBound(t *testing.T) {
	for size, held := range map[int]bool{maxHeld: true, maxHeld + 1: false} {
		begin := "XFR 3 SB " + strings.Repeat("x", size-9)
		if got := mayHoldAddress([]byte(begin)); got != held {
			t.Errorf("%d bytes are held: %t", size, got)
		}
	}
}

// mirrored is an address that stands for another one, and has its length.
func mirrored(address string) string {
	return strings.Map(func(c rune) rune {
		if c >= '0' && c <= '9' {
			return '0' + '9' - c
		}
		return c
	}, strings.ToValidUTF8(address, ""))
}

// FuzzGate sends whatever a server may past the gate to a client, in pieces,
// with a decoder that fails at some point, or does not. At each point every byte
// has gone on or is held, and what has gone on is what was sent, but for digits
// of addresses.
func FuzzGate(f *testing.F) {
	for i, p := range serverPieces {
		f.Add([]byte(p+strings.Join(serverPieces[:i], "")), uint8(3+i), uint8(0))
	}
	f.Add([]byte("VER 1 MSNP15\r\n"+strings.Join(serverPieces, "")), uint8(255), uint8(9))
	f.Fuzz(func(t *testing.T, sent []byte, size, fails uint8) {
		translated := 0
		c := &conn{}
		c.gate = gate{conn: c, dir: decode.ServerToClient, mayChange: mayHoldAddress, tooLate: func(*decode.Record) {}, change: func(r *decode.Record) []byte {
			out, _ := rewrite.Command(r, r.Raw, func(a rewrite.Address) (string, bool) {
				to := mirrored(a.Text)
				translated += len(to)
				return to, len(to) == len(a.Text)
			})
			return out
		}}
		c.session = decode.NewSession(decode.Config{Conn: "c1", Emit: func(r *decode.Record) {
			if r.Dir == decode.ServerToClient {
				c.gate.pass(r)
			}
		}})
		var got []byte
		for n, rest := 1, sent; len(rest) > 0; n++ {
			p := rest[:min(len(rest), int(size)+1)]
			rest = rest[len(p):]
			got = append(got, c.gate.feed(p, func() bool {
				if fails > 0 && n >= int(fails) {
					return false
				}
				c.session.Feed(decode.ServerToClient, p, decode.Stamp{})
				return true
			})...)
			if held := len(c.gate.held); held > maxHeld || len(got)+held != len(sent)-len(rest) {
				t.Fatalf("%d bytes came, %d went on and %d are held", len(sent)-len(rest), len(got), held)
			}
		}
		got = append(got, c.gate.release()...)
		if len(got) != len(sent) {
			t.Fatalf("%d bytes came, %d went on", len(sent), len(got))
		}
		changed := 0
		for i, b := range sent {
			if got[i] == b {
				continue
			}
			if changed++; mirrored(string(b)) != string(got[i]) {
				t.Fatalf("byte %d is %q, sent was %q: %q became %q", i, got[i], b, sent, got)
			}
		}
		if changed > translated {
			t.Fatalf("%d bytes changed, %d are of addresses", changed, translated)
		}
	})
}
