package rewrite

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"msnproxy/decode"
)

// commandsOf decodes bytes that a server sent in a dialect ("" for none) and
// calls f with each command and its raw bytes.
func commandsOf(dialect string, sent []byte, f func(r *decode.Record, raw []byte)) {
	offset := int64(0)
	all := sent
	if dialect != "" {
		all = append([]byte("VER 1 "+dialect+"\r\n"), sent...)
		offset = int64(len(all) - len(sent))
	}
	s := decode.NewSession(decode.Config{Conn: "c1", Emit: func(r *decode.Record) {
		if r.Dir != 0 && r.Offset >= offset {
			f(r, all[r.Offset:r.Offset+r.Bytes])
		}
	}})
	s.Feed(decode.ServerToClient, all, decode.Stamp{})
	s.Close("", decode.Stamp{})
}

// rewritten returns what a client gets when addresses are translated.
func rewritten(dialect, sent string, translate Translate) (got string, changes []Change) {
	var out []byte
	commandsOf(dialect, []byte(sent), func(r *decode.Record, raw []byte) {
		bytes, c := Command(r, raw, translate)
		out = append(out, bytes...)
		changes = append(changes, c...)
	})
	return string(out), changes
}

// toProxy translates every address, and remembers nothing.
func toProxy(Address) (string, bool) { return "10.9.8.7:40000", true }

