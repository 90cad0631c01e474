package peers

import (
	"context"
	"regexp"
	"slices"

	"msnproxy/decode"
)

// notification is a client's connection to the dispatch or notification
// server. What stands below link changes under its lock.
type notification struct {
	link
	client      *Client
	visible     int // transaction id of the first CHG
	contacts    map[string]*contact
	due         string // contact whose UBX must be the next command, or ""
	invitations []invited
	cookies     []string // of all invitations
	answers     []string // to challenges, that are due
	challenges  int      // that were answered, and the answer accepted
}

// contact is a contact as the client sees it.
type contact struct {
	portrait // as it is while online
	status   string
	message  string
	payload  []byte // of the last UBX
}

// invited is an invitation to a conversation.
type invited struct{ session, address, cookie, from string }

// signInAt signs in at an address. It returns the one that the client is sent
// on to, or "".
func (c *Client) signInAt(ctx context.Context, address string, trid int) (next string, err error) {
	ns := &notification{client: c, contacts: map[string]*contact{}, link: link{
		kind: decode.NS, account: c.Account, witness: c.Witness, dial: c.Dial, trid: trid,
		unaskedVerbs: []string{"ILN", "NLN", "FLN", "UBX", "RNG", "CHL", "OUT"},
	}}
	ns.link.unasked = ns.unasked
	if err := ns.open(ctx, address); err != nil {
		return "", err
	}
	next, err = ns.signIn(ctx)
	if err != nil || next != "" {
		ns.close()
		return next, err
	}
	c.ns = ns
	return "", nil
}

func (ns *notification) signIn(ctx context.Context) (next string, err error) {
	c := ns.client
	if err := ns.hello(ctx); err != nil {
		return "", err
	}
	if next, err = ns.begin(ctx); err != nil {
		return "", err
	}
	if next != "" {
		return next, ns.beSentOn(ctx)
	}
	for _, group := range signInTurns(c.self.dialect, c.Account, "", c.Contacts) {
		if err := ns.ask(ctx, ns.requests(group)...); err != nil {
			return "", err
		}
	}
	return "", nil
}

// requests are the client's part of turns. Of the profile, the address in
// RouteInfo is what it is.
func (ns *notification) requests(turns []turn) []request {
	var all []request
	for _, t := range turns {
		all = append(all, func(trid int) (command, taker) {
			due := justAll(t.reply(trid))
			for i := range due {
				if due[i](command{}).word(1) == serviceHandle {
					due[i] = ns.profile
				}
			}
			return t.request(trid), sequence(due...)
		})
	}
	return all
}

func (ns *notification) profile(got command) command {
	route := routeIn(got.payload)
	if route != "" {
		ns.client.mention(route)
	}
	return profile(ns.client.self.dialect, ns.client.Account, route)
}

// hello is VER and CVR.
func (ns *notification) hello(ctx context.Context) error {
	c := ns.client
	err := ns.ask(ctx, func(trid int) (command, taker) {
		return offer(trid, c.self.program), sequence(ns.chosen(trid))
	})
	if err != nil {
		return err
	}
	err = ns.ask(ctx, func(trid int) (command, taker) {
		return clientVersion(trid, c.self.program, c.Account), sequence(just(versionAdvice(trid, c.self.program)))
	})
	ns.watch()
	return err
}

// chosen takes the dialect that the server chose, if it was offered.
func (ns *notification) chosen(trid int) wanted {
	self := &ns.client.self
	return func(got command) command {
		d, _ := decode.ParseDialect([]byte(got.word(2)))
		if !slices.Contains(self.program.offers, d) || !slices.Contains(Dialects, d) {
			d = self.program.offers[0]
		}
		self.dialect = d
		return choice(trid, d)
	}
}

// begin is the first USR: a referral answers it, or the request for a ticket.
func (ns *notification) begin(ctx context.Context) (next string, err error) {
	d, account := ns.client.self.dialect, ns.client.Account
	told := "" // not next: should ctx end, the reply may still come
	err = ns.ask(ctx, func(trid int) (command, taker) {
		request := sequence(justAll(ticketRequest(d, trid, account))...)
		return signInBegin(d, trid, account), func(got command) (bool, error) {
			if got.verb() != "XFR" {
				return request(got)
			}
			told = got.word(3)
			return false, ns.sentOn(got, trid)
		}
	})
	if err != nil {
		return "", err
	}
	return told, nil
}

// sentOn takes XFR NS. Then the server may hang up at once.
func (ns *notification) sentOn(got command, trid int) error {
	d, current := ns.client.self.dialect, got.word(5)
	if d <= 12 {
		ns.client.mention(current)
	}
	ns.leaving = true
	return require(got, referral(d, trid, address(got.word(3)), address(current)))
}

// address returns a text that came where an address must stand: itself, or, if
// it is none, what it should have been.
func address(text string) string {
	if isAddress(text) {
		return text
	}
	return "HOST:PORT"
}

// beSentOn ends the connection to the dispatch server.
func (ns *notification) beSentOn(ctx context.Context) error {
	if hangsUpFirst(ns.client.self.dialect) {
		return ns.awaitEnd(ctx)
	}
	return ns.close()
}

