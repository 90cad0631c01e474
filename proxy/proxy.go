// Package proxy relays MSNP connections between clients and their server, and
// decodes them on the way. What the client and the server send each other
// arrives as it was sent, but for the addresses that would lead the client
// past the proxy: those are replaced by the proxy's own.
//
// Decoding never stops the bytes. What a client sends is passed on first and
// decoded after, and so is what a switchboard says; what another server sends is
// decoded before, because its addresses may have to be replaced, and passed on as
// it is if decoding fails.
package proxy

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/rs/zerolog"

	"msnproxy/decode"
	"msnproxy/internal/journal"
)

// Limits and times of the proxy.
const (
	// dialTimeout is how long a server may take to accept a connection; a
	// client gives up after a minute or so.
	dialTimeout = 20 * time.Second
	// drainTime is how long connections may go on once the proxy is told to
	// stop: enough for what is under way, not for a conversation.
	drainTime = 2 * time.Second
	// maxConnections bounds the connections at one time. Each holds two
	// sockets and, at rest, some 10 KiB.
	maxConnections = 20000
)

// Config is what a Proxy is told. A zero field means the default.
type Config struct {
	// Upstream is the server, host:port, that clients of the main listener
	// are relayed to.
	Upstream string
	// Listen is the address of the main listener.
	Listen string
	// HTTPListen is the address of the listener for HTTP; "" is none.
	HTTPListen string
	// HTTPUpstream is the HTTP gateway, host:port, that its requests go to.
	HTTPUpstream string
	// Advertise is the host that clients are told to connect to; "" means
	// the address at which the client reached the proxy.
	Advertise string
	// FirstPort and LastPort bound the ports of referral listeners; zero
	// lets the system choose.
	FirstPort, LastPort uint16
	// SinglePort has every connection come to the main listener.
	SinglePort bool
	// AllowReferral are networks that are not public and that a server on a
	// public address may refer clients to all the same.
	AllowReferral []netip.Prefix
	// CaptureClientSide has taps see what the client received, between it
	// and the proxy, instead of the dialogue as it would have been without.
	CaptureClientSide bool
	// InjectChallenge, if not zero, has the proxy ask every signed-in client
	// a challenge of its own at that interval, and keep the answer from the
	// server.
	InjectChallenge time.Duration
	// Faults are what the proxy does to clients, to test them. They reach
	// those that connect over TCP.
	Faults []Fault
	// Checks is what the proofs of clients are checked with; nil knows the
	// published product keys.
	Checks *decode.Checks
	// Live takes the records and bytes of the run.
	Live *journal.Live
	// Log is the operator's log.
	Log zerolog.Logger
	// Dial connects to a server; nil means a net.Dialer.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
	// Now is the clock; nil means time.Now.
	Now func() time.Time

	newSession func(decode.Config) *decode.Session // decode.NewSession, but for tests
	drainTime  time.Duration                       // drainTime, but for tests
	httpTimes  httpTimes                           // usualTimes, but for tests
	unfinished sizes                               // usualSizes, but for tests
}

// Proxy is a running proxy.
type Proxy struct {
	cfg       Config
	main      net.Listener
	book      journal.LockedBook
	referrals *referrals
	routes    routes
	stacks    stacks
	backlog   *backlog
	allowance allowance    // for what connections have not finished
	http      *httpGateway // nil without a listener for HTTP

	mu     sync.Mutex
	conns  map[*conn]struct{}
	number int // of connections so far
	wait   sync.WaitGroup
	dials  context.Context // ends dials when the proxy stops at last; set by Run
}

