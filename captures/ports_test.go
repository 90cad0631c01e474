package captures

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"
)

// decodeWith decodes talks with options.
func decodeWith(t *testing.T, o Options, talks ...*talk) Summary {
	t.Helper()
	sum, err := readOne(NewDecoder(o), "test", bytes.NewReader(pcapFile(linkEthernet, packets(t, linkEthernet, talks...))))
	check(t, err)
	return sum
}

func TestOnlyTheGivenPorts(t *testing.T) {
	talks := func() (out []*talk) {
		for i, port := range []int{1863, 1864, 5000} {
			out = append(out, newTalk(fmt.Sprintf("10.0.0.1:%d", 2048+i), fmt.Sprintf("10.0.0.2:%d", port)).open().signIn().close())
		}
		return out
	}
	for _, c := range []struct {
		options     Options
		connections int
		skipped     int64
	}{
		{Options{}, 3, 0},
		{Options{Ports: []uint16{1864}}, 3, 0},
		{Options{OnlyPorts: true}, 1, 28},
		{Options{OnlyPorts: true, Ports: []uint16{1864}}, 2, 14},
		{Options{OnlyPorts: true, Ports: []uint16{1864, 5000}}, 3, 0},
	} {
		sum := decodeWith(t, c.options, talks()...)
		if sum.Connections != c.connections || sum.Skipped[skipOtherPort] != c.skipped {
			t.Errorf("%+v: %d connections, skipped %v", c.options.Ports, sum.Connections, sum.Skipped)
		}
	}
}

func TestGivenPortNeedsLessEvidence(t *testing.T) {
	for port, want := range map[uint16]int{0: 0, 5000: 1, 80: 0} {
		k := newTalk("10.0.0.1:2048", "10.0.0.2:5000").c("PNG\r\n").s("QNG 50\r\n").drop(1)
		if sum := decodeWith(t, Options{Ports: []uint16{port}}, k); sum.Connections != want {
			t.Errorf("with port %d: %d connections", port, sum.Connections)
		}
	}
	k := func() *talk {
		return newTalk("10.0.0.1:2048", "10.0.0.2:80").c("CHG 5 NLN 0\r\n", "CHG 6 AWY 0\r\n", "PNG\r\n")
	}
	for port, want := range map[uint16]int{5000: 0, 80: 1} {
		if sum := decodeWith(t, Options{Ports: []uint16{port}}, k()); sum.Connections != want {
			t.Errorf("port 80 with port %d: %d connections", port, sum.Connections)
		}
	}
}

// TestOneDirectionOfOtherProtocols has half of what tells a protocol, from any
// place on.
func TestOneDirectionOfOtherProtocols(t *testing.T) {
	for name, texts := range others {
		for side := range 2 {
			for from := range texts {
				if strings.HasSuffix(name, "opens no session") || strings.HasPrefix(name, "a page about") {
					continue // see TestCaptureBeginsWithinTheGateway
				}
				k := otherTalk(newTalk("10.0.0.1:2048", "10.0.0.2:5000"), texts[from:]).close()
				for i := len(k.segs) - 1; i >= 0; i-- {
					if k.segs[i].side != side {
						k.drop(i)
					}
				}
				if r := decodeTalks(t, k); r.summary.Connections != 0 {
					t.Errorf("%s, side %d from %d on:\n%s", name, side, from, strings.Join(r.brief(), "\n"))
				}
			}
		}
	}
}

// TestRandomTrafficIsNotMSNP draws bytes, TLS records, and lines of words and
// numbers, many of them three capital letters long.
func TestRandomTrafficIsNotMSNP(t *testing.T) {
	random := rand.New(rand.NewPCG(6, 7))
	letters := func(n int) string {
		out := make([]byte, n)
		for i := range out {
			out[i] = byte('A' + random.IntN(26))
		}
		return string(out)
	}
	kinds := map[string]func() string{
		"bytes": func() string {
			out := make([]byte, 1+random.IntN(400))
			for i := range out {
				out[i] = byte(random.Uint32())
			}
			return string(out)
		},
		"TLS": func() string {
			out := make([]byte, random.IntN(400))
			for i := range out {
				out[i] = byte(random.Uint32())
			}
			return fmt.Sprintf("%c\x03\x03%c%c%s", 20+random.IntN(4), len(out)>>8, len(out)&0xff, out)
		},
		"lines": func() (out string) {
			for range 1 + random.IntN(5) {
				out += letters(3)
				for range random.IntN(4) {
					out += fmt.Sprintf(" %s", []string{letters(1 + random.IntN(8)), fmt.Sprint(random.IntN(1000))}[random.IntN(2)])
				}
				out += "\r\n"
			}
			return out
		},
	}
	for name, draw := range kinds {
		var talks []*talk
		for i := range 1000 {
			k := newTalk(fmt.Sprintf("10.0.0.1:%d", 2048+i), "10.0.0.2:5000").wait(time.Duration(i) * time.Second)
			if i%2 == 0 {
				k.open()
			}
			for range 6 {
				k.say(random.IntN(2), []string{draw()})
			}
			talks = append(talks, k.close())
		}
		if r := decodeTalks(t, talks...); r.summary.Connections > 0 {
			t.Errorf("%s:\n%s", name, strings.Join(r.brief(), "\n"))
		}
	}
}
