package proxy

import (
	"bytes"
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
	mu       sync.Mutex
	byCookie map[string]route
	byClient map[netip.Addr]route // the last notification server that each was referred to
}

// route is where a client was referred to, and by whom.
type route struct {
	server string
	from   netip.Addr
	client netip.Addr
	at     time.Time
}

// referred remembers a referral: by its cookie, or without one for the next
// sign-in of the client.
func (r *routes) referred(cookie string, to route) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.byCookie)+len(r.byClient) >= maxRoutes || r.byCookie == nil {
		r.byCookie, r.byClient = map[string]route{}, map[netip.Addr]route{}
	}
	if cookie != "" {
		r.byCookie[cookie] = to
	} else {
		r.byClient[to.client] = to
	}
}

// take finds the route for a client that shows a cookie, or without one signs
// in. It counts once, and not for long.
func (r *routes) take(client netip.Addr, cookie string, now time.Time) (route, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	to, ok := r.byClient[client]
	if cookie != "" {
		to, ok = r.byCookie[cookie]
	}
	if !ok || to.client != client {
		return route{}, false
	}
	delete(r.byCookie, cookie)
	if cookie == "" {
		delete(r.byClient, client)
	}
	return to, now.Sub(to.at) <= routeLife
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
