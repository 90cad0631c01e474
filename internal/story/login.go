package story

import (
	"fmt"
	"strings"

	"msnproxy/decode"
)

// login is how far sign-in got on a connection, and how it ended.
type login struct {
	fromStart bool   // its first command is one that connections begin with
	begun     bool   // a command was seen
	done      bool   // the server let the client in, or does as if
	noDialect bool   // the server speaks none of the client's dialects
	request   string // the client's last, in a few words
	refused   string // the error that ended sign-in
	failed    string // the error that nothing but the end followed
	signedOut bool   // the client said OUT
	sentOut   bool   // the server did
	outReason string
	referred  string // where the server sent the client, if that is the last it said
	invited   string // the session id of ANS, or of the reply to CAL
	cookie    string // that opened the switchboard
	heard     bool   // the server said something
	missed    bool   // some of what it said is missing
	acts      bool   // the client does what only those do who are signed in
}

// unheard tells whether all that the server said is missing, as where one
// direction alone was captured.
func (l *login) unheard() bool { return l.missed && !l.heard }

// beginsConnection tells whether a command is one that connections begin with.
func beginsConnection(r *decode.Record) bool {
	switch r.Verb {
	case "VER", "ANS":
		return true
	case "USR":
		return r.Server == decode.SB
	}
	return false
}

// learn takes what a command tells about sign-in.
func (l *login) learn(c *conn, r *decode.Record) {
	if !l.begun {
		l.begun, l.fromStart = true, beginsConnection(r)
	}
	if r.Dir == decode.ClientToServer {
		l.asks(c, r)
	} else {
		l.isTold(c, r)
	}
}

// asks takes what the client sent.
func (l *login) asks(c *conn, r *decode.Record) {
	switch r.Verb {
	case "OUT":
		l.signedOut = true
		return
	case "CVR":
		c.sign(personArg(r, "handle"), false)
	case "USR", "ANS":
		c.sign(personArg(r, "handle"), false)
		if cookie := r.Arg("cookie"); cookie != nil {
			l.cookie = clip(string(cookie))
		}
		if id := r.Arg("session_id"); id != nil {
			l.invited = clip(string(id))
		}
	case "CHG", "SYN", "ADL", "BLP", "UUX":
		l.acts = true
	}
	if !l.done {
		l.request = inWords(r)
	}
}

// isTold takes what the server sent.
func (l *login) isTold(c *conn, r *decode.Record) {
	l.heard, l.failed, l.referred = true, "", ""
	if n := r.Note(decode.NoteError); n != nil {
		l.isRefused(r, n)
		return
	}
	switch r.Verb {
	case "OUT":
		l.sentOut, l.outReason = true, clip(string(r.Arg("reason")))
	case "VER":
		l.noDialect = string(r.Arg("dialects")) == "0"
	case "USR":
		if string(r.Arg("result")) == "OK" {
			l.done = true
			c.sign(personArg(r, "handle"), true)
		}
	case "ANS":
		l.done = true
	case "CAL":
		l.invited = clip(string(r.Arg("session_id")))
	case "XFR":
		if string(r.Arg("type")) == "NS" {
			l.referred = clip(string(r.Arg("address")))
		}
	case "CHG", "SYN", "LST", "ILN", "NLN", "FLN", "ADL", "RNG", "UBX", "SBS", "QNG", "JOI", "MSG":
		l.done = true
	}
}

// sign takes note of who signs in. What the server confirms counts more than
// what the client says.
func (c *conn) sign(account string, confirmed bool) {
	if account != "" && (c.Account == "" || confirmed || !c.login.done) {
		c.Account = account
	}
}

// isRefused takes an error reply.
func (l *login) isRefused(r *decode.Record, n *decode.Note) {
	l.failed = fmt.Sprint(n.Code)
	if n.Meaning != "" {
		l.failed += ": " + n.Meaning
	}
	reply := r.Note(decode.NoteReply)
	if l.done || reply == nil {
		return
	}
	switch reply.Request {
	case "VER", "CVR", "INF", "USR", "ANS":
		l.refused = l.failed
	}
}

// inWords tells a request: its verb, and what tells its forms apart.
func inWords(r *decode.Record) string {
	words := []string{r.Verb}
	for _, name := range [...]string{"method", "stage", "type"} {
		if v := r.Arg(name); len(v) > 0 {
			words = append(words, clip(string(v)))
		}
	}
	return strings.Join(words, " ")
}

// outReasons say in words why a server ends a connection.
var outReasons = map[string]string{
	"OTH": "signed in elsewhere",
	"SSD": "the server shuts down",
	"MIG": "the contact list is being moved",
	"TOU": "the terms of use must be accepted",
	"RCT": "to reconnect later",
}

// outcome tells how the sign-in on a connection to a DS or NS ended.
func (l *login) outcome(c *Connection) string {
	switch {
	case l.noDialect:
		return "refused: no dialect in common"
	case l.refused != "":
		return "refused with " + l.refused
	case l.referred != "" && l.referred != "0":
		return "referred to " + l.referred + ", and not seen there"
	case l.unheard() && l.acts:
		return l.end(c) + "; what the server said is missing"
	case l.unheard():
		return "not known: what the server said is missing"
	case !l.done && l.fromStart:
		return "never got past " + l.request + ended(c)
	case c.CloseReason == "server unreachable":
		return "the server could not be reached"
	case !l.begun:
		return "nothing that could be decoded"
	case l.fromStart:
		return l.end(c)
	}
	return l.end(c) + "; began before the capture"
}

// end tells how a sign-in that had succeeded ended.
func (l *login) end(c *Connection) string {
	switch {
	case l.sentOut && !l.signedOut:
		if words := outReasons[l.outReason]; words != "" {
			return "signed out by the server: " + words
		}
		return strings.TrimRight("signed out by the server "+l.outReason, " ")
	case l.signedOut:
		return "signed out"
	case !c.Closed, c.CloseReason == "capture ended":
		return "still signed in at the end"
	case l.failed != "":
		return "connection lost after error " + l.failed
	}
	if words := closings[c.CloseReason]; words != "" {
		return words
	}
	return "connection lost: " + c.CloseReason
}

// closings tell in words how a connection ended that nobody's OUT ended.
var closings = map[string]string{
	"client closed": "left without signing out",
	"server closed": "closed by the server",
	// The connection itself may have gone on.
	"too much of it is unfinished": "not known: too much was unfinished to decode it further",
}

// ended tells why a connection ended before sign-in did.
func ended(c *Connection) string {
	if !c.Closed || c.CloseReason == "" {
		return ""
	}
	return " (" + c.CloseReason + ")"
}
