package decode

import (
	"slices"
	"strconv"
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
	addresses map[string][]int // those that nobody has followed yet, in their order
}

// Add remembers a referral, and forgets the oldest once there are too many.
func (b *Book) Add(r Referral) {
	if b.cookies == nil {
		b.cookies, b.addresses = map[string]int{}, map[string][]int{}
	}
	if len(b.list) >= maxReferrals {
		b.forget(maxReferrals / 2)
	}
	n := b.first + len(b.list)
	b.list = append(b.list, r)
	if r.Cookie != "" {
		b.cookies[r.Cookie] = n
	}
	key := addressKey(r.Client, r.Address, r.Cookie != "")
	b.addresses[key] = append(b.addresses[key], n)
}

// forget drops the n oldest referrals.
func (b *Book) forget(n int) {
	for i, r := range b.list[:n] {
		if b.cookies[r.Cookie] == b.first+i {
			delete(b.cookies, r.Cookie)
		}
		key := addressKey(r.Client, r.Address, r.Cookie != "")
		if at := slices.Index(b.addresses[key], b.first+i); at >= 0 {
			b.follow(key, at)
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

// follow forgets one of the referrals to an address.
func (b *Book) follow(key string, at int) {
	list := b.addresses[key]
	if at == 0 { // as when the oldest are forgotten, of which there may be thousands
		list = list[1:]
	} else {
		list = slices.Delete(list, at, at+1)
	}
	if b.addresses[key] = list; len(list) == 0 {
		delete(b.addresses, key)
	}
}

// ByAddress finds the last referral of a client's host to a server of some
// kind that can be what led to a connection that was opened at a time. It is
// found once: a client that comes back was not referred again. Others that were
// made since do not hide it: several clients of one host may be on their way.
func (b *Book) ByAddress(client, server string, kind Server, opened time.Time) (Referral, bool) {
	for _, toSB := range [...]bool{true, false} {
		if toSB && kind&SB == 0 || !toSB && kind == SB {
			continue
		}
		key := addressKey(HostOf(client), server, toSB)
		for at, n := range slices.Backward(b.addresses[key]) {
			r := b.list[n-b.first]
			age := opened.Sub(r.At)
			if age > referralLife {
				break // as are all that are older
			}
			if age >= 0 {
				b.follow(key, at)
				return r, true
			}
		}
	}
	return Referral{}, false
}

// addressKey joins a client's host, a server's address and whether that is a
// switchboard, which one address can be as well.
func addressKey(client, address string, toSB bool) string {
	address = WithPort(address)
	if toSB {
		return client + " SB " + address
	}
	return client + " NS " + address
}

// DefaultPort is the port of the Messenger service, where an address names none.
const DefaultPort = 1863

// WithPort adds the default port to an address on the wire that names none.
func WithPort(address string) string {
	if HostOf(address) != address {
		return address
	}
	return address + ":" + strconv.Itoa(DefaultPort)
}

// HostOf takes the port off host:port; the colons inside the brackets of an IPv6
// address do not count.
func HostOf(address string) string {
	for i := len(address) - 1; i >= 0 && address[i] != ']'; i-- {
		if address[i] == ':' {
			return address[:i]
		}
	}
	return address
}
