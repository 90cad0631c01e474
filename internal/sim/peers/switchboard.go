package peers

import (
	"slices"
	"strings"

	"msnproxy/decode"
)

// maxMessage is the largest message that switchboards took (MSNP.md §1.1).
const maxMessage = 1664

// serveSwitchboard serves a connection to the switchboard.
func (p *peer) serveSwitchboard() error {
	c, err := p.in.next()
	if err != nil {
		return ending(err, "USR or ANS")
	}
	if err := p.countOn(c); err != nil {
		return err
	}
	if err := p.locked(func() error { return p.enter(c) }); err != nil {
		return err
	}
	for {
		if err := p.serveTalk(); err != nil {
			return err
		}
	}
}

// enter is USR or ANS. Who comes is known by the cookie alone, and speaks the
// dialect of the own notification server.
func (p *peer) enter(c command) error {
	cookie := c.word(3)
	pass, ok := p.hub.cookies[cookie]
	home := p.hub.online[pass.account]
	if !ok || home == nil {
		return unexpected(c, "a cookie that was given out")
	}
	delete(p.hub.cookies, cookie)
	p.identify(decode.SB, pass.account)
	p.portrait = home.portrait
	self := handle(p.dialect, p.account)
	if pass.answer {
		return p.answer(c, pass.room, line("ANS 1 %s %s %s", self, cookie, pass.room.session))
	}
	p.join(pass.room)
	p.queue(line("USR 1 OK %s %s", self, nameOf(p.account)))
	return require(c, line("USR 1 %s %s", self, cookie))
}

// answer is ANS: the client is told who is there, and they who has come.
func (p *peer) answer(c command, r *room, want command) error {
	if err := require(c, want); err != nil {
		return err
	}
	var present []string
	for _, other := range r.members {
		present = append(present, other.entries(p.dialect)...)
		for _, entry := range p.entries(other.dialect) {
			other.queue(line("JOI %s", entry))
		}
	}
	for i, entry := range present {
		p.queue(line("IRO 1 %d %d %s", i+1, len(present), entry))
	}
	p.queue(line("ANS 1 OK"))
	p.join(r)
	return nil
}

func (p *peer) join(r *room) {
	p.room = r
	r.members = append(r.members, p)
}

// leave takes the client out of its room and tells the others.
func (p *peer) leave() {
	if p.room == nil {
		return
	}
	p.room.members = slices.DeleteFunc(p.room.members, func(other *peer) bool { return other == p })
	for _, other := range p.room.members {
		other.queue(p.farewells(other.dialect)...)
	}
	p.room = nil
}

// serveTalk serves one command of a client on the switchboard.
func (p *peer) serveTalk() error {
	c, err := p.in.next()
	if err != nil {
		return ending(err, "OUT")
	}
	if c.line == "OUT" {
		return errClosing
	}
	if err := p.countOn(c); err != nil {
		return err
	}
	return p.locked(func() error { return p.talk(c) })
}

func (p *peer) talk(c command) error {
	switch c.verb() {
	case "CAL":
		return p.call(c)
	case "MSG":
		return p.relay(c)
	}
	return unexpected(c, "a command of a client on a switchboard")
}

// call invites somebody: 217 if offline, 215 if there already.
func (p *peer) call(c command) error {
	account := c.word(2)
	if err := require(c, line("CAL %d %s", p.trid, account)); err != nil {
		return err
	}
	if !slices.Contains(p.contacts(), account) {
		return unexpected(c, "a contact")
	}
	callee := p.hub.online[account]
	there := slices.ContainsFunc(p.room.members, func(other *peer) bool { return other.account == account })
	switch {
	case there:
		p.queue(line("215 %d", p.trid))
	case callee == nil || callee.status == "":
		p.queue(line("217 %d", p.trid))
	default:
		p.queue(line("CAL %d RINGING %s", p.trid, p.room.session))
		cookie := p.hub.newCookie(pass{account, p.room, true})
		callee.queue(invitation(callee.dialect, p.room.session, p.told(decode.SB), cookie, p.account))
	}
	return nil
}

// relay passes a message on. A and D are confirmed; with nobody there, all but
// U are refused (MSNP.md §5).
func (p *peer) relay(c command) error {
	receipt := c.word(2)
	known := receipt == "U" || receipt == "N" || receipt == "A" || receipt == "D" && p.dialect >= 9
	if !known || len(c.payload) > maxMessage || !c.equal(with(string(c.payload), "MSG %d %s", p.trid, receipt)) {
		return unexpected(c, "a message of at most %d bytes", maxMessage)
	}
	alone := len(p.room.members) == 1
	if alone && !p.couldSay(string(c.payload)) {
		return unexpected(c, "a message, though to nobody")
	}
	for _, other := range p.room.members {
		if other != p {
			other.queue(with(string(c.payload), "MSG %s %s", p.account, nameOf(p.account)))
		}
	}
	switch {
	case alone && receipt != "U":
		p.queue(line("NAK %d", p.trid))
	case !alone && strings.Contains("AD", receipt):
		p.queue(line("ACK %d", p.trid))
	}
	return nil
}

// couldSay tells whether a payload is one that clients make. What others get
// they check themselves; what nobody gets, nobody else can.
func (p *peer) couldSay(payload string) bool {
	text := Message{Payload: payload}.Text()
	return payload == TypingMessage(p.account) || payload == NudgeMessage() || payload == TextMessage(text)
}
