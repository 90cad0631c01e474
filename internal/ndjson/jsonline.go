package ndjson

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"
)

// jsonLine is the JSON of a line, which is read once, from its beginning to its
// end. The first thing that is wrong is kept in err, and ends it. A null says
// nothing: what is read into stays as it is.
type jsonLine struct {
	bytes bytes.Buffer
	in    jsontext.Decoder
	err   error
	texts recentTexts
	room  []byte // for a text that has to be decoded
}

// lenient takes what other programs write: bytes that are no UTF-8, each of which
// becomes U+FFFD, and keys that come again.
var lenient = []jsontext.Options{jsontext.AllowInvalidUTF8(true), jsontext.AllowDuplicateNames(true)}

// begin begins with a line, which must not change until it is read.
func (j *jsonLine) begin(line []byte) {
	j.err = nil
	j.bytes = *bytes.NewBuffer(line)
	j.in.Reset(&j.bytes, lenient...)
	if cap(j.room) > maxRoom {
		j.room = nil
	}
}

// end wants the line to be at its end.
func (j *jsonLine) end() {
	switch _, err := j.in.ReadToken(); err {
	case io.EOF:
	case nil:
		j.fail(errors.New("more stands behind it"))
	default:
		j.broken(err)
	}
}

// fail takes note of an error, if it is the first.
func (j *jsonLine) fail(err error) {
	if j.err == nil {
		j.err = err
	}
}

// broken takes note of an error of the JSON.
func (j *jsonLine) broken(err error) {
	var at *jsontext.SyntacticError
	if errors.As(err, &at) {
		err = fmt.Errorf("%w, behind %d bytes", at.Err, at.ByteOffset)
	}
	j.fail(err)
}

// failAt takes note that the value that was read last should be something else.
func (j *jsonLine) failAt(want string) {
	where := strings.TrimPrefix(string(j.in.StackPointer()), "/")
	if where == "" {
		where = "it"
	}
	j.fail(fmt.Errorf("%s is no %s", where, want))
}

// token reads a token.
func (j *jsonLine) token() {
	if _, err := j.in.ReadToken(); err != nil {
		j.broken(err)
	}
}

// raw reads a value of a kind as it stands in the line; nil if it is null, or
// something else than was wanted.
func (j *jsonLine) raw(kind jsontext.Kind, want string) []byte {
	v, err := j.in.ReadValue()
	switch {
	case err != nil:
		j.broken(err)
	case v.Kind() == kind:
		return v
	case v.Kind() != 'n':
		j.failAt(want)
	}
	return nil
}

// skip reads a value that nobody needs.
func (j *jsonLine) skip() {
	if err := j.in.SkipValue(); err != nil {
		j.broken(err)
	}
}

// into reads a number or a text to where it goes; neither if that is nowhere.
func (j *jsonLine) into(number *int64, text *string) {
	switch {
	case number != nil:
		j.int64(number)
	case text != nil:
		j.string(text)
	default:
		j.skip()
	}
}

// more tells whether something stands before the end of an object or a list, or
// else reads the end.
func (j *jsonLine) more(end jsontext.Kind) bool {
	if j.err == nil && j.in.PeekKind() == end {
		j.token()
		return false
	}
	return j.err == nil
}

// object calls a function with each key of an object, to read what it has.
func (j *jsonLine) object(read func(key []byte)) {
	if j.in.PeekKind() != '{' {
		j.raw('{', "object")
		return
	}
	j.token()
	for j.more('}') {
		read(j.key())
	}
}

// key reads a key, which is valid until the next text.
func (j *jsonLine) key() []byte { return j.decoded(j.raw('"', "key")) }

// decoded is a text without its quotes and escapes, valid until the next one.
func (j *jsonLine) decoded(quoted []byte) []byte {
	if len(quoted) == 0 {
		return nil
	}
	if isPlain(quoted) {
		return quoted[1 : len(quoted)-1]
	}
	j.room, _ = jsontext.AppendUnquote(j.room[:0], quoted) // the error tells of what is no UTF-8
	return j.room
}

// isPlain tells whether a text stands for itself.
func isPlain(text []byte) bool {
	if len(text) > shortText {
		return bytes.IndexByte(text, '\\') < 0 && utf8.Valid(text)
	}
	for _, c := range text {
		if c == '\\' || c >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

// shortText is up to where a plain loop beats calls: keys and most arguments.
const shortText = 32

// text reads a text.
func (j *jsonLine) text() (text []byte, ok bool) {
	quoted := j.raw('"', "text")
	return j.decoded(quoted), quoted != nil
}

func (j *jsonLine) string(to *string) {
	if text, ok := j.text(); ok {
		*to = j.texts.of(text).(string)
	}
}

// base64 reads bytes, which null takes away.
func (j *jsonLine) base64() []byte {
	text, ok := j.text()
	if !ok {
		return nil
	}
	raw, err := base64.StdEncoding.AppendDecode([]byte{}, text)
	if err != nil {
		j.failAt("base64")
	}
	return raw
}

func (j *jsonLine) time(to *time.Time) {
	v, err := j.in.ReadValue()
	if err != nil {
		j.broken(err)
		return
	}
	if to.UnmarshalJSON(v) != nil {
		j.failAt("time of RFC 3339")
	}
}

func (j *jsonLine) bool(to *bool) {
	v, err := j.in.ReadValue()
	switch {
	case err != nil:
		j.broken(err)
	case v.Kind() == 't' || v.Kind() == 'f':
		*to = v.Kind() == 't'
	case v.Kind() != 'n':
		j.failAt("true or false")
	}
}

// whole reads a whole number of so many bits.
func (j *jsonLine) whole(bits int) (n int64, ok bool) {
	digits := j.raw('0', "number")
	if digits == nil {
		return 0, false
	}
	n, err := strconv.ParseInt(string(digits), 10, bits)
	if err != nil {
		j.failAt("whole number of " + strconv.Itoa(bits) + " bits")
	}
	return n, err == nil
}

func (j *jsonLine) int64(to *int64) {
	if n, ok := j.whole(64); ok {
		*to = n
	}
}

func (j *jsonLine) int(to *int) {
	if n, ok := j.whole(strconv.IntSize); ok {
		*to = int(n)
	}
}
