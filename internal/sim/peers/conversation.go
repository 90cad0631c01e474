package peers

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"msnproxy/decode"
)

// Conversation is a client's connection to a switchboard. What stands below
// link changes under its lock.
type Conversation struct {
	link
	client   *Client
	session  string
	entries  []string // of IRO and JOI, of all who are there
	messages []Message
	unsure   []string // the NAKs of messages that nothing else would answer
	refused  int      // how many of those have come
}

// Message is what somebody said in a conversation.
type Message struct {
	From    string
	Payload string // as TextMessage, TypingMessage or NudgeMessage make it
}

// Text is the body of a message.
func (m Message) Text() string {
	_, body, _ := strings.Cut(m.Payload, "\r\n\r\n")
	return body
}

// Receipt is what a sender wants to know of a message (MSNP.md §5).
type Receipt string

// The receipts.
const (
	NoReceipt   Receipt = "U"
	OnlyRefusal Receipt = "N"
	Always      Receipt = "A"
	AlwaysData  Receipt = "D" // from MSNP9 on, for transfers of data
)

// Call opens a switchboard and invites somebody to it. It returns once they
// are there. The error is ErrOffline if they can't be.
func (c *Client) Call(ctx context.Context, account string) (*Conversation, error) {
	var address, cookie string
	err := c.ns.ask(ctx, func(trid int) (command, taker) {
		return line("XFR %d SB", trid), sequence(func(got command) command {
			address, cookie = got.word(3), got.word(5)
			if !isAddress(address) || !openCookieForm.MatchString(cookie) {
				return line("XFR %d SB HOST:PORT CKI SESSION.TIME.NUMBER", trid)
			}
			return switchboard(c.self.dialect, trid, address, cookie)
		})
	})
	if err != nil {
		return nil, err
	}
	conv := c.newConversation()
	conv.session, _, _ = strings.Cut(cookie, ".")
	self := handle(c.self.dialect, c.Account)
	return conv.enter(ctx, address, func() error {
		err := conv.ask(ctx, func(int) (command, taker) {
			return line("USR 1 %s %s", self, cookie), sequence(just(line("USR 1 OK %s %s", self, nameOf(c.Account))))
		})
		if err != nil {
			return err
		}
		conv.watch()
		return conv.Invite(ctx, account)
	})
}

// Invited waits for an invitation and follows it.
func (c *Client) Invited(ctx context.Context) (*Conversation, error) {
	var i invited
	err := c.ns.await(ctx, "an invitation", func() bool {
		if len(c.ns.invitations) == 0 {
			return false
		}
		i = c.ns.invitations[0]
		c.ns.invitations = c.ns.invitations[1:]
		return true
	})
	if err != nil {
		return nil, err
	}
	conv := c.newConversation()
	conv.session = i.session
	return conv.enter(ctx, i.address, func() error {
		defer conv.watch()
		return conv.ask(ctx, func(int) (command, taker) {
			return line("ANS 1 %s %s %s", handle(c.self.dialect, c.Account), i.cookie, i.session), conv.whoIsThere()
		})
	})
}

func (c *Client) newConversation() *Conversation {
	conv := &Conversation{client: c, link: link{
		kind: decode.SB, account: c.Account, witness: c.Witness, dial: c.Dial,
		unaskedVerbs: []string{"JOI", "BYE", "MSG", "NAK"},
	}}
	conv.link.unasked = conv.unasked
	return conv
}

// enter connects and does what comes first. If that fails, nothing is left of
// the conversation.
func (conv *Conversation) enter(ctx context.Context, address string, first func() error) (*Conversation, error) {
	conv.client.goTo(address)
	if err := conv.open(ctx, address); err != nil {
		return nil, err
	}
	conv.remember()
	err := first()
	switch {
	case err == nil:
		return conv, nil
	case errors.Is(err, ErrOffline):
		if wrong := conv.Leave(ctx); wrong != nil {
			return nil, wrong // which is no way to be told that somebody is offline
		}
		return nil, err
	}
	conv.forget()
	conv.close()
	return nil, err
}

