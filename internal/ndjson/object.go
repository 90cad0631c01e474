package ndjson

import (
	"encoding/base64"
	"errors"
	"fmt"
	"strconv"

	"msnproxy/decode"
)

// object is a record as it stands in the line. It holds room that is used again
// for the next one.
type object struct {
	jsonLine
	*decode.Record // what depends on nothing else goes there at once
	rest
	args, said ordered
	namer      argNamer
}

// rest is what counts only once all of the line is read.
type rest struct {
	kind, verb       string
	trID             uint32
	hasTrID          bool
	line, lineBase64 []byte
	http             decode.HTTP
}

// record makes a record of a line.
func (o *object) record(text []byte) (*decode.Record, error) {
	o.Record, o.rest = &decode.Record{Size: len(text)}, rest{}
	o.args, o.said = o.args.again(), o.said.again()
	o.begin(text)
	o.object(o.read)
	if o.end(); o.err != nil {
		return nil, fmt.Errorf("not the JSON of one: %w", o.err)
	}
	var ok bool
	if o.Kind, ok = kinds[o.kind]; !ok {
		return nil, fmt.Errorf("there is no kind %q", o.kind)
	}
	if o.Time.IsZero() {
		return nil, errors.New("it has no time")
	}
	if o.Kind == decode.KindCommand {
		if err := o.command(); err != nil {
			return nil, err
		}
	}
	return o.Record, o.payload()
}

// read reads what a record has under a key.
func (o *object) read(key []byte) {
	switch string(key) {
	case "time":
		o.time(&o.Time)
	case "kind":
		o.string(&o.kind)
	case "dir":
		oneOf(&o.jsonLine, &o.Dir, directions)
	case "server":
		oneOf(&o.jsonLine, &o.Server, servers)
	case "dialect":
		o.dialect()
	case "dialect_from":
		oneOf(&o.jsonLine, &o.DialectFrom, sources)
	case "verb":
		o.string(&o.verb)
	case "trid":
		o.transaction()
	case "args":
		o.ordered(&o.args, maxArgs)
	case "line":
		if text, ok := o.text(); ok {
			o.line = append([]byte{}, text...)
		}
	case "line_base64":
		o.lineBase64 = o.base64()
	case "payload_bytes":
		o.PayloadBytes, o.HasPayload = o.whole(64)
	case "payload":
		o.ordered(&o.said, maxLine)
	case "notes":
		o.notes(&o.Notes)
	case "via":
		o.object(o.via)
	case "status":
		o.int(&o.http.Status)
	case "latency_ms":
		o.milliseconds(&o.http.Latency)
	default:
		o.into(o.number(key), o.words(key))
	}
}

// number is where a number goes that stands under a key, or nil.
func (o *object) number(key []byte) *int64 {
	switch string(key) {
	case "seq":
		return &o.Seq
	case "bytes":
		return &o.Bytes
	case "packet":
		return &o.Packet
	case "offset":
		return &o.Offset
	case "bytes_c2s":
		return &o.BytesC2S
	case "bytes_s2c":
		return &o.BytesS2C
	case "request_bytes":
		return &o.http.RequestBytes
	case "response_bytes":
		return &o.http.ResponseBytes
	}
	return nil
}

// words is where a text goes that stands under a key, or nil.
func (o *object) words(key []byte) *string {
	switch string(key) {
	case "conn":
		return &o.Conn
	case "file":
		return &o.File
	case "client":
		return &o.Client
	case "server_addr":
		return &o.ServerAddr
	case "reason":
		return &o.Reason
	case "method":
		return &o.http.Method
	case "url":
		return &o.http.URL
	case "action":
		return &o.http.Action
	}
	return nil
}

// via reads how a connection came about.
func (o *object) via(key []byte) {
	switch string(key) {
	case "conn":
		o.string(&o.Via.Conn)
	case "seq":
		o.int64(&o.Via.Seq)
	case "http":
		o.string(&o.Carrier.Conn)
	case "gateway":
		o.string(&o.Carrier.Addr)
	default:
		o.skip()
	}
}

