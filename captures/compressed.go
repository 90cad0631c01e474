package captures

import (
	"bufio"
	"bytes"
	"compress/bzip2"
	"compress/gzip"
	"errors"
	"fmt"
	"io"

	"github.com/klauspost/compress/zstd"
)

// maxZstdWindow bounds the memory that a zstd file can ask for: what the zstd
// program takes without being told otherwise.
const maxZstdWindow = 128 << 20

// What a compressed input may unpack to, in proportion to its size. The headers
// of packets differ in times and numbers, so that captures shrink to a tenth or a
// hundredth, and a few hundred bytes that unpack to gigabytes are no capture.
const (
	maxRatio = 1000
	// freeOfRatio is what may come before that counts.
	freeOfRatio = 64 << 20
)

// errRatio is told of an input that unpacks to more.
var errRatio = fmt.Errorf("it unpacks to over %d times its size, which no capture does; the rest is not read", maxRatio)

// unpacking reads what is compressed, as long as the proportion is right.
type unpacking struct {
	plain  io.Reader
	packed *counting
	n      int64 // unpacked so far
}

// counting counts what is read.
type counting struct {
	in io.Reader
	n  int64
}

func (c *counting) Read(p []byte) (int, error) {
	n, err := c.in.Read(p)
	c.n += int64(n)
	return n, err
}

func (u *unpacking) Read(p []byte) (int, error) {
	n, err := u.plain.Read(p)
	u.n += int64(n)
	if u.n > max(freeOfRatio, maxRatio*u.packed.n) {
		return 0, errRatio
	}
	return n, err
}

// unpack returns what is in a compressed input.
func (c *compression) unpack(in io.Reader) (io.Reader, error) {
	packed := &counting{in: in}
	plain, err := c.open(packed)
	if err != nil {
		return nil, err
	}
	return &unpacking{plain: plain, packed: packed}, nil
}

// compression is a way in which a file may be compressed.
type compression struct {
	name, suffix string
	magic        []byte
	open         func(io.Reader) (io.Reader, error)
}

// compressions are those that are read. A file may consist of several
// compressed ones, one behind the other.
var compressions = []compression{
	{"gzip", ".gz", []byte{0x1f, 0x8b}, func(r io.Reader) (io.Reader, error) { return gzip.NewReader(r) }},
	{"zstd", ".zst", []byte{0x28, 0xb5, 0x2f, 0xfd}, openZstd},
	{"bzip2", ".bz2", []byte("BZh"), func(r io.Reader) (io.Reader, error) { return bzip2.NewReader(r), nil }},
}

// openZstd reads zstd in the same goroutine, so that nothing has to be closed.
func openZstd(r io.Reader) (io.Reader, error) {
	return zstd.NewReader(r, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxWindow(maxZstdWindow))
}

// IsCompressed tells by its first bytes, four if it has as many, whether an
// input is compressed in a way that captures may be.
func IsCompressed(start []byte) bool { return compressionBy(start) != nil }

// Decompress returns what an input holds for which IsCompressed is true.
func Decompress(in io.Reader) (io.Reader, error) {
	buffered := bufio.NewReader(in)
	c := compressionOf(buffered)
	if c == nil {
		return nil, errors.New("not compressed by gzip, zstd or bzip2")
	}
	return c.unpack(buffered)
}

// compressionOf tells how a file is compressed, or nil.
func compressionOf(in *bufio.Reader) *compression {
	const longest = 4
	start, _ := in.Peek(longest)
	return compressionBy(start)
}

func compressionBy(start []byte) *compression {
	for i := range compressions {
		if bytes.HasPrefix(start, compressions[i].magic) {
			return &compressions[i]
		}
	}
	return nil
}
