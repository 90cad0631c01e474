package peers

import (
	"net"
	"slices"

	"msnproxy/decode"
)

// serveSession serves a connection to the dispatch or notification server.
func (p *peer) serveSession() error {
	if err := p.negotiate(); err != nil {
		return err
	}
	if err := p.demand(func(trid int) command { return signInBegin(p.dialect, trid, p.account) }); err != nil {
		return err
	}
	if _, known := p.config.Roster[p.account]; !known {
		p.send(line("911 %d", p.trid))
		return errClosing
	}
	if p.refers() {
		return p.refer()
	}
	if err := p.signIn(); err != nil {
		return err
	}
	for {
		if err := p.serveCommand(); err != nil {
			return err
		}
	}
}

// negotiate is VER and CVR.
func (p *peer) negotiate() error {
	ver, err := p.receive("VER")
	if err != nil {
		return err
	}
	for _, name := range ver.words()[2:] {
		d, ok := decode.ParseDialect([]byte(name))
		if ok && p.dialect == 0 && slices.Contains(p.config.Dialects, d) {
			p.dialect = d
		}
	}
	if p.dialect == 0 {
		p.send(line("VER %d 0", p.trid))
		return errClosing
	}
	p.send(choice(p.trid, p.dialect))
	cvr, err := p.receive("CVR")
	if err != nil {
		return err
	}
	return p.meet(ver, cvr)
}

// meet learns program and account from CVR; VER must have been that program's.
func (p *peer) meet(ver, cvr command) error {
	words := cvr.words()
	if p.program = programOf(cvr.word(7)); p.program == nil {
		return unexpected(cvr, "the version of a program")
	}
	p.identify(p.kind, words[len(words)-1])
	if err := require(ver, offer(p.trid-1, p.program)); err != nil {
		return err
	}
	if err := require(cvr, clientVersion(p.trid, p.program, p.account)); err != nil {
		return err
	}
	p.send(versionAdvice(p.trid, p.program))
	return nil
}

// refers tells whether the client is to be sent on.
func (p *peer) refers() bool {
	if !p.config.OnePort {
		return p.kind == decode.DS
	}
	p.hub.Lock()
	defer p.hub.Unlock()
	first := !p.hub.referred[p.account]
	p.hub.referred[p.account] = first
	return first
}

// refer sends the client on. Here the servers of newer dialects hang up first,
// and wait for older clients to do so, to have it both ways.
func (p *peer) refer() error {
	p.send(referral(p.dialect, p.trid, p.told(decode.NS), p.told(decode.DS)))
	if hangsUpFirst(p.dialect) {
		return errClosing
	}
	return p.awaitEnd()
}

// hangsUpFirst tells whether it is the dispatch server that ends a connection.
func hangsUpFirst(d decode.Dialect) bool { return d >= 13 }

// signIn is the ticket, and what follows it.
func (p *peer) signIn() error {
	p.identify(decode.NS, p.account)
	p.send(ticketRequest(p.dialect, p.trid, p.account)...)
	route := p.conn.LocalAddr().(*net.TCPAddr).IP.String()
	for i, group := range signInTurns(p.dialect, p.account, route, p.contacts()) {
		for _, t := range group {
			if err := p.demand(t.request); err != nil {
				return err
			}
			if i == 0 {
				p.comeIn()
			}
			p.send(t.reply(p.trid)...)
		}
	}
	return nil
}

// comeIn signs the account in here, and out where it was before.
func (p *peer) comeIn() {
	p.locked(func() error {
		if other := p.hub.online[p.account]; other != nil {
			other.forget()
			other.dismissed = true
			other.queue(line("OUT OTH"))
		}
		p.hub.online[p.account] = p
		return nil
	})
}

func (p *peer) contacts() []string { return p.config.Roster[p.account] }

// serveCommand serves one command of a client that is signed in.
func (p *peer) serveCommand() error {
	c, err := p.in.next()
	if err != nil {
		return ending(err, "OUT")
	}
	switch c.line {
	case "PNG":
		p.send(pong(p.dialect))
		return nil
	case "OUT":
		return errClosing
	}
	if err := p.countOn(c); err != nil {
		return err
	}
	return p.locked(func() error { return p.command(c) })
}

