package sim

import (
	"net/netip"
	"time"

	"msnproxy/decode"
)

// msnp8 is the scene of the MSNP8 sample.
type msnp8 struct {
	*script
	start      time.Time
	alice, bob *person
}

// MSNP8 is an evening of 2003: Alice and Bob sign in with MSN Messenger 5.0,
// talk, and sign out.
func MSNP8() *Dialogue {
	d := &Dialogue{Name: "msnp8", Start: time.Date(2003, 11, 14, 19, 30, 0, 0, time.UTC)}
	s := msnp8{
		script: record(d), start: d.Start,
		alice: &person{handle: "alice@example.com", name: "Alice", caps: "0", host: netip.MustParseAddr("192.0.2.10")},
		bob:   &person{handle: "bob@example.com", name: "Bob%20(at%20work)", caps: "4128", host: netip.MustParseAddr("192.0.2.20")},
	}
	s.aliceIsReferred()
	s.aliceSignsIn()
	s.aliceGetsList()
	s.aliceComesOnline()
	s.aliceEditsList()
	s.wait(40 * time.Second)
	s.bobSignsIn()
	s.wait(20 * time.Second)
	s.talk(s.aliceInvitesBob())
	s.everybodyLeaves()
	return d
}

// hello8 begins every connection to a dispatch or notification server.
func hello8(l *link, p *person) {
	l.ask(line("VER # MSNP8 CVR0"), line("VER # MSNP8 CVR0"))
	l.ask(line("CVR # 0x0409 winnt 5.1 i386 MSMSGS 5.0.0544 MSMSGS %s", p.handle),
		line("CVR # 5.0.0544 5.0.0544 1.0.0863 http://download.example.com/setup.exe http://messenger.example.com"))
}

// aliceIsReferred: the dispatch server sends her to a notification server.
func (s msnp8) aliceIsReferred() {
	ds := s.dial(decode.DS, "alice-ds", s.alice.at(1034), dispatchServer)
	hello8(ds, s.alice)
	ds.ask(line("USR # TWN I %s", s.alice.handle),
		line("XFR # NS %v 0 %v", aliceServer, dispatchServer))
	ds.hangUp(decode.ClientToServer)
	s.alice.ns = s.dial(decode.NS, "alice-ns", s.alice.at(1035), aliceServer)
	s.alice.ns.trid = ds.trid // she counts on
}

func (s msnp8) aliceSignsIn() {
	s.signIn(s.alice)
	ns := s.alice.ns
	// The profile comes in two segments, cut within a header's name.
	const withinHeader = 208
	ns.serverCut(withinHeader, with(profile(s.alice, s.start), "MSG Hotmail Hotmail"))
}

// signIn is the sign-in with a Passport ticket.
func (s msnp8) signIn(p *person) {
	hello8(p.ns, p)
	p.ns.ask(line("USR # TWN I %s", p.handle),
		line("USR # TWN S lc=1033,id=507,tw=40,fs=1,ru=http%%3A%%2F%%2Fmessenger%%2Eexample%%2Ecom,"+
			"ct=%d,kpp=1,kv=5,ver=2.1.0173.1,tpf=00000000000000000000000000000000", s.start.Unix()))
	s.wait(1200 * time.Millisecond) // the client gets its ticket elsewhere
	p.ns.ask(line("USR # TWN S t=DUMMY-TICKET-%[1]s-00000000$$&p=DUMMY-PROFILE-%[1]s-00000000", p.short()),
		line("USR # OK %s %s 1 0", p.handle, p.name))
}

// aliceGetsList: the list comes in two segments, cut between the CR and the
// LF of the line about Dave.
func (s msnp8) aliceGetsList() {
	ns := s.alice.ns
	list := []Command{
		line("SYN # 27 6 2"),
		line("GTC A"),
		line("BLP AL"),
		line("PRP PHH 555%%200100"),
		line("PRP MOB N"),
		line("LSG 0 Other%%20Contacts 0"),
		line("LSG 1 Friends 0"),
		line("LST %s %s 11 1", s.bob.handle, s.bob.name),
		line("BPR PHW 555%%200101"),
		line("BPR MOB N"),
		line("LST carol@example.com Carol 11 0,1"),
		line("LST dave@example.com dave@example.com 3 0"),
		line("LST zoe@example.com Zoë 11 1"),
		line("LST noor@example.com نور%%20الدين 11 0"),
		line("LST offers@example.com 100%%25%%20free%%20offers 4"),
	}
	ns.client(line("SYN # 26"))
	list[0].number(*ns.trid) // the line must have its size before the cut
	cut := 0
	for _, c := range list[:12] {
		cut += len(c.Bytes())
	}
	ns.serverCut(cut-len("\n"), list...)
}

// aliceComesOnline: the service of 2003 tells the first presence with
// transaction id 0.
func (s msnp8) aliceComesOnline() {
	ns := s.alice.ns
	ns.ask(line("CHG # NLN 0"), line("CHG # NLN 0"),
		line("ILN 0 AWY carol@example.com Carol 0"), line("ILN 0 NLN noor@example.com نور%%20الدين 32"))
	ns.server(with(mailNotice(2), "MSG Hotmail Hotmail"))
	ns.server(line("CHL 0 15570131571988941333"))
	ns.ask(with("8f2f5a91b72102cd28355e9fc9000d6e", "QRY # msmsgs@msnmsgr.com"), line("QRY #"))
}

