package captures

import (
	"fmt"
	"io"
	"net/netip"
	"time"

	"msnproxy/decode"
)

// Tap writes the bytes of a live run to a capture file: a journal.Tap. Each
// event is complete in the file before the next one, so that a run that is
// killed leaves a file that can be read.
type Tap struct {
	w *Writer
}

// NewTap begins a capture file.
func NewTap(w io.Writer) (*Tap, error) {
	writer, err := NewWriter(w)
	if err != nil {
		return nil, err
	}
	return &Tap{writer}, writer.Flush()
}

// Open begins a connection between client and server, each host:port. A client
// that uses its port again to connect by the same address has done with the connection
// before, even if word of that has not come yet. By another address, it has not: the
// connection is shown with the next port, since without a proxy the client would have
// had to take another one.
func (t *Tap) Open(conn, client, server, by string, at time.Time) error {
	from, err := netip.ParseAddrPort(client)
	if err != nil {
		return fmt.Errorf("connection %s: %w", conn, err)
	}
	to, err := netip.ParseAddrPort(server)
	if err != nil {
		return fmt.Errorf("connection %s: %w", conn, err)
	}
	path := client + " " + by
	if old := t.w.holder(from, to); old != "" && old != conn && t.w.open[old].path == path {
		if err := t.w.Reset(old, decode.ClientToServer, at); err != nil {
			return err
		}
	}
	for t.isTaken(conn, from, to) {
		from = netip.AddrPortFrom(from.Addr(), from.Port()+1)
	}
	if err := t.w.Open(conn, from, to, at); err != nil {
		return err
	}
	t.w.open[conn].path = path
	return t.w.Flush()
}

// isTaken tells whether a client's end cannot be that of another connection to the
// server.
func (t *Tap) isTaken(conn string, from, to netip.AddrPort) bool {
	old := t.w.holder(from, to)
	return old != "" && old != conn || from == to || from.Port() == 0
}

// Data tells what one end sent. What comes after the end of that end, or of
// the connection, is left out: the two directions of a relay end each in their
// own time.
//
// What the proxy said in the place of one of the ends is marked by a comment,
// which a Decoder understands.
func (t *Tap) Data(conn string, dir decode.Direction, p []byte, at decode.Stamp) error {
	if !t.w.canSend(conn, dir) {
		return nil
	}
	if at.Injected {
		t.w.Comment(commentInjected)
		defer t.w.Comment("")
	}
	return t.flushed(t.w.Data(conn, dir, p, at.Time))
}

// Lost tells that n bytes that one end sent did not get here.
func (t *Tap) Lost(conn string, dir decode.Direction, n int64) error {
	if !t.w.canSend(conn, dir) {
		return nil
	}
	return t.w.Lose(conn, dir, n)
}

// End tells that one end has said all.
func (t *Tap) End(conn string, dir decode.Direction, at time.Time) error {
	if !t.w.canSend(conn, dir) {
		return nil
	}
	return t.flushed(t.w.End(conn, dir, at))
}

// Idle tells that a connection got to a time at which nothing came.
func (t *Tap) Idle(conn string, at time.Time) error {
	if t.w.open[conn] == nil {
		return nil
	}
	return t.flushed(t.w.Idle(conn, at))
}

// Reset tells that one end broke the connection off.
func (t *Tap) Reset(conn string, dir decode.Direction, at time.Time) error {
	if t.w.open[conn] == nil {
		return nil
	}
	return t.flushed(t.w.Reset(conn, dir, at))
}

// Close ends the capture.
func (t *Tap) Close() error { return t.w.Flush() }

func (t *Tap) flushed(err error) error {
	if err != nil {
		return err
	}
	return t.w.Flush()
}
