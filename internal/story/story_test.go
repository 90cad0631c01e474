package story

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"msnproxy/decode"
)

const (
	alice, bob, carol = "alice@example.com", "bob@example.com", "carol@example.com"
	ns1, ns2, sb1     = "198.51.100.21:1863", "198.51.100.22:1863", "198.51.100.40:1863"
)

// evening plays a call of alice to bob, both in the capture.
func evening(t *testing.T) *play {
	p := newPlay(t)
	p.open("c1", "10.0.0.1:1001", ns1)
	p.signIn("c1", alice)
	p.open("c2", "10.0.0.2:1001", ns2)
	p.signIn("c2", bob)
	p.calls("c1", "c3", "10.0.0.1:1002", sb1, alice, "17.1", bob, "17")
	p.answers("c2", "c4", "10.0.0.2:1002", sb1, bob, "99.5", alice, "17")
	p.s("c3", "JOI bob@example.com Bob")
	return p
}

func TestConversationIsToldOnceFromTwoSides(t *testing.T) {
	p := evening(t)
	typing := "MIME-Version: 1.0\r\nContent-Type: text/x-msmsgscontrol\r\nTypingUser: alice@example.com\r\n\r\n\r\n"
	p.c("c3", "MSG 4 U\n"+typing)
	p.s("c4", "MSG alice@example.com Alice\n"+typing)
	for range 2 { // the same words twice are two messages
		p.writes("c3", "hi")
		p.gets("c4", alice, "hi")
	}
	p.writes("c4", "hi")
	p.gets("c3", bob, "hi")
	p.gets("c4", alice, "seen on one side only")
	p.close("c3", "client closed")
	p.close("c4", "client closed")
	s := p.teller.Story()
	lines(t, "conversations", conversationLines(s), "c3 c4: alice@example.com bob@example.com: 4 texts, 1 typing, 0 other")
	lines(t, "messages", messageLines(s),
		`alice@example.com > bob@example.com: "hi" on c3 c4`,
		`alice@example.com > bob@example.com: "hi" on c3 c4`,
		`bob@example.com > alice@example.com: "hi" on c4 c3`,
		`alice@example.com > bob@example.com: "seen on one side only" on c4`)
	lines(t, "sessions", sessionLines(s),
		"s1 alice@example.com: c1 c3: still signed in at the end",
		"s2 bob@example.com: c2 c4: still signed in at the end")
}

func TestSideThatIsTakenDownFirst(t *testing.T) {
	p := evening(t)
	p.gets("c4", alice, "hi") // the receiver's side was captured ahead of the sender's
	p.writes("c3", "hi")
	s := p.teller.Story()
	lines(t, "messages", messageLines(s), `alice@example.com > bob@example.com: "hi" on c3 c4`)
	if at := s.Messages[0].Time; !at.Equal(p.now) {
		t.Errorf("told at %v, not when it was sent", at)
	}
}

func TestThreeOnASwitchboard(t *testing.T) {
	p := evening(t)
	p.c("c3", "CAL 3 carol@example.com")
	p.s("c3", "CAL 3 RINGING 17", "JOI carol@example.com Carol")
	p.s("c4", "JOI carol@example.com Carol")
	p.gets("c4", carol, "hello all")
	p.gets("c3", carol, "hello all")
	p.s("c3", "BYE carol@example.com")
	p.writes("c3", "she is gone")
	s := p.teller.Story()
	lines(t, "messages", messageLines(s),
		`carol@example.com > bob@example.com alice@example.com: "hello all" on c4 c3`,
		`alice@example.com > bob@example.com: "she is gone" on c3`)
	lines(t, "conversations", conversationLines(s), "c3 c4: alice@example.com bob@example.com carol@example.com: 2 texts, 0 typing, 0 other")
}

