package story

import (
	"fmt"
	"slices"
	"testing"
)

// list plays a notification connection of alice at a dialect, and returns
// her contacts.
func list(t *testing.T, dialect string, run func(p *play)) []string {
	p := newPlay(t)
	p.open("c1", "10.0.0.1:1001", ns1)
	p.c("c1", "VER 1 "+dialect+" CVR0")
	p.s("c1", "VER 1 "+dialect)
	p.c("c1", "USR 3 TWN I alice@example.com")
	p.s("c1", "USR 4 OK alice@example.com Alice 1 0")
	run(p)
	return contactLines(p.teller.Story())
}

func TestListAsSingleEntries(t *testing.T) {
	got := list(t, "MSNP7", func(p *play) {
		p.c("c1", "SYN 5 0")
		p.s("c1", "SYN 5 9", "LSG 5 9 1 2 0 Other%20Contacts 0", "LSG 5 9 2 2 1 Friends 0",
			"LST 5 FL 9 1 1 bob@example.com Bob 0,1", "LST 5 AL 9 1 1 bob@example.com Bob",
			"LST 5 BL 9 0 0", "LST 5 RL 9 1 1 carol@example.com Carol")
		p.c("c1", "ADD 6 BL carol@example.com Carol", "ADD 7 FL dave@example.com Dave 1", "REM 8 FL bob@example.com 0")
		p.s("c1", "ADD 6 BL 10 carol@example.com Carol", "224 7", "REM 8 FL 11 bob@example.com 0")
		p.s("c1", "ADD 0 RL 12 erin@example.com Erin", "REM 0 RL 13 carol@example.com")
	})
	lines(t, "contacts", got,
		`alice@example.com: bob@example.com "Bob" FL+AL [Friends] `,
		`alice@example.com: carol@example.com "Carol" BL [] `,
		`alice@example.com: erin@example.com "Erin" RL [] `)
}

func TestListAsBits(t *testing.T) {
	got := list(t, "MSNP8", func(p *play) {
		p.s("c1", "SYN 5 9 2 1", "LSG 0 Other%20Contacts 0", "LST bob@example.com Bob 11 0", "BPR MOB Y", "LST carol@example.com 100%25 4")
		p.s("c1", "ILN 6 AWY bob@example.com Bobby 0", "ADG 7 10 Family 1 0", "ADD 8 FL 11 bob@example.com Bobby 1", "RMG 9 12 0",
			"REA 10 13 carol@example.com Carol", "REM 11 AL 14 bob@example.com", "FLN bob@example.com")
		// a whole list again, of which carol is no longer
		p.s("c1", "SYN 12 15 1 1", "LSG 1 Family 0", "LST bob@example.com Bob 3 1")
	})
	lines(t, "contacts", got,
		`alice@example.com: bob@example.com "Bob" FL+AL [Family] FLN`,
		`alice@example.com: carol@example.com "Carol"  [] `)
}

func TestListWithGUIDs(t *testing.T) {
	const b, g = "b94d56b1-dfd0-4bb9-b07f-9444e38581f0", "cc4ac482-6f1c-473a-a70b-c06a43ca4df3"
	got := list(t, "MSNP12", func(p *play) {
		p.s("c1", "SYN 5 2005-01-01T00:00:00.0-00:00 2005-01-01T00:00:00.0-00:00 2 1", "LSG Mates "+g,
			"LST N=bob@example.com F=Bob C="+b+" 11 1 "+g, "LST N=carol@example.com 24 1")
		p.s("c1", "SBP 6 "+b+" MFN Robert", "ADC 7 FL N=dave@example.com F=Dave C=00000000-0000-0000-0000-00000000000d",
			"ADC 8 FL C=00000000-0000-0000-0000-00000000000d "+g, "REM 9 FL "+b+" "+g, "REM 10 RL carol@example.com", "ADC 0 RL N=erin@example.com F=Erin")
	})
	lines(t, "contacts", got,
		`alice@example.com: bob@example.com "Robert" FL+AL+RL [] `,
		`alice@example.com: carol@example.com "" PL [] `,
		`alice@example.com: dave@example.com "Dave" FL [Mates] `,
		`alice@example.com: erin@example.com "Erin" RL [] `)
}