// command serves a command that has a transaction id.
func (p *peer) command(c command) error {
	switch c.verb() {
	case "CHG":
		return p.changeStatus(c)
	case "UUX":
		return p.changeMessage(c)
	case "QRY":
		return p.checkResponse(c)
	case "XFR":
		return p.openSwitchboard(c)
	}
	return unexpected(c, "a command of a client that is signed in")
}

func (p *peer) changeStatus(c command) error {
	status := c.word(2)
	if !slices.Contains(statuses, status) {
		return unexpected(c, "a status, one of %v", statuses)
	}
	if err := require(c, changeStatus(p.trid, status, p.portrait)); err != nil {
		return err
	}
	p.queue(c)
	before := p.status
	p.status = status
	if before == "" {
		p.tellInitialStatus()
		p.ask()
	}
	if before != status {
		p.tellContacts(func(viewer *peer) []command { return p.news(viewer, before == "") })
	}
	return nil
}

// news is a change of status as somebody gets it. With the first status comes
// the personal message, which may be empty.
func (p *peer) news(viewer *peer, first bool) []command {
	news := []command{newStatus(viewer.dialect, p.status, p.portrait)}
	if first && hasPersonalMessage(viewer.dialect) {
		news = append(news, personalMessage(viewer.dialect, p.account, p.message))
	}
	return news
}

// tellInitialStatus tells who is there already.
func (p *peer) tellInitialStatus() {
	for _, account := range p.contacts() {
		other := p.hub.online[account]
		if other == nil || other.status == "" {
			continue
		}
		p.queue(initialStatus(p.dialect, p.trid, other.status, other.portrait))
		if hasPersonalMessage(p.dialect) {
			p.queue(personalMessage(p.dialect, account, other.message))
		}
	}
}

func (p *peer) changeMessage(c command) error {
	message, ok := messageIn(c.payload, p.account)
	want := with(personal(p.dialect, p.account, message), "UUX %d", p.trid)
	if !ok || !hasPersonalMessage(p.dialect) {
		return unexpected(c, "a personal message")
	}
	if err := require(c, want); err != nil {
		return err
	}
	p.queue(line("UUX %d 0", p.trid))
	if string(p.message) == string(c.payload) {
		return nil
	}
	p.message = c.payload
	p.tellContacts(func(viewer *peer) []command {
		if !hasPersonalMessage(viewer.dialect) {
			return nil
		}
		return []command{personalMessage(viewer.dialect, p.account, p.message)}
	})
	return nil
}

// ask challenges the client.
func (p *peer) ask() {
	next := p.program.challengeFor(p.questions)
	p.questions++
	p.asked = append(p.asked, next)
	p.queue(line("CHL 0 %s", next.text))
}

// Challenge has the server challenge somebody who is signed in once more.
func (s *Server) Challenge(account string) error {
	return s.locked(func() error {
		p := s.hub.online[account]
		if p == nil {
			return &Violation{Where: "Challenge", Want: account + " to be signed in"}
		}
		p.ask()
		return nil
	})
}

// checkResponse checks the answer to a challenge. A wrong one is 540, and the
// end.
func (p *peer) checkResponse(c command) error {
	if len(p.asked) == 0 {
		return unexpected(c, "no answer, nothing was asked")
	}
	want := with(p.asked[0].response, "QRY %d %s", p.trid, p.program.product)
	p.asked = p.asked[1:]
	if err := require(c, want); err != nil {
		p.queue(line("540 %d", p.trid))
		return err
	}
	p.queue(line("QRY %d", p.trid))
	return nil
}

func (p *peer) openSwitchboard(c command) error {
	if err := require(c, line("XFR %d SB", p.trid)); err != nil {
		return err
	}
	if p.status == "" {
		return unexpected(c, "CHG first")
	}
	cookie := p.hub.newCookie(pass{account: p.account, room: p.hub.newRoom()})
	p.queue(switchboard(p.dialect, p.trid, p.told(decode.SB), cookie))
	return nil
}
