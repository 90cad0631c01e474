package sim

import (
	"fmt"
	"net/netip"
	"strings"
	"time"

	"msnproxy/decode"
)

// Capabilities of Windows Live Messenger 8.5: its generation, ink, chunked
// messages, direct messages, winks and voice clips. The server adds that the
// user has a space.
const (
	caps85      = 0x80000000 | 0x4 | 0x8 | 0x20 | 0x4000 | 0x8000 | 0x40000
	caps85Space = caps85 | 0x1000
)

// Nonces and the answers to them, from published vectors (MSNP.md §7.3).
const (
	ssoAnswerA = "HAAAAAEAAAADZgAABIAAAAgAAAAUAAAASAAAAAAAAAAAAAAA7XgT5ohvaZdoXdrWUUcMF2G8OK2JohyYcK5l5MJSitab33scxJeK/RQXcUr0L+R2ZA9CEAzn0izmUzSMp2LZdxSbHtnuxCmptgtoScHp9E26HjQVkA9YJxgK/HM="
	ssoAnswerB = "HAAAAAEAAAADZgAABIAAAAgAAAAUAAAASAAAAAAAAAAAAAAAywfWRZVnRRZTqPkW6HBIrOmPuYiFbzcpvYmP2QzhpH+VdKwtqUTt/gdbDqlMZvR1o7ve9ex44otMOxYtnNYIQ+lfoj+PKcsHT+T7GA1hfMsTVbGqoYYe3B5/WW0="
)

// product85 is the product id that goes with the challenges used here.
const product85 = "PROD0113H11T8$X_"

// messengerDomain ends XFR SB and RNG from MSNP13 on.
const messengerDomain = "U messenger.msn.com 1"

// msnp15 is the scene of the MSNP15 sample.
type msnp15 struct {
	*script
	start      time.Time
	alice, bob *person
}

// MSNP15 is an evening of 2008: Alice and Bob sign in with Windows Live
// Messenger 8.5, talk until the switchboard closes for want of traffic, and
// Bob is signed out because he signs in elsewhere.
func MSNP15() *Dialogue {
	d := &Dialogue{Name: "msnp15", Start: time.Date(2008, 6, 10, 18, 5, 0, 0, time.UTC)}
	s := msnp15{
		script: record(d), start: d.Start,
		alice: person15("alice@example.com", "Alice", "192.0.2.10"),
		bob:   person15("bob@example.com", "Bob%20%F0%9F%98%80", "192.0.2.20"),
	}
	s.aliceSignsIn()
	s.aliceSendsList()
	s.aliceComesOnline()
	s.aliceMakesMistake()
	s.wait(35 * time.Second)
	s.bobSignsIn()
	s.bobComesOnline()
	s.wait(15 * time.Second)
	s.talk(s.aliceInvitesBob())
	s.switchboardCloses()
	s.everybodyLeaves()
	return d
}

// person15 makes somebody with a display picture.
func person15(handle, name, host string) *person {
	return &person{
		handle: handle, name: name, caps: fmt.Sprint(uint32(caps85Space)),
		object: pictureObject(handle, []byte("picture of "+handle)), host: netip.MustParseAddr(host),
	}
}

// presence is what stands behind the status in ILN and NLN.
func (p *person) presence() string {
	return fmt.Sprintf("%s 1 %s %s %s", p.handle, p.name, p.caps, p.object)
}

// hello15 begins every connection to a dispatch or notification server.
func hello15(l *link, p *person) {
	l.ask(line("VER # MSNP15 MSNP14 MSNP13 CVR0"), line("VER # MSNP15"))
	l.ask(line("CVR # 0x0409 winnt 5.1.0 i386 MSNMSGR 8.5.1302 msmsgs %s", p.handle),
		line("CVR # 8.5.1302 8.5.1302 8.1.0178 http://download.example.com/setup.msi http://messenger.example.com"))
}

// referred15 asks the dispatch server, which sends the client on.
func referred15(s *script, p *person, port uint16, to netip.AddrPort) (ds *link) {
	ds = s.dial(decode.DS, p.short()+"-ds", p.at(port), dispatchServer)
	hello15(ds, p)
	ds.ask(line("USR # SSO I %s", p.handle), line("XFR # NS %v U D", to))
	p.ns = s.dial(decode.NS, p.short()+"-ns", p.at(port+1), to)
	p.ns.trid = ds.trid
	return ds
}

