package sim

import (
	"fmt"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"msnproxy/decode"
)

// script is a dialogue in the making.
type script struct {
	emit  func(Step)
	steps int
	pause time.Duration // before the next step, beside its usual delay

	oldRoll bool // who is on a switchboard is listed as before MSNP12
}

// record returns a script that makes the steps of a dialogue.
func record(d *Dialogue) *script {
	return &script{emit: func(s Step) { d.Steps = append(d.Steps, s) }}
}

// Usual delays, taken in turn: a client reacts at once, a server is a
// transatlantic round trip of the time away, and what is split arrives in two
// packets of the same window. They are odd so that no two sums are equal.
var (
	clientDelays = [...]time.Duration{4_127 * time.Microsecond, 11_903 * time.Microsecond, 6_311 * time.Microsecond}
	serverDelays = [...]time.Duration{87_413 * time.Microsecond, 121_057 * time.Microsecond, 94_739 * time.Microsecond, 103_241 * time.Microsecond}
)

const splitDelay = 613 * time.Microsecond

// wait lets time pass before the next step.
func (s *script) wait(d time.Duration) { s.pause += d }

// step completes a step with its delay.
func (s *script) step(usual time.Duration, st Step) {
	st.After = usual + s.pause
	s.pause = 0
	s.steps++
	s.emit(st)
}

func (s *script) delayOf(dir decode.Direction) time.Duration {
	if dir == decode.ServerToClient {
		return serverDelays[s.steps%len(serverDelays)]
	}
	return clientDelays[s.steps%len(clientDelays)]
}

// link is an open connection of a script.
type link struct {
	*script
	conn *Conn
	trid *int // last transaction id; a client may count on over its connections
}

// dial opens a connection. Its transaction ids begin anew.
func (s *script) dial(kind decode.Server, id string, client, server netip.AddrPort) *link {
	l := &link{script: s, conn: &Conn{ID: id, Kind: kind, Client: client, Server: server}, trid: new(int)}
	s.step(s.delayOf(decode.ServerToClient), Step{Conn: l.conn, Do: Open})
	return l
}

// client has the client write commands, all at once. A # that stands for the
// transaction id becomes the next one in each.
func (l *link) client(commands ...Command) {
	l.clientCut(0, commands...)
}

// server has the server write commands, all at once. A # becomes the last
// transaction id of the client.
func (l *link) server(commands ...Command) {
	l.serverCut(0, commands...)
}

// ask has the client write a command and the server answer it.
func (l *link) ask(request Command, replies ...Command) {
	l.client(request)
	l.server(replies...)
}

// afterLine cuts where the payload of the first command begins.
const afterLine = -1

// clientCut is client in two writes, the first of cut bytes.
func (l *link) clientCut(cut int, commands ...Command) {
	for i := range commands {
		*l.trid++
		if !commands[i].number(*l.trid) {
			*l.trid--
		}
	}
	l.write(decode.ClientToServer, cut, commands)
}

// serverCut is server in two writes, the first of cut bytes.
func (l *link) serverCut(cut int, commands ...Command) {
	for i := range commands {
		commands[i].number(*l.trid)
	}
	l.write(decode.ServerToClient, cut, commands)
}

// number puts in the transaction id, and tells whether there was a place for it.
func (c *Command) number(trid int) bool {
	before, after, found := strings.Cut(c.Line, " #")
	if found {
		c.Line = before + " " + strconv.Itoa(trid) + after
	}
	return found
}

// write makes the steps that send commands: one, or two if cut is not 0.
func (l *link) write(dir decode.Direction, cut int, commands []Command) {
	if cut == afterLine {
		cut = len(commands[0].Line) + len("\r\n")
	}
	var all []byte
	var begun [2][]Command // in the part before and behind the cut
	for _, c := range commands {
		part := 0
		if cut > 0 && len(all) >= cut {
			part = 1
		}
		begun[part] = append(begun[part], c)
		all = append(all, c.Bytes()...)
	}
	if cut <= 0 || cut >= len(all) {
		l.step(l.delayOf(dir), Step{Conn: l.conn, Do: Send, Dir: dir, Bytes: all, Commands: commands})
		return
	}
	l.step(l.delayOf(dir), Step{Conn: l.conn, Do: Send, Dir: dir, Bytes: all[:cut:cut], Commands: begun[0]})
	l.step(splitDelay, Step{Conn: l.conn, Do: Send, Dir: dir, Bytes: all[cut:], Commands: begun[1]})
}

// hangUp ends the connection, one end first.
func (l *link) hangUp(first decode.Direction) {
	l.step(l.delayOf(first), Step{Conn: l.conn, Do: End, Dir: first})
	l.step(l.delayOf(first.Opposite()), Step{Conn: l.conn, Do: End, Dir: first.Opposite()})
}

// abort has one end break the connection off.
func (l *link) abort(dir decode.Direction) {
	l.step(l.delayOf(dir), Step{Conn: l.conn, Do: Reset, Dir: dir})
}

// signOut has the client say OUT, on which the server closes.
func (l *link) signOut() {
	l.client(line("OUT"))
	l.hangUp(decode.ServerToClient)
}

// line makes a command without payload.
func line(format string, args ...any) Command {
	return Command{Line: fmt.Sprintf(format, args...)}
}

// with makes a command with a payload, whose length it appends to the line.
func with(payload, format string, args ...any) Command {
	return Command{
		Line:    fmt.Sprintf(format, args...) + " " + strconv.Itoa(len(payload)),
		Payload: append([]byte{}, payload...),
	}
}