func TestSwitchboardsOfTheSamePeopleStayApart(t *testing.T) {
	p := evening(t)
	p.calls("c2", "c5", "10.0.0.2:1003", sb1, bob, "18.1", alice, "18")
	p.answers("c1", "c6", "10.0.0.1:1003", sb1, alice, "99.6", bob, "18")
	p.writes("c3", "first")
	p.writes("c5", "second")
	p.gets("c6", bob, "second")
	lines(t, "conversations", conversationLines(p.teller.Story()),
		"c3 c4: alice@example.com bob@example.com: 1 texts, 0 typing, 0 other",
		"c5 c6: bob@example.com alice@example.com: 1 texts, 0 typing, 0 other")
}

func TestSessionIDThatTwoServersGive(t *testing.T) {
	p := evening(t)
	p.open("c7", "10.0.0.3:1001", ns1)
	p.signIn("c7", carol)
	p.answers("c7", "c8", "10.0.0.3:1002", "203.0.113.9:1863", carol, "99.7", "dave@example.com", "17")
	lines(t, "conversations", conversationLines(p.teller.Story()),
		"c3 c4: alice@example.com bob@example.com: 0 texts, 0 typing, 0 other",
		"c8: carol@example.com dave@example.com: 0 texts, 0 typing, 0 other")
}

func TestSessionIDThatAServerGivesAgain(t *testing.T) {
	p := evening(t)
	p.close("c3", "client closed")
	p.close("c4", "client closed")
	p.now = p.now.Add(time.Hour)
	p.calls("c1", "c5", "10.0.0.1:1004", sb1, alice, "21.1", bob, "17")
	p.answers("c2", "c6", "10.0.0.2:1004", sb1, bob, "99.9", alice, "17")
	lines(t, "conversations", conversationLines(p.teller.Story()),
		"c3 c4: alice@example.com bob@example.com: 0 texts, 0 typing, 0 other",
		"c5 c6: alice@example.com bob@example.com: 0 texts, 0 typing, 0 other")
}

func TestCookieThatLooksLikeOneOfAnotherRun(t *testing.T) {
	p := newPlay(t)
	p.open("c1", "10.0.0.1:1001", ns1)
	p.signIn("c1", alice)
	p.c("c1", "XFR 10 SB")
	p.s("c1", "XFR 10 SB "+sb1+" CKI 17.1")
	p.close("c1", "client closed")
	p.now = p.now.Add(time.Hour)
	p.begin("c2", "10.0.0.1:1002", sb1, nil, false)
	p.c("c2", "USR 1 alice@example.com 17.1")
	lines(t, "sessions", sessionLines(p.teller.Story()),
		"s1 alice@example.com: c1: left without signing out",
		"s2 alice@example.com: c2: only switchboards are in the capture")
}

func TestEchoOfTheRightMessage(t *testing.T) {
	p := evening(t)
	p.writes("c3", "hi") // the capture lacks where it came in
	p.now = p.now.Add(time.Hour)
	p.writes("c3", "hi")
	p.gets("c4", alice, "hi")
	s := p.teller.Story()
	lines(t, "messages", messageLines(s),
		`alice@example.com > bob@example.com: "hi" on c3`,
		`alice@example.com > bob@example.com: "hi" on c3 c4`)
}

func TestSameWordsBeforeAndAfterSomebodyCame(t *testing.T) {
	p := evening(t)
	p.writes("c3", "hi")
	p.gets("c4", alice, "hi")
	p.open("c7", "10.0.0.3:1002", sb1)
	p.c("c7", "ANS 1 carol@example.com 99.7 17")
	p.s("c7", "IRO 1 1 2 alice@example.com Alice", "IRO 1 2 2 bob@example.com Bob", "ANS 1 OK")
	p.s("c3", "JOI carol@example.com Carol")
	p.s("c4", "JOI carol@example.com Carol")
	p.writes("c3", "hi")
	p.gets("c4", alice, "hi")
	p.gets("c7", alice, "hi")
	lines(t, "messages", messageLines(p.teller.Story()),
		`alice@example.com > bob@example.com: "hi" on c3 c4`,
		`alice@example.com > bob@example.com carol@example.com: "hi" on c3 c4 c7`)
}

