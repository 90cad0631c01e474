// Package proxy relays MSNP connections between clients and their server, and
// decodes them on the way. What the client and the server send each other
// arrives as it was sent, but for the addresses that would lead the client
// past the proxy: those are replaced by the proxy's own.
//
// Decoding never stops the bytes. What a client sends is passed on first and
// decoded after, and so is what a switchboard says, unless it is much at a time; what
// another server sends is decoded before, because its addresses may have to be
// replaced, and passed on as it is if decoding fails.
package proxy

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"sync"
	"time"

	"github.com/rs/zerolog"

	"msnproxy/decode"
	"msnproxy/internal/journal"
)

// drainTime is how long connections may go on once the proxy is told to stop:
// enough for what is under way, not for a conversation.
const drainTime = 2 * time.Second

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
	cfg.Upstream = withPort(cfg.Upstream, defaultPort)
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

// emit hands a record on.
func (p *Proxy) emit(r *decode.Record) { p.cfg.Live.Emit(r) }

// now is the time as records have it.
func (p *Proxy) now() decode.Stamp { return decode.Stamp{Time: p.cfg.Now()} }