// unasked takes what comes without having been asked for.
func (ns *notification) unasked(got command) error {
	if got.verb() == "CHL" {
		return ns.challenged(got)
	}
	return ns.update(func() error {
		switch {
		case ns.visible == 0:
			return unexpected(got, "nothing yet, there was no CHG")
		case ns.due != "" && got.verb() != "UBX":
			return unexpected(got, "UBX of %s", ns.due)
		}
		switch got.verb() {
		case "ILN", "NLN":
			return ns.present(got)
		case "FLN":
			return ns.absent(got)
		case "UBX":
			return ns.personal(got)
		case "RNG":
			return ns.ring(got)
		}
		return unexpected(got, "no end of the session")
	})
}

// challenged answers CHL, by the side of reading.
func (ns *notification) challenged(got command) error {
	program := ns.client.self.program
	text := got.word(2)
	response := program.responseTo(text)
	if text == "" || got.line != "CHL 0 "+text {
		return unexpected(got, "a challenge")
	}
	if ns.client.Impostor {
		response = "00000000000000000000000000000000"
	}
	return ns.update(func() error {
		ns.answers = append(ns.answers, response)
		if len(ns.answers) == 1 {
			ns.helpers.Go(ns.answer)
		}
		return nil
	})
}

// answer gives the answers that are due, in the order of the challenges. An
// error ends the reading too, which reports it.
func (ns *notification) answer() {
	product := ns.client.self.program.product
	for response := ns.nextAnswer(0); response != ""; response = ns.nextAnswer(1) {
		ns.post(context.Background(), []request{func(trid int) (command, taker) {
			return with(response, "QRY %d %s", trid, product), sequence(func(command) command {
				ns.challenges++ // if it is not this, the connection ends
				return line("QRY %d", trid)
			})
		}})
	}
}

// nextAnswer takes off answers that were given, and returns the next, or "".
func (ns *notification) nextAnswer(given int) string {
	ns.mu.Lock()
	defer ns.mu.Unlock()
	ns.answers = ns.answers[given:]
	if len(ns.answers) == 0 {
		return ""
	}
	return ns.answers[0]
}

// seen is a contact, offline until something else is known.
func (ns *notification) seen(account string) *contact {
	c, ok := ns.contacts[account]
	if !ok {
		c = &contact{status: offline}
		ns.contacts[account] = c
	}
	return c
}

// present is ILN or NLN: it must tell something new, of a contact, and the
// same picture and capabilities as before.
func (ns *notification) present(got command) error {
	for _, account := range ns.client.Contacts {
		known := ns.seen(account)
		for _, p := range portraits(account) {
			if known.status != offline && p != known.portrait {
				continue
			}
			if status, ok := ns.tells(got, known.status, p); ok {
				if known.status == offline && hasPersonalMessage(ns.client.self.dialect) {
					ns.due = account
				}
				known.portrait, known.status = p, status
				return nil
			}
		}
	}
	return unexpected(got, "a new status of a contact")
}

// tells tells whether a command is a new status of somebody who looks so.
func (ns *notification) tells(got command, before string, p portrait) (status string, ok bool) {
	d := ns.client.self.dialect
	for _, status := range statuses {
		initial := before == offline && got.equal(initialStatus(d, ns.visible, status, p))
		if status != before && (initial || got.equal(newStatus(d, status, p))) {
			return status, true
		}
	}
	return "", false
}

func (ns *notification) absent(got command) error {
	for account, known := range ns.contacts {
		if known.status != offline && got.equal(goneOffline(ns.client.self.dialect, account)) {
			*known = contact{status: offline}
			return nil
		}
	}
	return unexpected(got, "the end of a contact who was online")
}

// personal is UBX. It follows the first status of a contact, and then tells
// something new.
func (ns *notification) personal(got command) error {
	for account, known := range ns.contacts {
		if known.status == offline || !got.equal(personalMessage(ns.client.self.dialect, account, got.payload)) {
			continue
		}
		message, ok := messageIn(got.payload, account)
		news := string(got.payload) != string(known.payload)
		if !ok || ns.due != "" && ns.due != account || ns.due == "" && !news {
			break
		}
		known.message, known.payload, ns.due = message, got.payload, ""
		return nil
	}
	return unexpected(got, "a new personal message of a contact who is online")
}

// Forms of what only the server knows.
var (
	sessionForm      = regexp.MustCompile(`^\d+$`)
	inviteCookieForm = regexp.MustCompile(`^\d+\.\d+$`)
	openCookieForm   = regexp.MustCompile(`^\d+\.\d+\.\d+$`)
)

func (ns *notification) ring(got command) error {
	i := invited{session: got.word(1), address: got.word(2), cookie: got.word(4), from: got.word(5)}
	fits := isAddress(i.address) && sessionForm.MatchString(i.session) && inviteCookieForm.MatchString(i.cookie)
	known := slices.Contains(ns.client.Contacts, i.from) && !slices.Contains(ns.cookies, i.cookie)
	if !fits || !known {
		return unexpected(got, "a new invitation from a contact")
	}
	if want := invitation(ns.client.self.dialect, i.session, i.address, i.cookie, i.from); !got.equal(want) {
		return mismatch(got, want)
	}
	ns.invitations = append(ns.invitations, i)
	ns.cookies = append(ns.cookies, i.cookie)
	return nil
}
