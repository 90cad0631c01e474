package decode

import (
	"fmt"
	"strconv"
	"strings"
	"testing"
)

// maskedLines feeds lines to a session and returns its commands as masked.
func maskedLines(t *testing.T, m *Masker, dialect string, dir Direction, lines ...string) []*Record {
	t.Helper()
	var out []*Record
	s := NewSession(Config{Conn: "c1", Emit: func(r *Record) {
		m.Mask(r)
		if r.Kind == KindCommand && r.Verb != "VER" {
			out = append(out, r.Clone())
		}
	}})
	s.Feed(ServerToClient, []byte("VER 1 "+dialect+"\r\n"), Stamp{})
	for _, line := range lines {
		s.Feed(dir, []byte(line), Stamp{})
	}
	if len(out) != len(lines) {
		t.Fatalf("%q: got %d commands, want %d", lines, len(out), len(lines))
	}
	return out
}

func TestSecretsOfEveryFormAreMasked(t *testing.T) {
	tests := []struct {
		situation string
		dialect   string
		dir       Direction
		line      string
		want      string
	}{
		{"password hash", "MSNP7", ClientToServer, "USR 4 MD5 S d5101815bf8d\r\n", "USR 4 MD5 S ***1"},
		{"plain password", "MSNP2", ClientToServer, "USR 4 CTP S hunter2\r\n", "USR 4 CTP S ***1"},
		{"Passport ticket with profile", "MSNP8", ClientToServer, "USR 4 TWN S t=tick&p=prof\r\n", "USR 4 TWN S t=***1&p=***2"},
		{"Passport ticket without a profile", "MSNP8", ClientToServer, "USR 4 TWN S t=tick&p=\r\n", "USR 4 TWN S t=***1&p="},
		{"single sign-on", "MSNP15", ClientToServer, "USR 4 SSO S t=tick&p= blob {guid}\r\n", "USR 4 SSO S t=***1&p= ***2 {guid}"},
		{"circle ticket", "MSNP18", ClientToServer, "USR 5 SHA A circle\r\n", "USR 5 SHA A ***1"},
		{"a method nobody knows", "MSNP18", ClientToServer, "USR 5 XYZ S blob more\r\n", "USR 5 XYZ S ***1"},
		{"cookie for a switchboard", "MSNP18", ServerToClient, "XFR 15 SB 1.2.3.4:1864 CKI cook U messenger.msn.com 1\r\n", "XFR 15 SB 1.2.3.4:1864 CKI ***1 U messenger.msn.com 1"},
		{"cookie of an invitation", "MSNP8", ServerToClient, "RNG 17 1.2.3.4:1863 CKI cook a@b.c Al\r\n", "RNG 17 1.2.3.4:1863 CKI ***1 a@b.c Al"},
		{"cookie shown on a switchboard", "MSNP8", ClientToServer, "USR 1 a@b.c cook\r\n", "USR 1 a@b.c ***1"},
		{"cookie shown with the invitation", "MSNP8", ClientToServer, "ANS 1 a@b.c cook 17\r\n", "ANS 1 a@b.c ***1 17"},
		{"something behind the cookie", "MSNP8", ClientToServer, "USR 1 a@b.c cook more\r\n", "USR 1 a@b.c ***1 ***2"},
		{"ANS without its session id", "MSNP8", ClientToServer, "ANS 1 a@b.c cook\r\n", "ANS 1 a@b.c ***1"},
		{"ANS without its transaction id", "MSNP8", ClientToServer, "ANS a@b.c cookie99 5000\r\n", "ANS a@b.c ***1 ***2"},
		{"RNG without its method", "MSNP8", ServerToClient, "RNG 1 1.2.3.4:5 cookie99 a@b.c Al\r\n", "RNG 1 1.2.3.4:5 ***1 a@b.c ***2"},
		{"XFR without its method", "MSNP8", ServerToClient, "XFR 1 SB 1.2.3.4:5 cookie99\r\n", "XFR 1 SB 1.2.3.4:5 ***1"},
		{"XFR without its transaction id", "MSNP8", ServerToClient, "XFR SB 1.2.3.4:5 CKI cookie99\r\n", "XFR SB 1.2.3.4:5 CKI ***1"},
		{"USR with nothing but a cookie", "MSNP8", ClientToServer, "USR 1 cookie99\r\n", "USR 1 ***1"},
		{"a tab instead of a space", "MSNP8", ClientToServer, "ANS 1 a@b.c\tcookie99 5000\r\n", "ANS 1 ***1 ***2"},
		{"a cookie from the server", "MSNP8", ServerToClient, "USR 1 CKI cookie99\r\n", "USR 1 CKI ***1"},
		{"a ticket in a command nobody knows", "MSNP8", ClientToServer, "XXX 1 t=tick&p=prof\r\n", "XXX 1 t=***1&p=***2"},
		{"a salt is no secret", "MSNP7", ServerToClient, "USR 3 MD5 S 1002.5\r\n", "USR 3 MD5 S 1002.5"},
	}
	for _, tt := range tests {
		t.Run(tt.situation, func(t *testing.T) {
			r := maskedLines(t, NewMasker(), tt.dialect, tt.dir, tt.line)[0]
			if string(r.Line) != tt.want {
				t.Errorf("got %q, want %q", r.Line, tt.want)
			}
			words := strings.Fields(string(r.Line))
			for _, a := range r.Args {
				if a.Secret && !strings.Contains(strings.Join(words, " "), string(a.Value)) {
					t.Errorf("argument %s is %q, which the masked line does not have", a.Name, a.Value)
				}
			}
		})
	}
}

