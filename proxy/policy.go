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
	host, err := hostOf(to)
	if err != nil {
		return err
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

// notPublic are networks that are not reached from everywhere, beside those
// that netip knows: shared, documentation, benchmark and reserved ones, and
// those that hold an IPv4 address of any kind.
var notPublic = func() (list []netip.Prefix) {
	for _, text := range []string{
		"0.0.0.0/8", "100.64.0.0/10", "192.0.0.0/24", "198.18.0.0/15", "240.0.0.0/4",
		"::/96", "::ffff:0:0:0/96", "64:ff9b::/96", "64:ff9b:1::/48", "2001::/32", "2002::/16", "fec0::/10",
	} {
		list = append(list, netip.MustParsePrefix(text))
	}
	return list
}()

// isPublic tells whether an address can be reached from everywhere.
func isPublic(a netip.Addr) bool {
	if !a.IsValid() || a.IsLoopback() || a.IsPrivate() || a.IsLinkLocalUnicast() || a.IsUnspecified() || a.IsMulticast() {
		return false
	}
	for _, p := range notPublic {
		if p.Contains(a) {
			return false
		}
	}
	return true
}
