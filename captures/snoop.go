package captures

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"time"
)

// Snoop files (RFC 1761) are what Solaris' snoop writes. They are read here and
// not by gopacket, whose reader takes the padding of a packet that the capture
// cut for negative, and refuses packets of more than 4096 bytes.

const (
	snoopHeader       = 16 // magic, version, link type
	snoopPacketHeader = 24
	snoopVersion      = 2
)

var snoopMagic = []byte("snoop\x00\x00\x00")

// snoopLinks maps the link types of snoop files to those of pcap files.
var snoopLinks = map[uint32]int{0: linkEthernet, 2: linkTokenRing, 4: linkEthernet, 5: linkCiscoHDLC, 8: linkFDDI}

func isSnoop(in *bufio.Reader) bool {
	start, _ := in.Peek(len(snoopMagic))
	return bytes.Equal(start, snoopMagic)
}

// snoopSource reads a snoop file.
type snoopSource struct {
	in     *bufio.Reader
	link   int
	header [snoopPacketHeader]byte
	data   []byte
}

func newSnoopSource(in *bufio.Reader) (source, error) {
	var header [snoopHeader]byte
	if _, err := io.ReadFull(in, header[:]); err != nil {
		return nil, errors.New("the file is cut off within its header")
	}
	if version := binary.BigEndian.Uint32(header[8:]); version != snoopVersion {
		return nil, fmt.Errorf("version %d of snoop files is not supported, only %d", version, snoopVersion)
	}
	number := binary.BigEndian.Uint32(header[12:])
	link, known := snoopLinks[number]
	if !known {
		return nil, fmt.Errorf("link type %d of snoop files is not supported", number)
	}
	return &snoopSource{in: in, link: link}, nil
}

func (s *snoopSource) next(f *frame) error {
	if _, err := io.ReadFull(s.in, s.header[:]); err != nil {
		return err
	}
	field := func(at int) int64 { return int64(binary.BigEndian.Uint32(s.header[at:])) }
	length, included, record := field(0), field(4), field(8)
	padding := record - snoopPacketHeader - included
	if included > maxPacket || padding < 0 {
		return fmt.Errorf("its header is damaged: %d bytes in a record of %d", included, record)
	}
	if int64(cap(s.data)) < included {
		s.data = make([]byte, included)
	}
	s.data = s.data[:included]
	if _, err := io.ReadFull(s.in, s.data); err != nil {
		return cutIfAny(s.header[:], err)
	}
	if _, err := s.in.Discard(int(padding)); err != nil && err != io.EOF {
		return err // where only padding is missing, nothing is
	}
	at := time.Unix(field(16), field(20)*int64(time.Microsecond)).UTC()
	*f = frame{data: s.data, length: int(max(length, included)), link: s.link, time: at}
	return nil
}
