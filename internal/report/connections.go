package report

import (
	"fmt"

	"msnproxy/decode"
	"msnproxy/internal/story"
)

// connections is the section of the connections.
func connections(told *story.Story) Section {
	s := Section{Name: "connections", About: "each connection to a server", More: told.Cut.Connections, Columns: []Column{
		{Key: "conn", Lead: true},
		{Key: "session"},
		{Key: "server"},
		{Key: "client"},
		{Key: "server_addr"},
		{Key: "dialect"},
		{Key: "dialect_from", Part: 2},
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
	for _, c := range told.Connections {
		s.Rows = append(s.Rows, []Cell{
			Text(c.ID), Text(c.Session.ID), Text(c.Server.String()), Text(c.Client), Text(c.ServerAddr), Text(c.Dialect.String()), Text(c.DialectFrom.String()),
			timeCell(c.Start), timeCell(c.End), Number(c.Commands[0]), Number(c.Commands[1]), Number(c.Bytes[0]), Number(c.Bytes[1]),
			Number(c.Lost), Number(c.Opaque), viaCell(c.Via), Text(c.CloseReason),
		})
	}
	return s
}

// viaCell names the XFR or RNG that announced a connection, such as c1#12.
func viaCell(via decode.Ref) Cell {
	if via == (decode.Ref{}) {
		return Text("")
	}
	return Text(fmt.Sprintf("%s#%d", via.Conn, via.Seq))
}
