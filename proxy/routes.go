package proxy

import (
	"bytes"
	"container/list"
	"net"
	"net/netip"
	"sync"
	"time"

	"msnproxy/decode"
)

const (
	// firstLineTime is how long a client of one-port mode may take to send
	// its first line. All clients speak first, and at once.
	firstLineTime = 3 * time.Second
	// routeLife is how long a referral to a notification server tells where
	// a client that signs in anew belongs.
	routeLife = 2 * time.Minute
	// maxRoutes bounds the referrals that are remembered.
	maxRoutes = 4096
)

// routes tells, in one-port mode, where a connection to the main listener
// belongs: its port says nothing, so its first command must. A route is for the
// client that was referred, and only to where it was referred.
type routes struct {
	mu    sync.Mutex
	by    map[routeKey]*list.Element
	order list.List          // of the routes, the oldest first
	of    map[netip.Addr]int // how many each client has
}

// routeKey is what a route is found by: without a cookie it is to the last
// notification server that the client was referred to.
type routeKey struct {
	client netip.Addr
	cookie string
}

// route is where a client was referred to, and by whom.
type route struct {
	server string
	from   netip.Addr
	client netip.Addr
	cookie string // "" for the next sign-in of the client
	at     time.Time
}

func (to route) key() routeKey { return routeKey{to.client, to.cookie} }

// isOver tells whether the route counts no more.
func (to route) isOver(now time.Time) bool { return now.Sub(to.at) > routeLife }

// referred remembers a referral.
func (r *routes) referred(to route) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.by == nil {
		r.by, r.of = map[routeKey]*list.Element{}, map[netip.Addr]int{}
	}
	if old := r.by[to.key()]; old != nil {
		r.forget(old)
	}
	r.makeRoom(to.at)
	r.by[to.key()] = r.order.PushBack(to)
	r.of[to.client]++
}

// makeRoom forgets the routes that are over and, if there are still too many, the
// oldest of a client that has no fewer than most: who is referred a thousand times
// takes nobody else's. The caller holds the lock.
func (r *routes) makeRoom(now time.Time) {
	for first := r.order.Front(); first != nil && first.Value.(route).isOver(now); first = r.order.Front() {
		r.forget(first)
	}
	if len(r.by) < maxRoutes {
		return
	}
	for one := r.order.Front(); one != nil; one = one.Next() {
		if r.of[one.Value.(route).client] >= maxRoutes/len(r.of) {
			r.forget(one)
			return
		}
	}
}

func (r *routes) forget(one *list.Element) {
	to := r.order.Remove(one).(route)
	delete(r.by, to.key())
	if r.of[to.client]--; r.of[to.client] == 0 {
		delete(r.of, to.client)
	}
}

// take finds the route for a client that shows a cookie, or without one signs
// in. It counts once, and not for long.
func (r *routes) take(client netip.Addr, cookie string, now time.Time) (route, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	one := r.by[routeKey{client, cookie}]
	if one == nil {
		return route{}, false
	}
	to := one.Value.(route)
	r.forget(one)
	return to, !to.isOver(now)
}

// route reads the first line of a client and returns it with where the client
// belongs: to the server that gave the cookie of USR or ANS, else for VER to
// the one that the client was last referred to, else to the upstream server.
func (p *Proxy) route(client net.Conn) (first []byte, to route, referred bool) {
	first = readFirstLine(client)
	cookie := cookieIn(first)
	if verb, _, _ := bytes.Cut(firstLine(first), []byte(" ")); cookie == "" && string(verb) != "VER" {
		return first, route{}, false
	}
	to, referred = p.routes.take(addrOf(client.RemoteAddr()), cookie, p.cfg.Now())
	return first, to, referred
}

// cookieIn is the cookie that a client shows to a switchboard in its first
// command, or "".
func cookieIn(first []byte) string {
	words := decode.Words(nil, firstLine(first))
	if len(words) < 4 || string(words[0]) != "USR" && string(words[0]) != "ANS" {
		return ""
	}
	return string(words[3])
}

// readFirstLine reads from a client until its first line is complete, it has
// sent too much for one, or it has taken too long.
func readFirstLine(client net.Conn) []byte {
	client.SetReadDeadline(time.Now().Add(firstLineTime))
	defer client.SetReadDeadline(time.Time{})
	buffer := make([]byte, 0, 1024)
	for len(buffer) < cap(buffer) {
		n, err := client.Read(buffer[len(buffer):cap(buffer)])
		buffer = buffer[:len(buffer)+n]
		if err != nil || bytes.IndexByte(buffer, '\n') >= 0 {
			break
		}
	}
	return buffer
}
