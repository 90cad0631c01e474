package decode

import (
	"bytes"
	"time"
)

// maxReferrals bounds the referrals that a Book remembers. A referral is used
// within seconds or never.
const maxReferrals = 1 << 14

// referralLife is how long after a referral a connection to its address is
// taken to follow it. Clients connect within seconds; some remember addresses
// for weeks, and nothing announces the connections they then make.
const referralLife = 2 * time.Minute

// Referral is what an XFR or RNG told the client about a connection to come.
type Referral struct {
	From    Ref // the XFR or RNG
	At      time.Time
	Client  string  // host of the client that was referred
	Address string  // where to, as on the wire
	Cookie  string  // the key to show there; "" for a notification server
	Dialect Dialect // that the referring connection speaks
	Account string  // that is signed in on it
}

// Referrals is where the sessions of a run look up what other connections have
// told them. Sessions that run at the same time need one that locks.
type Referrals interface {
	// Add remembers a referral.
	Add(Referral)
	// ByCookie finds the referral that gave a cookie.
	ByCookie(cookie []byte) (Referral, bool)
	// ByAddress finds the last referral of a client (host:port) to a server of
	// some kind, if it can be what led to a connection that was opened at a
	// time. A referral is found once.
	ByAddress(client, server string, kind Server, opened time.Time) (Referral, bool)
}

// Book is what the connections of a run learn for one another. The zero Book
// is ready. It is not safe for concurrent use.
type Book struct {
	list      []Referral // in the order of their making, from first on
	first     int        // list[0] is referral number first
	cookies   map[string]int
	addresses map[string]int
}

// Add remembers a referral, and forgets the oldest once there are too many.
func (b *Book) Add(r Referral) {
	if b.cookies == nil {
		b.cookies, b.addresses = map[string]int{}, map[string]int{}
	}
	if len(b.list) >= maxReferrals {
		b.forget(maxReferrals / 2)
	}
	n := b.first + len(b.list)
	b.list = append(b.list, r)
	if r.Cookie != "" {
		b.cookies[r.Cookie] = n
	}
	b.addresses[addressKey(r.Client, r.Address, r.Cookie != "")] = n
}

// forget drops the n oldest referrals.
func (b *Book) forget(n int) {
	for i, r := range b.list[:n] {
		if b.cookies[r.Cookie] == b.first+i {
			delete(b.cookies, r.Cookie)
		}
		if key := addressKey(r.Client, r.Address, r.Cookie != ""); b.addresses[key] == b.first+i {
			delete(b.addresses, key)
		}
	}
	b.list = append(b.list[:0:0], b.list[n:]...)
	b.first += n
}

// ByCookie finds the referral that gave a cookie.
func (b *Book) ByCookie(cookie []byte) (Referral, bool) {
	n, ok := b.cookies[string(cookie)]
	if !ok {
		return Referral{}, false
	}
	return b.list[n-b.first], true
}

// ByAddress finds the last referral of a client's host to a server of some
// kind, if it can be what led to a connection that was opened at a time. It is
// found once: a client that comes back was not referred again.
func (b *Book) ByAddress(client, server string, kind Server, opened time.Time) (Referral, bool) {
	for _, toSB := range [...]bool{true, false} {
		if toSB && kind&SB == 0 || !toSB && kind == SB {
			continue
		}
		key := addressKey(HostOf(client), server, toSB)
		n, ok := b.addresses[key]
		if !ok {
			continue
		}
		r := b.list[n-b.first]
		if age := opened.Sub(r.At); age >= 0 && age <= referralLife {
			delete(b.addresses, key)
			return r, true
		}
	}
	return Referral{}, false
}

// addressKey joins a client's host, a server's address and whether that is a
// switchboard, which one address can be as well; without a port it means 1863.
func addressKey(client, address string, toSB bool) string {
	if !hasPort(address) {
		address += ":1863"
	}
	if toSB {
		return client + " SB " + address
	}
	return client + " NS " + address
}

// hasPort tells whether an address ends in :port; the colons inside the
// brackets of an IPv6 address do not count.
func hasPort(address string) bool {
	b := []byte(address)
	return bytes.LastIndexByte(b, ':') > bytes.LastIndexByte(b, ']')
}

// HostOf takes the port off host:port.
func HostOf(address string) string {
	for i := len(address) - 1; i >= 0 && address[i] != ']'; i-- {
		if address[i] == ':' {
			return address[:i]
		}
	}
	return address
}