// New opens the main listener. Run does the rest.
func New(cfg Config) (*Proxy, error) {
	cfg.Upstream = withPort(cfg.Upstream)
	if cfg.newSession == nil {
		cfg.newSession = decode.NewSession
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.drainTime == 0 {
		cfg.drainTime = drainTime
	}
	if cfg.httpTimes == (httpTimes{}) {
		cfg.httpTimes = usualTimes
	}
	if cfg.unfinished == (sizes{}) {
		cfg.unfinished = usualSizes
	}
	main, err := listenAt(cfg.Listen, "listen")
	if err != nil {
		return nil, err
	}
	p := &Proxy{cfg: cfg, main: main, conns: map[*conn]struct{}{}}
	p.allowance.sizes = cfg.unfinished
	if cfg.Dial == nil {
		p.cfg.Dial = (&net.Dialer{Timeout: dialTimeout, ControlContext: p.refuse}).DialContext
	}
	p.backlog = newBacklog(&p.stacks)
	p.referrals = newReferrals(p)
	if cfg.HTTPListen == "" {
		return p, nil
	}
	if p.http, err = newHTTPGateway(p); err != nil {
		main.Close()
		return nil, err
	}
	return p, nil
}

// Close closes the listeners of a proxy that was not run.
func (p *Proxy) Close() error {
	p.referrals.close()
	if p.http != nil {
		p.http.listener.Close()
	}
	return p.main.Close()
}

// RecordTo has the run recorded by live. It must be called before Run, unless
// Config has said so already.
func (p *Proxy) RecordTo(live *journal.Live) { p.cfg.Live = live }

// Addr is the address of the main listener.
func (p *Proxy) Addr() net.Addr { return p.main.Addr() }

// HTTPAddr is the address of the listener for HTTP, or nil without one.
func (p *Proxy) HTTPAddr() net.Addr {
	if p.http == nil {
		return nil
	}
	return p.http.listener.Addr()
}

// Settle has all decoded that has gone on so far.
func (p *Proxy) Settle() { p.backlog.clear() }

// withPort adds the default port to an address that has none.
func withPort(address string) string {
	if _, _, err := net.SplitHostPort(address); err == nil {
		return address
	}
	return net.JoinHostPort(unbracket(address), strconv.Itoa(decode.DefaultPort))
}

// bracketed returns a host as it stands in a URL.
func bracketed(host string) string {
	if strings.Contains(host, ":") {
		return "[" + host + "]"
	}
	return host
}

func unbracket(host string) string {
	if len(host) > 2 && host[0] == '[' && host[len(host)-1] == ']' {
		return host[1 : len(host)-1]
	}
	return host
}

// Run serves clients until ctx is done, lets connections drain for a bounded
// time, and returns when every connection has ended.
func (p *Proxy) Run(ctx context.Context) error {
	var cancelDials func()
	p.dials, cancelDials = context.WithCancel(context.WithoutCancel(ctx))
	defer cancelDials()
	stop := context.AfterFunc(ctx, func() {
		p.main.Close()
		p.referrals.close()
	})
	defer stop()
	serving, served := context.WithCancel(ctx)
	defer served()
	p.wait.Go(func() { p.tick(serving) })
	if p.cfg.InjectChallenge > 0 {
		p.wait.Go(func() { p.ask(serving, p.cfg.InjectChallenge) })
	}
	if p.http != nil {
		go p.http.run()
		defer p.http.finish()
	}
	err := p.serve(p.main, p.handleMain)
	served()
	if ctx.Err() == nil {
		p.main.Close()
		p.referrals.close()
	}
	p.drain(cancelDials)
	if ctx.Err() != nil {
		return nil
	}
	return err
}

// drain waits for connections to end, and ends those that do not.
func (p *Proxy) drain(cancelDials func()) {
	if p.http != nil {
		p.wait.Go(p.http.stop)
	}
	timer := time.AfterFunc(p.cfg.drainTime, func() {
		cancelDials()
		p.mu.Lock()
		defer p.mu.Unlock()
		for c := range p.conns {
			c.abort("capture ended") // as its capture tells it
		}
	})
	p.wait.Wait()
	p.stacks.drop()
	timer.Stop()
}

// serve accepts clients until the listener is closed.
func (p *Proxy) serve(l net.Listener, handle func(net.Conn)) error {
	listener := roomyListener{Listener: l, proxy: p}
	for {
		client, err := listener.Accept()
		if errors.Is(err, net.ErrClosed) {
			return nil
		}
		if err != nil {
			return err
		}
		p.wait.Add(1)
		go func() {
			defer p.wait.Done()
			handle(client)
		}()
	}
}

// roomyListener is a listener that keeps trying, and has those make room for
// others that do nothing. One goroutine accepts from it.
type roomyListener struct {
	net.Listener
	proxy   *Proxy
	failing bool
}

// Accept waits for the next client, whatever that takes.
func (l *roomyListener) Accept() (net.Conn, error) {
	for {
		client, err := l.Listener.Accept()
		if errors.Is(err, net.ErrClosed) {
			return nil, err
		}
		l.tell(err)
		if err == nil {
			return client, nil
		}
		if l.proxy.makeRoom() || l.proxy.http != nil && l.proxy.http.makeRoom() {
			continue
		}
		select {
		case <-l.proxy.dials.Done():
			return nil, err
		case <-time.After(acceptPause):
		}
	}
}

// tell says when the listener begins to fail, and when it works again.
func (l *roomyListener) tell(err error) {
	log := l.proxy.cfg.Log
	switch {
	case err != nil && !l.failing:
		// Out of descriptors, as a rule: those that have connections keep them.
		log.Error().Err(err).Stringer("listen", l.Addr()).Msg("cannot accept connections; trying again (see ulimit -n if there are too many open files)")
	case err == nil && l.failing:
		log.Info().Stringer("listen", l.Addr()).Msg("accepting connections again")
	}
	l.failing = err != nil
}

// acceptPause keeps a failing accept from spinning.
const acceptPause = 100 * time.Millisecond

// handleMain serves a client of the main listener.
func (p *Proxy) handleMain(client net.Conn) {
	if !p.cfg.SinglePort {
		p.relay(client, destination{server: p.cfg.Upstream})
		return
	}
	first, to, referred := p.route(client)
	if !referred {
		p.relay(client, destination{server: p.cfg.Upstream, first: first})
		return
	}
	p.relay(client, destination{server: to.server, first: first, allow: p.allowFrom(to.from)})
}

// allowFrom has the last word on where a server may refer clients to, once it
// is known what its name stands for.
func (p *Proxy) allowFrom(from netip.Addr) func(net.Addr) error {
	return func(server net.Addr) error { return p.cfg.mayReach(from, addrOf(server)) }
}

// destination is where a client is relayed to.
type destination struct {
	server string
	first  []byte               // what was read from the client already
	allow  func(net.Addr) error // has the last word on the server's address, if not nil
	over   func()               // is called once all is over, if not nil
}

func (t destination) end() {
	if t.over != nil {
		t.over()
	}
}

// relay connects a client to its server, and has both ways between them relayed
// from then on.
func (p *Proxy) relay(client net.Conn, to destination) {
	c := p.newConn(client, to)
	if c == nil && p.makeRoom() {
		c = p.newConn(client, to)
	}
	if c == nil {
		p.cfg.Log.Error().Int("connections", maxConnections).Msg("too many connections; a client was turned away")
		client.Close()
		to.end()
		return
	}
	server, err := p.dial(to.server, to.allow)
	if err != nil {
		p.unreachable(c, err)
		return
	}
	c.start(server)
	c.run(to.first)
}

// unreachable ends a connection whose server could not be reached.
func (p *Proxy) unreachable(c *conn, err error) {
	defer p.forget(c)
	if p.dials.Err() != nil { // it is the proxy that has stopped
		c.unreachable("capture ended")
		return
	}
	p.cfg.Log.Error().Err(err).Str("conn", c.id).Str("server", c.to.server).Msg("cannot reach the server; the client's connection is closed")
	c.unreachable("server unreachable")
}

// dial connects to a server.
func (p *Proxy) dial(server string, allow func(net.Addr) error) (net.Conn, error) {
	return p.dialWith(p.dials, server, allow)
}

// allowKey is under which a context has what is permitted of the connection.
type allowKey struct{}

// errOwn is told of a way that leads back to the proxy.
var errOwn = errors.New("this is the proxy itself; does a hosts entry point its name here? name the server by its IP address")

// refuse keeps a dialer from connecting where it may not. A connection that is
// closed again at once would still have been made: to somebody whom it tells
// something, or to the proxy, which would connect again in turn.
func (p *Proxy) refuse(ctx context.Context, _, address string, _ syscall.RawConn) error {
	to, err := netip.ParseAddrPort(address)
	if err != nil {
		return err
	}
	if p.listensAt(to) && isHere(to.Addr()) {
		return errOwn
	}
	if allow, _ := ctx.Value(allowKey{}).(func(net.Addr) error); allow != nil {
		return allow(net.TCPAddrFromAddrPort(to))
	}
	return nil
}

// isHere tells whether an address is one of this machine.
func isHere(a netip.Addr) bool {
	if a.IsLoopback() || a.IsUnspecified() {
		return true
	}
	addrs, err := net.InterfaceAddrs()
	for _, one := range addrs {
		if n, ok := one.(*net.IPNet); ok && n.IP.Equal(a.AsSlice()) {
			return true
		}
	}
	return err != nil // it cannot be told
}

func (p *Proxy) dialWith(ctx context.Context, server string, allow func(net.Addr) error) (net.Conn, error) {
	ctx = context.WithValue(ctx, allowKey{}, allow)
	c, err := p.cfg.Dial(ctx, "tcp", server)
	for isOutOfDescriptors(err) && p.makeRoom() {
		c, err = p.cfg.Dial(ctx, "tcp", server)
	}
	if err != nil {
		return nil, err
	}
	if p.isOwn(c) {
		err = errOwn
	} else if allow != nil {
		err = allow(c.RemoteAddr())
	}
	if err != nil {
		c.Close()
		return nil, err
	}
	return c, nil
}

// isOutOfDescriptors tells whether there is none for another connection: the client's
// has taken the last one.
func isOutOfDescriptors(err error) bool {
	return errors.Is(err, syscall.EMFILE) || errors.Is(err, syscall.ENFILE)
}

// isOwn tells whether a connection leads back to the proxy: within one machine,
// to an address that it listens on.
func (p *Proxy) isOwn(c net.Conn) bool {
	local, remote := addrOf(c.LocalAddr()), addrOf(c.RemoteAddr())
	if local != remote && !(local.IsLoopback() && remote.IsLoopback()) {
		return false
	}
	_, port, _ := net.SplitHostPort(c.RemoteAddr().String())
	to, err := netip.ParseAddrPort(net.JoinHostPort(remote.String(), port))
	return err == nil && p.listensAt(to)
}

// listensAt tells whether the proxy listens on an address, if that is one of
// this machine.
func (p *Proxy) listensAt(to netip.AddrPort) bool {
	return takes(p.main, to) || p.referrals.listensAt(to) || p.http != nil && takes(p.http.listener, to)
}

// takes tells whether a listener takes what goes to an address of this machine.
func takes(l net.Listener, to netip.AddrPort) bool {
	at, err := netip.ParseAddrPort(l.Addr().String())
	here := at.Addr().IsUnspecified() || to.Addr().IsUnspecified() || at.Addr().Unmap() == to.Addr().Unmap()
	return err == nil && at.Port() == to.Port() && here
}

// makeRoom ends the connection whose client has been there longest without
// saying anything, and reports whether there was one. All clients speak first,
// and at once; who does not must not keep the others out.
func (p *Proxy) makeRoom() bool {
	idlest := p.takeSilent(p.cfg.Now().Add(-firstLineTime))
	if idlest == nil {
		return false
	}
	p.cfg.Log.Warn().Str("conn", idlest.id).Stringer("client", idlest.client.RemoteAddr()).
		Msg("a client that has said nothing, or no whole line, makes room for others")
	idlest.abort("silent, and there were too many connections")
	return true
}

// takeSilent takes out the connection that is silent since before a time, and
// longest; nil if there is none. Sessions at the gateway are not silent.
func (p *Proxy) takeSilent(since time.Time) (idlest *conn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for c := range p.conns {
		if _, session := c.client.(endpoint); !session && !c.greeted.Load() && c.opened.Before(since) {
			idlest, since = c, c.opened
		}
	}
	delete(p.conns, idlest)
	return idlest
}

// newConn registers a connection, unless there are too many.
func (p *Proxy) newConn(client net.Conn, to destination) *conn {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.conns) >= maxConnections {
		return nil
	}
	p.number++
	c := &conn{proxy: p, id: "c" + strconv.Itoa(p.number), client: client, to: to, opened: p.cfg.Now()}
	p.conns[c] = struct{}{}
	return c
}

// forget takes a connection off the list, once all of it is over.
func (p *Proxy) forget(c *conn) {
	p.mu.Lock()
	delete(p.conns, c)
	if len(p.conns) == 0 {
		p.stacks.drop()
	}
	p.mu.Unlock()
	c.to.end()
}

// emit hands a record on.
func (p *Proxy) emit(r *decode.Record) { p.cfg.Live.Emit(r) }

// now is the time as records have it.
func (p *Proxy) now() decode.Stamp { return decode.Stamp{Time: p.cfg.Now()} }
