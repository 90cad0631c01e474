package report

import (
	"fmt"
	"time"

	"msnproxy/decode"
)

// connections is the section of the connections.
type connections struct {
	byID  map[string]*connection
	order []*connection
}

// connection is what its records told. Pairs are client to server, and back.
type connection struct {
	id, client, serverAddr string
	server                 decode.Server
	dialect                decode.Dialect
	dialectFrom            decode.DialectSource
	start, end             time.Time
	commands, bytes        [2]int64
	lost, opaque           int64
	via                    decode.Ref
	closeReason            string
}

func newConnections() *connections { return &connections{byID: map[string]*connection{}} }

func (c *connections) record(r *decode.Record) {
	if r.Kind == decode.KindHTTP {
		return // an exchange of HTTP belongs to no connection of MSNP
	}
	conn := c.of(r)
	conn.learn(r)
	switch r.Kind {
	case decode.KindOpen:
		conn.client, conn.serverAddr, conn.via = r.Client, r.ServerAddr, r.Via
	case decode.KindClose:
		conn.closeReason = r.Reason
		conn.bytes = [2]int64{r.BytesC2S, r.BytesS2C}
	default:
		conn.count(r)
	}
}

// of returns the connection of a record, which may be its first.
func (c *connections) of(r *decode.Record) *connection {
	conn := c.byID[r.Conn]
	if conn == nil {
		conn = &connection{id: r.Conn, start: r.Time}
		c.byID[r.Conn] = conn
		c.order = append(c.order, conn)
	}
	return conn
}

// learn takes what every record tells about its connection. The last one
// knows most.
func (c *connection) learn(r *decode.Record) {
	c.end = r.Time
	if r.Server != 0 {
		c.server = r.Server
	}
	if r.Dialect != 0 {
		c.dialect, c.dialectFrom = r.Dialect, r.DialectFrom
	}
}

// count counts what came over the wire. The bytes count until a close record
// tells them.
func (c *connection) count(r *decode.Record) {
	lost := lostBytes(r)
	c.lost += lost
	c.bytes[way(r.Dir)] += r.Bytes - lost
	switch r.Kind {
	case decode.KindCommand:
		c.commands[way(r.Dir)]++
	case decode.KindOpaque:
		c.opaque += r.Bytes
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

func (c *connections) section() Section {
	s := Section{Name: "connections", About: "each connection to a server", Columns: []Column{
		{Key: "conn", Lead: true},
		{Key: "session"},
		{Key: "server"},
		{Key: "client"},
		{Key: "server_addr"},
		{Key: "dialect"},
		{Key: "dialect_from"},
		{Key: "start", Part: 1},
		{Key: "end", Part: 1},
		{Key: "commands_c2s", Right: true, Part: 1},
		{Key: "commands_s2c", Right: true, Part: 1},
		{Key: "bytes_c2s", Right: true, Part: 1},
		{Key: "bytes_s2c", Right: true, Part: 1},
		{Key: "lost_bytes", Right: true, Part: 1, Rare: true},
		{Key: "opaque_bytes", Right: true, Part: 1, Rare: true},
		{Key: "via", Part: 2},
		{Key: "close_reason", Part: 2, Flex: 1},
	}}
	for _, conn := range c.order {
		s.Rows = append(s.Rows, conn.row())
	}
	return s
}

func (c *connection) row() []Cell {
	return []Cell{
		Text(c.id), Text(""), Text(c.server.String()), Text(c.client), Text(c.serverAddr), Text(c.dialect.String()), Text(c.dialectFrom.String()),
		timeCell(c.start), timeCell(c.end), Number(c.commands[0]), Number(c.commands[1]), Number(c.bytes[0]), Number(c.bytes[1]),
		Number(c.lost), Number(c.opaque), viaCell(c.via), Text(c.closeReason),
	}
}

// viaCell names the XFR or RNG that announced a connection, such as c1#12.
func viaCell(via decode.Ref) Cell {
	if via == (decode.Ref{}) {
		return Text("")
	}
	return Text(fmt.Sprintf("%s#%d", via.Conn, via.Seq))
}
