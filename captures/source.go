package captures

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"time"
)

const (
	// maxPacket is the largest packet taken from a file: the snap length
	// that tcpdump and Wireshark write by default, and above every packet
	// that offload makes on a loopback interface. It bounds what a length
	// field in a damaged file can make us allocate.
	maxPacket = 256 << 10
	// readBuffer lets one system call bring many packets; a live pipe is
	// not held up by it.
	readBuffer = 64 << 10
)

// frame is one packet as it stands in the file. Its data is valid until the
// next one is read.
type frame struct {
	data   []byte
	length int // on the wire; more than len(data) where the capture cut it
	link   int // the file's number for what kind of header comes first
	time   time.Time
	// injected tells that the proxy which wrote the capture said it.
	injected bool
}

// source reads the packets of a file, each into a frame. It returns io.EOF at
// the end, and io.ErrUnexpectedEOF where the file is cut within a packet; the
// frame then says nothing.
type source interface {
	next(*frame) error
}

// openSource tells what kind of file it is from its first bytes, and
// returns a reader for it. Of a compressed file that holds no capture, the kind
// is not known.
func openSource(r io.Reader) (src source, kind string, err error) {
	in := bufio.NewReaderSize(r, readBuffer)
	packed := compressionOf(in)
	if packed == nil {
		return openPlain(in)
	}
	plain, err := packed.unpack(in)
	if err != nil {
		return nil, "", fmt.Errorf("the %s header is damaged: %w", packed.name, err)
	}
	src, kind, err = openPlain(bufio.NewReaderSize(plain, readBuffer))
	if kind == "" {
		return nil, "", err
	}
	return src, kind + packed.suffix, err
}

// IsCapture tells whether a file looks like one that a Decoder reads. A damaged
// one does as long as its first bytes are there.
func IsCapture(r io.Reader) bool {
	_, kind, _ := openSource(r)
	return kind != ""
}

var pcapngMagic = []byte{0x0a, 0x0d, 0x0d, 0x0a}

// openPlain does the same for a file that is not compressed, or no longer.
func openPlain(in *bufio.Reader) (source, string, error) {
	magic, err := in.Peek(4)
	switch {
	case err == io.EOF && len(magic) == 0:
		return nil, "", errors.New("the file is empty")
	case err == io.ErrUnexpectedEOF: // a compressed file
		return nil, "", errors.New("the file is cut off before there is anything to read")
	case err != nil && err != io.EOF:
		return nil, "", err
	case bytes.Equal(magic, pcapngMagic):
		src, err := newNgSource(in)
		return src, "pcapng", err
	case pcapOrder(magic) != nil:
		src, err := newPcapSource(in)
		return src, "pcap", err
	case isSnoop(in):
		src, err := newSnoopSource(in)
		return src, "snoop", err
	}
	return nil, "", unknownContent(in)
}

// unknownContent says what a file looks like that is none of ours.
func unknownContent(in *bufio.Reader) error {
	const enough = 16
	start, _ := in.Peek(enough)
	if packer := packerOf(in); packer != "" {
		return fmt.Errorf("it is packed by %s; unpack it, and name what was in it", packer)
	}
	return fmt.Errorf("neither a capture (pcap, pcapng, snoop) nor records (JSON lines); it begins with %q; editcap, of Wireshark, makes pcapng files of many others", start)
}

// packers are programs whose files captures are kept in, and how those begin.
var packers = []struct {
	name  string
	at    int
	magic string
}{
	{"xz", 0, "\xfd7zXZ\x00"},
	{"zip", 0, "PK\x03\x04"},
	{"7-Zip", 0, "7z\xbc\xaf\x27\x1c"},
	{"RAR", 0, "Rar!\x1a\x07"},
	{"lz4", 0, "\x04\x22\x4d\x18"},
	{"tar", 257, "ustar"},
}

// packerOf names the program that made a file, or returns "". It looks at what
// is there: of a pipe, no more may come.
func packerOf(in *bufio.Reader) string {
	start, _ := in.Peek(in.Buffered())
	for _, p := range packers {
		if len(start) > p.at && bytes.HasPrefix(start[p.at:], []byte(p.magic)) {
			return p.name
		}
	}
	return ""
}