// signIn15 is single sign-on. The server's policies come unasked.
func signIn15(s *script, p *person, nonce, answer string) {
	hello15(p.ns, p)
	p.ns.client(line("USR # SSO I %s", p.handle))
	p.ns.server(with(policies, "GCF 0"), line("USR # SSO S MBI_KEY_OLD %s", nonce))
	s.wait(1700 * time.Millisecond) // the client gets its ticket elsewhere
	p.ns.ask(line("USR # SSO S t=DUMMY-TICKET-%s-00000000&p= %s", p.short(), answer),
		line("USR # OK %s 1 0", p.handle), line("SBS 0 null"))
}

const policies = `<Policies>` +
	`<Policy type="SHIELDS"><config><shield><cli maj="7" min="0" minbld="0" maxbld="9999" deny=" "/></shield>` +
	`<block><regexp><imtext value="XC5waWYk"/></regexp></block></config></Policy>` +
	`<Policy type="ABCH"><policy><set id="push" service="ABCH" priority="200">` +
	`<r id="pushstorage" threshold="180000"/></set></policy></Policy></Policies>`

// profile15 is the profile of MSNP15, with the address of the server itself.
func profile15(p *person, at time.Time) Command {
	ip := p.ns.conn.Server.Addr()
	return with(profile(p, at, "ABCHMigrated: 1", "Nickname: "+p.short(), fmt.Sprintf("RouteInfo: msnp://%v/0147A0C2", ip)),
		"MSG Hotmail Hotmail")
}

func (s msnp15) aliceSignsIn() {
	ds := referred15(s.script, s.alice, 2210, aliceServer)
	ds.hangUp(decode.ServerToClient)
	signIn15(s.script, s.alice, strings.Repeat("A", 63)+"=", ssoAnswerA)
	// The profile comes in two segments, cut within its ticket.
	const withinTicket = 460
	s.alice.ns.serverCut(withinTicket, profile15(s.alice, s.start), with(mailData, "MSG Hotmail Hotmail"))
}

var mailData = mime("text/x-msmsgsinitialmdatanotification; charset=UTF-8", "",
	"Mail-Data: <MD><E><I>3</I><IU>1</IU><O>0</O><OU>0</OU></E><Q><QTM>409600</QTM><QNM>204800</QNM></Q></MD>",
	"Inbox-URL: /cgi-bin/inbox", "Folders-URL: /cgi-bin/folders", "Post-URL: http://mail.example.com")

// aliceSendsList: three commands go out in one segment. Her contacts are
// known from a web service, so the list has names only.
func (s msnp15) aliceSendsList() {
	ns := s.alice.ns
	list := `<ml l="1"><d n="example.com"><c n="bob" l="3" t="1"/><c n="carol" l="3" t="1"/>` +
		`<c n="mallory" l="3" t="1"/><c n="noor" l="3" t="1"/><c n="offers" l="4" t="1"/></d></ml>`
	ns.client(line("BLP # AL"), with(list, "ADL #"), line("PRP # MFN %s", s.alice.name))
	last := *ns.trid
	ns.server(line("BLP %d AL", last-2), line("ADL %d OK", last-1))
	ns.server(line("PRP %d MFN %s", last, s.alice.name))
}

// personal is a personal message with what is being played, as XML.
func personal(message, media string) string {
	return "<Data><PSM>" + message + "</PSM><CurrentMedia>" + media + "</CurrentMedia></Data>"
}

// hostileName is a friendly name that begins like a formula, and goes on with
// an escape sequence that colours a terminal, a tag, and a change of direction.
const hostileName = "=1+2%1B%5B31m%3Cb%3E%E2%80%AEgnp"

