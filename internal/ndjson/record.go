package ndjson

import (
	"bytes"
	"encoding/base64"
	"unicode/utf8"

	"github.com/rs/zerolog"

	"msnproxy/decode"
)

// addHead adds what records of every kind have.
func (s *Sink) addHead(e *zerolog.Event, r *decode.Record) {
	e.Bytes("time", s.clock.format(r.Time))
	e.Str("conn", r.Conn)
	e.Int64("seq", r.Seq)
	e.Str("kind", r.Kind.String())
	addText(e, "dir", r.Dir.String())
	addText(e, "server", r.Server.String())
	s.addDialect(e, r)
}

// addText adds a string, if it says something.
func addText(e *zerolog.Event, key, text string) {
	if text != "" {
		e.Str(key, text)
	}
}

// dialectNames spares every record making the name of its dialect.
var dialectNames = func() (names [decode.NewestDialect + 1]string) {
	for d := range names {
		names[d] = decode.Dialect(d).String()
	}
	return names
}()

func (s *Sink) addDialect(e *zerolog.Event, r *decode.Record) {
	if r.Dialect == 0 {
		return
	}
	if int(r.Dialect) < len(dialectNames) {
		e.Str("dialect", dialectNames[r.Dialect])
	} else {
		e.Str("dialect", r.Dialect.String())
	}
	addText(e, "dialect_from", r.DialectFrom.String())
}

// addBody adds what came over the wire: a command, opaque bytes, or a gap.
func (s *Sink) addBody(e *zerolog.Event, r *decode.Record) {
	if r.Kind == decode.KindCommand {
		s.addCommand(e, r)
	}
	e.Int64("bytes", r.Bytes)
	if r.HasPayload {
		e.Int64("payload_bytes", r.PayloadBytes)
	}
	s.addPayload(e, r)
	s.addNotes(e, r)
	addPacket(e, r)
	e.Int64("offset", r.Offset)
}

// addPacket adds the number of a capture's packet, and of several captures
// which; live, there is none.
func addPacket(e *zerolog.Event, r *decode.Record) {
	addText(e, "file", r.File)
	if r.Packet != 0 {
		e.Int64("packet", r.Packet)
	}
}

func (s *Sink) addCommand(e *zerolog.Event, r *decode.Record) {
	e.Str("verb", r.Verb)
	if r.HasTrID {
		e.Uint32("trid", r.TrID)
	}
	s.addArgs(e, r.Args)
	e.Bytes("line", r.Line)
	if !utf8.Valid(r.Line) {
		s.addBase64(e, "line_base64", r.Line)
	}
}

func (s *Sink) addArgs(e *zerolog.Event, args []decode.Arg) {
	if len(args) == 0 {
		return
	}
	object := e.CreateDict()
	for i := range args {
		addArg(object, &args[i])
	}
	e.Dict("args", object)
}

// addArg adds an argument. Most have nothing to decode, and cost no string.
func addArg(object *zerolog.Event, a *decode.Arg) {
	if bytes.IndexByte(a.Value, '%') < 0 {
		object.Bytes(a.Name, a.Value)
		return
	}
	object.Str(a.Name, decode.PercentDecode(a.Value))
}

func (s *Sink) addBase64(e *zerolog.Event, key string, raw []byte) {
	s.scratch = base64.StdEncoding.AppendEncode(s.scratch[:0], raw)
	e.Bytes(key, s.scratch)
}

func addOpen(e *zerolog.Event, r *decode.Record) {
	addPacket(e, r)
	addText(e, "client", r.Client)
	addText(e, "server_addr", r.ServerAddr)
	addVia(e, r)
}

// addVia adds how a connection came about: the referral that announced it, and
// what carries it.
func addVia(e *zerolog.Event, r *decode.Record) {
	if r.Via == (decode.Ref{}) && r.Carrier == (decode.Carrier{}) {
		return
	}
	via := e.CreateDict()
	if r.Via != (decode.Ref{}) {
		via.Str("conn", r.Via.Conn).Int64("seq", r.Via.Seq)
	}
	addText(via, "http", r.Carrier.Conn)
	addText(via, "gateway", r.Carrier.Addr)
	e.Dict("via", via)
}

// addHTTP adds an exchange of HTTP.
func (s *Sink) addHTTP(e *zerolog.Event, r *decode.Record) {
	h := r.HTTP
	e.Str("method", h.Method)
	e.Str("url", h.URL)
	addText(e, "action", h.Action)
	if h.Status != 0 {
		e.Int("status", h.Status)
		s.addMilliseconds(e, "latency_ms", h.Latency)
	}
	e.Int64("request_bytes", h.RequestBytes)
	e.Int64("response_bytes", h.ResponseBytes)
	s.addPayload(e, r)
	s.addNotes(e, r)
	addPacket(e, r)
	addText(e, "client", r.Client)
	addText(e, "server_addr", r.ServerAddr)
}

func addClose(e *zerolog.Event, r *decode.Record) {
	addPacket(e, r)
	addText(e, "reason", r.Reason)
	e.Int64("bytes_c2s", r.BytesC2S)
	e.Int64("bytes_s2c", r.BytesS2C)
}
