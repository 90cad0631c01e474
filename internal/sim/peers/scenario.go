package peers

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"msnproxy/decode"
)

// Play is an evening of two people: they sign in, see one another, talk, and
// sign out. The zero value plays it at once; Server and Dialects must be set.
type Play struct {
	// Server is the address, host:port, at which both sign in.
	Server string
	// Dialects are the ones that Alice's and Bob's programs prefer.
	Dialects [2]decode.Dialect
	// Pause is how long people take for each thing they do.
	Pause time.Duration
	// Accounts are who plays Alice, Bob, and Carol, whom Alice calls although
	// she is offline. By default they play themselves. Others must be in the
	// server's roster, with one another as contacts.
	Accounts [3]string
	// Witness, shared with the server, notices bytes that are held back.
	Witness *Witness
	// Dial connects to servers; nil means TCP.
	Dial Dial

	alice, bob *Client
}

// Scenario plays the evening at once.
func Scenario(ctx context.Context, serverAddr string, dialects [2]decode.Dialect) error {
	return (&Play{Server: serverAddr, Dialects: dialects}).Run(ctx)
}

// Run plays the evening. Whatever becomes of it, nothing of the clients is
// left then.
func (p *Play) Run(ctx context.Context) error {
	people := [...]string{Alice, Bob, Carol}
	for i, account := range people {
		p.Accounts[i] = cmp.Or(p.Accounts[i], account)
	}
	p.alice, p.bob = p.person(0), p.person(1)
	defer p.alice.Close()
	defer p.bob.Close()
	for _, act := range []func(context.Context) error{p.arrive, p.meet, p.callNobody, p.depart} {
		if err := act(ctx); err != nil {
			return err
		}
	}
	return nil
}

// Clients returns Alice and Bob as they were in the last Run, so that they can
// be asked what they were told.
func (p *Play) Clients() [2]*Client { return [2]*Client{p.alice, p.bob} }

// person makes one of the two.
func (p *Play) person(i int) *Client {
	var contacts []string
	for _, account := range p.Accounts {
		if account != p.Accounts[i] {
			contacts = append(contacts, account)
		}
	}
	return &Client{
		Account: p.Accounts[i], Dialect: p.Dialects[i], Server: p.Server, Contacts: contacts, Witness: p.Witness, Dial: p.Dial,
	}
}

// step is something that somebody does.
type step func(context.Context) error

// does has people do things, one after the other.
func (p *Play) does(ctx context.Context, steps ...step) error {
	for _, do := range steps {
		if err := p.pause(ctx); err != nil {
			return err
		}
		if err := do(ctx); err != nil {
			return err
		}
	}
	return nil
}

