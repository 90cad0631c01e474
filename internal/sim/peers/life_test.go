package peers

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"msnproxy/decode"
)

func signedInClient(t *testing.T, s *Server, account string, d decode.Dialect) *Client {
	t.Helper()
	c := &Client{Account: account, Dialect: d, Server: s.Addr(decode.DS)}
	ctx := within(t, evening)
	t.Cleanup(func() { c.Close() })
	if err := c.SignIn(ctx); err != nil {
		t.Fatal(err)
	}
	if err := c.SetStatus(ctx, "NLN"); err != nil {
		t.Fatal(err)
	}
	return c
}

func TestDispatchAndNotificationServerOnOnePort(t *testing.T) {
	noLeaks(t)
	for _, d := range pairs() {
		s := newServer(t, ServerConfig{OnePort: true})
		if err := Scenario(within(t, evening), s.Addr(decode.DS), d); err != nil {
			t.Error(err)
		}
		noErrors(t, s)
		if s.Addr(decode.DS) != s.Addr(decode.NS) {
			t.Error("two ports")
		}
	}
}

func TestConnectionsAreLogged(t *testing.T) {
	s := newServer(t, ServerConfig{})
	play := &Play{Server: s.Addr(decode.DS), Dialects: [2]decode.Dialect{12, 15}}
	if err := play.Run(within(t, evening)); err != nil {
		t.Fatal(err)
	}
	noErrors(t, s)
	var got []string
	for _, c := range s.Connections() {
		if !c.Closed || !c.Remote.IsValid() {
			t.Errorf("%+v", c)
		}
		got = append(got, c.Kind.String()+" "+short(c.Account))
	}
	want := []string{"DS alice", "NS alice", "DS bob", "NS bob", "SB alice", "SB bob", "SB alice"}
	if !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	told := [2][]string{
		{s.Addr(decode.NS), s.Addr(decode.SB), s.Addr(decode.SB)},
		{s.Addr(decode.NS), s.Addr(decode.SB)},
	}
	mentioned := [2][]string{{s.Addr(decode.DS)}, {"127.0.0.1"}}
	for i, c := range play.Clients() {
		if !slices.Equal(c.Told(), told[i]) || !slices.Equal(c.Mentioned(), mentioned[i]) {
			t.Errorf("%s was told %v and %v, want %v and %v", c.Account, c.Told(), c.Mentioned(), told[i], mentioned[i])
		}
	}
}

// The dialect is the server's choice, not the client's wish.
func TestServerChoosesTheDialect(t *testing.T) {
	noLeaks(t)
	s := newServer(t, ServerConfig{Dialects: []decode.Dialect{8, 11}})
	play := &Play{Server: s.Addr(decode.DS), Dialects: [2]decode.Dialect{12, 8}}
	if err := play.Run(within(t, evening)); err != nil {
		t.Error(err)
	}
	if got := play.Clients()[0].Speaks(); got != 11 {
		t.Errorf("Alice speaks %v", got)
	}
	noErrors(t, s)
	c := &Client{Account: Alice, Dialect: 15, Server: s.Addr(decode.DS)}
	if err := c.SignIn(within(t, evening)); err == nil || !strings.Contains(err.Error(), `"VER 1 0`) {
		t.Errorf("no dialect in common: %v", err)
	}
	noErrors(t, s)
}

// Clients go exactly where they are told, host names included.
func TestReferralToAHostName(t *testing.T) {
	noLeaks(t)
	// The port is not known before the server listens; the relay's is.
	r := newRelay(t, ServerConfig{}, &relay{})
	for kind, l := range r.listeners {
		r.server.config.Advertise[kind] = strings.Replace(l.Addr().String(), "127.0.0.1", "localhost", 1)
	}
	play := &Play{Server: r.addr(), Dialects: [2]decode.Dialect{8, 18}}
	if err := play.Run(within(t, evening)); err != nil {
		t.Error(err)
	}
	for _, c := range play.Clients() {
		for _, address := range c.Told() {
			if !strings.HasPrefix(address, "localhost:") {
				t.Errorf("%s was told %s", c.Account, address)
			}
		}
	}
	noErrors(t, r.server)
}

func TestThreeInARoom(t *testing.T) {
	noLeaks(t)
	for _, d := range Dialects {
		s := newServer(t, ServerConfig{})
		ctx := within(t, evening)
		a, b, c := signedInClient(t, s, Alice, d), signedInClient(t, s, Bob, 18), signedInClient(t, s, Carol, 8)
		var rooms [3]*Conversation
		err := both(
			func() (err error) { rooms[0], err = a.Call(ctx, Bob); return err },
			func() (err error) { rooms[1], err = b.Invited(ctx); return err })
		if err != nil {
			t.Fatal(err)
		}
		err = both(
			func() error { return rooms[0].Invite(ctx, Carol) },
			func() (err error) { rooms[2], err = c.Invited(ctx); return err })
		if err != nil {
			t.Fatal(err)
		}
		if err := rooms[2].Say(ctx, "Hello all"); err != nil {
			t.Error(err)
		}
		for _, room := range rooms[:2] {
			if m, err := room.Receive(ctx); err != nil || m.Text() != "Hello all" || m.From != Carol {
				t.Errorf("%+v, %v", m, err)
			}
		}
		for _, client := range []*Client{a, b, c} {
			if err := client.SignOut(ctx); err != nil {
				t.Error(err)
			}
		}
		noErrors(t, s)
	}
}