// remember puts the conversation among the client's.
func (conv *Conversation) remember() {
	c := conv.client
	c.mu.Lock()
	defer c.mu.Unlock()
	c.rooms = append(c.rooms, conv)
}

// whoIsThere takes the IROs, and the OK after them.
func (conv *Conversation) whoIsThere() taker {
	total := 0
	return func(got command) (more bool, err error) {
		if got.verb() != "IRO" {
			if n := len(conv.entries); n != total || n == 0 {
				return false, unexpected(got, "IRO, %d are known of %d", n, total)
			}
			return sequence(just(line("ANS 1 OK")))(got)
		}
		words := got.words()
		if total == 0 && len(words) > 3 {
			total, _ = strconv.Atoi(words[3])
		}
		entry := strings.Join(words[min(4, len(words)):], " ")
		if err := require(got, line("IRO 1 %d %d %s", len(conv.entries)+1, total, entry)); err != nil {
			return false, err
		}
		return true, conv.arrive(got, entry)
	}
}

// arrive takes an entry of IRO or JOI: of a contact who is not there yet, or
// of the machine of one who is.
func (conv *Conversation) arrive(got command, entry string) error {
	account, machine := parseHandle(entry)
	known := slices.Contains(conv.client.Contacts, account) && !slices.Contains(conv.entries, entry)
	fits := slices.ContainsFunc(portraits(account), func(p portrait) bool {
		return slices.Contains(p.entries(conv.client.self.dialect), entry)
	})
	if !known || !fits || conv.has(account) != machine {
		return unexpected(got, "somebody new on the switchboard")
	}
	conv.entries = append(conv.entries, entry)
	return nil
}

// parseHandle reads the handle at the beginning of an entry, and tells whether
// it names a machine.
func parseHandle(entry string) (account string, machine bool) {
	word, _, _ := strings.Cut(entry, " ")
	account, _, machine = strings.Cut(word, ";")
	return account, machine
}

// has tells whether somebody is there.
func (conv *Conversation) has(account string) bool {
	return slices.ContainsFunc(conv.entries, func(entry string) bool {
		there, machine := parseHandle(entry)
		return there == account && !machine
	})
}

// Invite invites one more, and waits until they are there.
func (conv *Conversation) Invite(ctx context.Context, account string) error {
	isOffline := false
	err := conv.ask(ctx, func(trid int) (command, taker) {
		return line("CAL %d %s", trid, account), func(got command) (bool, error) {
			if isOffline = got.equal(line("217 %d", trid)); isOffline {
				return false, nil
			}
			return sequence(just(line("CAL %d RINGING %s", trid, conv.session)))(got)
		}
	})
	switch {
	case err != nil:
		return err
	case isOffline:
		return ErrOffline
	}
	return conv.await(ctx, account+" to join", func() bool { return conv.has(account) })
}

// unasked takes what comes without having been asked for.
func (conv *Conversation) unasked(got command) error {
	return conv.update(func() error {
		switch got.verb() {
		case "JOI":
			return conv.arrive(got, strings.TrimPrefix(got.line, "JOI "))
		case "BYE":
			return conv.depart(got)
		case "NAK":
			return conv.refuse(got)
		}
		return conv.hear(got)
	})
}

// depart takes a BYE: of the machine first, then of the person.
func (conv *Conversation) depart(got command) error {
	i := slices.IndexFunc(conv.entries, func(entry string) bool {
		word, _, _ := strings.Cut(entry, " ")
		return got.line == "BYE "+word
	})
	if i < 0 {
		return unexpected(got, "the leave of somebody who is there")
	}
	account, machine := parseHandle(conv.entries[i])
	conv.entries = slices.Delete(conv.entries, i, i+1)
	if !machine && slices.ContainsFunc(conv.entries, func(e string) bool { a, _ := parseHandle(e); return a == account }) {
		return unexpected(got, "the leave of the machine first")
	}
	return nil
}

