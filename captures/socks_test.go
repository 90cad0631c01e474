package captures

import (
	"math/rand/v2"
	"strings"
	"testing"
	"time"
)

// socksTalk begins a talk with a SOCKS proxy: what the client and the proxy say
// in turn.
func socksTalk(texts ...string) *talk {
	k := newTalk("10.0.0.1:2048", "10.0.0.9:1080").open()
	for i, text := range texts {
		k.say(i%2, []string{text})
	}
	return k
}

const (
	granted4 = "\x00\x5a\x00\x00\x00\x00\x00\x00"
	connect5 = "\x05\x01\x00\x01\x0a\x00\x00\x02\x07\x47" // to 10.0.0.2:1863
	granted5 = "\x05\x00\x00\x01\x00\x00\x00\x00\x00\x00"
)

func TestBehindSOCKS(t *testing.T) {
	for name, c := range map[string]struct {
		said   []string
		server string
	}{
		"version 4":                {[]string{"\x04\x01\x07\x47\x0a\x00\x00\x02user\x00", granted4}, "10.0.0.2:1863"},
		"version 4, with a name":   {[]string{"\x04\x01\x07\x47\x00\x00\x00\x01\x00ns.example.com\x00", granted4}, "ns.example.com:1863"},
		"version 5":                {[]string{"\x05\x02\x00\x02", "\x05\x00", connect5, granted5}, "10.0.0.2:1863"},
		"version 5, with a name":   {[]string{"\x05\x01\x00", "\x05\x00", "\x05\x01\x00\x03\x02ns\x07\x48", granted5}, "ns:1864"},
		"version 5, IPv6":          {[]string{"\x05\x01\x00", "\x05\x00", "\x05\x01\x00\x04" + strings.Repeat("\x00", 15) + "\x01\x07\x47", granted5}, "[::1]:1863"},
		"version 5, with password": {[]string{"\x05\x01\x02", "\x05\x02", "\x01\x03who\x04what", "\x01\x00", connect5, granted5}, "10.0.0.2:1863"},
	} {
		t.Run(name, func(t *testing.T) {
			want := "c1 open 10.0.0.1:2048 " + c.server + "\n" + strings.Join(clean(t).brief()[1:], "\n")
			for seed := range 20 {
				k := socksTalk(c.said...).signIn().chat(5).close()
				m := mangler{rand.New(rand.NewPCG(uint64(seed), 7))}
				if seed > 0 {
					k.segs = m.cut(m.cut(k.segs))
				}
				for i := range k.segs {
					k.segs[i].at = time.Duration(i) * time.Millisecond
				}
				r := decodeTalks(t, k)
				if got := strings.Join(r.brief(), "\n"); got != want {
					t.Fatalf("seed %d: got:\n%s\nwant:\n%s", seed, got, want)
				}
			}
		})
	}
}

// TestGatewayBehindSOCKS: what the proxy leads to may be anything.
func TestGatewayBehindSOCKS(t *testing.T) {
	k := socksTalk("\x05\x01\x00", "\x05\x00", connect5, granted5)
	k.c(openNS("10.0.0.3", "VER 1 MSNP8 CVR0\r\n")).s(reply("7.1", "VER 1 MSNP8\r\n"))
	want := strings.ReplaceAll(openedRecords, "10.0.0.2", "10.0.0.3") + "c1 close capture ended"
	if got := strings.Join(decodeTalks(t, k).brief(), "\n"); got != want {
		t.Errorf("got:\n%s\nwant:\n%s", got, want)
	}
}

func TestWhatIsNotBehindSOCKS(t *testing.T) {
	for name, said := range map[string][]string{
		"refused by version 4":    {"\x04\x01\x07\x47\x0a\x00\x00\x02user\x00", "\x00\x5b\x00\x00\x00\x00\x00\x00"},
		"refused by version 5":    {"\x05\x01\x00", "\x05\x00", connect5, "\x05\x05" + granted5[2:]},
		"no way of signing in":    {"\x05\x01\x00", "\x05\xff"},
		"a wrong password":        {"\x05\x01\x02", "\x05\x02", "\x01\x03who\x04what", "\x01\x01"},
		"to listen, not connect":  {"\x04\x02\x07\x47\x0a\x00\x00\x02user\x00", granted4},
		"an address of no kind":   {"\x05\x01\x00", "\x05\x00", "\x05\x01\x00\x09\x0a\x00\x00\x02\x07\x47", granted5},
		"a name without an end":   {"\x04\x01\x07\x47\x0a\x00\x00\x02" + strings.Repeat("x", maxSOCKS)},
		"a remote procedure call": {"\x05\x00\x0b\x03\x10\x00\x00\x00\x48\x00\x00\x00", "\x05\x00\x0c\x03\x10\x00\x00\x00"},
	} {
		if r := decodeTalks(t, socksTalk(said...).signIn().close()); len(r.records) > 0 {
			t.Errorf("%s: %q", name, r.brief())
		}
	}
}