func TestEqualSecretsShowEqualAcrossCommands(t *testing.T) {
	m := NewMasker()
	c2s := maskedLines(t, m, "MSNP8", ClientToServer, "USR 4 TWN S t=tick&p=prof\r\n", "USR 1 a@b.c cook\r\n", "ANS 1 a@b.c cook 17\r\n")
	s2c := maskedLines(t, m, "MSNP8", ServerToClient,
		"XFR 15 SB 1.2.3.4:1864 CKI cook\r\n",
		"MSG Hotmail Hotmail 62\r\nMIME-Version: 1.0\r\nmspauth: tick\r\nsid: 507\r\nMSPAuth: other\r\n\r\n")
	for i, want := range []string{"USR 4 TWN S t=***1&p=***2", "USR 1 a@b.c ***3", "ANS 1 a@b.c ***3 17"} {
		if string(c2s[i].Line) != want {
			t.Errorf("got %q, want %q", c2s[i].Line, want)
		}
	}
	if want := "XFR 15 SB 1.2.3.4:1864 CKI ***3"; string(s2c[0].Line) != want {
		t.Errorf("got %q, want %q", s2c[0].Line, want)
	}
	if want := "MIME-Version: 1.0\r\nmspauth: tick\r\nsid: 507\r\nMSPAuth: other\r\n"; strings.Contains(string(s2c[1].Payload), "tick") {
		t.Errorf("the profile still has its ticket: %q, was %q", s2c[1].Payload, want)
	}
	if !strings.Contains(string(s2c[1].Payload), "mspauth: ***1\r\nsid: 507\r\nMSPAuth: ***4\r\n") {
		t.Errorf("profile masked as %q", s2c[1].Payload)
	}
}

func TestEverySpellingOfTheProfileTicketIsMasked(t *testing.T) {
	for _, header := range []string{"MSPAuth: TICKET", "mspauth:TICKET", "MSPAuth : TICKET  ", "MSPAUTH:\tTICKET", "MSPAuth: TICK\r\n TICKET"} {
		payload := "MIME-Version: 1.0\r\n" + header + "\r\nsid: 507\r\n\r\n"
		r := maskedLines(t, NewMasker(), "MSNP8", ServerToClient, fmt.Sprintf("MSG Hotmail Hotmail %d\r\n%s", len(payload), payload))[0]
		if strings.Contains(string(r.Payload), "TICK") || !strings.Contains(string(r.Payload), "***1") || !strings.HasSuffix(string(r.Payload), "\r\nsid: 507\r\n\r\n") {
			t.Errorf("%q is masked as %q", header, r.Payload)
		}
	}
}