func TestRecipientsThatOnlyTheirOwnSidesTell(t *testing.T) {
	p := evening(t)
	p.s("c3", "BYE bob@example.com") // to be called again at once
	p.writes("c3", "are you there")
	p.gets("c4", alice, "are you there")
	lines(t, "messages", messageLines(p.teller.Story()), `alice@example.com > bob@example.com: "are you there" on c3 c4`)
}

func TestMessageOfAnotherEndpointIsNotToItsSender(t *testing.T) {
	p := evening(t)
	p.open("c5", "10.0.0.7:1002", sb1)
	p.c("c5", "ANS 1 alice@example.com;{b} 99.8 17")
	p.s("c5", "IRO 1 1 1 bob@example.com Bob", "ANS 1 OK")
	p.writes("c3", "ok")
	p.s("c5", "MSG alice@example.com;{a} Alice\n"+textHeader+"ok")
	lines(t, "messages", messageLines(p.teller.Story()), `alice@example.com > bob@example.com: "ok" on c3 c5`)
}

func TestMessageThatCouldNotBeDelivered(t *testing.T) {
	p := evening(t)
	p.writes("c3", "lost")
	p.s("c3", "NAK 5")
	p.c("c3", "MSG 6 A\n"+textHeader+"refused", "MSG 7 A\n"+textHeader+"well")
	p.s("c3", "282 6", "ACK 7")
	var got []string
	for _, m := range p.teller.Story().Messages {
		got = append(got, fmt.Sprint(m.Text, " ", m.Undelivered))
	}
	lines(t, "messages", got, "lost true", "refused true", "well false")
}

func TestOneAccountWritesFromTwoPlaces(t *testing.T) {
	p := evening(t)
	p.open("c5", "10.0.0.7:1002", sb1)
	p.c("c5", "ANS 1 alice@example.com 99.8 17")
	p.s("c5", "IRO 1 1 1 bob@example.com Bob", "ANS 1 OK")
	p.writes("c3", "ok")
	p.writes("c5", "ok")
	lines(t, "messages", messageLines(p.teller.Story()),
		`alice@example.com > bob@example.com: "ok" on c3`,
		`alice@example.com > bob@example.com: "ok" on c5`)
}

func TestCallWhoseSessionIDIsMissing(t *testing.T) {
	p := newPlay(t)
	p.open("c3", "10.0.0.1:1002", sb1)
	p.c("c3", "USR 1 alice@example.com 17.1")
	p.s("c3", "USR 1 OK alice@example.com Alice")
	p.c("c3", "CAL 2 bob@example.com") // the capture lacks the reply
	p.open("c4", "10.0.0.2:1002", sb1)
	p.c("c4", "ANS 1 bob@example.com 99.5 17")
	p.s("c4", "IRO 1 1 1 alice@example.com Alice", "ANS 1 OK")
	p.writes("c3", "hi")
	p.gets("c4", alice, "hi")
	s := p.teller.Story()
	lines(t, "conversations", conversationLines(s), "c3 c4: alice@example.com bob@example.com: 1 texts, 0 typing, 0 other")
	lines(t, "sessions", sessionLines(s),
		"s1 alice@example.com: c3: only switchboards are in the capture",
		"s2 bob@example.com: c4: only switchboards are in the capture")
}

func TestCaptureThatBeganWithinAConversation(t *testing.T) {
	p := newPlay(t)
	p.midway("c1", "10.0.0.1:1002", sb1)
	p.midway("c2", "10.0.0.2:1002", sb1)
	p.midway("c3", "10.0.0.3:1002", sb1) // of another conversation
	p.writes("c1", "hi")
	p.gets("c2", alice, "hi")
	p.writes("c3", "hi")
	p.now = p.now.Add(time.Minute)
	p.gets("c3", "dave@example.com", "hello")
	p.writes("c1", "and again")
	p.gets("c2", alice, "and again")
	s := p.teller.Story()
	lines(t, "conversations", conversationLines(s),
		"c1 c2: alice@example.com: 2 texts, 0 typing, 0 other",
		"c3: dave@example.com: 2 texts, 0 typing, 0 other")
	lines(t, "messages", messageLines(s)[:1], `alice@example.com > : "hi" on c1 c2`)

	p.writes("c2", "welcome")
	p.gets("c1", bob, "welcome")
	s = p.teller.Story()
	lines(t, "conversations", conversationLines(s)[:1], "c1 c2: alice@example.com bob@example.com: 3 texts, 0 typing, 0 other")
	lines(t, "sessions", sessionLines(s)[:2],
		"s1 alice@example.com: c1: only switchboards are in the capture",
		"s2 bob@example.com: c2: only switchboards are in the capture")
	if got := messageLines(s); len(got) != 5 || got[4] != `bob@example.com > alice@example.com: "welcome" on c2 c1` {
		t.Errorf("%q", got)
	}
}

