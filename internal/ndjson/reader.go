package ndjson

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"msnproxy/decode"
)

// maxLine bounds a line of records, in bytes. A payload has at most some
// hundred kilobytes, and base64 and escapes make several times that of it.
const maxLine = 16 << 20

// ErrCut tells that the input ends within a line, as it does when whoever
// wrote it was stopped. All records before are there.
var ErrCut = errors.New("the last line is cut off")

// LineError tells of a line that is no record. Reading may go on behind it.
type LineError struct {
	Line int64 // from 1
	Err  error
}

func (e *LineError) Error() string { return fmt.Sprintf("line %d is no record: %v", e.Line, e.Err) }
func (e *LineError) Unwrap() error { return e.Err }

// Reader reads records that a Sink wrote.
type Reader struct {
	in   *bufio.Reader
	line int64
	buf  []byte
}

// NewReader returns a reader of the lines of r.
func NewReader(r io.Reader) *Reader { return &Reader{in: bufio.NewReaderSize(r, 64<<10)} }

// Beginning is how many of the first bytes of an input Begins and BeginsSurely
// look at.
const Beginning = 16

// byteOrderMark is what some programs put in front of text.
var byteOrderMark = []byte("\uFEFF")

// Begins tells whether an input that begins with these bytes is records and
// not a capture. Empty lines may be in front of the first record.
func Begins(start []byte) bool {
	start = bytes.TrimSpace(bytes.TrimPrefix(start, byteOrderMark))
	return len(start) > 0 && start[0] == '{'
}

// BeginsSurely tells whether an input begins as a Sink writes records, with
// their time. Other JSON does not.
func BeginsSurely(start []byte) bool {
	_, first, _ := bytes.Cut(start, []byte("{"))
	return Begins(start) && bytes.HasPrefix(bytes.TrimSpace(first), []byte(`"time"`))
}

// Next returns the next record, which stays valid. It returns io.EOF at the
// end, ErrCut if the last line is cut off, and a *LineError for a line that is
// no record.
func (r *Reader) Next() (*decode.Record, error) {
	for {
		text, err := r.readLine()
		if err != nil {
			return nil, err
		}
		if r.line == 1 {
			text = bytes.TrimPrefix(text, byteOrderMark)
		}
		if len(bytes.TrimSpace(text)) == 0 {
			continue
		}
		rec, err := parse(text)
		if err == nil {
			rec.Size = len(text)
			return rec, nil
		}
		if !bytes.HasSuffix(text, []byte("\n")) {
			return nil, ErrCut
		}
		return nil, &LineError{r.line, err}
	}
}

// readLine reads a line with its end, valid until the next call. Of a line
// that is too long, it reads on to the end.
func (r *Reader) readLine() ([]byte, error) {
	r.buf = r.buf[:0]
	r.line++
	long := false
	for {
		part, err := r.in.ReadSlice('\n')
		if long = long || len(r.buf)+len(part) > maxLine; !long {
			r.buf = append(r.buf, part...)
		}
		switch {
		case err == bufio.ErrBufferFull:
			continue
		case long && (err == nil || err == io.EOF):
			return nil, &LineError{r.line, fmt.Errorf("it has more than %d bytes", maxLine)}
		case err == nil, err == io.EOF && len(r.buf) > 0:
			return r.buf, nil
		case errors.Is(err, io.ErrUnexpectedEOF): // of compressed records
			return nil, ErrCut
		}
		return nil, err
	}
}

// object is a record as it stands in the line.
type object struct {
	Time         time.Time       `json:"time"`
	Conn         string          `json:"conn"`
	Seq          int64           `json:"seq"`
	Kind         string          `json:"kind"`
	Dir          string          `json:"dir"`
	Server       string          `json:"server"`
	Dialect      string          `json:"dialect"`
	DialectFrom  string          `json:"dialect_from"`
	Verb         string          `json:"verb"`
	TrID         *uint32         `json:"trid"`
	Args         json.RawMessage `json:"args"`
	Line         string          `json:"line"`
	LineBase64   []byte          `json:"line_base64"`
	Bytes        int64           `json:"bytes"`
	PayloadBytes *int64          `json:"payload_bytes"`
	Payload      json.RawMessage `json:"payload"`
	Notes        notes           `json:"notes"`
	File         string          `json:"file"`
	Packet       int64           `json:"packet"`
	Offset       int64           `json:"offset"`
	Client       string          `json:"client"`
	ServerAddr   string          `json:"server_addr"`
	Via          struct {
		Conn    string `json:"conn"`
		Seq     int64  `json:"seq"`
		HTTP    string `json:"http"`
		Gateway string `json:"gateway"`
	} `json:"via"`
	Reason   string `json:"reason"`
	BytesC2S int64  `json:"bytes_c2s"`
	BytesS2C int64  `json:"bytes_s2c"`

	Method        string       `json:"method"`
	URL           string       `json:"url"`
	Action        string       `json:"action"`
	Status        int          `json:"status"`
	LatencyMS     milliseconds `json:"latency_ms"`
	RequestBytes  int64        `json:"request_bytes"`
	ResponseBytes int64        `json:"response_bytes"`
}

