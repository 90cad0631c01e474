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
	firstLineTime = 10 * time.Second
	// routeLife is how long a referral to a notification server tells where
	// a client that signs in anew belongs.
	routeLife = 2 * time.Minute
	// maxRoutes bounds the clients whose last referral is remembered.
	maxRoutes = 4096
)

// routes tells, in one-port mode, where a connection to the main listener
// belongs: its port says nothing, so its first command must.
type routes struct {
	mu   sync.Mutex
	last map[netip.Addr]route
}

// route is the last notification server that a client was referred to.
type route struct {
	server string
	at     time.Time
}

// referred remembers that a client was referred to a notification server.
func (r *routes) referred(client netip.Addr, server string, now time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.last == nil || len(r.last) >= maxRoutes {
		r.last = map[netip.Addr]route{}
	}
	r.last[client] = route{server, now}
}

// lastOf returns the server that a client was last referred to, if that was
// not long ago. It counts once: the next sign-in starts from the beginning.
func (r *routes) lastOf(client netip.Addr, now time.Time) (string, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	last, ok := r.last[client]
	delete(r.last, client)
	return last.server, ok && now.Sub(last.at) <= routeLife
}

// route reads the first line of a client and returns it with the server that
// it is for: the one that gave the cookie of USR or ANS, else for VER the one
// that the client was last referred to, else the upstream server.
func (p *Proxy) route(client net.Conn) (first []byte, server string) {
	first = readFirstLine(client)
	line, _, _ := bytes.Cut(first, []byte("\n"))
	words := decode.Words(nil, bytes.TrimSuffix(line, []byte("\r")))
	switch {
	case len(words) >= 4 && (string(words[0]) == "USR" || string(words[0]) == "ANS"):
		if r, ok := p.book.ByCookie(words[3]); ok {
			return first, withPort(r.Address)
		}
	case string(words[0]) == "VER":
		if server, ok := p.routes.lastOf(addrOf(client.RemoteAddr()), p.cfg.Now()); ok {
			return first, server
		}
	}
	return first, p.cfg.Upstream
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