func TestSwitchboardToWhichNobodyCame(t *testing.T) {
	p := evening(t)
	p.c("c1", "XFR 11 SB")
	p.s("c1", "XFR 11 SB "+sb1+" CKI 18.1")
	p.open("c5", "10.0.0.1:1003", sb1)
	p.c("c5", "USR 1 alice@example.com 18.1")
	p.s("c5", "USR 1 OK alice@example.com Alice")
	p.c("c5", "CAL 2 bob@example.com")
	p.s("c5", "217 2")
	lines(t, "conversations", conversationLines(p.teller.Story()),
		"c3 c4: alice@example.com bob@example.com: 0 texts, 0 typing, 0 other",
		"c5: alice@example.com: 0 texts, 0 typing, 0 other")
}

func TestTwoClientsBehindOneAddress(t *testing.T) {
	p := newPlay(t)
	const nat = "203.0.113.5"
	for i, who := range []string{alice, bob} {
		ds := fmt.Sprintf("c%d", i+1)
		p.open(ds, nat+":200"+fmt.Sprint(i), "198.51.100.10:1863")
		p.c(ds, "VER 1 MSNP8 CVR0")
		p.s(ds, "VER 1 MSNP8")
		p.c(ds, "USR 3 TWN I "+who)
		p.s(ds, "XFR 3 NS "+ns1+" 0 198.51.100.10:1863")
	}
	p.open("c3", nat+":2002", ns1) // alice's, though bob's referral is the last
	p.signIn("c3", alice)
	p.open("c4", nat+":2003", ns1)
	p.signIn("c4", bob)
	p.calls("c4", "c5", nat+":2004", sb1, bob, "17.1", carol, "17")
	p.c("c3", "OUT")
	p.close("c3", "client closed")
	s := p.teller.Story()
	lines(t, "sessions", sessionLines(s),
		"s1 alice@example.com: c1 c3: signed out",
		"s2 bob@example.com: c2 c4 c5: still signed in at the end")
	var got []string
	for _, f := range s.Referrals {
		got = append(got, fmt.Sprintf("%s %s followed by %s", f.Conn, f.Type, f.FollowedBy))
	}
	lines(t, "referrals", got, "c1 XFR NS followed by c3", "c2 XFR NS followed by c4", "c4 XFR SB followed by c5")
}

func TestCaptureThatMissesTheReferrals(t *testing.T) {
	p := newPlay(t)
	p.begin("c1", "10.0.0.1:1001", ns1, nil, false)
	p.signIn("c1", alice)
	p.begin("c2", "10.0.0.1:1002", sb1, nil, false)
	p.c("c2", "USR 1 alice@example.com 17.1")
	p.s("c2", "USR 1 OK alice@example.com Alice")
	p.begin("c3", "10.0.0.9:1002", sb1, nil, false) // another computer
	p.c("c3", "USR 1 alice@example.com 18.1")
	p.close("c1", "client reset")
	lines(t, "sessions", sessionLines(p.teller.Story()),
		"s1 alice@example.com: c1 c2: connection lost: client reset",
		"s2 alice@example.com: c3: only switchboards are in the capture")
}

