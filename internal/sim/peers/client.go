package peers

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strconv"
	"sync"

	"msnproxy/decode"
)

// ErrOffline tells that somebody can't be called, because they are offline.
var ErrOffline = errors.New("217: not online")

// ErrNotDelivered tells that nobody was there to get a message.
var ErrNotDelivered = errors.New("NAK: the message was not delivered")

// Client is an MSN Messenger of one account. Account, Dialect and Server must
// be set before SignIn, the others may be; then they stay. All methods return
// at the latest when their context ends. After SignOut or Close nothing of the
// client is left.
type Client struct {
	Account string
	// Dialect is the one that the client's program prefers: one of Dialects.
	// The server may choose an older one.
	Dialect decode.Dialect
	// Server is the address, host:port, to sign in at.
	Server string
	// Contacts is the contact list; that of DefaultRoster if nil. It must be
	// the one that the server's Roster has.
	Contacts []string
	// Impostor has the client answer challenges wrongly.
	Impostor bool
	// Witness, shared with the server, notices bytes that are held back.
	Witness *Witness
	// Dial connects to servers; nil means TCP.
	Dial Dial

	self portrait
	ns   *notification

	mu        sync.Mutex // what stands below
	told      []string
	mentioned []string
	rooms     []*Conversation
}

// Dial connects to a server of a kind at an address, host:port.
type Dial func(ctx context.Context, kind decode.Server, address string) (net.Conn, error)

// Told returns the addresses that the client was told and went to, in order:
// of XFR NS, XFR SB and RNG, as they stood in the command.
func (c *Client) Told() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.told)
}

// Mentioned returns the addresses that the client was told but had no use for:
// the current server's of XFR NS, and that of RouteInfo.
func (c *Client) Mentioned() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.mentioned)
}

// Speaks returns the dialect that the server chose.
func (c *Client) Speaks() decode.Dialect { return c.self.dialect }

func (c *Client) goTo(address string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.told = append(c.told, address)
}

func (c *Client) mention(address string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.mentioned = append(c.mentioned, address)
}

// isAddress tells whether a text is host:port.
func isAddress(text string) bool {
	host, port, err := net.SplitHostPort(text)
	if err != nil || host == "" {
		return false
	}
	n, err := strconv.ParseUint(port, 10, 16)
	return err == nil && n > 0
}

// maxReferrals is how often a client lets itself be sent on.
const maxReferrals = 3

// SignIn signs in: at Server, and wherever that sends the client. Then the
// client has its contact list, and is invisible until SetStatus.
func (c *Client) SignIn(ctx context.Context) error {
	program := programFor(c.Dialect)
	if program == nil {
		return fmt.Errorf("no client program for %v", c.Dialect)
	}
	if c.Contacts == nil {
		c.Contacts = DefaultRoster()[c.Account]
	}
	c.self = portrait{account: c.Account, program: program}
	address, trid := c.Server, 0
	for range maxReferrals {
		next, err := c.signInAt(ctx, address, trid)
		if err != nil || next == "" {
			return err
		}
		if c.self.dialect <= 12 {
			trid = 3 // older programs counted on (MSNP.md §5)
		}
		c.goTo(next)
		address = next
	}
	return fmt.Errorf("%s was referred %d times", c.Account, maxReferrals)
}

// SetStatus sets a status: NLN, BSY, IDL, BRB, AWY, PHN or LUN. The first one
// makes the client visible to its contacts, and they to it.
func (c *Client) SetStatus(ctx context.Context, status string) error {
	return c.ns.ask(ctx, func(trid int) (command, taker) {
		if c.ns.visible == 0 {
			c.ns.visible = trid
		}
		change := changeStatus(trid, status, c.self)
		return change, sequence(just(change))
	})
}

// SetMessage sets the personal message. It must have no markup. Up to MSNP10
// there was none, and it does nothing.
func (c *Client) SetMessage(ctx context.Context, message string) error {
	if !hasPersonalMessage(c.self.dialect) {
		return nil
	}
	return c.ns.ask(ctx, func(trid int) (command, taker) {
		return with(personal(c.self.dialect, c.Account, message), "UUX %d", trid), sequence(just(line("UUX %d 0", trid)))
	})
}

// Ping sends PNG and waits for the answer.
func (c *Client) Ping(ctx context.Context) error {
	return c.ns.ask(ctx, func(int) (command, taker) { return line("PNG"), sequence(just(pong(c.self.dialect))) })
}

// Sees waits until a contact has a status: FLN is offline.
func (c *Client) Sees(ctx context.Context, contact, status string) error {
	return c.ns.await(ctx, contact+" to be "+status, func() bool {
		return c.ns.seen(contact).status == status && c.ns.due != contact
	})
}

// Reads waits until a contact has a personal message. A client up to MSNP10
// gets none, and does not wait.
func (c *Client) Reads(ctx context.Context, contact, message string) error {
	if !hasPersonalMessage(c.self.dialect) {
		return nil
	}
	return c.ns.await(ctx, fmt.Sprintf("%s to say %q", contact, message), func() bool { return c.ns.seen(contact).message == message })
}

// Challenged waits until the server has accepted n answers to challenges.
func (c *Client) Challenged(ctx context.Context, n int) error {
	return c.ns.await(ctx, "a challenge to be answered", func() bool { return c.ns.challenges >= n })
}

// SignOut leaves all conversations and signs out. It returns anything that was
// wrong with a connection and has not been returned before.
func (c *Client) SignOut(ctx context.Context) error {
	var wrong []error
	for _, room := range c.conversations() {
		wrong = append(wrong, room.Leave(ctx))
	}
	if c.ns != nil {
		wrong = append(wrong, c.ns.leave(ctx))
	}
	return errors.Join(wrong...)
}

// Close ends all connections at once.
func (c *Client) Close() error {
	var wrong []error
	for _, room := range c.conversations() {
		room.forget()
		wrong = append(wrong, room.close())
	}
	if c.ns != nil {
		wrong = append(wrong, c.ns.close())
	}
	return errors.Join(wrong...)
}

func (c *Client) conversations() []*Conversation {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.rooms)
}
