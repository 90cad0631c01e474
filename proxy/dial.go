package proxy

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"syscall"
	"time"
)

// dialTimeout is how long a server may take to accept a connection; a client
// gives up after a minute or so.
const dialTimeout = 20 * time.Second

// dial connects to a server.
func (p *Proxy) dial(server string, allow func(net.Addr) error) (net.Conn, error) {
	return p.dialWith(p.dials, server, allow)
}

// dialWith is dial within a context: that of an exchange over HTTP.
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
