package peers

import (
	"errors"
	"io"
	"net"
	"net/netip"
	"strconv"
	"time"

	"msnproxy/decode"
)

// peer is a connection as the server sees it. Its own goroutine reads it, step
// by step through sign-in and then in a loop; all that is written to it, by
// whomever, is written under the lock of the hub.
type peer struct {
	*Server
	kind  decode.Server // with OnePort: DS until the client signs in
	conn  net.Conn
	in    reader
	entry Conn // under the lock of the log
	portrait
	trid int // last transaction id

	out       []command // to be written; under the lock of the hub
	dismissed bool      // nothing more is written after out; under that lock too

	// Of a notification server, under the lock of the hub.
	status    string // "" until the first CHG
	message   []byte // payload of the last UUX
	asked     []challenge
	questions int // challenges so far

	room *room // of a switchboard; under the lock of the hub
}

func newPeer(s *Server, kind decode.Server, conn net.Conn) *peer {
	remote, _ := netip.ParseAddrPort(conn.RemoteAddr().String())
	return &peer{
		Server: s, kind: kind, conn: conn, in: newReader(conn, clientPayloads),
		entry: Conn{Kind: kind, Remote: remote},
	}
}

// errClosing ends the service of a connection that the server closes in peace.
var errClosing = errors.New("the server closes the connection")

// serve serves the connection until it ends, and tells what was wrong.
func (p *peer) serve() error {
	err := p.serveKind()
	if err == errClosing {
		err = p.hangUp()
	}
	p.locked(func() error {
		p.forget()
		if p.dismissed {
			err = nil // it was not the client that ended it
		}
		return nil
	})
	return err
}

func (p *peer) serveKind() error {
	if p.kind == decode.SB {
		return p.serveSwitchboard()
	}
	return p.serveSession()
}

// where names this end of the connection.
func (p *peer) where() string { return where(p.entry.Kind, "server", p.entry.Account) }

// identify notes whose connection it is.
func (p *peer) identify(kind decode.Server, account string) {
	p.kind, p.account = kind, account
	p.log.Lock()
	p.entry.Kind, p.entry.Account = kind, account
	p.log.Unlock()
	p.in.counted.reportTo(p.config.Witness, streamOf(kind, account, decode.ClientToServer))
}

// receive reads the next command, which must be of that verb and have the next
// transaction id.
func (p *peer) receive(verb string) (command, error) {
	c, err := p.in.next()
	if err != nil {
		return c, ending(err, verb)
	}
	if c.verb() != verb {
		return c, unexpected(c, "%s", verb)
	}
	return c, p.countOn(c)
}

// ending makes a Violation of a connection's end.
func ending(err error, want string) error {
	if err == io.EOF {
		return &Violation{Want: want + ", not the end of the connection"}
	}
	return err
}

// countOn checks the transaction id: one more than that before. The first is
// 1, but a client may count on when it is referred to a notification server.
func (p *peer) countOn(c command) error {
	got := c.word(1)
	n, err := strconv.Atoi(got)
	free := n > p.trid && (p.config.SkipsTrIDs || p.trid == 0 && p.kind != decode.SB)
	if err != nil || strconv.Itoa(n) != got || n != p.trid+1 && !free {
		return unexpected(c, "transaction id %d", p.trid+1)
	}
	p.trid = n
	return nil
}

// require checks a command against the only one that is right here.
func require(got, want command) error {
	if !got.equal(want) {
		return mismatch(got, want)
	}
	return nil
}

// demand reads a command that must be the one that want makes of the next
// transaction id.
func (p *peer) demand(want func(trid int) command) error {
	c, err := p.receive(want(0).verb())
	if err != nil {
		return err
	}
	return require(c, want(p.trid))
}

// send writes commands at once.
func (p *peer) send(commands ...command) {
	p.locked(func() error { p.queue(commands...); return nil })
}

// closeTimeout is how long an end waits for the other to close as well: long, for
// a machine on which a thousand clients sign in at once.
const closeTimeout = time.Minute

// hangUp sends no more, and waits for the client to hang up too.
func (p *peer) hangUp() error {
	err := p.locked(func() error {
		p.forget() // nobody must write to it any more
		return p.closeWrite()
	})
	if err != nil {
		return err
	}
	return p.awaitEnd()
}

func (p *peer) closeWrite() error { return p.conn.(*net.TCPConn).CloseWrite() }

// awaitEnd waits for the client to hang up without a word.
func (p *peer) awaitEnd() error {
	if err := p.conn.SetReadDeadline(time.Now().Add(closeTimeout)); err != nil {
		return err
	}
	c, err := p.in.next()
	switch {
	case err == io.EOF:
		return nil
	case err == nil:
		return unexpected(c, "the end of the connection")
	}
	return err
}
