package ndjson

import (
	"bytes"
	"hash/maphash"

	"msnproxy/decode"
	"msnproxy/internal/display"
)

func (e *Encoder) appendArgs(dst []byte, args []decode.Arg) []byte {
	dst = append(dst, '{')
	for i := range args {
		dst = appendKey(dst, args[i].Name)
		dst = e.appendArg(dst, args[i].Value)
	}
	return append(dst, '}')
}

// appendArg appends the value of an argument. Most have nothing to decode.
func (e *Encoder) appendArg(dst, value []byte) []byte {
	switch {
	case bytes.IndexByte(value, '%') < 0:
		return display.AppendJSON(dst, value)
	case len(value) > maxDecoded:
		return display.AppendJSON(dst, decode.PercentDecode(value))
	}
	return append(dst, e.decoded.of(value)...)
}

// decodedArgs are arguments that were decoded of late, each in the place that
// its hash gives it: every message of a person brings the person's name.
type decodedArgs struct {
	args [128]struct{ wire, json []byte } // as it came, and as a string of JSON
	room []byte                           // for one that is decoded
}

// maxDecoded is the longest argument that is looked for. Names and pictures are
// shorter.
const maxDecoded = 512

var wireSeed = maphash.MakeSeed()

// of returns an argument as JSON, which is valid until the next call.
func (d *decodedArgs) of(value []byte) []byte {
	arg := &d.args[maphash.Bytes(wireSeed, value)%uint64(len(d.args))]
	if !bytes.Equal(arg.wire, value) {
		d.room = decode.AppendPercentDecoded(d.room[:0], value)
		arg.wire = append(arg.wire[:0], value...)
		arg.json = display.AppendJSON(arg.json[:0], d.room)
	}
	return arg.json
}