// aliceComesOnline: the replies to CHG come in two segments, cut within the
// raw UTF-8 of a name.
func (s msnp15) aliceComesOnline() {
	ns, alice := s.alice.ns, s.alice
	ns.client(line("CHG # NLN %d %s", uint32(caps85), alice.object))
	replies := []Command{
		line("CHG # NLN %s %s", alice.caps, alice.object),
		line("ILN # BRB noor@example.com 1 نور%%20الدين 1342193696 0"),
		with("", "UBX noor@example.com 1"),
		line("ILN # NLN mallory@example.com 1 %s 0 0", hostileName),
		with(personal("&lt;b&gt; &amp; \x1b[2J", ""), "UBX mallory@example.com 1"),
	}
	for i := range replies {
		replies[i].number(*ns.trid)
	}
	withinName := strings.Index(replies[1].Line, "ن") + 1
	ns.serverCut(len(replies[0].Bytes())+withinName, replies...)
	ns.ask(with(personal("Gone swimming", ""), "UUX #"), line("UUX # 0"))
	ns.server(line("CHL 0 11533365622852247127"))
	ns.ask(with("f086d1ded067186deca8dba2231602cf", "QRY # %s", product85), line("QRY #"))
}

// aliceMakesMistake: contact list XML that the server refuses, with an error
// that has a payload; and somebody adds her, of whom she asks the network.
func (s msnp15) aliceMakesMistake() {
	ns := s.alice.ns
	s.wait(10 * time.Second)
	wrong := `<ml><d n="example.com"><c n="dave" l="16" t="1"/></d></ml>`
	ns.ask(with(wrong, "ADL #"), with(wrong, "241 #"))
	s.wait(4 * time.Second)
	ns.server(with(`<ml><d n="example.com"><c n="frank" t="1" l="8" f="Frank"/></d></ml>`, "ADL 0"))
	s.wait(3 * time.Second)
	ns.ask(with(`<ml><d n="example.com"><c n="frank"/></d></ml>`, "FQY #"),
		with(`<ml><d n="example.com"><c n="frank" t="1"/></d></ml>`, "FQY #"))
	ns.ask(with(`<ml><d n="example.com"><c n="frank" l="3" t="1"/></d></ml>`, "ADL #"), line("ADL # OK"))
	ns.ask(with(`<ml><d n="example.com"><c n="offers" l="4" t="1"/></d></ml>`, "RML #"), line("RML # OK"))
}

// bobSignsIn: his client breaks the connection to the dispatch server off
// once it has its referral.
func (s msnp15) bobSignsIn() {
	ds := referred15(s.script, s.bob, 49301, bobServer)
	ds.abort(decode.ClientToServer)
	ns := s.bob.ns
	signIn15(s.script, s.bob, strings.Repeat("B", 63)+"=", ssoAnswerB)
	ns.server(profile15(s.bob, s.start.Add(time.Minute)))
	ns.ask(line("BLP # BL"), line("BLP # BL"))
	ns.ask(with(`<ml l="1"><d n="example.com"><c n="alice" l="3" t="1"/></d></ml>`, "ADL #"), line("ADL # OK"))
	ns.ask(line("PRP # MFN %s", s.bob.name), line("PRP # MFN %s", s.bob.name))
}

func (s msnp15) bobComesOnline() {
	ns, alice, bob := s.bob.ns, s.alice, s.bob
	ns.ask(line("CHG # NLN %d %s", uint32(caps85), bob.object), line("CHG # NLN %s %s", bob.caps, bob.object),
		line("ILN # NLN %s", alice.presence()), with(personal("Gone swimming", ""), "UBX %s 1", alice.handle))
	alice.ns.server(line("NLN NLN %s", bob.presence()))
	tune := personal("At home", `\0Music\01\0{0} - {1}\0A tune\0A band\0An album\0`)
	ns.ask(with(tune, "UUX #"), line("UUX # 0"))
	alice.ns.server(with(tune, "UBX %s 1", bob.handle))
	ns.server(line("CHL 0 13038318816579321232"))
	ns.clientCut(afterLine, with("3b25f5aab8143dd9a47971541666ae0e", "QRY # %s", product85))
	ns.server(line("QRY #"))
}

// invite15 opens a switchboard for somebody, who is ready to call others.
func invite15(s *script, id string, p *person, port uint16, cookie string) {
	p.ns.ask(line("XFR # SB"), line("XFR # SB %v CKI %s %s", switchboard, cookie, messengerDomain))
	p.sb = s.dial(decode.SB, id, p.at(port), switchboard)
	p.sb.ask(line("USR # %s %s", p.handle, cookie), line("USR # OK %s %s", p.handle, p.name))
}

