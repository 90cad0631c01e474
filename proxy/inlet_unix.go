//go:build unix

package proxy

import (
	"io"
	"os"
	"syscall"
)

// waitingInlet waits until its socket has something to read, and takes a buffer
// only then: while nothing is said, a connection holds none.
type waitingInlet struct {
	socket  syscall.RawConn
	attempt func(fd uintptr) bool // in.read, made once

	lent *[bufferSize]byte // where the last read went
	n    int
	err  error
}

// newWaitingInlet returns nil if this is no socket.
func newWaitingInlet(from io.Reader) inlet {
	socket := socketOf(from)
	if socket == nil {
		return nil
	}
	in := &waitingInlet{socket: socket}
	in.attempt = in.read
	return in
}

// socketOf is the socket below a connection, or nil if there is none.
func socketOf(c any) syscall.RawConn {
	below, ok := c.(syscall.Conn)
	if !ok {
		return nil
	}
	socket, err := below.SyscallConn()
	if err != nil {
		return nil
	}
	return socket
}

func (in *waitingInlet) next() ([]byte, error) {
	in.giveBack()
	if err := in.socket.Read(in.attempt); err != nil {
		return nil, err
	}
	if in.lent == nil {
		return nil, in.err
	}
	return in.lent[:in.n], nil
}

func (in *waitingInlet) giveBack() {
	if in.lent != nil {
		bigBuffers.Put(in.lent)
		in.lent = nil
	}
}

// read reads if it need not wait, and tells whether that is so.
func (in *waitingInlet) read(fd uintptr) bool {
	in.lent = bigBuffers.Get().(*[bufferSize]byte)
	for {
		in.n, in.err = syscall.Read(int(fd), in.lent[:])
		if in.err != syscall.EINTR {
			break
		}
	}
	if in.n > 0 {
		return true
	}
	in.giveBack()
	switch in.err {
	case syscall.EAGAIN:
		return false
	case nil:
		in.err = io.EOF
	default:
		in.err = os.NewSyscallError("read", in.err)
	}
	return true
}