// parse makes a record of a line.
func parse(text []byte) (*decode.Record, error) {
	var o object
	if err := json.Unmarshal(text, &o); err != nil {
		return nil, fmt.Errorf("not the JSON of one: %w", err)
	}
	kind, ok := kinds[o.Kind]
	if !ok {
		return nil, fmt.Errorf("there is no kind %q", o.Kind)
	}
	if o.Time.IsZero() {
		return nil, errors.New("it has no time")
	}
	rec := &decode.Record{
		Stamp: decode.Stamp{Time: o.Time, Packet: o.Packet}, File: o.File, Conn: o.Conn, Seq: o.Seq, Kind: kind,
		Dir: directions[o.Dir], Server: servers[o.Server], DialectFrom: sources[o.DialectFrom],
		Bytes: o.Bytes, Offset: o.Offset,
		Client: o.Client, ServerAddr: o.ServerAddr, Via: decode.Ref{Conn: o.Via.Conn, Seq: o.Via.Seq},
		Carrier: decode.Carrier{Conn: o.Via.HTTP, Addr: o.Via.Gateway},
		Reason:  o.Reason, BytesC2S: o.BytesC2S, BytesS2C: o.BytesS2C,
	}
	rec.Dialect, _ = decode.ParseDialect([]byte(o.Dialect))
	for i := range o.Notes {
		rec.Notes = append(rec.Notes, o.Notes[i].note())
	}
	if kind == decode.KindCommand {
		if err := o.command(rec); err != nil {
			return nil, err
		}
	}
	return rec, o.payload(rec)
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
func (o *object) command(rec *decode.Record) error {
	if len(o.Verb) != len("VER") {
		return fmt.Errorf("a command has a verb of three characters, not %q", o.Verb)
	}
	if rec.Dir == 0 {
		return errors.New("a command has a dir, c2s or s2c")
	}
	rec.Verb, rec.Line = o.Verb, []byte(o.Line)
	if o.LineBase64 != nil {
		rec.Line = o.LineBase64
	}
	if len(rec.Line) > maxCommand {
		return fmt.Errorf("its line has more than %d bytes", maxCommand)
	}
	if len(o.Args) > maxArgs {
		return fmt.Errorf("its args have more than %d bytes", maxArgs)
	}
	if o.TrID != nil {
		rec.TrID, rec.HasTrID = *o.TrID, true
	}
	args, err := orderedObject(o.Args)
	if err != nil {
		return fmt.Errorf("its args: %w", err)
	}
	nameArgs(rec, args)
	return nil
}

// payload adds the payload: its bytes if they are there, else what it says.
func (o *object) payload(rec *decode.Record) error {
	if o.PayloadBytes != nil {
		rec.HasPayload, rec.PayloadBytes = true, *o.PayloadBytes
	}
	fields, err := orderedObject(o.Payload)
	if err != nil {
		return fmt.Errorf("its payload: %w", err)
	}
	said := &decode.Payload{}
	for _, f := range fields {
		switch text, _ := f.Value.(string); f.Name {
		case "type":
			said.Type = text
		case "base64":
			if rec.Payload, err = base64.StdEncoding.DecodeString(text); err != nil {
				return fmt.Errorf("its payload: %w", err)
			}
		case "joined":
			rec.Joined = joinedOf(f.Value)
		default:
			said.Fields = append(said.Fields, f)
		}
	}
	switch {
	case said.Type == "":
		said = nil
	case rec.HasPayload && rec.Payload == nil:
		rec.Said = said
	}
	if rec.Kind == decode.KindHTTP {
		rec.HTTP = o.exchange(said)
	}
	return nil
}

// exchange is a request of HTTP and its answer.
func (o *object) exchange(said *decode.Payload) *decode.HTTP {
	return &decode.HTTP{
		Method: o.Method, URL: o.URL, Action: o.Action, Status: o.Status, Latency: o.LatencyMS.duration(),
		RequestBytes: o.RequestBytes, ResponseBytes: o.ResponseBytes, Payload: said,
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

// The names that stand in records, and what they stand for.
var (
	kinds      = byName[decode.Kind](1)
	noteKinds  = byName[decode.NoteKind](1)
	directions = map[string]decode.Direction{"c2s": decode.ClientToServer, "s2c": decode.ServerToClient}
	servers    = map[string]decode.Server{"DS": decode.DS, "NS": decode.NS, "SB": decode.SB}
	sources    = map[string]decode.DialectSource{
		"inferred": decode.DialectInferred, "inherited": decode.DialectInherited, "negotiated": decode.DialectNegotiated,
	}
)

// byName finds the values of a type by their names, from the first one on to
// the one that has none.
func byName[T interface {
	~uint8
	String() string
}](first T) map[string]T {
	names := map[string]T{}
	for v := first; v.String() != ""; v++ {
		names[v.String()] = v
	}
	return names
}
