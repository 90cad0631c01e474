package ndjson

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"

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
	in     *bufio.Reader
	line   int64
	buf    []byte
	object object
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
		rec, err := r.object.record(text)
		if err == nil {
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
