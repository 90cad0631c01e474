//go:build !unix

package proxy

import "io"

// newWaitingInlet returns nil: sockets cannot be waited for without reading.
func newWaitingInlet(io.Reader) inlet { return nil }
