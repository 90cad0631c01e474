package proxy

import (
	"errors"
	"net"

	"msnproxy/rewrite"
)

// gatewayRoute stands for the cookie in routes to a gateway: no cookie of a
// server is like it.
const gatewayRoute = "\x00gateway"

// errTLSGateway is told of a gateway that speaks TLS.
var errTLSGateway = errors.New("the gateway speaks TLS, which is not relayed")

// referred remembers where a client was referred to: it may go there over HTTP,
// and then names the proxy as the host of its next session.
func (g *httpGateway) referred(c *conn, a rewrite.Address, server string) {
	if a.Cookie != "" || a.Place == rewrite.NotificationServer {
		g.routes.referred(route{server, addrOf(c.server.RemoteAddr()), addrOf(c.client.RemoteAddr()), a.Cookie, g.proxy.cfg.Now()})
	}
}

// referToGateway has the next session of a client go to the gateway that the
// server refers it to (XFR, mode G), and returns the address that the client is
// told: that of the proxy.
func (g *httpGateway) referToGateway(c *conn, address string) (string, error) {
	server := withPort(address, defaultHTTPPort)
	if _, port, _ := net.SplitHostPort(server); port == "443" {
		return "", errTLSGateway
	}
	if err := g.targets.name(server, c.server.RemoteAddr()); err != nil {
		return "", err
	}
	client := addrOf(c.client.RemoteAddr())
	g.routes.referred(route{server, addrOf(c.server.RemoteAddr()), client, gatewayRoute, g.proxy.cfg.Now()})
	return net.JoinHostPort(g.proxy.hostFor(c.client.LocalAddr()), g.port()), nil
}

// realHost is the host that a session is to be with. Where the client names the
// proxy, which it was told, or was set up with, that is the server behind it.
func (g *httpGateway) realHost(x *httpExchange) string {
	named := x.query.Host
	host, port, err := net.SplitHostPort(named)
	if err != nil {
		host, port = unbracket(named), ""
	}
	if host != g.proxy.hostFor(x.client.conn.LocalAddr()) {
		return named
	}
	server, ok := g.serverBehind(x, port)
	switch {
	case !ok:
		return named
	case port == "":
		return hostOnly(server)
	}
	return server
}

// serverBehind finds the server that a client means: by the port of the proxy
// that it names, else by the cookie that it shows, else by where it was last
// referred to.
func (g *httpGateway) serverBehind(x *httpExchange, port string) (string, bool) {
	p := g.proxy
	_, main, _ := net.SplitHostPort(p.main.Addr().String())
	if port != "" && port != main && port != g.port() {
		return p.referrals.serverAt(port)
	}
	if to, ok := g.routes.take(addrOf(x.client.conn.RemoteAddr()), cookieIn(x.body), p.cfg.Now()); ok {
		return to.server, true
	}
	return p.cfg.Upstream, x.query.Server == "NS"
}

// serverAt is the server whose referral listener has a port.
func (r *referrals) serverAt(port string) (string, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for server, l := range r.byServer {
		if _, p, _ := net.SplitHostPort(l.Addr().String()); p == port {
			return server, true
		}
	}
	return "", false
}