func TestAccountOfAConnectionThatBeganBefore(t *testing.T) {
	p := newPlay(t)
	p.midway("c1", "10.0.0.1:1001", ns1)
	p.s("c1", "NLN NLN bob@example.com Bob 0")
	p.calls("c1", "c2", "10.0.0.1:1002", sb1, alice, "17.1", bob, "17")
	p.c("c1", "OUT")
	p.close("c1", "client closed")
	s := p.teller.Story()
	lines(t, "sessions", sessionLines(s), "s1 alice@example.com: c1 c2: signed out; began before the capture")
	lines(t, "contacts", contactLines(s), `alice@example.com: bob@example.com "Bob"  [] NLN`)
	if len(s.Presence) != 1 || s.Presence[0].Account != alice {
		t.Errorf("presence %+v", s.Presence)
	}
}

// TestClientsAlone: of a dispatch and a notification server, only what the client
// says is in the capture.
func TestClientsAlone(t *testing.T) {
	p := newPlay(t)
	p.open("c1", "10.0.0.1:1001", ns1)
	p.c("c1", "VER 1 MSNP8 CVR0", "USR 3 TWN I alice@example.com")
	p.misses("c1", 60)
	p.open("c2", "10.0.0.1:1002", "198.51.100.22:1863")
	p.c("c2", "VER 4 MSNP8 CVR0", "USR 6 TWN I alice@example.com", "USR 7 TWN S t=x", "SYN 8 0")
	p.misses("c2", 600)
	lines(t, "sessions", sessionLines(p.teller.Story()),
		"s1 alice@example.com: c1 c2: still signed in at the end; what the server said is missing")
}

func TestOutcomes(t *testing.T) {
	begin := func(p *play) {
		p.open("c1", "10.0.0.1:1001", ns1)
		p.c("c1", "VER 1 MSNP8 CVR0")
	}
	asks := func(p *play) {
		begin(p)
		p.s("c1", "VER 1 MSNP8")
		p.c("c1", "USR 3 TWN I alice@example.com")
	}
	in := func(p *play) {
		p.open("c1", "10.0.0.1:1001", ns1)
		p.signIn("c1", alice)
	}
	for want, run := range map[string]func(*play){
		"the server could not be reached":          func(p *play) { p.open("c1", "10.0.0.1:1030", "10.0.0.2:1863"); p.close("c1", "server unreachable") },
		"never got past VER (server closed)":       func(p *play) { begin(p); p.close("c1", "server closed") },
		"refused: no dialect in common":            func(p *play) { begin(p); p.s("c1", "VER 1 0"); p.close("c1", "server closed") },
		"never got past USR TWN I (client closed)": func(p *play) { asks(p); p.close("c1", "client closed") },
		"refused with 911: authentication failed":  func(p *play) { asks(p); p.s("c1", "911 3"); p.close("c1", "server closed") },
		"referred to 198.51.100.22:1863, and not seen there": func(p *play) {
			asks(p)
			p.s("c1", "XFR 3 NS 198.51.100.22:1863 0 198.51.100.21:1863")
			p.close("c1", "client closed")
		},
		"signed out":                 func(p *play) { in(p); p.c("c1", "OUT"); p.close("c1", "server closed") },
		"still signed in at the end": func(p *play) { in(p); p.close("c1", "capture ended") },
		"signed out by the server: signed in elsewhere":           func(p *play) { in(p); p.s("c1", "OUT OTH"); p.close("c1", "server closed") },
		"signed out by the server":                                func(p *play) { in(p); p.s("c1", "OUT"); p.close("c1", "server closed") },
		"left without signing out":                                func(p *play) { in(p); p.close("c1", "client closed") },
		"not known: too much was unfinished to decode it further": func(p *play) { in(p); p.close("c1", "too much of it is unfinished") },
		"connection lost: server reset":                           func(p *play) { in(p); p.close("c1", "server reset") },
		"connection lost after error 540: challenge response wrong": func(p *play) {
			in(p)
			p.s("c1", "CHL 0 15570131571988941333")
			p.c("c1", "QRY 9 msmsgs@msnmsgr.com\n00000000000000000000000000000000")
			p.s("c1", "540 9")
			p.close("c1", "server closed")
		},
		"still signed in at the end ": func(p *play) { // the ticket for circles is refused
			in(p)
			p.c("c1", "USR 5 SHA A x")
			p.s("c1", "911 5")
		},
		"not known: what the server said is missing": func(p *play) {
			begin(p)
			p.misses("c1", 14)
			p.close("c1", "client closed")
		},
		"signed out; what the server said is missing": func(p *play) {
			begin(p)
			p.misses("c1", 14)
			p.c("c1", "SYN 5 0", "CHG 6 NLN", "OUT")
			p.close("c1", "client closed")
		},
		"closed by the server": func(p *play) {
			in(p)
			p.s("c1", "540 9", "QNG 40")
			p.close("c1", "server closed")
		},
	} {
		p := newPlay(t)
		run(p)
		s := p.teller.Story()
		if len(s.Sessions) != 1 || s.Sessions[0].Outcome != strings.TrimSpace(want) {
			t.Errorf("%v, want %q", sessionLines(s), want)
		}
	}
}