func (conv *Conversation) hear(got command) error {
	from := got.word(1)
	if !conv.has(from) {
		return unexpected(got, "a message of somebody who is there")
	}
	if err := require(got, with(string(got.payload), "MSG %s %s", from, nameOf(from))); err != nil {
		return err
	}
	conv.messages = append(conv.messages, Message{from, string(got.payload)})
	return nil
}

// refuse takes a NAK: of a message that had no other answer to come, or the
// reply to one that had.
func (conv *Conversation) refuse(got command) error {
	i := slices.Index(conv.unsure, got.line)
	if i < 0 {
		return conv.answered(got)
	}
	conv.unsure = conv.unsure[i+1:] // receipts keep the order of the messages
	conv.refused++
	return nil
}

// Refused is how many messages sent with OnlyRefusal were not delivered, as
// far as is known.
func (conv *Conversation) Refused() int {
	conv.mu.Lock()
	defer conv.mu.Unlock()
	return conv.refused
}

// Say says a text and waits until it is delivered. With nobody there the error
// is ErrNotDelivered.
func (conv *Conversation) Say(ctx context.Context, text string) error {
	return conv.Send(ctx, TextMessage(text), Always)
}

// Type tells the others that the client's user is typing.
func (conv *Conversation) Type(ctx context.Context) error {
	return conv.Send(ctx, TypingMessage(conv.account), NoReceipt)
}

// Nudge shakes the others' windows.
func (conv *Conversation) Nudge(ctx context.Context) error {
	return conv.Send(ctx, NudgeMessage(), Always)
}

// Send sends a payload. With Always or AlwaysData it waits for the receipt.
func (conv *Conversation) Send(ctx context.Context, payload string, receipt Receipt) error {
	refused := false
	send := func(trid int) (command, taker) {
		message := with(payload, "MSG %d %s", trid, receipt)
		switch receipt {
		case Always, AlwaysData:
			return message, ackOrNak(trid, &refused)
		case OnlyRefusal:
			conv.unsure = append(conv.unsure, fmt.Sprintf("NAK %d", trid))
		}
		return message, nil
	}
	if receipt == NoReceipt || receipt == OnlyRefusal {
		_, err := conv.post(ctx, []request{send})
		return err
	}
	if err := conv.ask(ctx, send); err != nil || !refused {
		return err
	}
	return ErrNotDelivered
}

func ackOrNak(trid int, refused *bool) taker {
	return func(got command) (bool, error) {
		*refused = got.equal(line("NAK %d", trid))
		if *refused {
			return false, nil
		}
		return false, require(got, line("ACK %d", trid))
	}
}

// Receive waits for the next message of the others.
func (conv *Conversation) Receive(ctx context.Context) (Message, error) {
	var m Message
	err := conv.await(ctx, "a message", func() bool {
		if len(conv.messages) == 0 {
			return false
		}
		m = conv.messages[0]
		conv.messages = conv.messages[1:]
		return true
	})
	return m, err
}

// Gone waits until somebody has left.
func (conv *Conversation) Gone(ctx context.Context, account string) error {
	return conv.await(ctx, account+" to leave", func() bool { return !conv.has(account) })
}

// Unread is how many messages have come and were not received.
func (conv *Conversation) Unread() int {
	conv.mu.Lock()
	defer conv.mu.Unlock()
	return len(conv.messages)
}

// Leave leaves the conversation.
func (conv *Conversation) Leave(ctx context.Context) error {
	conv.forget()
	return conv.leave(ctx)
}

// forget takes the conversation off the client's.
func (conv *Conversation) forget() {
	c := conv.client
	c.mu.Lock()
	defer c.mu.Unlock()
	c.rooms = slices.DeleteFunc(c.rooms, func(other *Conversation) bool { return other == conv })
}
