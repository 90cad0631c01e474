package story

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"msnproxy/decode"
)

// These tests stand at the edges of limits: as much as may be is kept, and one
// more is not, or takes the place of the oldest.

func TestABudgetIsSpentToItsEndAndNoFurther(t *testing.T) {
	var rows budget
	for range maxKept {
		if !rows.take(1) {
			t.Fatalf("there is no room for %d rows", maxKept)
		}
	}
	if rows.take(1) || rows.refused != 1 {
		t.Errorf("there is room for one more row; %d were refused", rows.refused)
	}
	var text budget
	if !text.take(maxKeptText-1) || !text.take(1) {
		t.Errorf("there is no room for %d bytes", maxKeptText)
	}
	if text.take(1) || text.refused != 1 || !text.take(0) {
		t.Errorf("there is room for one more byte; %d rows were refused", text.refused)
	}
	few := budget{limit: 2}
	taken := 0
	for range 4 {
		if few.take(1) {
			taken++
		}
	}
	if taken != 2 || few.refused != 2 {
		t.Errorf("a limit of two lets %d through", taken)
	}
}

func TestTextIsClippedAtItsLimit(t *testing.T) {
	fits := strings.Repeat("x", maxText)
	if got := clip(fits); got != fits {
		t.Errorf("%d bytes became %d", len(fits), len(got))
	}
	if got := clip(fits + "x"); len(got) != maxText || !strings.HasSuffix(got, "…") {
		t.Errorf("%d bytes became %d", len(fits)+1, len(got))
	}
}

func TestVerbsOfLatenciesAreBounded(t *testing.T) {
	var l latencies
	for n := range maxVerbs {
		if l.of(fmt.Sprint(n)) == nil {
			t.Fatalf("there is no room for verb %d", n)
		}
	}
	if l.of("XYZ") != nil || l.of("7") == nil {
		t.Error("one more verb is kept, or a known one is not found")
	}
}

func TestRequestsThatWaitAreBounded(t *testing.T) {
	var l latencies
	c := &conn{}
	for n := range maxOpenRequests {
		l.ask(c, request{seq: int64(n), verb: "CHG", expects: true})
	}
	if len(c.answers.open) != maxOpenRequests || l.of("CHG").unanswered != 0 {
		t.Fatalf("%d wait, %d were given up", len(c.answers.open), l.of("CHG").unanswered)
	}
	l.ask(c, request{seq: maxOpenRequests, verb: "CHG", expects: true})
	if len(c.answers.open) != maxOpenRequests || l.of("CHG").unanswered != 1 || c.answers.open[0].seq != 1 {
		t.Errorf("%d wait, %d were given up", len(c.answers.open), l.of("CHG").unanswered)
	}
}

func TestTalksOfAnAccountAreBounded(t *testing.T) {
	c := &conn{}
	for n := range maxTalks {
		if c.talk(fmt.Sprint(n, "@example.com")) == nil {
			t.Fatalf("there is no room for talk %d", n)
		}
	}
	if c.talk("one@example.com") != nil || c.talk("7@example.com") == nil {
		t.Error("one more talk is kept, or a known one is not found")
	}
}

func TestGroupsAreBounded(t *testing.T) {
	teller, o, e := NewTeller(), newRoster(nil), &entry{}
	for n := range maxGroups + 1 {
		o.nameGroup(fmt.Sprint(n), "x")
		teller.join(o, e, fmt.Sprint(n))
		if kept := min(n+1, maxGroups); len(o.groups) != kept || len(e.groupIDs) != kept {
			t.Fatalf("of %d, %d groups are kept and %d joined", n+1, len(o.groups), len(e.groupIDs))
		}
	}
	if o.nameGroup("7", "y"); o.groups["7"] != "y" {
		t.Error("a known group cannot be named anew")
	}
}

func TestNamesOfPeopleAreBounded(t *testing.T) {
	n := names{}
	for i := range maxNames + 1 {
		handle := fmt.Sprint(i, "@example.com")
		r := &decode.Record{Args: []decode.Arg{{Name: "handle", Value: []byte(handle)}}}
		if got := n.personArg(r, "handle"); got != handle || len(n) != min(i+1, maxNames) {
			t.Fatalf("%s is %q; %d names are kept", handle, got, len(n))
		}
	}
}

func TestPeopleAreBounded(t *testing.T) {
	var list []string
	for i := range maxPeople + 1 {
		list = with(list, fmt.Sprint(i))
	}
	if len(list) != maxPeople || list[maxPeople-1] != fmt.Sprint(maxPeople-1) {
		t.Errorf("%d people are kept", len(list))
	}
}

// TestMessagesBeyondTheLimitAreCounted: of a report of few rows, so that the test
// is one, too.
func TestMessagesBeyondTheLimitAreCounted(t *testing.T) {
	const few = 10
	for n, cut := range map[int]int64{few: 0, few + 3: 3} {
		p := newPlay(t)
		p.teller.Keep(few)
		p.open("c1", "192.0.2.1:1030", "192.0.2.9:1863")
		p.c("c1", "USR 1 alice@example.com 1.2")
		p.s("c1", "USR 1 OK alice@example.com Alice", "JOI bob@example.com Bob")
		for i := range n {
			p.s("c1", fmt.Sprintf("MSG bob@example.com Bob\nMIME-Version: 1.0\r\nContent-Type: text/plain\r\n\r\nh%d", i))
		}
		if s := p.teller.Story(); len(s.Messages) != few || s.Cut.Messages != cut {
			t.Errorf("of %d messages, %d are told and %d counted", n, len(s.Messages), s.Cut.Messages)
		}
	}
}

