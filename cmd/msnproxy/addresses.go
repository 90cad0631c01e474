package main

import (
	"net"
	"net/netip"
	"strconv"
	"strings"

	"msnproxy/proxy"
)

// addresses reads the flags that name addresses and ports: what cannot be one is
// told at the start, and not when the first client comes.
func (f *proxyFlags) addresses(cfg *proxy.Config) (err error) {
	for _, server := range []struct{ flag, address string }{{"--upstream", f.upstream}, {"--http-upstream", f.httpUpstream}} {
		if server.address != "" && !isServer(server.address) {
			return flagError("%s %q: use HOST or HOST:PORT", server.flag, server.address)
		}
	}
	for _, own := range []struct{ flag, address string }{{"--listen", f.listen}, {"--http-listen", f.httpListen}} {
		if own.address != "" && !isListener(own.address) {
			return flagError("%s %q: use ADDRESS:PORT, such as 127.0.0.1:1863 or [::1]:1863", own.flag, own.address)
		}
	}
	if strings.ContainsAny(f.advertise, " []/") || strings.Count(f.advertise, ":") == 1 {
		return flagError("--advertise %q: name a host or an IP address, without a port or brackets", f.advertise)
	}
	if cfg.FirstPort, cfg.LastPort, err = portRange(f.referralPorts); err != nil {
		return err
	}
	cfg.AllowReferral, err = networks(f.allowReferral)
	return err
}

// isServer tells whether that can be HOST or HOST:PORT.
func isServer(address string) bool {
	if _, err := netip.ParseAddr(address); err == nil {
		return true // of IPv6 too: it needs brackets only where a port follows
	}
	host, port, err := net.SplitHostPort(address)
	if err != nil { // there is no port, or no sense in it
		host, port, err = net.SplitHostPort(address + ":1")
	}
	number, failed := net.LookupPort("tcp", port)
	return err == nil && failed == nil && number > 0 && host != "" && !strings.ContainsAny(host, " []/")
}

// isListener tells whether that can be ADDRESS:PORT. Port 0 is any that is free,
// and no address is all of them.
func isListener(address string) bool {
	_, port, err := net.SplitHostPort(address)
	if err != nil {
		return false
	}
	_, err = net.LookupPort("tcp", port)
	return err == nil
}

// withoutPort is the host of an address that may have a port.
func withoutPort(address string) string {
	if host, _, err := net.SplitHostPort(address); err == nil {
		return host
	}
	return address
}

// portRange reads FIRST-LAST.
func portRange(text string) (first, last uint16, err error) {
	if text == "" {
		return 0, 0, nil
	}
	from, to, ok := strings.Cut(text, "-")
	f, err1 := strconv.ParseUint(from, 10, 16)
	t, err2 := strconv.ParseUint(to, 10, 16)
	if !ok || err1 != nil || err2 != nil || f == 0 || f > t {
		return 0, 0, flagError("--referral-ports %q: use FIRST-LAST, such as 20000-20099", text)
	}
	return uint16(f), uint16(t), nil
}

// networks reads the values of --allow-referral.
func networks(texts []string) (out []netip.Prefix, err error) {
	for _, text := range texts {
		prefix, err := netip.ParsePrefix(text)
		if err != nil {
			return nil, flagError("--allow-referral %q: use a network, such as 192.168.1.0/24", text)
		}
		out = append(out, prefix)
	}
	return out, nil
}