func TestClientSoftware(t *testing.T) {
	p := newPlay(t)
	p.open("c1", "10.0.0.1:1001", ns1)
	p.signIn("c1", alice)
	if got := p.teller.Story().Sessions[0].Software; got != "MSMSGS 6.2.0137 (winnt 5.1)" {
		t.Errorf("by CVR: %q", got)
	}
	p.calls("c1", "c2", "10.0.0.1:1002", sb1, alice, "17.1", bob, "17")
	p.c("c2", "MSG 3 U\nMIME-Version: 1.0\r\nContent-Type: text/x-clientcaps\r\n\r\nClient-Name: Other/1.0\r\nChat-Logging: Y\r\n")
	if got := p.teller.Story().Sessions[0].Software; got != "MSMSGS 6.2.0137 (winnt 5.1), in chats Other/1.0" {
		t.Errorf("by what it tells others: %q", got)
	}
	p.midway("c3", "10.0.0.2:1001", ns1)
	p.c("c3", "CHG 9 NLN 1073741824")
	if got := p.teller.Story().Sessions[1].Software; got != "MSN Messenger 7.0" {
		t.Errorf("by capabilities: %q", got)
	}
	p.c("c3", "QRY 10 PROD0090YUAUV{2B\n00000000000000000000000000000000")
	if got := p.teller.Story().Sessions[1].Software; got != "product PROD0090YUAUV{2B (MSN Messenger 7.0; many other clients)" {
		t.Errorf("by product id: %q", got)
	}
}

func TestMessagesBeyondThoseKeptAreCountedByTheirKind(t *testing.T) {
	p := evening(t)
	p.teller.Keep(1)
	p.writes("c3", "kept")
	p.c("c3", "MSG 6 N\nMIME-Version: 1.0\r\nContent-Type: text/plain\r\nUser-Agent: Other/2.0\r\n\r\nbeyond")
	p.c("c3", "MSG 7 U\nMIME-Version: 1.0\r\nContent-Type: text/x-msmsgscontrol\r\nTypingUser: alice@example.com\r\n\r\n\r\n")
	p.writes("c3", "")
	s := p.teller.Story()
	lines(t, "conversations", conversationLines(s), "c3 c4: alice@example.com bob@example.com: 3 texts, 1 typing, 0 other")
	lines(t, "messages", messageLines(s), `alice@example.com > bob@example.com: "kept" on c3`)
	if got := s.Sessions[0].Software; s.Cut.Messages != 2 || !strings.HasSuffix(got, "in chats Other/2.0") {
		t.Errorf("%d messages are not told, and the client is %q", s.Cut.Messages, got)
	}
}

func TestStoryIsASnapshot(t *testing.T) {
	p := evening(t)
	before := p.teller.Story()
	p.writes("c3", "later")
	p.c("c1", "OUT")
	p.close("c1", "client closed")
	if len(before.Messages) != 0 || before.Sessions[0].Outcome != "still signed in at the end" || before.Connections[0].Closed {
		t.Error("a story changed when records came")
	}
	if after := p.teller.Story(); len(after.Messages) != 1 || after.Sessions[0].Outcome != "signed out" {
		t.Errorf("%v %v", messageLines(after), sessionLines(after))
	}
}

