package sim

import (
	"net/netip"
	"net/url"
	"strings"
)

// The servers of the samples. Alice and Bob are on different notification
// servers, as users of the service were.
var (
	dispatchServer = netip.MustParseAddrPort("198.51.100.10:1863")
	aliceServer    = netip.MustParseAddrPort("198.51.100.21:1863")
	bobServer      = netip.MustParseAddrPort("198.51.100.22:1863")
	switchboard    = netip.MustParseAddrPort("198.51.100.40:1863")
)

// person is a user with one client.
type person struct {
	handle string
	name   string // friendly name as it stands in commands
	caps   string // capabilities as they stand in commands
	object string // display picture as it stands in commands, or ""
	host   netip.Addr
	ns, sb *link
}

// at is the person's end of a connection.
func (p *person) at(port uint16) netip.AddrPort { return netip.AddrPortFrom(p.host, port) }

// short is the handle before the @, for the names of connections.
func (p *person) short() string {
	short, _, _ := strings.Cut(p.handle, "@")
	return short
}

// encode percent-encodes a value for a command line.
func encode(s string) string { return strings.ReplaceAll(url.QueryEscape(s), "+", "%20") }
