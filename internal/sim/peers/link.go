package peers

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"msnproxy/decode"
)

// link is a connection as the client sees it. One goroutine reads it and checks
// what comes; the methods of Client and Conversation write, and wait until what
// has come makes true what they wait for.
type link struct {
	kind    decode.Server
	account string
	conn    net.Conn
	in      reader
	witness *Witness
	dial    Dial
	done    chan struct{} // closed when the reading goroutine has ended

	// unasked takes commands of these verbs; they are no replies.
	unaskedVerbs []string
	unasked      func(command) error

	writing  sync.Mutex // held before mu
	trid     int        // last transaction id; under writing
	silent   bool       // OUT was said; under writing
	watching *Witness   // witness, once the server can be one; under writing

	helpers sync.WaitGroup // that write while the reading goes on

	mu      sync.Mutex
	changed chan struct{} // closed when anything below, or in the owner's state, changes
	pending []*exchange
	leaving bool  // the server may end the connection
	ended   error // why the connection ended
}

// exchange is a request whose reply has not come yet.
type exchange struct {
	line  string // of the request
	reply taker
	done  bool
}

// taker takes the commands of a reply one by one, and tells whether there are
// more to come. It runs under the lock of the link.
type taker func(c command) (more bool, err error)

// request makes a command with a transaction id, and the taker of its reply;
// nil if it gets none.
type request func(trid int) (command, taker)

// wanted makes the command that is due from the one that came: where the two
// must be equal but for what only the server knows, it takes that from it.
type wanted func(got command) command

// just wants exactly a command.
func just(c command) wanted { return func(command) command { return c } }

func justAll(commands []command) []wanted {
	var all []wanted
	for _, c := range commands {
		all = append(all, just(c))
	}
	return all
}

// sequence takes the commands that are wanted, in that order.
func sequence(due ...wanted) taker {
	return func(c command) (more bool, err error) {
		if want := due[0](c); !c.equal(want) {
			return false, mismatch(c, want)
		}
		due = due[1:]
		return len(due) > 0, nil
	}
}

// open connects and begins to read.
func (l *link) open(ctx context.Context, address string) error {
	if l.dial == nil {
		l.dial = dialTCP
	}
	conn, err := l.dial(ctx, l.kind, address)
	if err != nil {
		return l.located(err)
	}
	l.conn, l.in = conn, newReader(conn, serverPayloads)
	l.in.counted.reportTo(l.witness, streamOf(l.kind, l.account, decode.ServerToClient))
	l.done, l.changed = make(chan struct{}), make(chan struct{})
	go l.run()
	return nil
}

func dialTCP(ctx context.Context, _ decode.Server, address string) (net.Conn, error) {
	var dialer net.Dialer
	return dialer.DialContext(ctx, "tcp", address)
}

// run reads until the connection ends. Whoever opened the link closes it, and
// so waits for done.
func (l *link) run() {
	defer close(l.done)
	defer l.helpers.Wait()
	for {
		c, err := l.in.next()
		if err == nil {
			err = l.take(c)
		}
		if err != nil {
			l.fail(err)
			return
		}
	}
}

// fail ends the connection.
func (l *link) fail(err error) {
	l.conn.Close()
	l.mu.Lock()
	defer l.mu.Unlock()
	l.ended = l.reason(err)
	l.tellChange()
}

// errLeft is why a connection ended that was to end.
var errLeft = errors.New("the connection was closed as it should")

func (l *link) reason(err error) error {
	switch {
	case l.leaving && (err == io.EOF || errors.Is(err, net.ErrClosed)):
		return errLeft
	case err == io.EOF:
		return l.located(&Violation{Want: "not the end of the connection"})
	}
	return l.located(err)
}

func (l *link) located(err error) error { return located(err, where(l.kind, "client", l.account)) }

// tellChange wakes all who wait. It is called under the lock.
func (l *link) tellChange() {
	close(l.changed)
	l.changed = make(chan struct{})
}

// take takes a command that has come.
func (l *link) take(c command) error {
	if slices.Contains(l.unaskedVerbs, c.verb()) {
		return l.unasked(c)
	}
	return l.update(func() error { return l.answered(c) })
}

// answered takes a command of the reply to the oldest request. It is called
// under the lock.
func (l *link) answered(c command) error {
	if len(l.pending) == 0 {
		return unexpected(c, "nothing, nothing was asked")
	}
	at := l.due(c)
	due := l.pending[at]
	more, err := due.reply(c)
	if err == nil && !more {
		due.done = true
		l.pending = slices.Delete(l.pending, at, at+1)
	}
	return err
}