func TestListAsXML(t *testing.T) {
	ml := func(initial, contacts string) string {
		return fmt.Sprintf(`<ml%s><d n="example.com">%s</d></ml>`, initial, contacts)
	}
	got := list(t, "MSNP15", func(p *play) {
		p.c("c1", "ADL 5\n"+ml(` l="1"`, `<c n="bob" l="3" t="1"/><c n="carol" l="4" t="1"/>`))
		p.c("c1", "ADL 6\n"+ml("", `<c n="dave" l="3" t="1"/>`), "ADL 7\n"+ml("", `<c n="erin" l="3" t="1"/>`), "RML 8\n"+ml("", `<c n="bob" l="2" t="1"/>`))
		p.s("c1", "ADL 5 OK", "241 6", "ADL 7 OK", "RML 8 OK")
		p.s("c1", "ADL 0\n"+ml("", `<c n="frank" l="8" t="1" f="Frank"/>`), "RML 0\n"+ml("", `<c n="frank" l="8" t="1"/>`), "ADL 0\n"+ml("", `<c n="grace" l="16" t="1"/>`))
		p.c("c1", "ADL 9\n"+ml("", `<c n="henry" l="3" t="1"/>`)) // nobody confirms it
	})
	lines(t, "contacts", got,
		`alice@example.com: bob@example.com "" FL [] `,
		`alice@example.com: carol@example.com "" BL [] `,
		`alice@example.com: erin@example.com "" FL+AL [] `,
		`alice@example.com: frank@example.com "Frank"  [] `,
		`alice@example.com: grace@example.com "" PL [] `)
}

func TestPresenceTellsChangesOnly(t *testing.T) {
	p := newPlay(t)
	p.open("c1", "10.0.0.1:1001", ns1)
	p.signIn("c1", alice)
	p.c("c1", "CHG 5 NLN 0")
	p.s("c1", "CHG 5 NLN 0", "ILN 5 AWY bob@example.com Bob 0", "NLN AWY bob@example.com Bob 0", "NLN NLN bob@example.com Bob 0",
		"NLN NLN bob@example.com Bobby 0", "FLN bob@example.com", "FLN bob@example.com")
	var got []string
	for _, x := range p.teller.Story().Presence {
		got = append(got, fmt.Sprintf("%s %s %s %s", x.Account, x.Contact, x.Status, x.Name))
	}
	lines(t, "presence", got,
		"alice@example.com alice@example.com NLN Name",
		"alice@example.com bob@example.com AWY Bob",
		"alice@example.com bob@example.com NLN Bob",
		"alice@example.com bob@example.com NLN Bobby",
		"alice@example.com bob@example.com FLN Bobby")
}