func TestLatency(t *testing.T) {
	p := newPlay(t)
	p.open("c1", "10.0.0.1:1001", ns1)
	p.signIn("c1", alice)
	p.c("c1", "SYN 5 0")
	p.s("c1", "SYN 5 1 2 0", "LST bob@example.com Bob 3 0")
	p.c("c1", "CHG 6 NLN 0", "PNG")
	p.s("c1", "QNG 40", "CHG 6 NLN 0")
	p.c("c1", "CHG 7 BSY 0")
	p.close("c1", "server reset")
	var got []string
	for _, l := range p.teller.Story().Latencies {
		got = append(got, fmt.Sprintf("%s %d %v %v %d", l.Verb, l.Count, l.Min, l.Max, l.Unanswered))
	}
	// A second passes before everything that is said.
	lines(t, "latencies", got, "CHG 1 3s 3s 1", "CVR 0 0s 0s 1", "PNG 1 1s 1s 0", "SYN 1 1s 1s 0", "USR 2 1s 1s 0", "VER 1 1s 1s 0")
}

func TestRequestsBeyondThoseThatMayWaitAreGivenUp(t *testing.T) {
	p := newPlay(t)
	p.open("c1", "10.0.0.1:1001", ns1)
	const more, replies = 3, 2
	for i := range maxOpenRequests + more {
		p.c("c1", fmt.Sprintf("CHG %d NLN 0", i+1))
	}
	for i := range replies {
		p.s("c1", fmt.Sprintf("CHG %d NLN 0", maxOpenRequests+more-i))
	}
	if l := p.teller.Story().Latencies[0]; l.Count != replies || l.Min != time.Second || l.Max != 3*time.Second || l.Unanswered != more {
		t.Errorf("%+v", l)
	}
	p.close("c1", "server reset")
	if l := p.teller.Story().Latencies[0]; l.Unanswered != maxOpenRequests+more-replies {
		t.Errorf("in the end: %+v", l)
	}
}

func TestQuantiles(t *testing.T) {
	var few, many sample
	for n := range 20 {
		few.add(time.Duration(20-n) * time.Millisecond)
	}
	if few.quantile(0.5) != 10*time.Millisecond || few.quantile(0.95) != 19*time.Millisecond {
		t.Errorf("of 1 to 20 ms: %v and %v, want 10ms and 19ms", few.quantile(0.5), few.quantile(0.95))
	}
	for n := range 100_000 {
		many.add(time.Duration(n+1) * 10 * time.Microsecond)
	}
	for q, want := range map[float64]time.Duration{0.5: 500 * time.Millisecond, 0.95: 950 * time.Millisecond} {
		got := many.quantile(q)
		if off := (got - want).Abs(); off > want/100 {
			t.Errorf("the quantile %v of 10 µs to 1 s is %v, want %v to one part in a hundred", q, got, want)
		}
	}
	if len(many.exact) > maxExact || len(many.classes) > 2600 {
		t.Errorf("%d durations and %d classes are kept", len(many.exact), len(many.classes))
	}
}

func TestConnectionsBeyondTheLimitAreCounted(t *testing.T) {
	teller := NewTeller()
	for n := range maxConnections + 3 {
		for _, kind := range []decode.Kind{decode.KindOpen, decode.KindClose} {
			teller.Record(&decode.Record{Conn: fmt.Sprint(n), Kind: kind})
		}
	}
	if s := teller.Story(); len(s.Connections) != maxConnections || s.Cut.Connections != 3 {
		t.Errorf("%d are told and %d are not", len(s.Connections), s.Cut.Connections)
	}
}

func TestRecordsThatReferInACircle(t *testing.T) {
	teller := NewTeller()
	for i, c := range []string{"c1", "c2", "c3"} {
		via := decode.Ref{Conn: []string{"c3", "c1", "c2"}[i], Seq: 5}
		teller.Record(&decode.Record{Conn: c, Kind: decode.KindOpen, Via: via, Server: decode.NS})
	}
	if s := teller.Story(); len(s.Sessions) != 1 || len(s.Sessions[0].Connections) != 3 {
		t.Errorf("%v", sessionLines(s))
	}
}