func TestTheKeyOfAFileTransferIsMasked(t *testing.T) {
	payload := "MIME-Version: 1.0\r\nContent-Type: text/x-msmsgsinvite\r\n\r\nInvitation-Command: ACCEPT\r\nAuthCookie: 93301\r\nPort: 6891\r\n\r\n"
	r := maskedLines(t, NewMasker(), "MSNP8", ClientToServer, fmt.Sprintf("MSG 3 N %d\r\n%s", len(payload), payload))[0]
	if want := strings.Replace(payload, "93301", "***1", 1); string(r.Payload) != want {
		t.Errorf("got %q, want %q", r.Payload, want)
	}
}

func TestChatTextIsNotMasked(t *testing.T) {
	text := "MSPAuth: my cat\r\nsays hi"
	r := maskedLines(t, NewMasker(), "MSNP8", ClientToServer, "MSG 3 A 24\r\n"+text)[0]
	if string(r.Payload) != text {
		t.Errorf("got %q, want %q", r.Payload, text)
	}
}

func TestMaskingLeavesTheInputAsItWas(t *testing.T) {
	input := []byte("USR 4 TWN S t=tick&p=prof\r\n")
	m := NewMasker()
	s := NewSession(Config{Conn: "c1", Emit: func(r *Record) { m.Mask(r) }})
	s.Feed(ClientToServer, input, Stamp{})
	if string(input) != "USR 4 TWN S t=tick&p=prof\r\n" {
		t.Errorf("the input became %q", input)
	}
}

// FuzzMasker checks that no secret argument survives in the line.
func FuzzMasker(f *testing.F) {
	f.Add("USR 4 TWN S t=tick&p=prof", true)
	f.Add("XFR 15 SB 1.2.3.4:1864 CKI cook U messenger.msn.com 1", false)
	f.Add("ANS 1 a@b.c cook 17", true)
	f.Fuzz(func(t *testing.T, line string, client bool) {
		dir := ServerToClient
		if client {
			dir = ClientToServer
		}
		m := NewMasker()
		s := NewSession(Config{Conn: "c1", Emit: func(r *Record) {
			var secrets []string
			for _, a := range r.Args {
				if a.Secret && !strings.HasPrefix(string(a.Value), "t=") && len(a.Value) > 3 {
					secrets = append(secrets, string(a.Value))
				}
			}
			m.Mask(r)
			for i, a := range r.Args {
				if a.Secret && i < len(secrets) && !strings.Contains(string(a.Value), "=") && !strings.HasPrefix(string(a.Value), "***") && len(a.Value) > 0 {
					t.Errorf("%s stayed %q", a.Name, a.Value)
				}
			}
		}})
		s.Feed(dir, []byte(line+"\r\n"), Stamp{})
	})
}

func TestWhatIsMaskedStaysAsItIs(t *testing.T) {
	m := NewMasker()
	line := []byte("USR 4 TWN S t=***12&p=secret")
	r := &Record{Kind: KindCommand, Line: line, Args: []Arg{{Name: "ticket", Value: line[12:], Pos: 12, Secret: true}}}
	m.Mask(r)
	if got := string(r.Line); got != "USR 4 TWN S t=***12&p=***1" {
		t.Errorf("%s", got)
	}
}

func TestAMaskerRemembersTheLastSecretsAndNoMore(t *testing.T) {
	m := NewMasker()
	number := func(n int) int { return m.number([]byte(strconv.Itoa(n))) }
	for n := range maxSecrets {
		if got := number(n); got != n+1 {
			t.Fatalf("secret %d has the number %d", n, got)
		}
	}
	for n := maxSecrets; n < 5*maxSecrets/2; n++ {
		number(n)
		if got := number(0); got != 1 { // it comes again and again, and stays known
			t.Fatalf("after %d others, the first secret has the number %d", n, got)
		}
	}
	const recent = 5*maxSecrets/2 - maxSecrets
	if got := number(recent); got != recent+1 {
		t.Errorf("of the last %d, one has a new number: %d", maxSecrets, got)
	}
	if held := len(m.recent) + len(m.before); held > 2*maxSecrets {
		t.Errorf("%d secrets are remembered, want at most %d", held, 2*maxSecrets)
	}
	if got := number(1); got != 5*maxSecrets/2+1 {
		t.Errorf("a secret that was forgotten has the number %d: not a new one", got)
	}
}