func TestPresenceAndMessagesOfMSNP21(t *testing.T) {
	routed := func(from, to, last, body string) string {
		return "Routing: 1.0\r\nTo: 1:" + to + "\r\nFrom: 1:" + from + ";epid={1}\r\n\r\nReliability: 1.0\r\n\r\n" + last + "\r\n\r\n" + body
	}
	user := func(name, status string) string {
		return `<user><s n="PE"><FriendlyName>` + name + `</FriendlyName></s><s n="IM"><Status>` + status + `</Status></s></user>`
	}
	p := newPlay(t)
	for i, who := range []string{alice, bob} {
		c := fmt.Sprintf("c%d", i+1)
		p.open(c, fmt.Sprintf("10.0.0.%d:1001", i+1), ns1)
		p.c(c, "VER 1 MSNP21 CVR0")
		p.s(c, "VER 1 MSNP21")
		p.c(c, "USR 3 SSO I "+who)
		p.s(c, "USR 4 OK "+who+" 1 0")
	}
	p.c("c1", "PUT 5\n"+routed(alice, alice, "Publication: 1.0\r\nUri: /user\r\nContent-Type: application/user+xml", user("Alice", "NLN")))
	p.s("c2", "NFY PUT\n"+routed(alice, bob, "Notification: 1.0\r\nUri: /user\r\nNotifType: Full\r\nContent-Type: application/user+xml", user("Alice", "NLN")))
	const text = "Messaging: 2.0\r\nMessage-Type: Text\r\nContent-Type: Text/plain; charset=UTF-8"
	p.c("c1", "SDG 6\n"+routed(alice, bob, text, "hello"))
	p.s("c2", "SDG 0\n"+routed(alice, bob, text, "hello"))
	p.c("c2", "SDG 6\n"+routed(bob, alice, text, "to the one side only"))
	p.s("c2", "NFY DEL\n"+routed(alice, bob, "Notification: 1.0\r\nUri: /user\r\nNotifType: Full", ""))
	s := p.teller.Story()
	var got []string
	for _, x := range s.Presence {
		got = append(got, fmt.Sprintf("%s %s %s %s", x.Account, x.Contact, x.Status, x.Name))
	}
	lines(t, "presence", got,
		"alice@example.com alice@example.com NLN Alice",
		"bob@example.com alice@example.com NLN Alice",
		"bob@example.com alice@example.com FLN Alice")
	lines(t, "conversations", conversationLines(s), "c1 c2: alice@example.com bob@example.com: 2 texts, 0 typing, 0 other")
	lines(t, "messages", messageLines(s),
		`alice@example.com > bob@example.com: "hello" on c1 c2`,
		`bob@example.com > alice@example.com: "to the one side only" on c2`)
}

func TestListOfASecondSignIn(t *testing.T) {
	ml := func(contacts string) string {
		return `<ml l="1"><d n="example.com">` + contacts + `</d></ml>`
	}
	got := list(t, "MSNP15", func(p *play) {
		p.c("c1", "ADL 5\n"+ml(`<c n="bob" l="3" t="1"/><c n="carol" l="3" t="1"/>`))
		p.s("c1", "ADL 5 OK", "ADL 0\n"+`<ml><d n="example.com"><c n="carol" l="8" t="1"/></d></ml>`)
		p.close("c1", "client closed")
		p.open("c2", "10.0.0.1:1002", ns1)
		p.c("c2", "VER 1 MSNP15 CVR0")
		p.s("c2", "VER 1 MSNP15")
		p.c("c2", "USR 3 SSO I alice@example.com")
		p.s("c2", "USR 4 OK alice@example.com 1 0")
		p.c("c2", "ADL 5\n"+ml(`<c n="bob" l="4" t="1"/>`), "ADL 6\n"+ml(`<c n="dave" l="3" t="1"/>`)) // a list in two parts
		p.s("c2", "ADL 5 OK", "ADL 6 OK")
	})
	lines(t, "contacts", got,
		`alice@example.com: bob@example.com "" BL [] `,
		`alice@example.com: carol@example.com "" RL [] `,
		`alice@example.com: dave@example.com "" FL+AL [] `)
}

func TestOwnNameOfWhoIsOnTheirOwnList(t *testing.T) {
	p := newPlay(t)
	p.open("c1", "10.0.0.1:1001", ns1)
	p.signIn("c1", alice)
	p.s("c1", "SYN 5 9 1 1", "LSG 0 Friends 0", "LST alice@example.com Alice 3 0", "REA 6 10 alice@example.com Alicia")
	p.c("c1", "CHG 7 NLN 0")
	p.s("c1", "CHG 7 NLN 0")
	s := p.teller.Story()
	lines(t, "contacts", contactLines(s), `alice@example.com: alice@example.com "Alicia" FL+AL [Friends] `)
	if s.Presence[0].Name != "Alicia" {
		t.Errorf("she shows as %q", s.Presence[0].Name)
	}
}

