package proxy

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"sync"
	"time"

	"msnproxy/rewrite"
)

const (
	// maxListeners bounds the referral listeners: a service has some dozens
	// of servers, a hostile one may name millions.
	maxListeners = 256
	// listenerIdle is how long a referral listener stays without anybody who
	// was referred to it or is connected through it.
	listenerIdle = 30 * time.Minute
	// listenerYouth is how long a listener is kept in any case after somebody
	// was referred to it: the client may be on its way.
	listenerYouth = 2 * time.Minute
	// maxReferred is how many clients a listener remembers that were referred to
	// it. Behind one address there are as many people as like.
	maxReferred = 1 << 10
	// sweepEvery is how often idle listeners are looked for.
	sweepEvery = time.Minute
)

// referrals are the listeners for servers that clients were referred to: one
// for each server, so that a connection to it can only mean that server.
type referrals struct {
	proxy *Proxy

	mu       sync.Mutex
	byServer map[string]*referralListener
	closed   bool
	sweeper  *time.Timer
}

// referralListener is the listener for one server.
type referralListener struct {
	net.Listener
	server  string
	clients map[netip.Addr]referredClient // who was referred here
	used    time.Time
	open    int // connections through it
}

// referredClient is a client that was referred to a listener.
type referredClient struct {
	from netip.Addr // the last server that did so
	at   time.Time
}

func newReferrals(p *Proxy) *referrals {
	return &referrals{proxy: p, byServer: map[string]*referralListener{}}
}

// translate returns what the client of a connection is told instead of an
// address, or false where the address must go through as it is.
func (c *conn) translate(a rewrite.Address) (string, bool) {
	log := c.proxy.cfg.Log
	if a.Gateway && c.proxy.http != nil {
		to, err := c.proxy.http.referToGateway(c, a.Text)
		if err == nil {
			return to, true
		}
		log.Warn().Err(err).Str("conn", c.id).Str("address", a.Text).Msg("the server refers the client to an HTTP gateway, past the proxy")
		return "", false
	}
	if a.Gateway {
		log.Warn().Str("conn", c.id).Str("address", a.Text).Msg("the server refers the client to an HTTP gateway, past the proxy")
		return "", false
	}
	if a.Place == rewrite.RouteInfo {
		return bracketed(c.hostForClient()), true // it has no port, and nothing listens for it
	}
	to, err := c.proxy.refer(c, a)
	if errors.Is(err, net.ErrClosed) {
		return "", false // the proxy is stopping, and nobody will get there
	}
	if err != nil {
		log.Error().Err(err).Str("conn", c.id).Str("address", a.Text).Str("in", string(a.Place)).
			Msg("an address goes through unchanged: the client's next connection will not be proxied")
		return "", false
	}
	return to, true
}

// hostForClient is the host at which the client can reach the proxy.
func (c *conn) hostForClient() string {
	return c.proxy.hostFor(c.client.LocalAddr())
}

// hostFor is the host at which a client can reach the proxy.
func (p *Proxy) hostFor(local net.Addr) string {
	if p.cfg.Advertise != "" {
		return p.cfg.Advertise
	}
	return addrOf(local).String()
}

// refer has a listener for a server that a client is referred to, and returns
// the address at which the client can reach it.
func (p *Proxy) refer(c *conn, a rewrite.Address) (string, error) {
	server := withPort(a.Text, defaultPort)
	if err := p.cfg.mayRefer(c.server.RemoteAddr(), server); err != nil {
		return "", err
	}
	client := addrOf(c.client.RemoteAddr())
	from := addrOf(c.server.RemoteAddr())
	if p.http != nil {
		p.http.referred(c, a, server)
	}
	if p.cfg.SinglePort {
		if a.Cookie != "" || a.Place == rewrite.NotificationServer {
			p.routes.referred(route{server, from, client, a.Cookie, p.cfg.Now()})
		}
		return joinPort(c.hostForClient(), p.main.Addr()), nil
	}
	l, err := p.referrals.forServer(server, from, client, a.Place.IsReferral())
	if err != nil {
		return "", err
	}
	return joinPort(c.hostForClient(), l.Addr()), nil
}

// errNotReferred is told of addresses in what people send.
var errNotReferred = errors.New("no server has referred a client there")

// forServer returns the listener for a server and lets a client use it. With
// mayOpen, it opens one if need be.
func (r *referrals) forServer(server string, from, client netip.Addr, mayOpen bool) (*referralListener, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	l := r.byServer[server]
	if l == nil && !mayOpen {
		return nil, errNotReferred
	}
	if l == nil {
		var err error
		if l, err = r.open(server); err != nil {
			return nil, err
		}
	}
	l.used = r.proxy.cfg.Now()
	l.admit(client, referredClient{from, l.used})
	return l, nil
}

