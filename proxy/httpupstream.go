package proxy

import (
	"errors"
	"io"
	"net"
	"os"
	"time"
)

// takenInTime is a connection to a gateway, which must take what it is sent: one
// that does not would hold whoever sent it, and what he sent, for as long as it
// likes. That its client has left shows to nobody meanwhile.
type takenInTime struct {
	net.Conn
	time time.Duration // for a piece
}

// Write passes on a piece.
func (c takenInTime) Write(p []byte) (int, error) {
	_ = c.SetWriteDeadline(time.Now().Add(c.time)) // a closed connection takes nothing
	return c.Conn.Write(p)
}

// answerBody is the body of an answer as it comes. That it is cut off is told.
type answerBody struct {
	io.ReadCloser
	x    *httpExchange
	told bool
}

func (b *answerBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if err != nil && err != io.EOF && !b.told && b.x.request.Context().Err() == nil {
		b.told = true
		b.x.g.proxy.cfg.Log.Warn().Err(err).Str("client", b.x.request.RemoteAddr).Str("server", b.x.target).
			Msg("an answer over HTTP was cut off, and is for the client")
	}
	return n, err
}

// endedBy tells whether it was the server that has ended the exchange, without an
// answer: it was reached, and neither did it take too long nor do what is not relayed.
func (x *httpExchange) endedBy(err error) bool {
	x.mu.Lock()
	reached := x.carrier != nil
	x.mu.Unlock()
	return reached && !errors.Is(err, os.ErrDeadlineExceeded) && !errors.Is(err, errSwitched) && !errors.Is(err, errStatus)
}