// due is the exchange that a reply is for. The server replies in order, but
// whoever asks a challenge in its place may reply to the answer sooner.
func (l *link) due(c command) int {
	if c.verb() != "QRY" {
		return 0
	}
	return max(0, slices.IndexFunc(l.pending, func(e *exchange) bool { return strings.HasPrefix(e.line, c.line+" ") }))
}

// update changes what others may wait for.
func (l *link) update(change func() error) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	defer l.tellChange()
	return change()
}

// await waits until something is true, the connection ends, or ctx does.
func (l *link) await(ctx context.Context, what string, isTrue func() bool) error {
	for {
		l.mu.Lock()
		ok, ended, changed := isTrue(), l.ended, l.changed
		l.mu.Unlock()
		switch {
		case ok:
			return nil
		case ended != nil:
			return ended
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return l.located(fmt.Errorf("waiting for %s: %w", what, ctx.Err()))
		}
	}
}

// ask writes requests, all at once, and waits for all their replies.
func (l *link) ask(ctx context.Context, requests ...request) error {
	last, err := l.post(ctx, requests)
	if err != nil {
		return err
	}
	return l.await(ctx, fmt.Sprintf("the reply to %q", last.line), func() bool { return last.done })
}

// post writes requests, and returns the exchange of the last one.
func (l *link) post(ctx context.Context, requests []request) (last *exchange, err error) {
	l.writing.Lock()
	defer l.writing.Unlock()
	if l.silent {
		return nil, l.located(errors.New("nothing can be said after OUT"))
	}
	var commands []command
	for _, prepare := range requests {
		c, reply := l.prepare(prepare)
		last = &exchange{line: c.line, reply: reply}
		if reply != nil {
			l.expect(last)
		}
		commands = append(commands, c)
		l.silent = c.line == "OUT"
	}
	return last, l.write(ctx, commands)
}

// prepare makes the command of a request, with the next transaction id if it
// has one.
func (l *link) prepare(r request) (c command, reply taker) {
	l.mu.Lock() // making it may note what is due
	defer l.mu.Unlock()
	c, reply = r(l.trid + 1)
	if c.word(1) == strconv.Itoa(l.trid+1) {
		l.trid++
	}
	return c, reply
}

func (l *link) expect(e *exchange) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.pending = append(l.pending, e)
}

// write writes commands. It is called under the lock for writing. If ctx ends,
// so does the writing.
func (l *link) write(ctx context.Context, commands []command) error {
	if err := l.conn.SetWriteDeadline(time.Time{}); err != nil {
		return l.outcome(err)
	}
	stop := context.AfterFunc(ctx, func() { l.conn.SetWriteDeadline(time.Unix(1, 0)) })
	defer stop()
	return l.outcome(l.watching.write(l.conn, streamOf(l.kind, l.account, decode.ClientToServer), commands))
}

// watch has the witness watch what is written. Until the server knows whose
// connection it is, it can't tell what of it has arrived.
func (l *link) watch() {
	l.writing.Lock()
	defer l.writing.Unlock()
	l.watching = l.witness
}

// outcome prefers the reason why a connection ended to an error of writing.
func (l *link) outcome(err error) error {
	if err == nil {
		return nil
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.ended != nil {
		return l.ended
	}
	return l.located(err)
}

// leave says OUT and waits for the server to close. Whatever becomes of it,
// nothing of the link is left then.
func (l *link) leave(ctx context.Context) error {
	l.expectEnd()
	_, err := l.post(ctx, []request{func(int) (command, taker) { return line("OUT"), nil }})
	if err == nil {
		err = l.awaitEnd(ctx)
	}
	l.close()
	return err
}

// expectEnd allows the server to close the connection.
func (l *link) expectEnd() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.leaving = true
}

// awaitEnd waits for the server to close the connection.
func (l *link) awaitEnd(ctx context.Context) error {
	err := l.await(ctx, "the end of the connection", func() bool { return false })
	if errors.Is(err, errLeft) {
		return nil
	}
	return err
}

// close ends the connection at once, and waits for its goroutines. It returns
// what was wrong with the connection before.
func (l *link) close() error {
	l.expectEnd()
	l.conn.Close()
	<-l.done
	if errors.Is(l.ended, errLeft) {
		return nil
	}
	return l.ended
}
