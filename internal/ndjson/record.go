package ndjson

import (
	"github.com/rs/zerolog"

	"msnproxy/decode"
)

// addRest adds what stands behind the head of what came over the wire: of a
// command, opaque bytes, or a gap.
func (e *Encoder) addRest(to *zerolog.Event, r *decode.Record) {
	e.addNotes(to, r)
	e.addPacket(to, r)
	to.Int64("offset", r.Offset)
}

// addPacket adds the number of a capture's packet, and of several captures
// which; live, there is none.
func (e *Encoder) addPacket(to *zerolog.Event, r *decode.Record) {
	e.addText(to, "file", r.File)
	if r.Packet != 0 {
		to.Int64("packet", r.Packet)
	}
}

func (e *Encoder) addOpen(to *zerolog.Event, r *decode.Record) {
	e.addPacket(to, r)
	e.addText(to, "client", r.Client)
	e.addText(to, "server_addr", r.ServerAddr)
	e.addVia(to, r)
}

// addVia adds how a connection came about: the referral that announced it, and
// what carries it.
func (e *Encoder) addVia(to *zerolog.Event, r *decode.Record) {
	if r.Via == (decode.Ref{}) && r.Carrier == (decode.Carrier{}) {
		return
	}
	via := to.CreateDict()
	if r.Via != (decode.Ref{}) {
		e.addString(via, "conn", r.Via.Conn)
		via.Int64("seq", r.Via.Seq)
	}
	e.addText(via, "http", r.Carrier.Conn)
	e.addText(via, "gateway", r.Carrier.Addr)
	to.Dict("via", via)
}

// addHTTP adds an exchange of HTTP.
func (e *Encoder) addHTTP(to *zerolog.Event, r *decode.Record) {
	h := r.HTTP
	e.addString(to, "method", h.Method)
	e.addString(to, "url", h.URL)
	e.addText(to, "action", h.Action)
	if h.Status != 0 {
		to.Int("status", h.Status)
		e.addMilliseconds(to, "latency_ms", h.Latency)
	}
	to.Int64("request_bytes", h.RequestBytes)
	to.Int64("response_bytes", h.ResponseBytes)
	if e.raw = e.appendPayload(e.raw[:0], "", r); len(e.raw) > 0 {
		to.RawJSON("payload", e.raw)
	}
	e.addNotes(to, r)
	e.addPacket(to, r)
	e.addText(to, "client", r.Client)
	e.addText(to, "server_addr", r.ServerAddr)
}

func (e *Encoder) addClose(to *zerolog.Event, r *decode.Record) {
	e.addPacket(to, r)
	e.addText(to, "reason", r.Reason)
	to.Int64("bytes_c2s", r.BytesC2S)
	to.Int64("bytes_s2c", r.BytesS2C)
	e.addNotes(to, r)
}
