//go:build unix

package proxy

import (
	"net"
	"syscall"
)

// hasBrokenOff tells whether an end has broken off, which nobody has been told.
// It is told once.
func hasBrokenOff(end net.Conn) (gone bool) {
	socket := socketOf(end)
	if socket == nil {
		return false
	}
	err := socket.Control(func(fd uintptr) {
		fault, err := syscall.GetsockoptInt(int(fd), syscall.SOL_SOCKET, syscall.SO_ERROR)
		gone = err == nil && fault != 0
	})
	return err == nil && gone
}
