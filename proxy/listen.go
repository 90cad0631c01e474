package proxy

import (
	"errors"
	"fmt"
	"net"
	"syscall"
)

// listenAt opens a listener that a flag asks for, or says what to do about it.
func listenAt(address, flag string) (net.Listener, error) {
	listener, err := net.Listen("tcp", address)
	if err == nil {
		return listener, nil
	}
	if op, ok := errors.AsType[*net.OpError](err); ok {
		err = op.Err // without the address once more
	}
	return nil, fmt.Errorf("cannot listen on %s: %w; %s--%s names another address", address, err, remedy(err), flag)
}

// remedy is what else may help, if that can be told.
func remedy(err error) string {
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return "is another program using the port? "
	case errors.Is(err, syscall.EADDRNOTAVAIL):
		return "this machine does not have that address; "
	case errors.Is(err, syscall.EACCES):
		return "a port below 1024 may need an administrator's rights; "
	}
	return ""
}
