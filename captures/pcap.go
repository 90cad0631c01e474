package captures

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"time"
)

// Pcap files are read here and not by gopacket, whose reader takes one version
// of them, refuses a packet that claims to be shorter on the wire than in the
// file, as careless writers have it, and keeps only eight bits of a link type.

const (
	// pcapHeader is the size of the header of a pcap file.
	pcapHeader = 24
	// pcapPacketHeader is the size of that of a packet, and patchedPacketHeader
	// the same in the format of a patch that Linux distributions of around 2000
	// had, with the number and the kind of the interface behind it.
	pcapPacketHeader    = 16
	patchedPacketHeader = 24
)

// The first bytes of pcap files, as a number.
const (
	pcapMicroseconds = 0xa1b2c3d4
	pcapNanoseconds  = 0xa1b23c4d
	pcapPatched      = 0xa1b2cd34
)

// pcapFormat is what the header of a pcap file tells.
type pcapFormat struct {
	order        binary.ByteOrder
	link         int
	unit         time.Duration // of times, behind whole seconds
	packetHeader int
	minor        uint16 // of the version
}

// pcapOrder returns the byte order of a pcap file, or nil if it is not one.
func pcapOrder(magic []byte) binary.ByteOrder {
	if len(magic) < 4 {
		return nil
	}
	for _, order := range []binary.ByteOrder{binary.LittleEndian, binary.BigEndian} {
		switch order.Uint32(magic) {
		case pcapMicroseconds, pcapNanoseconds, pcapPatched:
			return order
		}
	}
	return nil
}

// readPcapFormat reads the header of a file that begins like a pcap file. The
// lower half of its last four bytes is the link type; the upper one tells of
// something else. Its snap length is often too small, and not looked at.
func readPcapFormat(header []byte) (pcapFormat, error) {
	const versions, newest = 2, 4
	order := pcapOrder(header)
	f := pcapFormat{
		order: order, link: int(order.Uint32(header[20:]) & 0xffff), unit: time.Microsecond,
		packetHeader: pcapPacketHeader, minor: order.Uint16(header[6:]),
	}
	switch order.Uint32(header) {
	case pcapNanoseconds:
		f.unit = time.Nanosecond
	case pcapPatched:
		f.packetHeader = patchedPacketHeader
	}
	if major := order.Uint16(header[4:]); major != versions || f.minor > newest {
		return f, fmt.Errorf("version %d.%d of pcap files is not known", major, f.minor)
	}
	return f, nil
}

// lengths reads how long a packet is in the file, and on the wire. The first
// versions have them the other way round, and in version 2.3 either may be.
func (f *pcapFormat) lengths(header []byte) (included, length uint32) {
	const swapped, perhapsSwapped = 2, 3
	included, length = f.order.Uint32(header[8:]), f.order.Uint32(header[12:])
	if f.minor <= swapped || f.minor == perhapsSwapped && included > length {
		included, length = length, included
	}
	return included, max(included, length)
}

// pcapSource reads a pcap file.
type pcapSource struct {
	pcapFormat
	in   *bufio.Reader
	data []byte // of a packet that is larger than the reader's buffer
	used int    // what of the buffer was handed out, and can go now
}

func newPcapSource(in *bufio.Reader) (source, error) {
	header, err := in.Peek(pcapHeader)
	if err != nil {
		return nil, errors.New("the file is cut off within its header")
	}
	s := &pcapSource{in: in, used: pcapHeader}
	s.pcapFormat, err = readPcapFormat(header)
	return s, err
}

func (s *pcapSource) next(f *frame) error {
	_, _ = s.in.Discard(s.used) // it is there
	s.used = 0
	if err := s.skipHeaders(); err != nil {
		return err
	}
	header, err := s.in.Peek(s.packetHeader)
	if err != nil {
		return cutIfAny(header, err)
	}
	included, length := s.lengths(header)
	if included > maxPacket {
		return fmt.Errorf("it claims a size of %d bytes, which is over the limit of %d", included, maxPacket)
	}
	at := time.Unix(int64(s.order.Uint32(header)), int64(s.order.Uint32(header[4:]))*int64(s.unit)).UTC()
	data, err := s.packet(int(included))
	*f = frame{data: data, length: int(length), link: s.link, time: at}
	return err
}

// packet returns the bytes behind the header of a packet.
func (s *pcapSource) packet(size int) ([]byte, error) {
	if n := s.packetHeader + size; n <= s.in.Size() {
		whole, err := s.in.Peek(n)
		s.used = len(whole)
		return whole[min(s.packetHeader, len(whole)):], cutIfAny(whole, err)
	}
	if cap(s.data) < size {
		s.data = make([]byte, size)
	}
	_, _ = s.in.Discard(s.packetHeader)
	_, err := io.ReadFull(s.in, s.data[:size])
	return s.data[:size], cutIfAny(s.data[:size], err)
}

// skipHeaders takes the header of a file in the place of a packet for what it
// is: somebody has put pcap files one behind the other. As a packet, it would
// be one of 2055.
func (s *pcapSource) skipHeaders() error {
	for {
		magic, _ := s.in.Peek(4)
		if pcapOrder(magic) == nil {
			return nil
		}
		header, err := s.in.Peek(pcapHeader)
		if err != nil {
			return cutIfAny(header, err)
		}
		format, err := readPcapFormat(header)
		if err != nil {
			return nil
		}
		s.pcapFormat = format
		_, _ = s.in.Discard(pcapHeader)
	}
}
