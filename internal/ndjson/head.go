package ndjson

import (
	"encoding/base64"
	"strconv"
	"unicode/utf8"

	"msnproxy/decode"
	"msnproxy/internal/display"
)

// What a record begins with is most of what is written. It goes to zerolog as
// one raw value, that of "time", with the keys that follow it: zerolog would
// look at each byte of each of them, time and again.

// appendHead appends the time and what follows it: names in records of every
// kind, and of what came over the wire all but the notes and its place.
func (e *Encoder) appendHead(dst []byte, r *decode.Record) []byte {
	dst = appendName(dst, `"`, e.clock.format(r.Time))
	dst = append(dst, `,"conn":`...)
	dst = display.AppendJSON(dst, r.Conn)
	dst = appendNumber(dst, `,"seq":`, r.Seq)
	dst = append(dst, e.namesOf(r)...)
	switch r.Kind {
	case decode.KindOpen, decode.KindClose, decode.KindHTTP, decode.KindOverdue:
		return dst
	case decode.KindCommand:
		dst = e.appendCommand(dst, r)
	}
	dst = appendNumber(dst, `,"bytes":`, r.Bytes)
	if r.HasPayload {
		dst = appendNumber(dst, `,"payload_bytes":`, r.PayloadBytes)
	}
	return e.appendPayload(dst, `,"payload":`, r)
}

func appendNumber(dst []byte, before string, n int64) []byte {
	return strconv.AppendInt(append(dst, before...), n, 10)
}

// appendName appends what stands before a name, and the name, which needs no
// escape: it is one of ours.
func appendName[T string | []byte](dst []byte, before string, name T) []byte {
	return append(append(append(dst, before...), name...), '"')
}

// names are the keys of a record whose values are names of ours. The records of
// a direction have the same ones, as a rule.
type names struct {
	of   named
	text []byte
}

// named is what has these names.
type named struct {
	kind        decode.Kind
	dir         decode.Direction
	server      decode.Server
	dialect     decode.Dialect
	dialectFrom decode.DialectSource
}

// namesOf returns the names of a record, as JSON.
func (e *Encoder) namesOf(r *decode.Record) []byte {
	of := named{r.Kind, r.Dir, r.Server, r.Dialect, r.DialectFrom}
	n := &e.names[int(r.Dir)%len(e.names)]
	if n.text == nil || n.of != of {
		n.of, n.text = of, of.append(n.text[:0])
	}
	return n.text
}

func (n named) append(dst []byte) []byte {
	dst = appendName(dst, `,"kind":"`, n.kind.String())
	if n.dir != 0 {
		dst = appendName(dst, `,"dir":"`, n.dir.String())
	}
	if n.server != 0 {
		dst = appendName(dst, `,"server":"`, n.server.String())
	}
	if n.dialect == 0 {
		return dst
	}
	dst = appendName(dst, `,"dialect":"`, n.dialect.String())
	if n.dialectFrom != 0 {
		dst = appendName(dst, `,"dialect_from":"`, n.dialectFrom.String())
	}
	return dst
}

func (e *Encoder) appendCommand(dst []byte, r *decode.Record) []byte {
	dst = append(dst, `,"verb":`...)
	dst = display.AppendJSON(dst, r.Verb)
	if r.HasTrID {
		dst = append(dst, `,"trid":`...)
		dst = strconv.AppendUint(dst, uint64(r.TrID), 10)
	}
	if len(r.Args) > 0 {
		dst = append(dst, `,"args":`...)
		dst = e.appendArgs(dst, r.Args)
	}
	dst = append(dst, `,"line":`...)
	dst = display.AppendJSON(dst, r.Line)
	if !utf8.Valid(r.Line) {
		dst = append(dst, `,"line_base64":`...)
		dst = appendBase64(dst, r.Line)
	}
	return dst
}

// appendKey appends the key of a value, which may be a stranger's.
func appendKey(dst []byte, key string) []byte {
	if dst[len(dst)-1] != '{' {
		dst = append(dst, ',')
	}
	return append(display.AppendJSON(dst, key), ':')
}

func appendBase64(dst, raw []byte) []byte {
	dst = append(dst, '"')
	dst = base64.StdEncoding.AppendEncode(dst, raw)
	return append(dst, '"')
}
