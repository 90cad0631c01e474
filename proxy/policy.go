package proxy

import (
	"fmt"
	"net"
	"net/netip"
)

// mayRefer tells whether a server may refer clients to an address. One on a
// public address may not send them, through the proxy, into a network that is
// not: that would open the proxy's own surroundings to whoever runs it.
func (cfg *Config) mayRefer(from net.Addr, to string) error {
	host, _, err := net.SplitHostPort(to)
	if err != nil {
		return fmt.Errorf("%q is not an address: %w", to, err)
	}
	target, err := netip.ParseAddr(host)
	if err != nil {
		return nil // a name; what it stands for is checked when it is dialled
	}
	return cfg.mayReach(addrOf(from), target.Unmap())
}

// mayReach is mayRefer for IP addresses.
func (cfg *Config) mayReach(from, to netip.Addr) error {
	if isPublic(to) || !isPublic(from) {
		return nil
	}
	for _, p := range cfg.AllowReferral {
		if p.Contains(to) {
			return nil
		}
	}
	return fmt.Errorf("a server on a public address refers to %s, which is not public; --allow-referral %s/%d would permit it", to, to, to.BitLen())
}

// isPublic tells whether an address can be reached from everywhere.
func isPublic(a netip.Addr) bool {
	return a.IsValid() && !a.IsLoopback() && !a.IsPrivate() && !a.IsLinkLocalUnicast() && !a.IsUnspecified() && !a.IsMulticast()
}