func TestGroupOfMSNP21IsOneConversation(t *testing.T) {
	routed := func(from, group string) string {
		return "Routing: 1.0\r\nTo: " + group + "\r\nFrom: 1:" + from + ";epid={1}\r\n\r\nReliability: 1.0\r\n\r\n" +
			"Messaging: 2.0\r\nMessage-Type: Text\r\nContent-Type: Text/plain; charset=UTF-8\r\n\r\nhello"
	}
	p := newPlay(t)
	for i, who := range []string{alice, bob} {
		c := fmt.Sprintf("c%d", i+1)
		p.open(c, fmt.Sprintf("10.0.0.%d:1001", i+1), ns1)
		p.c(c, "VER 1 MSNP21 CVR0")
		p.s(c, "VER 1 MSNP21")
		p.c(c, "USR 3 SSO I "+who)
		p.s(c, "USR 4 OK "+who+" 1 0")
	}
	const group = "10:00000000-0000-0000-0009-f8ea72ba9d0d@live.com;path=IM"
	p.c("c1", "SDG 6\n"+routed(alice, group))
	p.s("c2", "SDG 0\n"+routed(alice, group))
	p.s("c1", "SDG 0\n"+routed(carol, group))
	p.s("c2", "SDG 0\n"+routed(carol, group))
	s := p.teller.Story()
	const g = "00000000-0000-0000-0009-f8ea72ba9d0d@live.com"
	lines(t, "conversations", conversationLines(s), "c1 c2: alice@example.com "+g+" carol@example.com bob@example.com: 2 texts, 0 typing, 0 other")
	lines(t, "messages", messageLines(s),
		`alice@example.com > `+g+` bob@example.com: "hello" on c1 c2`,
		`carol@example.com > alice@example.com `+g+` bob@example.com: "hello" on c1 c2`)
}

// TestAListThatIsToldAnew makes way for itself among those alone that were told since
// the one before: the others are on no list any more.
func TestAListThatIsToldAnew(t *testing.T) {
	teller, o := NewTeller(), newRoster(nil)
	for _, handle := range []string{"a@example.com", "b@example.com", "c@example.com"} {
		e := teller.entry(o, handle)
		e.Lists = 11
		teller.join(o, e, "1")
	}
	for round, handle := range []string{"b@example.com", "c@example.com"} {
		o.anew = true
		o.begin()
		if len(o.touched) != 0 || len(o.members) != 0 {
			t.Errorf("round %d: %d are looked at, %d groups have members", round, len(o.touched), len(o.members))
		}
		e := teller.entry(o, handle)
		e.Lists = 3
		teller.join(o, e, "2")
		for _, one := range o.order {
			if told := one == e; told != (one.Lists == 3) || told != (len(one.groupIDs) == 1) {
				t.Errorf("round %d: %s is on %d, in groups %v", round, one.Handle, one.Lists, one.groupIDs)
			}
		}
		if len(o.touched) != 1 {
			t.Errorf("round %d: %d will have to make way, want 1", round, len(o.touched))
		}
	}
}

// TestAGroupThatIsRemoved is left by those who are in it.
func TestAGroupThatIsRemoved(t *testing.T) {
	teller, o := NewTeller(), newRoster(nil)
	a, b := teller.entry(o, "a@example.com"), teller.entry(o, "b@example.com")
	teller.join(o, a, "1")
	teller.join(o, a, "2")
	teller.join(o, b, "2")
	if got := o.members["1"]; len(got) != 1 || got[0] != a {
		t.Errorf("%d are in group 1", len(got))
	}
	o.dropGroup("1")
	if !slices.Equal(a.groupIDs, []string{"2"}) || !slices.Equal(b.groupIDs, []string{"2"}) || o.members["1"] != nil {
		t.Errorf("they are in %v and %v", a.groupIDs, b.groupIDs)
	}
}