// call15 brings another person into a room.
func call15(s *script, r room, id string, p *person, port uint16, session, cookie string) room {
	caller := r[0]
	caller.sb.ask(line("CAL # %s", p.handle), line("CAL # RINGING %s", session))
	p.ns.server(line("RNG %s %v CKI %s %s %s %s", session, switchboard, cookie, caller.handle, caller.name, messengerDomain))
	p.sb = s.dial(decode.SB, id, p.at(port), switchboard)
	p.sb.client(line("ANS # %s %s %s", p.handle, cookie, session))
	var present []Command
	for i, other := range r {
		roll := line("IRO # %d %d %s %s %s", i+1, len(r), other.handle, other.name, other.caps)
		if s.oldRoll {
			roll = line("IRO # %d %d %s %s", i+1, len(r), other.handle, other.name)
		}
		present = append(present, roll)
	}
	p.sb.server(append(present, line("ANS # OK"))...)
	r.tell(nil, line("JOI %s %s %s", p.handle, p.name, p.caps))
	return append(r, p)
}

// aliceInvitesBob: first she calls somebody who is offline.
func (s msnp15) aliceInvitesBob() room {
	const session = "81450277"
	invite15(s.script, "alice-sb", s.alice, 2213, session+".1213121178.4410932")
	s.alice.sb.ask(line("CAL # dave@example.com"), line("217 #"))
	return call15(s.script, room{s.alice}, "bob-sb", s.bob, 49304, session, "1213121179.4")
}

func (s msnp15) talk(r room) {
	alice, bob := s.alice, s.bob
	s.wait(2 * time.Second)
	r.say(alice, "U", typing(alice.handle))
	s.wait(3 * time.Second)
	r.say(alice, "A", chatText(boldFormat, "Hello Bob 😀"))
	s.wait(2 * time.Second)
	// Two commands in one segment.
	r.say(bob, "N", nudge(), chatText(plainFormat, "\u202etxet desrever\u202c, Γειά, 你好"))
	s.wait(5 * time.Second)
	s.sendsInTwo(r, alice, chatText(plainFormat, "XFR 1 NS 10.0.0.1:1863 U D"))
	s.wait(4 * time.Second)
	for _, piece := range chunks("{7B7B39C6-1F4A-4C5C-9B5A-000000000001}",
		strings.Repeat("A long story, ", 90), "and its end. 𝄞") {
		r.say(bob, "N", piece)
	}
	s.wait(3 * time.Second)
	r.say(alice, "U", typing(alice.handle))
	s.wait(2 * time.Second)
	r.say(alice, "N", chatText(rtlFormat, "مرحبا יותר מאוחר"))
}

// sendsInTwo is say, with the line and the payload written one after the other
// by the client, and the switchboard cutting its copy within the headers.
func (s msnp15) sendsInTwo(r room, from *person, payload string) {
	from.sb.clientCut(afterLine, with(payload, "MSG # N"))
	copied := with(payload, "MSG %s %s", from.handle, from.name)
	const withinHeaders = 10
	for _, p := range r {
		if p != from {
			p.sb.serverCut(len(copied.Line)+withinHeaders, copied)
		}
	}
}

// switchboardCloses: with nothing said for five minutes, the switchboard says
// goodbye for both and closes.
func (s msnp15) switchboardCloses() {
	alice, bob := s.alice, s.bob
	s.wait(45 * time.Second)
	alice.ns.ask(line("PNG"), line("QNG 43"))
	s.wait(5 * time.Minute)
	alice.sb.server(line("BYE %s 1", bob.handle))
	bob.sb.server(line("BYE %s 1", alice.handle))
	alice.sb.hangUp(decode.ServerToClient)
	bob.sb.hangUp(decode.ServerToClient)
}

func (s msnp15) everybodyLeaves() {
	alice, bob := s.alice, s.bob
	bob.ns.ask(line("CHG # IDL %s %s", bob.caps, bob.object), line("CHG # IDL %s %s", bob.caps, bob.object))
	alice.ns.server(line("NLN IDL %s", bob.presence()))
	s.wait(20 * time.Second)
	bob.ns.server(line("OUT OTH"))
	bob.ns.hangUp(decode.ServerToClient)
	alice.ns.server(line("FLN %s 1", bob.handle))
	s.wait(9 * time.Second)
	alice.ns.signOut()
}