func TestEveryFormOfAReferral(t *testing.T) {
	tests := []struct {
		situation, dialect, sent, want string
	}{
		{"XFR NS of MSNP2", "MSNP2", "XFR 3 NS 192.0.2.1:1863\r\n", "XFR 3 NS 10.9.8.7:40000\r\n"},
		{"XFR NS without a port", "MSNP2", "XFR 3 NS 192.0.2.1\r\n", "XFR 3 NS 10.9.8.7:40000\r\n"},
		{"XFR NS with a host name", "MSNP3", "XFR 3 NS ns.example.com:1863 0\r\n", "XFR 3 NS 10.9.8.7:40000 0\r\n"},
		{"XFR NS with IPv6 in brackets", "MSNP8", "XFR 3 NS [2001:db8::1]:1863 0 192.0.2.9:1863\r\n", "XFR 3 NS 10.9.8.7:40000 0 10.9.8.7:40000\r\n"},
		{"XFR NS of MSNP7 to 12 has two addresses", "MSNP8", "XFR 3 NS 192.0.2.1:1863 0 192.0.2.9:1863\r\n", "XFR 3 NS 10.9.8.7:40000 0 10.9.8.7:40000\r\n"},
		{"XFR NS of MSNP13", "MSNP13", "XFR 3 NS 192.0.2.1:1863 U D\r\n", "XFR 3 NS 10.9.8.7:40000 U D\r\n"},
		{"XFR NS of MSNP21", "MSNP21", "XFR 3 NS 192.0.2.1:1863 U D VmVyc2lvbg==\r\n", "XFR 3 NS 10.9.8.7:40000 U D VmVyc2lvbg==\r\n"},
		{"XFR NS to the same server", "MSNP11", "XFR 0 NS 0\r\n", "XFR 0 NS 0\r\n"},
		{"XFR SB of MSNP2", "MSNP2", "XFR 7 SB 192.0.2.1:1863 CKI cook\r\n", "XFR 7 SB 10.9.8.7:40000 CKI cook\r\n"},
		{"XFR SB of MSNP18", "MSNP18", "XFR 7 SB 192.0.2.1:1863 CKI cook U messenger.msn.com 1\r\n", "XFR 7 SB 10.9.8.7:40000 CKI cook U messenger.msn.com 1\r\n"},
		{"RNG of MSNP8", "MSNP8", "RNG 17 192.0.2.1:1863 CKI cook a@b.c Al\r\n", "RNG 17 10.9.8.7:40000 CKI cook a@b.c Al\r\n"},
		{"RNG of MSNP14", "MSNP14", "RNG 17 192.0.2.1:1863 CKI cook a@b.c Al U messenger.msn.com 1\r\n", "RNG 17 10.9.8.7:40000 CKI cook a@b.c Al U messenger.msn.com 1\r\n"},
		{"bare LF and an odd tail stay", "MSNP8", "XFR 7 SB 192.0.2.1:1863 CKI cook  odd tail \n", "XFR 7 SB 10.9.8.7:40000 CKI cook  odd tail \n"},
		{"the dialect is not known", "", "XFR 7 SB 192.0.2.1:1863 CKI cook U messenger.msn.com 1\r\n", "XFR 7 SB 10.9.8.7:40000 CKI cook U messenger.msn.com 1\r\n"},
		{"notification of a closed conversation: its length changes", "MSNP16", "UBN a@b.c;{x} 5 29\r\n463803701;207.46.124.143:1863", "UBN a@b.c;{x} 5 24\r\n463803701;10.9.8.7:40000"},
		{"notification of another type", "MSNP16", "UBN a@b.c 4 29\r\n463803701;207.46.124.143:1863", "UBN a@b.c 4 29\r\n463803701;207.46.124.143:1863"},
		{"notification of type 5 with something else", "MSNP16", "UBN a@b.c 5 12\r\nhello; world", "UBN a@b.c 5 12\r\nhello; world"},
		{"RouteInfo in the profile", "MSNP15", service("RouteInfo: msnp://207.46.124.1/013557A5"), service("RouteInfo: msnp://10.9.8.7:40000/013557A5")},
		{"RouteInfo that a person sends", "MSNP15", chat("RouteInfo: msnp://207.46.124.1/013557A5", "x"), chat("RouteInfo: msnp://207.46.124.1/013557A5", "x")},
		{"Roster in a message", "MSNP5", chat("Roster: 12345;192.0.2.1:1863", "x"), chat("Roster: 12345;10.9.8.7:40000", "x")},
		{"addresses in chat text", "MSNP8", chat("X: y", "Roster: 1;192.0.2.1:1863\r\nXFR 1 NS 192.0.2.1:1863\r\n"), chat("X: y", "Roster: 1;192.0.2.1:1863\r\nXFR 1 NS 192.0.2.1:1863\r\n")},
		{"commands around it stay", "MSNP8", "QNG 5\r\nRNG 17 192.0.2.1:1863 CKI cook a@b.c Al\r\nfoo\r\nBYE a@b.c\r\n", "QNG 5\r\nRNG 17 10.9.8.7:40000 CKI cook a@b.c Al\r\nfoo\r\nBYE a@b.c\r\n"},
	}
	for _, tt := range tests {
		t.Run(tt.situation, func(t *testing.T) {
			if got, _ := rewritten(tt.dialect, tt.sent, toProxy); got != tt.want {
				t.Errorf("got  %q\nwant %q", got, tt.want)
			}
			same, changes := rewritten(tt.dialect, tt.sent, func(Address) (string, bool) { return "", false })
			if same != tt.sent || len(changes) != 0 {
				t.Errorf("nothing was to be translated, but %q became %q", tt.sent, same)
			}
		})
	}
}

// service is a message of the service itself, chat one of a person.
func service(header string) string {
	payload := "MIME-Version: 1.0\r\n" + header + "\r\n\r\n"
	return fmt.Sprintf("MSG Hotmail Hotmail %d\r\n%s", len(payload), payload)
}

func chat(header, text string) string {
	payload := "MIME-Version: 1.0\r\nContent-Type: text/plain\r\n" + header + "\r\n\r\n" + text
	return fmt.Sprintf("MSG a@b.c Al %d\r\n%s", len(payload), payload)
}

