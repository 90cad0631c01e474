package captures

import (
	"bytes"
	"encoding/binary"
	"net"
	"net/netip"
	"strconv"
)

// Clients could be told to go through a SOCKS proxy. What both sides say to it
// and it to them (SOCKS 4 and 4a; RFC 1928, RFC 1929) stands before the bytes of
// the connection that it makes.

// maxSOCKS bounds what a side says before: names and passwords of at most 255
// bytes each.
const maxSOCKS = 1 << 10

// behindSOCKS tells whether what is held may become what is said to a SOCKS
// proxy. Once the proxy has made the connection, what comes behind that is held
// instead, and the connection is a tunnel.
func (c *connection) behindSOCKS() bool {
	h := c.live.held
	if c.tunnel != "" || c.client == unknown || !c.exact(c.client) || !c.exact(1-c.client) || !h.whole() {
		return false
	}
	s := &socks{client: dialogueSide{rest: h.data[c.client]}, proxy: dialogueSide{rest: h.data[1-c.client]}}
	target := s.target()
	switch {
	case s.refused:
		return false
	case s.short():
		return len(h.data[c.client]) <= maxSOCKS
	}
	var said [2]int
	said[c.client], said[1-c.client] = s.client.used, s.proxy.used
	c.tunnel, c.live.held = target, h.without(said)
	return false
}

// socks reads what is said to a SOCKS proxy.
type socks struct {
	client, proxy dialogueSide
	refused       bool // this is none, or it makes no connection
}

// dialogueSide is what one side says.
type dialogueSide struct {
	rest  []byte
	used  int
	short bool // there was less than was to be taken
}

func (s *socks) short() bool { return s.client.short || s.proxy.short }

// take takes bytes, or none if there are too few.
func (d *dialogueSide) take(n int) []byte {
	if d.short = d.short || len(d.rest) < n; d.short {
		return make([]byte, n)
	}
	out := d.rest[:n]
	d.rest, d.used = d.rest[n:], d.used+n
	return out
}

// takeText takes a text that ends in a zero.
func (d *dialogueSide) takeText() string {
	end := bytes.IndexByte(d.rest, 0)
	if end < 0 {
		d.short = true
		return ""
	}
	return string(d.take(end + 1)[:end])
}

// takeCounted takes a text behind a byte that counts it.
func (d *dialogueSide) takeCounted() string { return string(d.take(int(d.take(1)[0]))) }

// want refuses what is not as it has to be.
func (s *socks) want(ok bool) {
	if !s.short() && !ok {
		s.refused = true
	}
}

// target reads the dialogue and returns the address that the proxy connects to.
func (s *socks) target() string {
	const version4, version5 = 4, 5
	switch version := s.client.take(1)[0]; {
	case s.client.short:
		return ""
	case version == version4:
		return s.version4()
	case version == version5:
		return s.version5()
	}
	s.refused = true
	return ""
}

// Commands and answers of SOCKS.
const (
	socksConnect  = 1
	socks4Granted = 90
	socksPassword = 2 // a way of signing in
)

func (s *socks) version4() string {
	request := s.client.take(7)
	s.want(request[0] == socksConnect)
	host := netip.AddrFrom4([4]byte(request[3:])).String()
	s.client.takeText() // who is asking
	if named := request[3] == 0 && request[4] == 0 && request[5] == 0 && request[6] != 0; named {
		host = s.client.takeText()
	}
	answer := s.proxy.take(8)
	s.want(answer[0] == 0 && answer[1] == socks4Granted)
	return hostPort(host, request[1:])
}

func (s *socks) version5() string {
	s.client.takeCounted() // the ways of signing in that it knows
	chosen := s.proxy.take(2)
	s.want(chosen[0] == 5 && (chosen[1] == 0 || chosen[1] == socksPassword))
	if chosen[1] == socksPassword {
		s.client.take(1)
		s.client.takeCounted()
		s.client.takeCounted()
		s.want(s.proxy.take(2)[1] == 0)
	}
	request := s.client.take(3)
	s.want(request[0] == 5 && request[1] == socksConnect)
	target := s.address(&s.client)
	answer := s.proxy.take(3)
	s.want(answer[0] == 5 && answer[1] == 0)
	s.address(&s.proxy)
	return target
}

// address takes an address of version 5.
func (s *socks) address(d *dialogueSide) string {
	const ipv4, name, ipv6 = 1, 3, 4
	var host string
	switch kind := d.take(1)[0]; kind {
	case ipv4:
		host = netip.AddrFrom4([4]byte(d.take(4))).String()
	case ipv6:
		host = netip.AddrFrom16([16]byte(d.take(16))).String()
	case name:
		host = d.takeCounted()
	default:
		s.want(false)
	}
	return hostPort(host, d.take(2))
}

// hostPort puts a host and the bytes of a port together.
func hostPort(host string, port []byte) string {
	return net.JoinHostPort(host, strconv.Itoa(int(binary.BigEndian.Uint16(port))))
}