// TestMessagesToManyPeopleAreBoundedByWhatIsToldOfThem: each tells all their
// names again, and is a few bytes on the wire.
func TestMessagesToManyPeopleAreBoundedByWhatIsToldOfThem(t *testing.T) {
	const message = "MSG bob@example.com Bob\nMIME-Version: 1.0\r\nContent-Type: text/plain\r\n\r\nhi"
	p := newPlay(t)
	p.open("c1", "192.0.2.1:1030", "192.0.2.9:1863")
	p.c("c1", "USR 1 alice@example.com 1.2")
	p.s("c1", "USR 1 OK alice@example.com Alice", "JOI bob@example.com Bob")
	for i := range maxPeople - 1 {
		p.s("c1", fmt.Sprintf("JOI %d@%s Somebody", i, strings.Repeat("x", 900)))
	}
	const n = maxKeptText/(maxPeople*900) + 100
	for range n {
		p.s("c1", message)
	}
	told := p.teller.Story()
	text := 0
	for _, m := range told.Messages {
		text += lengthOf(m.To)
	}
	wantBounded(t, text, len(told.Messages), int(told.Cut.Messages), n)
}

// wantBounded checks that what is told has no more names than it may, and that the
// rest of so many is counted.
func wantBounded(t *testing.T, names, told, counted, of int) {
	t.Helper()
	if names > maxKeptText {
		t.Errorf("%d bytes of names are told, of at most %d", names, maxKeptText)
	}
	if told+counted != of || counted == 0 {
		t.Errorf("of %d, %d are told and %d counted", of, told, counted)
	}
}

// TestContactsInManyGroupsAreBoundedByWhatIsToldOfThem: a contact's line has the
// numbers of its groups, and tells their names.
func TestContactsInManyGroupsAreBoundedByWhatIsToldOfThem(t *testing.T) {
	p := newPlay(t)
	p.open("c1", "192.0.2.1:1030", "192.0.2.9:1863")
	p.c("c1", "VER 1 MSNP8 CVR0")
	p.s("c1", "VER 1 MSNP8", "USR 3 OK alice@example.com Alice 1 0")
	var ids []string
	for i := range maxGroups {
		p.s("c1", fmt.Sprintf("LSG %d %s 0", i, strings.Repeat("x", maxText)))
		ids = append(ids, fmt.Sprint(i))
	}
	const n = maxKeptText/(maxGroups*maxText) + 10
	for i := range n {
		p.s("c1", fmt.Sprintf("LST %d@example.com Friend 3 %s", i, strings.Join(ids, ",")))
	}
	told := p.teller.Story()
	text := 0
	for _, c := range told.Contacts {
		text += lengthOf(c.Groups)
	}
	wantBounded(t, text, len(told.Contacts), int(told.Cut.Contacts), n)
}

// TestMessagesOfTheSameWordsAreComparedWithFew: one that is seen only now was not
// said long ago, however often it was.
func TestMessagesOfTheSameWordsAreComparedWithFew(t *testing.T) {
	heard := func(e *echoes, at time.Duration, sent bool) *Message {
		start := time.Date(2006, 1, 1, 0, 0, 0, 0, time.UTC)
		m := &room{conn: &conn{Connection: Connection{Start: start}}}
		return e.take(&sighting{room: m, time: start.Add(at), sent: sent, from: "bob@example.com"}, nil, "")
	}
	e := &echoes{seen: map[*room]int{}}
	const times = 2 * maxTried
	for n := range times {
		if heard(e, time.Duration(n)*2*sameMessage, false) == nil || e.old != n {
			t.Fatalf("message %d is one of those before, or compared with all but %d", n, e.old)
		}
	}
	if heard(e, (times-1)*2*sameMessage+time.Second, false) != nil {
		t.Error("another side of the last message makes a message of its own")
	}
	for tried, known := range map[int]bool{maxTried - 1: true, maxTried: false} {
		e := &echoes{seen: map[*room]int{}}
		for range tried {
			heard(e, 0, true)
		}
		e.list = append(e.list, &echo{Message: &Message{Time: e.list[0].Time}})
		if got := heard(e, 0, true) == nil; got != known {
			t.Errorf("behind %d that are others', the message is found: %v", tried, got)
		}
	}
}

func TestMembershipsAreBounded(t *testing.T) {
	teller, o := NewTeller(), newRoster(nil)
	e := &entry{}
	teller.budgets.memberships.limit = 2
	for _, group := range []string{"1", "2", "2", "3"} {
		teller.join(o, e, group)
	}
	if got := strings.Join(e.groupIDs, " "); got != "1 2" {
		t.Errorf("with room for two, the contact is in %s", got)
	}
	if fresh := NewTeller(); fresh.budgets.memberships.limit != maxMemberships {
		t.Errorf("there is room for %d", fresh.budgets.memberships.limit)
	}
}

// TestContactsBeyondTheLimitAreCounted: what one list has, the others have not.
func TestContactsBeyondTheLimitAreCounted(t *testing.T) {
	const few = 10
	for n, cut := range map[int]int64{few: 0, few + 3: 3} {
		p := newPlay(t)
		p.teller.budgets.contacts.limit = few
		p.open("c1", "192.0.2.1:1030", "192.0.2.9:1863")
		p.c("c1", "VER 1 MSNP8 CVR0")
		p.s("c1", "VER 1 MSNP8", "USR 3 OK alice@example.com Alice 1 0")
		p.c("c1", "SYN 4 0")
		p.s("c1", fmt.Sprintf("SYN 4 9 %d 1", n))
		for i := range n {
			p.s("c1", fmt.Sprintf("LST %d@example.com Friend 3 0", i))
		}
		if s := p.teller.Story(); len(s.Contacts) != few || s.Cut.Contacts != cut {
			t.Errorf("of %d contacts, %d are told and %d counted", n, len(s.Contacts), s.Cut.Contacts)
		}
	}
}