func (s msnp8) aliceEditsList() {
	ns := s.alice.ns
	s.wait(8 * time.Second)
	ns.ask(line("URL # INBOX"), line("URL # /cgi-bin/inbox https://login.example.com/ppsecure/md5auth.srf?lc=1033 2"))
	s.wait(5 * time.Second)
	ns.ask(line("ADG # Family 0"), line("ADG # 28 Family 2 0"))
	ns.ask(line("ADD # FL erin@example.com erin@example.com 2"), line("ADD # FL 29 erin@example.com erin@example.com 2"))
	ns.ask(line("REM # FL zoe@example.com"), line("REM # FL 30 zoe@example.com"))
	ns.server(line("ADD 0 RL 31 frank@example.com Frank"))
	ns.ask(line("REA # %s Alice%%20%%E2%%99%%AB", s.alice.handle), line("REA # 32 %s Alice%%20%%E2%%99%%AB", s.alice.handle))
	s.alice.name = "Alice%20%E2%99%AB"
}

// bobSignsIn: his client remembers its notification server, and has the newest
// list. The challenge is answered in two writes, the line and the payload.
func (s msnp8) bobSignsIn() {
	bob := s.bob
	bob.ns = s.dial(decode.NS, "bob-ns", bob.at(3021), bobServer)
	s.signIn(bob)
	bob.ns.server(with(profile(bob, s.start.Add(time.Minute)), "MSG Hotmail Hotmail"))
	bob.ns.ask(line("SYN # 12"), line("SYN # 12"))
	bob.ns.ask(line("CHG # NLN 32"), line("CHG # NLN 4128"),
		line("ILN 0 NLN %s %s 0", s.alice.handle, s.alice.name))
	s.alice.ns.server(line("NLN NLN %s %s %s", bob.handle, bob.name, bob.caps))
	bob.ns.server(line("CHL 0 12345678901234567890"))
	bob.ns.clientCut(afterLine, with("8ba1bb9d6dbf624fee31a2053af5fdd0", "QRY # msmsgs@msnmsgr.com"))
	bob.ns.server(line("QRY #"))
}

// aliceInvitesBob: first she calls somebody who is offline. The cookie of her
// XFR begins with the session id, that of the RNG does not (MSNP.md §5). Bob's
// system gives his connection the local port 1863, as Windows XP could.
func (s msnp8) aliceInvitesBob() room {
	alice, bob := s.alice, s.bob
	const session = "20714365"
	aliceCookie, bobCookie := session+".1068838278.90121", "1068838279.21"
	alice.ns.ask(line("XFR # SB"), line("XFR # SB %v CKI %s", switchboard, aliceCookie))
	alice.sb = s.dial(decode.SB, "alice-sb", alice.at(1036), switchboard)
	alice.sb.ask(line("USR # %s %s", alice.handle, aliceCookie), line("USR # OK %s %s", alice.handle, alice.name))
	alice.sb.ask(line("CAL # dave@example.com"), line("217 #"))
	alice.sb.ask(line("CAL # %s", bob.handle), line("CAL # RINGING %s", session))
	bob.ns.server(line("RNG %s %v CKI %s %s %s", session, switchboard, bobCookie, alice.handle, alice.name))
	bob.sb = s.dial(decode.SB, "bob-sb", bob.at(1863), switchboard)
	bob.sb.ask(line("ANS # %s %s %s", bob.handle, bobCookie, session),
		line("IRO # 1 1 %s %s", alice.handle, alice.name), line("ANS # OK"))
	alice.sb.server(line("JOI %s %s", bob.handle, bob.name))
	return room{alice, bob}
}

func (s msnp8) talk(r room) {
	alice, bob := s.alice, s.bob
	s.wait(2 * time.Second)
	r.say(alice, "U", typing(alice.handle))
	s.wait(3 * time.Second)
	r.say(alice, "A", chatText(plainFormat, "Hi Bob! Are you there?"))
	s.wait(4 * time.Second)
	// Two commands in one segment.
	r.say(bob, "N", typing(bob.handle), chatText(plainFormat, "Grüße aus Zürich \u263a 日本語"))
	s.wait(9 * time.Second)
	// Chat text that reads like a command must stay text.
	r.say(alice, "N", chatText(plainFormat, "XFR 1 NS 10.0.0.1:1863"))
	s.wait(2 * time.Second)
	r.say(alice, "N", chatText(plainFormat, "XFR 1 NS 10.0.0.1:1863\r\nOUT\r\nis what my client told me"))
	s.wait(6 * time.Second)
	r.say(bob, "U", typing(bob.handle))
	s.wait(3 * time.Second)
	r.say(bob, "A", chatText(rtlFormat, "שלום, مرحبا"))
}

func (s msnp8) everybodyLeaves() {
	alice, bob := s.alice, s.bob
	s.wait(12 * time.Second)
	room{alice, bob}.leave(bob).leave(alice)
	s.wait(30 * time.Second)
	alice.ns.ask(line("PNG"), line("QNG"))
	s.wait(15 * time.Second)
	bob.ns.ask(line("CHG # BRB 32"), line("CHG # BRB 4128"))
	alice.ns.server(line("NLN BRB %s %s %s", bob.handle, bob.name, bob.caps))
	s.wait(60 * time.Second)
	bob.ns.signOut()
	alice.ns.server(line("FLN %s", bob.handle))
	alice.ns.server(with(shutdownNotice(1), "MSG Hotmail Hotmail"))
	s.wait(60 * time.Second)
	alice.ns.server(line("OUT SSD"))
	alice.ns.hangUp(decode.ServerToClient)
}