// pause lets a person think.
func (p *Play) pause(ctx context.Context) error {
	if p.Pause <= 0 {
		return ctx.Err()
	}
	select {
	case <-time.After(p.Pause):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// status and message are steps that others see.
func (p *Play) status(who, other *Client, status string) step {
	return func(ctx context.Context) error {
		if err := who.SetStatus(ctx, status); err != nil {
			return err
		}
		if other.Speaks() == 0 { // is not there yet
			return nil
		}
		return other.Sees(ctx, who.Account, status)
	}
}

func (p *Play) message(who, other *Client, message string) step {
	return func(ctx context.Context) error {
		if err := who.SetMessage(ctx, message); err != nil || other.Speaks() == 0 {
			return err
		}
		return other.Reads(ctx, who.Account, told(who, message))
	}
}

// told is the personal message that others see: none of a program that has none.
func told(who *Client, message string) string {
	if !hasPersonalMessage(who.Speaks()) {
		return ""
	}
	return message
}

// arrive: both sign in and see one another.
func (p *Play) arrive(ctx context.Context) error {
	alice, bob := p.alice, p.bob
	return p.does(ctx,
		alice.SignIn, p.status(alice, bob, "NLN"), p.message(alice, bob, "Gone swimming ♫"),
		bob.SignIn, p.status(bob, alice, "NLN"),
		func(ctx context.Context) error { return bob.Sees(ctx, alice.Account, "NLN") },
		func(ctx context.Context) error {
			return bob.Reads(ctx, alice.Account, told(alice, "Gone swimming ♫"))
		},
		p.message(bob, alice, "À la plage"),
		p.status(alice, bob, "BSY"), alice.Ping, p.status(alice, bob, "NLN"), bob.Ping,
		challenged(alice), challenged(bob))
}

// challenged: with the first status comes a challenge.
func challenged(c *Client) step {
	return func(ctx context.Context) error { return c.Challenged(ctx, 1) }
}

// meet: Alice calls Bob, they talk, and Bob leaves.
func (p *Play) meet(ctx context.Context) error {
	var a, b *Conversation
	err := both(
		func() (err error) { a, err = p.alice.Call(ctx, p.bob.Account); return err },
		func() (err error) { b, err = p.bob.Invited(ctx); return err })
	if err != nil {
		return err
	}
	if err := p.talk(ctx, a, b); err != nil {
		return err
	}
	return p.does(ctx,
		b.Leave,
		func(ctx context.Context) error { return a.Gone(ctx, p.bob.Account) },
		func(ctx context.Context) error { return p.talkToNobody(ctx, a) },
		a.Leave,
		func(context.Context) error {
			if n := a.Unread() + b.Unread(); n > 0 {
				return fmt.Errorf("%d messages came that nobody sent", n)
			}
			return nil
		})
}

// What is said. A text that reads like a referral must stay text; the long one
// is near the most that a switchboard takes.
var (
	longText  = strings.Repeat("naïve Übung 日本語. ", 60)[:1398] + "!?"
	dialogues = [...]string{
		"Hi Bob! Are you there?",
		"Grüße aus Zürich ☺ 日本語 שלום 😀",
		"XFR 1 NS 10.0.0.1:1863",
		"XFR 1 NS 10.0.0.1:1863 U D\r\nOUT\r\nRNG 1 10.0.0.1:1863 CKI 1.1 mallory@example.com M\r\nis what my client told me",
		longText,
		"",
	}
)

// talk: each says everything.
func (p *Play) talk(ctx context.Context, a, b *Conversation) error {
	for _, text := range dialogues {
		for _, way := range [...][2]*Conversation{{a, b}, {b, a}} {
			from, to := way[0], way[1]
			err := p.does(ctx,
				p.heard(from.Type, to, TypingMessage(from.client.Account)),
				p.heard(func(ctx context.Context) error { return from.Say(ctx, text) }, to, TextMessage(text)))
			if err != nil {
				return err
			}
		}
	}
	return p.does(ctx,
		p.heard(a.Nudge, b, NudgeMessage()),
		p.heard(func(ctx context.Context) error { return b.Send(ctx, NudgeMessage(), OnlyRefusal) }, a, NudgeMessage()))
}

// heard is a step that another must hear as it was meant.
func (p *Play) heard(say step, by *Conversation, payload string) step {
	return func(ctx context.Context) error {
		if err := say(ctx); err != nil {
			return err
		}
		got, err := by.Receive(ctx)
		if err == nil && got.Payload != payload {
			return fmt.Errorf("%s heard %q, but %q was said", by.client.Account, got.Payload, payload)
		}
		return err
	}
}

// talkToNobody: what is said when the other has left is not delivered.
func (p *Play) talkToNobody(ctx context.Context, a *Conversation) error {
	if err := a.Nudge(ctx); !errors.Is(err, ErrNotDelivered) {
		return fmt.Errorf("nudging nobody: %w", cmp.Or(err, errors.New("it was delivered")))
	}
	return nil
}

// callNobody: Alice calls somebody who is offline.
func (p *Play) callNobody(ctx context.Context) error {
	err := p.does(ctx, func(ctx context.Context) error {
		_, err := p.alice.Call(ctx, p.Accounts[2])
		return err
	})
	if !errors.Is(err, ErrOffline) {
		return fmt.Errorf("calling somebody offline: %w", cmp.Or(err, errors.New("they came")))
	}
	return nil
}

// depart: both sign out.
func (p *Play) depart(ctx context.Context) error {
	return p.does(ctx,
		p.bob.SignOut,
		func(ctx context.Context) error { return p.alice.Sees(ctx, p.bob.Account, offline) },
		p.alice.SignOut)
}

// both does two things at a time and waits for both.
func both(one, other func() error) error {
	result := make(chan error, 1)
	go func() { result <- one() }()
	err := other()
	return errors.Join(<-result, err)
}
