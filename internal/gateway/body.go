package gateway

import (
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"net/http"
	"strings"

	"msnproxy/decode"
)

// MaxBody bounds a body, on the wire and after unpacking: a few payloads of the
// largest size.
const MaxBody = 4 * decode.MaxPayload

// Zipped tells whether a body is compressed.
func Zipped(header http.Header) bool {
	encoding := strings.ToLower(header.Get("Content-Encoding"))
	return encoding == "gzip" || encoding == "x-gzip"
}

// What a compressed body may unpack to, in proportion to its size, beside MaxBody.
// Contacts differ in names and ids, so that an address book shrinks to a twentieth, and
// lists of who may see whom, which tell the same people again, to an eightieth at most; a
// body of a few hundred bytes that unpacks to a megabyte is made to cost something.
const (
	maxUnzipRatio = 100
	// freeOfRatio is what any body may unpack to.
	freeOfRatio = 16 << 10
)

// ErrTooLarge tells that a body unpacks to more than it may.
var ErrTooLarge = errors.New("the body is too large unpacked")

// Unzip undoes the compression of a body. What comes before something that cannot
// be unpacked is kept; of a body that is too large unpacked, nothing is.
func Unzip(zipped []byte) ([]byte, error) {
	z, err := gzip.NewReader(bytes.NewReader(zipped))
	if err != nil {
		return nil, err
	}
	most := min(MaxBody, max(freeOfRatio, maxUnzipRatio*len(zipped)))
	data, err := io.ReadAll(io.LimitReader(z, int64(most)+1))
	if len(data) > most {
		return nil, ErrTooLarge
	}
	return data, err
}

// Body collects a body, unless it is too large.
type Body struct {
	data []byte
	// Dropped is how many bytes a body had that was too large.
	Dropped int64
}

// Add takes a part of the body.
func (b *Body) Add(p []byte) {
	switch {
	case b.Dropped > 0:
		b.Dropped += int64(len(p))
	case len(b.data)+len(p) > MaxBody:
		b.data, b.Dropped = nil, int64(len(b.data)+len(p))
	default:
		b.data = append(b.data, p...)
	}
}

// Len is how much of the body is held.
func (b *Body) Len() int { return len(b.data) }

// Drop forgets the body, as if it was too large.
func (b *Body) Drop() {
	b.Dropped += int64(len(b.data))
	b.data = nil
}

// Plain returns the body, compression undone. One that is too large then is dropped.
func (b *Body) Plain(header http.Header) []byte {
	if len(b.data) == 0 || !Zipped(header) {
		return b.data
	}
	data, err := Unzip(b.data)
	if errors.Is(err, ErrTooLarge) {
		b.Drop()
	}
	return data
}