// admit lets a client use the listener. Of too many, the one that was referred
// longest ago is forgotten.
func (l *referralListener) admit(client netip.Addr, as referredClient) {
	if _, known := l.clients[client]; !known && len(l.clients) >= maxReferred {
		var oldest netip.Addr
		for c, one := range l.clients {
			if first, some := l.clients[oldest]; !some || one.at.Before(first.at) {
				oldest = c
			}
		}
		delete(l.clients, oldest)
	}
	l.clients[client] = as
}

// open opens a listener for a server. The caller holds the lock.
func (r *referrals) open(server string) (*referralListener, error) {
	if r.closed {
		return nil, net.ErrClosed
	}
	if len(r.byServer) >= maxListeners {
		r.closeIdlest()
	}
	if len(r.byServer) >= maxListeners {
		return nil, fmt.Errorf("there are %d referral listeners in use, which is the limit", maxListeners)
	}
	listener, err := r.listen()
	if err != nil && r.closeIdlest() {
		listener, err = r.listen() // on the port that is free now
	}
	if err != nil {
		return nil, err
	}
	l := &referralListener{Listener: listener, server: server, clients: map[netip.Addr]referredClient{}}
	r.byServer[server] = l
	if r.sweeper == nil {
		r.sweeper = time.AfterFunc(sweepEvery, r.sweep)
	}
	r.proxy.cfg.Log.Info().Str("server", server).Stringer("listen", l.Addr()).Msg("listening for connections that clients are referred to")
	r.proxy.wait.Add(1)
	go func() {
		defer r.proxy.wait.Done()
		r.proxy.serve(l, func(client net.Conn) { r.handle(l, client) })
	}()
	return l, nil
}

// listen opens a listener where the main one listens, on a port that is free.
func (r *referrals) listen() (net.Listener, error) {
	cfg := &r.proxy.cfg
	host, _, err := net.SplitHostPort(cfg.Listen)
	if err != nil {
		return nil, err
	}
	if cfg.FirstPort == 0 {
		return net.Listen("tcp", net.JoinHostPort(host, "0"))
	}
	for port := int(cfg.FirstPort); port <= int(cfg.LastPort); port++ {
		var l net.Listener
		if l, err = net.Listen("tcp", net.JoinHostPort(host, strconv.Itoa(port))); err == nil {
			return l, nil
		}
	}
	return nil, fmt.Errorf("no port of %d to %d is free (the last one: %w); --referral-ports names others", cfg.FirstPort, cfg.LastPort, err)
}

// handle serves a connection to a referral listener, if its client was
// referred there.
func (r *referrals) handle(l *referralListener, client net.Conn) {
	from, ok := r.enter(l, addrOf(client.RemoteAddr()))
	if !ok {
		r.proxy.cfg.Log.Warn().Stringer("client", client.RemoteAddr()).Str("server", l.server).
			Msg("a client was turned away: it was not referred to this server")
		client.Close()
		return
	}
	r.proxy.relay(client, destination{server: l.server, allow: r.proxy.allowFrom(from), over: func() { r.leave(l) }})
}

// enter counts a client in, if it was referred to the listener, and tells by
// whom: that decides what the server's name may stand for.
func (r *referrals) enter(l *referralListener, client netip.Addr) (from netip.Addr, ok bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	one, ok := l.clients[client]
	if !ok {
		return netip.Addr{}, false
	}
	l.open++
	l.used = r.proxy.cfg.Now()
	return one.from, true
}

func (r *referrals) leave(l *referralListener) {
	r.mu.Lock()
	defer r.mu.Unlock()
	l.open--
	l.used = r.proxy.cfg.Now()
}

// sweep closes listeners that have long been idle.
func (r *referrals) sweep() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		return
	}
	now := r.proxy.cfg.Now()
	for server, l := range r.byServer {
		if l.open == 0 && now.Sub(l.used) > listenerIdle {
			r.drop(server, l)
		}
	}
	r.sweeper.Reset(sweepEvery)
}

// closeIdlest makes room for another listener, if one can be spared. The caller
// holds the lock.
func (r *referrals) closeIdlest() bool {
	var idlest *referralListener
	now := r.proxy.cfg.Now()
	for _, l := range r.byServer {
		if l.open == 0 && now.Sub(l.used) > listenerYouth && (idlest == nil || l.used.Before(idlest.used)) {
			idlest = l
		}
	}
	if idlest == nil {
		return false
	}
	r.drop(idlest.server, idlest)
	return true
}

// listensAt tells whether an address of this machine is one of a referral
// listener.
func (r *referrals) listensAt(to netip.AddrPort) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, l := range r.byServer {
		if takes(l, to) {
			return true
		}
	}
	return false
}

func (r *referrals) drop(server string, l *referralListener) {
	l.Close()
	delete(r.byServer, server)
}

// close closes every listener, for good.
func (r *referrals) close() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.closed = true
	if r.sweeper != nil {
		r.sweeper.Stop()
	}
	for server, l := range r.byServer {
		r.drop(server, l)
	}
}
