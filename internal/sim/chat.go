package sim

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"strings"
	"time"

	"msnproxy/captures"
	"msnproxy/decode"
)

// The measures of benchmark traffic: enough people and switchboards at a time
// that packets of many connections lie between two of the same one, as in a
// capture of an office.
const (
	chatPeople = 12
	chatRooms  = 6
	// chatMaxGuests and chatMaxTurns bound who comes to a switchboard and how
	// much is said there before everybody leaves.
	chatMaxGuests = 3
	chatMaxTurns  = 400
)

// chatStart is when the first of them signs in.
var chatStart = time.Date(2008, 6, 10, 8, 0, 0, 0, time.UTC)

// chatter makes benchmark traffic. Whatever it draws comes from a generator
// with a fixed seed, so that the same size gives the same capture.
type chatter struct {
	*script
	random *rand.Rand
	people []*person
	rooms  [chatRooms]chatRoom
	opened int // switchboard connections so far
	other  otherTraffic
}

// chatRoom is a switchboard. Its people are copies: each person can sit on
// several at a time.
type chatRoom struct {
	room
	turns int // still to come
}

// Chat writes chat traffic of MSNP15 into a capture until it has about size
// bytes: some people with their notification servers, several switchboards at
// a time, messages of mixed sizes, typing notices, nudges and changes of
// status. It holds none of it. Small sizes are exceeded by what signing in
// and out takes.
func Chat(w *captures.Writer, size int64) error {
	_, err := Load{Size: size}.Write(w)
	return err
}

func newChatter(s *script) *chatter {
	return &chatter{script: s, random: rand.New(rand.NewPCG(2008, 15))}
}

func (c *chatter) signIn() {
	for i := range chatPeople {
		host := netip.AddrFrom4([4]byte{192, 0, 2, byte(100 + i)})
		p := person15(fmt.Sprintf("user%d@example.com", i), fmt.Sprintf("User%%20%d", i), host.String())
		referred15(c.script, p, 2200, aliceServer).hangUp(decode.ServerToClient)
		signIn15(c.script, p, strings.Repeat("A", 63)+"=", ssoAnswerA)
		p.ns.server(profile15(p, chatStart))
		p.ns.ask(line("BLP # AL"), line("BLP # AL"))
		p.ns.ask(with(c.everybody(), "ADL #"), line("ADL # OK"))
		c.people = append(c.people, p)
		c.change(p, "NLN")
	}
}

// everybody is the contact list that all have.
func (c *chatter) everybody() string {
	var list strings.Builder
	list.WriteString(`<ml l="1"><d n="example.com">`)
	for i := range chatPeople {
		fmt.Fprintf(&list, `<c n="user%d" l="3" t="1"/>`, i)
	}
	list.WriteString(`</d></ml>`)
	return list.String()
}

// turn is one thing that happens, after a while: mostly on a switchboard.
func (c *chatter) turn() {
	c.wait(time.Duration(c.random.IntN(900)) * time.Millisecond)
	switch p := c.people[c.random.IntN(chatPeople)]; c.random.IntN(64) {
	case 0, 1:
		statuses := [...]string{"NLN", "BSY", "IDL", "BRB", "AWY", "PHN", "LUN"}
		c.change(p, statuses[c.random.IntN(len(statuses))])
	case 2:
		p.ns.ask(line("PNG"), line("QNG 43"))
	case 3:
		p.ns.server(line("CHL 0 11533365622852247127"))
		p.ns.ask(with("f086d1ded067186deca8dba2231602cf", "QRY # %s", product85), line("QRY #"))
	default:
		c.roomTurn(&c.rooms[c.random.IntN(chatRooms)])
	}
}

// change has somebody change status, and the others who are there told.
func (c *chatter) change(p *person, status string) {
	p.ns.ask(line("CHG # %s %s %s", status, p.caps, p.object), line("CHG # %s %s %s", status, p.caps, p.object))
	for _, other := range c.people {
		if other != p {
			other.ns.server(line("NLN %s %s", status, p.presence()))
		}
	}
}

func (c *chatter) roomTurn(r *chatRoom) {
	switch {
	case len(r.room) == 0:
		c.openRoom(r)
	case r.turns == 0:
		c.closeRoom(r)
	default:
		r.turns--
		c.say(r.room)
	}
}

func (c *chatter) openRoom(r *chatRoom) {
	order := c.random.Perm(chatPeople)
	session := fmt.Sprint(20_000_000 + c.opened)
	host := *c.people[order[0]]
	id, port := c.nextConn()
	invite15(c.script, id, &host, port, fmt.Sprintf("%s.1213084800.%d", session, c.opened))
	r.room = room{&host}
	for _, i := range order[1 : 2+c.random.IntN(chatMaxGuests)] {
		guest := *c.people[i]
		id, port := c.nextConn()
		r.room = call15(c.script, r.room, id, &guest, port, session, fmt.Sprintf("1213084800.%d", c.opened))
	}
	r.turns = 1 + c.random.IntN(chatMaxTurns)
}

// nextConn names the next switchboard connection and chooses its local port.
// By the time that ports are used again, their last connections have ended.
func (c *chatter) nextConn() (id string, port uint16) {
	const firstPort, ports = 5001, 60_000
	c.opened++
	return fmt.Sprintf("sb-%d", c.opened), uint16(firstPort + c.opened%ports)
}

func (c *chatter) closeRoom(r *chatRoom) {
	for _, p := range slices.Clone(r.room) {
		r.room = r.room.leave(p)
	}
}

// say has somebody in a room do what people in rooms do.
func (c *chatter) say(r room) {
	from := r[c.random.IntN(len(r))]
	switch c.random.IntN(20) {
	case 0:
		r.say(from, "N", nudge())
	case 1, 2, 3, 4:
		r.say(from, "U", typing(from.handle))
	case 5, 6:
		r.say(from, "N", typing(from.handle), chatText(plainFormat, c.text()))
	case 7, 8, 9:
		r.say(from, "A", chatText(boldFormat, c.text()))
	default:
		r.say(from, "N", chatText(plainFormat, c.text()))
	}
}

var chatWords = strings.Fields("yes no well so the report is on my desk when do we meet again tomorrow " +
	"morning perhaps over a coffee or two naïve Übung été señor привет 日本語 عربي 😀 :-) lunch? ok!")

// text is a text of random length: most are short, none is longer than what
// switchboards took in one MSG (1664 bytes with its headers).
func (c *chatter) text() string {
	size := 5 + c.random.IntN(75)
	switch c.random.IntN(20) {
	case 0:
		size = 400 + c.random.IntN(800)
	case 1, 2, 3, 4:
		size = 80 + c.random.IntN(320)
	}
	var b strings.Builder
	for b.Len() < size {
		b.WriteString(chatWords[c.random.IntN(len(chatWords))])
		b.WriteByte(' ')
	}
	return b.String()
}

func (c *chatter) signOut() {
	for i := range c.rooms {
		c.closeRoom(&c.rooms[i])
	}
	for _, p := range c.people {
		p.ns.signOut()
	}
}