// oneOf reads the name of one of those that there are. Another name is none of them.
func oneOf[T any](j *jsonLine, to *T, names map[string]T) {
	if text, ok := j.text(); ok {
		*to = names[string(text)]
	}
}

func (o *object) dialect() {
	if text, ok := o.text(); ok {
		o.Dialect, _ = decode.ParseDialect(text)
	}
}

// transaction reads a transaction id, which null takes away.
func (o *object) transaction() {
	o.trID, o.hasTrID = 0, false
	digits := o.raw('0', "number")
	if digits == nil {
		return
	}
	id, err := strconv.ParseUint(string(digits), 10, 32)
	if err != nil {
		o.failAt("transaction id")
	}
	o.trID, o.hasTrID = uint32(id), true
}

// maxCommand bounds the line of a command. Masking may make a line longer: a
// secret of one character becomes a number.
const maxCommand = 4 * decode.MaxLine

// maxArgs bounds the arguments of a command as they stand in the line: one in
// memory is some twenty times as large as the shortest there. Those of the longest
// command take two thirds of it, if each is a byte that is escaped.
const maxArgs = 4 * maxCommand

// command adds what a command has. Its line has at least a verb, which the
// rest of the program relies on.
func (o *object) command() error {
	if len(o.verb) != len("VER") {
		return fmt.Errorf("a command has a verb of three characters, not %q", o.verb)
	}
	if o.Dir == 0 {
		return errors.New("a command has a dir, c2s or s2c")
	}
	o.Verb, o.Line = o.verb, o.line
	if o.lineBase64 != nil {
		o.Line = o.lineBase64
	}
	if len(o.Line) > maxCommand {
		return fmt.Errorf("its line has more than %d bytes", maxCommand)
	}
	if o.args.size > maxArgs {
		return fmt.Errorf("its args have more than %d bytes", maxArgs)
	}
	if o.args.err != nil {
		return fmt.Errorf("its args: %w", o.args.err)
	}
	o.TrID, o.HasTrID = o.trID, o.hasTrID
	o.namer.name(o.Record, o.args.fields)
	return nil
}

// payload adds the payload: its bytes if they are there, else what it says; of
// HTTP, that in any case.
func (o *object) payload() error {
	if o.said.err != nil {
		return fmt.Errorf("its payload: %w", o.said.err)
	}
	kind, rest := "", 0
	for _, f := range o.said.fields {
		var err error
		switch text, _ := f.Value.(string); f.Name {
		case "type":
			kind = text
		case "base64":
			if o.Payload, err = base64.StdEncoding.DecodeString(text); err != nil {
				return fmt.Errorf("its payload: %w", err)
			}
		case "joined":
			o.Joined = joinedOf(f.Value)
		default:
			o.said.fields[rest] = f
			rest++
		}
	}
	o.tell(kind, o.said.fields[:rest])
	return nil
}

// tell adds what the payload says, if its type is known.
func (o *object) tell(kind string, fields []decode.Field) {
	untold := o.HasPayload && o.Record.Payload == nil
	var said *decode.Payload
	if kind != "" && (untold || o.Kind == decode.KindHTTP) {
		said = &decode.Payload{Type: kind, Fields: append([]decode.Field(nil), fields...)}
	}
	if untold {
		o.Said = said
	}
	if o.Kind == decode.KindHTTP {
		exchange := o.http
		exchange.Payload = said
		o.HTTP = &exchange
	}
}

// joinedOf reads the whole of a chunked message.
func joinedOf(value any) *decode.JoinedMessage {
	fields, _ := value.([]decode.Field)
	said := decode.Payload{Fields: fields}
	j := &decode.JoinedMessage{ID: said.Text("message_id"), Type: said.Text("type"), Text: said.Text("text")}
	for _, f := range fields {
		if n, ok := f.Value.(int64); ok && f.Name == "chunks" {
			j.Chunks = int(n)
		}
	}
	return j
}
