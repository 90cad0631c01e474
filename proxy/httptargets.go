package proxy

import (
	"context"
	"net"
	"net/netip"
	"sync"
	"time"
)

// targets are the gateways that requests go to: the upstream one, and those
// that answers (GW-IP) or referrals (XFR, mode G) have named.
type targets struct {
	g  *httpGateway
	mu sync.Mutex
	by map[string]target
}

// target is a gateway that was named.
type target struct {
	from   netip.Addr // by whom
	failed time.Time  // when it could not be reached
}

const (
	// maxTargets bounds the gateways that are remembered.
	maxTargets = 1 << 10
	// targetTime is how long a gateway that was named may take to accept a
	// connection: the upstream one will do as well.
	targetTime = 3 * time.Second
	// targetRest is for how long one that could not be reached is not tried.
	targetRest = 10 * time.Minute
)

// name takes note of a gateway that a server has named, and tells whether
// requests may go there.
func (t *targets) name(address string, from net.Addr) error {
	if err := t.g.proxy.cfg.mayRefer(from, address); err != nil {
		return err
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.by == nil || len(t.by) >= maxTargets {
		t.by = map[string]target{}
	}
	// Of those who name it, the one counts that may name least.
	if old, ok := t.by[address]; !ok || !isPublic(old.from) {
		t.by[address] = target{from: addrOf(from), failed: old.failed}
	}
	return nil
}

// dial connects to a gateway. Of one that was named and cannot be reached, the
// upstream one takes the place: revival servers name what is no more.
func (t *targets) dial(ctx context.Context, _, address string) (net.Conn, error) {
	p, upstream := t.g.proxy, t.g.upstream
	if from, ok := t.usable(address); ok && address != upstream {
		c, err := t.dialNamed(ctx, address, from)
		if err == nil {
			return c, nil
		}
		p.cfg.Log.Warn().Err(err).Str("gateway", address).Msg("the gateway that the server named cannot be reached; staying with the upstream one")
		t.fail(address)
	}
	return p.dialHTTP(ctx, upstream, nil)
}

func (t *targets) dialNamed(ctx context.Context, address string, from netip.Addr) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, targetTime)
	defer cancel()
	return t.g.proxy.dialHTTP(ctx, address, t.g.proxy.allowFrom(from))
}

// usable tells whether a gateway was named and may be tried, and by whom it was named.
func (t *targets) usable(address string) (from netip.Addr, ok bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	one, ok := t.by[address]
	return one.from, ok && (one.failed.IsZero() || t.g.proxy.cfg.Now().Sub(one.failed) > targetRest)
}

// fail takes note that a gateway could not be reached, unless it was forgotten
// meanwhile: by whom it was named must be known before it is tried again.
func (t *targets) fail(address string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if one, ok := t.by[address]; ok {
		one.failed = t.g.proxy.cfg.Now()
		t.by[address] = one
	}
}

// dialHTTP connects to a gateway.
func (p *Proxy) dialHTTP(ctx context.Context, address string, allow func(net.Addr) error) (net.Conn, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	stop := context.AfterFunc(p.dials, cancel)
	defer stop()
	c, err := p.dialWith(ctx, address, allow)
	if err != nil {
		return nil, err
	}
	return takenInTime{c, p.cfg.httpTimes.write}, nil
}
