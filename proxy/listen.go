package proxy

import (
	"errors"
	"fmt"
	"net"
	"syscall"
	"time"
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

// acceptPause keeps a failing accept from spinning.
const acceptPause = 100 * time.Millisecond

// roomyListener is a listener that keeps trying, and has those make room for
// others that do nothing. One goroutine accepts from it.
type roomyListener struct {
	net.Listener
	proxy   *Proxy
	failing bool
}

// Accept waits for the next client, whatever that takes.
func (l *roomyListener) Accept() (net.Conn, error) {
	for {
		client, err := l.Listener.Accept()
		if errors.Is(err, net.ErrClosed) {
			return nil, err
		}
		l.tell(err)
		if err == nil {
			return client, nil
		}
		if l.proxy.makeRoom() || l.proxy.http != nil && l.proxy.http.makeRoom() {
			continue
		}
		select {
		case <-l.proxy.dials.Done():
			return nil, err
		case <-time.After(acceptPause):
		}
	}
}

// tell says when the listener begins to fail, and when it works again.
func (l *roomyListener) tell(err error) {
	log := l.proxy.cfg.Log
	switch {
	case err != nil && !l.failing:
		// Out of descriptors, as a rule: those that have connections keep them.
		log.Error().Err(err).Stringer("listen", l.Addr()).Msg("cannot accept connections; trying again (see ulimit -n if there are too many open files)")
	case err == nil && l.failing:
		log.Info().Stringer("listen", l.Addr()).Msg("accepting connections again")
	}
	l.failing = err != nil
}