func TestSigningInElsewhere(t *testing.T) {
	noLeaks(t)
	s := newServer(t, ServerConfig{})
	ctx := within(t, evening)
	first, bob := signedInClient(t, s, Alice, 15), signedInClient(t, s, Bob, 8)
	if err := bob.Sees(ctx, Alice, "NLN"); err != nil {
		t.Fatal(err)
	}
	second := signedInClient(t, s, Alice, 11)
	if err := first.Sees(ctx, Bob, "AWY"); err == nil || !strings.Contains(err.Error(), "OUT OTH") {
		t.Errorf("the first client got %v", err)
	}
	if err := bob.Sees(ctx, Alice, "NLN"); err != nil {
		t.Error(err)
	}
	if err := errors.Join(second.SignOut(ctx), bob.SignOut(ctx)); err != nil {
		t.Error(err)
	}
	noErrors(t, s)
}

func TestUnknownAccount(t *testing.T) {
	noLeaks(t)
	s := newServer(t, ServerConfig{})
	c := &Client{Account: "mallory@example.com", Dialect: 15, Server: s.Addr(decode.DS)}
	if err := c.SignIn(within(t, evening)); err == nil || !strings.Contains(err.Error(), `"911 3`) {
		t.Error(err)
	}
	noErrors(t, s)
}

// Every published vector of a program is asked for and answered.
func TestChallengesComeRound(t *testing.T) {
	noLeaks(t)
	for _, d := range Dialects {
		s := newServer(t, ServerConfig{})
		c := signedInClient(t, s, Alice, d)
		for i := range 5 {
			if err := errors.Join(s.Challenge(Alice), c.Challenged(within(t, evening), i+2)); err != nil {
				t.Error(err)
			}
		}
		// Several at a time are answered in their order.
		if err := errors.Join(s.Challenge(Alice), s.Challenge(Alice), s.Challenge(Alice), c.Challenged(within(t, evening), 9)); err != nil {
			t.Error(err)
		}
		if err := c.SignOut(within(t, evening)); err != nil {
			t.Error(err)
		}
		noErrors(t, s)
	}
}

// A message that only a refusal would answer gets one if nobody is there.
func TestRefusal(t *testing.T) {
	noLeaks(t)
	s := newServer(t, ServerConfig{})
	ctx := within(t, evening)
	a, b := signedInClient(t, s, Alice, 15), signedInClient(t, s, Bob, 15)
	var here, there *Conversation
	err := both(
		func() (err error) { here, err = a.Call(ctx, Bob); return err },
		func() (err error) { there, err = b.Invited(ctx); return err })
	if err != nil {
		t.Fatal(err)
	}
	if err := here.Send(ctx, TextMessage("1"), OnlyRefusal); err != nil {
		t.Fatal(err)
	}
	if _, err := there.Receive(ctx); err != nil {
		t.Fatal(err)
	}
	err = errors.Join(there.Leave(ctx), here.Gone(ctx, Bob),
		here.Send(ctx, TextMessage("2"), OnlyRefusal), here.Send(ctx, TextMessage("3"), NoReceipt))
	if err != nil {
		t.Fatal(err)
	}
	if err := here.Say(ctx, "4"); !errors.Is(err, ErrNotDelivered) || here.Refused() != 1 {
		t.Errorf("%v, %d refused", err, here.Refused())
	}
	if err := errors.Join(a.SignOut(ctx), b.SignOut(ctx)); err != nil {
		t.Error(err)
	}
	noErrors(t, s)
}

// Several pairs can be at it at a time, with accounts of their own.
func TestSeveralPairsAtATime(t *testing.T) {
	noLeaks(t)
	var plays []*Play
	roster := Roster{}
	for i, d := range pairs() {
		var all [3]string
		for j := range all {
			all[j] = fmt.Sprintf("user%d-%d@example.com", i, j)
		}
		a, b, c := all[0], all[1], all[2]
		roster[a], roster[b], roster[c] = []string{b, c}, []string{a, c}, []string{a, b}
		plays = append(plays, &Play{Dialects: d, Accounts: all})
	}
	s := newServer(t, ServerConfig{Roster: roster})
	crowd(len(plays), len(plays), func(i int) {
		plays[i].Server = s.Addr(decode.DS)
		if err := plays[i].Run(within(t, evening)); err != nil {
			t.Error(err)
		}
	})
	noErrors(t, s)
}
