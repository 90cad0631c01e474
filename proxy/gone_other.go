//go:build !unix

package proxy

import "net"

// hasBrokenOff tells of nobody: that shows in reads and writes alone.
func hasBrokenOff(net.Conn) bool { return false }
