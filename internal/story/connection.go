package story

import (
	"time"

	"msnproxy/decode"
)

// Connection is a connection, and where it belongs.
type Connection struct {
	ID                 string
	Client, ServerAddr string // host:port
	Server             decode.Server
	Dialect            decode.Dialect
	DialectFrom        decode.DialectSource
	Start, End         time.Time
	Commands, Bytes    [2]int64   // client to server, and back
	Lost, Opaque       int64      // bytes
	Via                decode.Ref // the XFR or RNG that led here, as far as is known
	CloseReason        string
	Closed             bool
	Account            string // who signed in on it; "" where that is not known

	Session      *Session
	Conversation *Conversation // of a switchboard; else nil
}

// conn is a connection in the making: what its records have told so far.
type conn struct {
	Connection
	seq       int64 // of its last record
	login     login
	software  software
	answers   answers
	edits     edits
	roster    *roster
	presence  map[string]shown // the last that was told of each person
	room      *room            // who is on the switchboard
	talks     map[string]*room // what is said without one, by the other end
	talkOrder []*room
}

// learn takes what every record tells about its connection. The last one knows
// most.
func (c *conn) learn(r *decode.Record) {
	c.End, c.seq = r.Time, r.Seq
	if r.Server != 0 {
		c.Server = r.Server
	}
	if r.Dialect != 0 {
		c.Dialect, c.DialectFrom = r.Dialect, r.DialectFrom
	}
	switch r.Kind {
	case decode.KindOpen:
		c.Client, c.ServerAddr, c.Via = clip(r.Client), clip(r.ServerAddr), r.Via
	case decode.KindClose:
		c.Closed, c.CloseReason = true, clip(r.Reason)
		c.Bytes = [2]int64{r.BytesC2S, r.BytesS2C}
	default:
		c.count(r)
	}
}

// count counts what came over the wire. The bytes count until a close record
// tells them.
func (c *conn) count(r *decode.Record) {
	lost := lostBytes(r)
	c.Lost += lost
	c.login.missed = c.login.missed || lost > 0 && r.Dir == decode.ServerToClient
	c.Bytes[way(r.Dir)] += r.Bytes - lost
	switch r.Kind {
	case decode.KindCommand:
		c.Commands[way(r.Dir)]++
	case decode.KindOpaque:
		c.Opaque += r.Bytes
	}
}

// way maps the directions to the places of a pair.
func way(d decode.Direction) int {
	if d == decode.ServerToClient {
		return 1
	}
	return 0
}

func lostBytes(r *decode.Record) (n int64) {
	for i := range r.Notes {
		if r.Notes[i].Kind == decode.NoteGap {
			n += r.Notes[i].Bytes
		}
	}
	return n
}

// forget drops what is only needed while records come.
func (c *conn) forget() {
	c.presence, c.edits.open, c.answers.open = nil, nil, nil
}

// host is the client's address without its port.
func (c *Connection) host() string { return decode.HostOf(c.Client) }
