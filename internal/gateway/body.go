package gateway

import (
	"bytes"
	"compress/gzip"
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

// Unzip undoes the compression of a body, up to MaxBody. What comes before
// something that cannot be unpacked is kept.
func Unzip(r io.Reader) []byte {
	data, _ := UnzipWhole(r)
	return data
}

// UnzipWhole is Unzip for who wants to know whether that is all of the body.
func UnzipWhole(r io.Reader) (data []byte, whole bool) {
	z, err := gzip.NewReader(r)
	if err != nil {
		return nil, false
	}
	data, err = io.ReadAll(io.LimitReader(z, MaxBody+1))
	if len(data) > MaxBody {
		return data[:MaxBody], false
	}
	return data, err == nil
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

// Plain returns the body, compression undone.
func (b *Body) Plain(header http.Header) []byte {
	if len(b.data) > 0 && Zipped(header) {
		return Unzip(bytes.NewReader(b.data))
	}
	return b.data
}
