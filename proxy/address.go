package proxy

import (
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"strings"

	"msnproxy/decode"
)

// defaultHTTPPort is the port of HTTP gateways, where an address names none.
const defaultHTTPPort = "80"

// defaultPort is that of the Messenger service.
var defaultPort = strconv.Itoa(decode.DefaultPort)

// withPort adds a port to an address that has none.
func withPort(address, port string) string {
	if _, _, err := net.SplitHostPort(address); err == nil {
		return address
	}
	return net.JoinHostPort(unbracket(address), port)
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

// joinPort joins a host and the port of a listener.
func joinPort(host string, listener net.Addr) string {
	_, port, _ := net.SplitHostPort(listener.String())
	return net.JoinHostPort(host, port)
}

// addrOf is the IP address of a connection's end.
func addrOf(a net.Addr) netip.Addr {
	if ap, err := netip.ParseAddrPort(a.String()); err == nil {
		return ap.Addr().Unmap().WithZone("")
	}
	return netip.Addr{}
}

// hostOnly takes the port off an address.
func hostOnly(address string) string {
	if host, _, err := net.SplitHostPort(address); err == nil {
		return host
	}
	return address
}

// hostOf is the host of an address that somebody can connect to. A server may say
// anything: no client gets to port 0, and what has no host would be the proxy's own
// machine.
func hostOf(address string) (string, error) {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return "", fmt.Errorf("%q is not an address: %w", address, err)
	}
	if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 {
		return "", fmt.Errorf("%q is not an address: its port is none of 1 to 65535", address)
	}
	if _, err := netip.ParseAddr(host); err != nil && !isName(host) {
		return "", fmt.Errorf("%q is not an address: it has no host", address)
	}
	return host, nil
}

// isName tells whether a host may be looked up by its name: Go does not look for
// one with anything else in it.
func isName(host string) bool {
	return host != "" && !strings.ContainsFunc(host, func(c rune) bool {
		return c != '.' && c != '-' && c != '_' && (c < '0' || c > '9') && (c|0x20 < 'a' || c|0x20 > 'z')
	})
}