func TestWhatIsAskedOfTheTranslator(t *testing.T) {
	var asked []string
	remember := func(a Address) (string, bool) {
		asked = append(asked, fmt.Sprintf("%s %s %t", a.Place, a.Text, a.Gateway))
		return "", false
	}
	rewritten("MSNP8", "XFR 3 NS ns.example.com 0 192.0.2.9:1863\r\nXFR 4 SB [::1]:5 CKI c\r\nRNG 17 192.0.2.1:1863 CKI c a@b.c Al\r\n", remember)
	rewritten("MSNP21", "XFR 0 NS gw.example.com:443 G D b64\r\n", remember)
	want := []string{
		"XFR NS ns.example.com false", "XFR NS current 192.0.2.9:1863 false", "XFR SB [::1]:5 false",
		"RNG 192.0.2.1:1863 false", "XFR NS gw.example.com:443 true",
	}
	if strings.Join(asked, "\n") != strings.Join(want, "\n") {
		t.Errorf("asked\n%s\nwant\n%s", strings.Join(asked, "\n"), strings.Join(want, "\n"))
	}
}

func TestOneOfTwoAddressesIsTranslated(t *testing.T) {
	got, changes := rewritten("MSNP8", "XFR 3 NS 192.0.2.1:1863 0 192.0.2.9:1863\r\n", func(a Address) (string, bool) {
		return "10.9.8.7:1", a.Place == CurrentServer
	})
	if got != "XFR 3 NS 192.0.2.1:1863 0 10.9.8.7:1\r\n" || len(changes) != 1 || changes[0].To != "10.9.8.7:1" || changes[0].Text != "192.0.2.9:1863" {
		t.Errorf("got %q, %v", got, changes)
	}
}

func TestACommandWithAGapKeepsItsBytes(t *testing.T) {
	var out []byte
	s := decode.NewSession(decode.Config{Conn: "c1", Emit: func(r *decode.Record) {
		if r.Kind == decode.KindCommand {
			raw := append(append([]byte(nil), r.Line...), "\r\n"...)
			got, _ := Command(r, append(raw, r.Payload...), toProxy)
			out = append(out, got...)
		}
	}})
	s.Feed(decode.ServerToClient, []byte("UBN a@b.c 5 29\r\n463803"), decode.Stamp{})
	s.Gap(decode.ServerToClient, 3, decode.Stamp{})
	s.Feed(decode.ServerToClient, []byte(";207.46.124.143:1863"), decode.Stamp{})
	if want := "UBN a@b.c 5 29\r\n463803;207.46.124.143:1863"; string(out) != want {
		t.Errorf("got %q, want %q", out, want)
	}
}

// FuzzCommand: with the addresses put back, what the client got is what the
// server sent; a translator that changes nothing changes nothing.
func FuzzCommand(f *testing.F) {
	f.Add("MSNP8", []byte("XFR 3 NS 192.0.2.1:1863 0 192.0.2.9:1863\r\nRNG 17 192.0.2.1 CKI c a@b.c Al\r\n"))
	f.Add("MSNP16", []byte("UBN a@b.c 5 29\r\n463803701;207.46.124.143:1863"))
	f.Add("MSNP15", []byte(service("RouteInfo: msnp://1.2.3.4/0")+chat("Roster: 5;1.2.3.4:5", "hi")))
	f.Fuzz(func(t *testing.T, dialect string, sent []byte) {
		if strings.ContainsAny(dialect, "\r\n ") {
			dialect = ""
		}
		const mark = "\x00proxy\x00"
		commandsOf(dialect, sent, func(r *decode.Record, raw []byte) {
			original := bytes.Clone(raw)
			got, changes := Command(r, raw, func(Address) (string, bool) { return mark, true })
			if !bytes.Equal(raw, original) {
				t.Fatalf("the input changed: %q became %q", original, raw)
			}
			if len(changes) == 0 {
				if !bytes.Equal(got, raw) {
					t.Fatalf("no change is told, but %q became %q", raw, got)
				}
				return
			}
			if bytes.Contains(raw, []byte(mark)) || r.HasPayload {
				return // the mark is not unique, or the length has changed with the payload
			}
			for _, c := range changes {
				got = bytes.Replace(got, []byte(mark), []byte(c.Text), 1)
			}
			if !bytes.Equal(got, raw) {
				t.Fatalf("put back: %q, sent: %q", got, raw)
			}
		})
	})
}
