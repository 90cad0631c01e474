package captures

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"runtime"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/google/gopacket"
	"github.com/google/gopacket/layers"
	"github.com/google/gopacket/pcapgo"

	"github.com/klauspost/compress/zstd"

	"msnproxy/decode"
)

// usualPackets are those of the usual sign-in.
func usualPackets(t testing.TB) []packet {
	return packets(t, linkEthernet, usualTalk().open().signIn().chat(5).close())
}

func zipped(t testing.TB, data []byte) []byte {
	t.Helper()
	var out bytes.Buffer
	w := gzip.NewWriter(&out)
	_, err := w.Write(data)
	check(t, err)
	check(t, w.Close())
	return out.Bytes()
}

// swapped makes a big-endian pcap file of a little-endian one with magic.
func swapped(data []byte, magic uint32) []byte {
	out := append([]byte{}, data...)
	swap := func(at, size int) {
		for i := range size / 2 {
			out[at+i], out[at+size-1-i] = out[at+size-1-i], out[at+i]
		}
	}
	binary.BigEndian.PutUint32(out, magic)
	swap(4, 2)
	swap(6, 2)
	swap(16, 4)
	swap(20, 4)
	for at := pcapHeader; at < len(out); {
		size := int(binary.LittleEndian.Uint32(out[at+8:]))
		for i := range 4 {
			swap(at+4*i, 4)
		}
		at += 16 + size
	}
	return out
}

func TestKindsOfFiles(t *testing.T) {
	pcap := pcapFile(linkEthernet, usualPackets(t))
	nano := append([]byte{0x4d, 0x3c, 0xb2, 0xa1}, pcap[4:]...)
	ng := pcapngFile(t, layers.LinkTypeEthernet, usualPackets(t))
	for name, c := range map[string]struct {
		data []byte
		kind string
	}{
		"pcap":                    {pcap, "pcap"},
		"pcap with nanoseconds":   {nano, "pcap"},
		"big-endian pcap":         {swapped(pcap, 0xa1b2c3d4), "pcap"},
		"big-endian, nanoseconds": {swapped(pcap, 0xa1b23c4d), "pcap"},
		"gzipped pcap":            {zipped(t, pcap), "pcap.gz"},
		"pcapng":                  {ng, "pcapng"},
		"gzipped pcapng":          {zipped(t, ng), "pcapng.gz"},
		"gzip of several members": {append(zipped(t, pcap[:300]), zipped(t, pcap[300:])...), "pcap.gz"},
		"zstd pcap":               {zstdOf(t, pcap), "pcap.zst"},
		"zstd of several frames":  {append(zstdOf(t, ng[:100]), zstdOf(t, ng[100:])...), "pcapng.zst"},
	} {
		t.Run(name, func(t *testing.T) {
			r := decodeFile(c.data)
			check(t, r.err)
			wantSignIn(t, r)
			sum := r.summary
			if sum.Kind != c.kind || sum.Packets != 17 || sum.Connections != 1 || sum.File != "test" {
				t.Errorf("got %+v", sum)
			}
			if !strings.Contains(name, "nano") && (!sum.First.Equal(talkStart.Add(step)) || !sum.Last.Equal(talkStart.Add(17*step))) {
				t.Errorf("from %v to %v", sum.First, sum.Last)
			}
		})
	}
}

// zstdOf compresses.
func zstdOf(t testing.TB, data []byte) []byte {
	t.Helper()
	w, err := zstd.NewWriter(nil)
	check(t, err)
	return w.EncodeAll(data, nil)
}

func TestBzip2(t *testing.T) {
	// A pcap file of one packet, as the bzip2 program compresses it.
	const file = "QlpoOTFBWSZTWZtYoMIAABXtHlSEBAAAgBICAgAgABAASAAEACAAMUwAE0EppDQBpekUBGnMoIQ1ltYTHePxd88z8XckU4UJCbWKDCA="
	data, err := base64.StdEncoding.DecodeString(file)
	check(t, err)
	r := decodeFile(data)
	if r.err != nil || r.summary.Kind != "pcap.bz2" || r.summary.Packets != 1 {
		t.Errorf("%+v, %v", r.summary, r.err)
	}
}

func TestPacketsLargerThanTheSnapLengthOfTheHeader(t *testing.T) {
	for _, snap := range []uint32{0, 96} {
		file := pcapFile(linkEthernet, usualPackets(t))
		binary.LittleEndian.PutUint32(file[16:], snap)
		r := decodeFile(file)
		check(t, r.err)
		wantSignIn(t, r)
	}
}

// TestUnusualPcapFiles: what other programs read, or somebody has made of it.
func TestUnusualPcapFiles(t *testing.T) {
	list := usualPackets(t)
	whole := pcapFile(linkEthernet, list)
	first, second := pcapFile(linkEthernet, list[:7]), swapped(pcapFile(linkEthernet, list[7:]), 0xa1b2c3d4)
	edited := func(minor byte, edit func(header []byte)) []byte {
		out := bytes.Clone(whole)
		out[6] = minor
		for _, at := range packetStarts(whole) {
			edit(out[at : at+pcapPacketHeader])
		}
		return out
	}
	swapLengths := func(h []byte) {
		h[12] += 20 // on the wire
		copy(h[8:], slices.Concat(h[12:16], h[8:12]))
	}
	for name, file := range map[string][]byte{
		"one behind the other":           slices.Concat(first, second),
		"length on the wire missing":     edited(4, func(h []byte) { copy(h[12:], make([]byte, 4)) }),
		"version 2.2, lengths swapped":   edited(2, swapLengths),
		"version 2.3, lengths swapped":   edited(3, swapLengths),
		"version 2.3, lengths in order":  edited(3, func([]byte) {}),
		"with the patch of old Linuxes":  patched(whole),
		"the same, but in another order": swappedPatched(whole),
	} {
		t.Run(name, func(t *testing.T) {
			r := decodeFile(file)
			check(t, r.err)
			wantSignIn(t, r)
			if !r.summary.Last.Equal(talkStart.Add(17 * step)) {
				t.Errorf("the last packet was at %v", r.summary.Last)
			}
		})
	}
}

// patched makes of a pcap file one whose packets tell their interfaces.
func patched(file []byte) []byte {
	out := append([]byte{0x34, 0xcd, 0xb2, 0xa1}, file[4:pcapHeader]...)
	for _, at := range packetStarts(file) {
		data := at + pcapPacketHeader
		size := int(binary.LittleEndian.Uint32(file[at+8:]))
		out = append(append(append(out, file[at:data]...), 2, 0, 0, 0, 8, 0, 4, 0), file[data:data+size]...)
	}
	return out
}

// swappedPatched is that of a big-endian machine.
func swappedPatched(file []byte) []byte {
	big := swapped(file, 0xa1b2cd34)
	out := big[:pcapHeader:pcapHeader]
	for _, at := range packetStarts(file) {
		data := at + pcapPacketHeader
		size := int(binary.LittleEndian.Uint32(file[at+8:]))
		out = append(append(append(out, big[at:data]...), 0, 0, 0, 2, 0, 8, 4, 0), big[data:data+size]...)
	}
	return out
}

func TestPacketsLargerThanTheBufferOfTheReader(t *testing.T) {
	for _, size := range []int{readBuffer - pcapPacketHeader, readBuffer - pcapPacketHeader + 1, maxPacket} {
		file := append(pcapFile(linkEthernet, nil), words(0, 0, uint32(size), uint32(size))...)
		file = append(append(file, make([]byte, size)...), pcapFile(linkEthernet, usualPackets(t))[pcapHeader:]...)
		r := decodeFile(file)
		check(t, r.err)
		if n := r.kinds(decode.KindCommand); n != 11 || r.summary.Packets != 18 || r.summary.Bytes <= int64(size) {
			t.Errorf("with a packet of %d bytes: %d commands, %+v", size, n, r.summary)
		}
		if cut := decodeFile(file[:pcapHeader+size]); !errors.Is(cut.err, io.ErrUnexpectedEOF) {
			t.Errorf("cut within a packet of %d bytes: %v", size, cut.err)
		}
	}
}

func TestPcapngWithSeveralInterfacesAndSections(t *testing.T) {
	talks := []*talk{usualTalk(), newTalk("10.0.0.3:2048", "10.0.0.2:1863")}
	var ether, raw []packet
	ether = packets(t, linkEthernet, talks[0].open().signIn().chat(5).close())
	raw = packets(t, linkRaw, talks[1].open().signIn().chat(5).close())
	var out bytes.Buffer
	w, err := pcapgo.NewNgWriter(&out, layers.LinkTypeEthernet)
	check(t, err)
	_, err = w.AddInterface(pcapgo.NgInterface{LinkType: layers.LinkTypeRaw, TimestampResolution: 9})
	check(t, err)
	for i := range ether {
		for n, p := range []packet{ether[i], raw[i]} {
			check(t, w.WritePacket(gopacket.CaptureInfo{Timestamp: p.at, CaptureLength: len(p.data), Length: p.length, InterfaceIndex: n}, p.data))
		}
	}
	check(t, w.Flush())
	section := append([]byte{}, out.Bytes()...)
	third := packets(t, linkRaw, newTalk("10.0.0.4:2048", "10.0.0.2:1863").open().signIn().chat(5).close())
	r := decodeFile(append(section, pcapngFile(t, layers.LinkTypeRaw, third)...))
	check(t, r.err)
	wantClean(t, r)
	if r.summary.Connections != 3 || r.kinds(decode.KindCommand) != 33 || r.summary.Packets != 51 {
		t.Errorf("got %+v", r.summary)
	}
	if o := r.records[len(r.records)-1]; o.Packet != 50 {
		t.Errorf("the last connection is closed in packet %d", o.Packet)
	}
}

// block makes a little-endian pcapng block.
func block(kind uint32, body ...byte) []byte {
	for len(body)%4 != 0 {
		body = append(body, 0)
	}
	size := uint32(len(body) + blockFrame)
	out := binary.LittleEndian.AppendUint32(nil, kind)
	out = binary.LittleEndian.AppendUint32(out, size)
	out = append(out, body...)
	return binary.LittleEndian.AppendUint32(out, size)
}

func words(list ...uint32) (out []byte) {
	for _, w := range list {
		out = binary.LittleEndian.AppendUint32(out, w)
	}
	return out
}

// ngSection is the header of a pcapng section.
func ngSection() []byte { return block(blockSection, words(0x1a2b3c4d, 1, 0xffffffff, 0xffffffff)...) }

func TestPcapngWithLinuxCookedV2AndOtherBlocks(t *testing.T) {
	file := ngSection()
	file = append(file, block(blockInterface, words(linkSLL2, 0)...)...)
	for i, p := range packets(t, linkSLL2, usualTalk().open().signIn().chat(5).close()) {
		micro := uint64(p.at.UnixMicro())
		file = append(file, block(0x0bad, make([]byte, 100+maxBlock)...)...) // not ours, and large
		body := words(0, uint32(micro>>32), uint32(micro), uint32(len(p.data)), uint32(len(p.data)))
		kind := uint32(blockEnhanced)
		if i%2 == 1 {
			kind = blockPacket
		}
		file = append(file, block(kind, append(body, p.data...)...)...)
	}
	r := decodeFile(file)
	check(t, r.err)
	wantSignIn(t, r)
	if !r.summary.First.Equal(talkStart.Add(step)) {
		t.Errorf("begins at %v", r.summary.First)
	}
}

func TestPcapngWithSimplePackets(t *testing.T) {
	file := append(ngSection(), block(blockInterface, words(linkRaw, 0)...)...)
	for _, p := range packets(t, linkRaw, usualTalk().open().signIn().chat(5).close()) {
		file = append(file, block(blockSimple, append(words(uint32(len(p.data))), p.data...)...)...)
	}
	r := decodeFile(file)
	check(t, r.err)
	wantSignIn(t, r)
	if !r.summary.First.IsZero() {
		t.Errorf("begins at %v", r.summary.First)
	}
}

// TestPacketsOfNoInterface: they stand before, between and behind others, and
// in a section without interfaces.
func TestPacketsOfNoInterface(t *testing.T) {
	stray := slices.Concat(
		block(blockEnhanced, append(words(1, 0, 0, 4, 4), 1, 2, 3, 4)...),
		block(blockPacket, append(words(7, 0, 0, 4, 4), 1, 2, 3, 4)...),
	)
	iface := block(blockInterface, words(linkRaw, 0)...)
	file := slices.Concat(ngSection(), block(blockSimple, append(words(4), 1, 2, 3, 4)...), iface, stray)
	for _, p := range packets(t, linkRaw, usualTalk().open().c("VER 1 MSNP8 CVR0\r\n")) {
		size := uint32(len(p.data))
		padded := append(p.data, make([]byte, (4-size%4)%4)...)
		file = append(file, block(blockEnhanced, append(words(0, 0, uint32(p.at.UnixMicro()&0xffff), size, 0), padded...)...)...)
		file = append(file, stray...)
	}
	r := decodeFile(append(file, slices.Concat(ngSection(), stray)...))
	check(t, r.err)
	wantLines(t, r, c2s, "VER 1 MSNP8 CVR0")
	const all, strays = 17, 13
	if r.summary.Packets != all || r.summary.Skipped[skipUndescribed] != strays {
		t.Errorf("%d packets, skipped %v", r.summary.Packets, r.summary.Skipped)
	}
	if at := r.records[0].Packet; at != 4 {
		t.Errorf("the first packet with an interface is number %d", at)
	}
}

func TestSimplePacketsCutByTheSnapLength(t *testing.T) {
	file := append(ngSection(), block(blockInterface, words(linkRaw, 60)...)...)
	file = append(file, block(blockSimple, append(words(1500), make([]byte, 60)...)...)...)
	r := decodeFile(file)
	if r.err != nil || r.summary.Packets != 1 || r.summary.Bytes != 60 {
		t.Errorf("%+v, %v", r.summary, r.err)
	}
}

func TestDamagedFiles(t *testing.T) {
	iface := block(blockInterface, words(linkRaw, 0)...)
	ng := func(blocks ...[]byte) []byte { return append(ngSection(), bytes.Join(blocks, nil)...) }
	pcap := func(caplen, length uint32) []byte { return append(pcapFile(1, nil), words(0, 0, caplen, length)...) }
	for name, c := range map[string]struct {
		data []byte
		want string
	}{
		"empty":                     {nil, "test: the file is empty"},
		"empty gzip":                {zipped(t, nil), "test: the file is empty"},
		"text":                      {[]byte("GET / HTTP/1.1\r\n\r\n"), `test: neither a capture (pcap, pcapng, snoop) nor records (JSON lines); it begins with "GET / HTTP/1.1\r\n"`},
		"gzipped text":              {zipped(t, []byte("hello")), `test: neither a capture (pcap, pcapng, snoop) nor records (JSON lines); it begins with "hello"`},
		"twice gzipped":             {zipped(t, zipped(t, pcapFile(1, nil))), `neither a capture (pcap, pcapng, snoop) nor records (JSON lines); it begins with "\x1f\x8b`},
		"gzip cut at once":          {zipped(t, pcapFile(1, nil))[:12], "test: the file is cut off before there is anything to read"},
		"zstd cut at once":          {zstdOf(t, pcapFile(1, nil))[:12], "test: the file is cut off before there is anything to read"},
		"capture of another kind":   {[]byte("RTSS\x01\x01"), `it begins with "RTSS\x01\x01"; editcap, of Wireshark, makes pcapng files of many others`},
		"xz":                        {[]byte("\xfd7zXZ\x00\x00\x04\xe6\xd6\xb4F"), "test: it is packed by xz; unpack it, and name what was in it"},
		"tar, gzipped":              {zipped(t, append(bytes.Repeat([]byte{'a'}, 257), "ustar\x0000"...)), "test: it is packed by tar; unpack it, and name what was in it"},
		"one byte":                  {[]byte{0xd4}, `test: neither a capture (pcap, pcapng, snoop) nor records (JSON lines); it begins with "\xd4"`},
		"bad zstd":                  {[]byte{0x28, 0xb5, 0x2f, 0xfd, 0xff, 0xff, 0xff}, "test: "},
		"zstd that asks for memory": {[]byte{0x28, 0xb5, 0x2f, 0xfd, 0x00, 0xf8, 0, 0, 0, 0, 0, 0}, "test: "},
		"bad gzip":                  {[]byte{0x1f, 0x8b, 7, 7, 7, 7, 7, 7, 7, 7, 7}, "test: the gzip header is damaged"},
		"pcap header cut":           {pcapFile(1, nil)[:20], "test: the file is cut off within its header"},
		"pcap version":              {append([]byte{0xd4, 0xc3, 0xb2, 0xa1, 9}, make([]byte, 19)...), "test: version 9.0 of pcap files is not known"},
		"pcap packet too large":     {pcap(1<<31, 1<<31), "test: packet 1: it claims a size of 2147483648 bytes"},
		"header of a second pcap":   {append(pcapFile(1, nil), pcapFile(1, nil)[:20]...), "test: packet 1: the file is cut off here"},
		"pcap ends in header":       {pcap(20, 20), "test: packet 1: the file is cut off here"},
		"pcapng header cut":         {ngSection()[:20], "test: the file is cut off within its header"},
		"pcapng byte order":         {block(blockSection, make([]byte, 16)...), "test: the pcapng section header tells no byte order"},
		"pcapng version":            {block(blockSection, words(0x1a2b3c4d, 7, 0, 0)...), "test: Unknown pcapng Version"},
		"no interface, cut":         {ng(block(blockEnhanced, words(0, 0, 0, 0, 0)...)[:20]), "test: packet 1: the file is cut off here"},
		"packet too large":          {ng(iface, block(blockEnhanced, words(0, 0, 0, 1<<31, 1<<31)...)), "test: packet 1: a packet claims 2147483648 bytes"},
		"old packet too large":      {ng(iface, block(blockPacket, words(0, 0, 0, 1<<20, 1<<20)...)), "test: packet 1: a packet claims"},
		"simple too large":          {ng(iface, block(blockSimple, words(1<<30)...)), "test: packet 1: a packet claims"},
		"block too short":           {ng(iface, block(blockEnhanced)), "test: packet 1: a pcapng block is too short"},
		"block size 0":              {ng(words(blockEnhanced, 0, 0)), "test: packet 1: a pcapng block claims a size of 0"},
		"block size odd":            {ng(words(blockEnhanced, 33, 0)), "test: packet 1: a pcapng block claims a size of 33"},
		"block too large":           {ng(words(blockEnhanced, 1<<31, 0)), "test: packet 1: a pcapng block claims a size of"},
		"other block cut":           {ng(words(99, 1<<31, 0)), "test: packet 1: the file is cut off here"},
		"time 10^-20":               {ng(block(blockInterface, words(linkRaw, 0, 1<<16|9, 20)...)), "test: packet 1: the time resolution"},
		"time 2^-64":                {ng(block(blockInterface, words(linkRaw, 0, 1<<16|9, 0x80|64)...)), "test: packet 1: the time resolution"},
		"time without a value":      {ng(block(blockInterface, words(linkRaw, 0, 9, 0)...)), "test: packet 1: the time resolution"},
		"option too long":           {ng(block(blockInterface, words(linkRaw, 0, 500<<16|2, 0)...)), "test: packet 1: an option of a pcapng interface"},
		"too many interfaces":       {ng(bytes.Repeat(iface, maxInterfaces+1)), "test: packet 1: the pcapng file has over"},
	} {
		t.Run(name, func(t *testing.T) {
			r := decodeFile(c.data)
			if r.err == nil || !strings.Contains(r.err.Error(), c.want) || strings.Contains(r.err.Error(), "\n") {
				t.Errorf("got  %v\nwant %s", r.err, c.want)
			}
		})
	}
}

func TestUsableTimeResolutions(t *testing.T) {
	for _, resolution := range []uint32{0, 3, 6, 9, 12, 19, 0x80 | 10, 0x80 | 63} {
		file := append(ngSection(), block(blockInterface, words(linkRaw, 0, 1<<16|9, resolution)...)...)
		file = append(file, block(blockEnhanced, words(0, 1, 2, 0, 0)...)...)
		if r := decodeFile(file); r.err != nil || r.summary.Packets != 1 {
			t.Errorf("%#x: %v", resolution, r.err)
		}
	}
}

func TestCutFileGivesWhatIsBeforeTheCut(t *testing.T) {
	list := packets(t, linkEthernet, usualTalk().open().c("VER 1 MSNP8 CVR0\r\n").s("VER 1 MSNP8\r\n").c("INF 2\r\n"))
	for name, file := range map[string][]byte{
		"pcap":        pcapFile(linkEthernet, list),
		"pcapng":      pcapngFile(t, layers.LinkTypeEthernet, list),
		"gzip":        zipped(t, pcapFile(linkEthernet, list)),
		"gzip pcapng": zipped(t, pcapngFile(t, layers.LinkTypeEthernet, list)),
		"gzip, zstd":  zstdOf(t, pcapFile(linkEthernet, list)),
	} {
		t.Run(name, func(t *testing.T) {
			whole := decodeFile(file)
			check(t, whole.err)
			clean := 0
			for cut := range file {
				r := decodeFile(file[:cut])
				if r.err == nil {
					clean++ // between two packets
				} else if !strings.HasPrefix(r.err.Error(), "test: ") || r.summary.Packets > 0 && !strings.Contains(r.err.Error(), "packet ") {
					t.Fatalf("cut at %d: %v", cut, r.err)
				}
				open, closed := r.kinds(decode.KindOpen), r.kinds(decode.KindClose)
				if open != closed || open != r.summary.Connections {
					t.Fatalf("cut at %d: %d opened, %d closed", cut, open, closed)
				}
				commands := 0
				for i, rec := range r.records {
					if rec.Kind == decode.KindCommand && string(rec.Line) == string(whole.records[i].Line) {
						commands++
					}
				}
				if want := int(r.summary.Packets) - 3; !strings.HasPrefix(name, "gzip") && commands < want {
					t.Fatalf("cut at %d: %d packets, but %d commands", cut, r.summary.Packets, commands)
				}
			}
			if strings.HasPrefix(name, "gzip") == (clean > 0) {
				t.Errorf("%d of the cuts are not noticed", clean)
			}
		})
	}
}

func TestReadErrorIsPassedOn(t *testing.T) {
	broken := errors.New("the disk is on fire")
	file := pcapFile(linkEthernet, usualPackets(t))
	d := NewDecoder(Options{})
	err := d.File(context.Background(), "x.pcap", io.MultiReader(bytes.NewReader(file[:len(file)/2]), failingReader{broken}))
	second := d.File(context.Background(), "y", failingReader{broken})
	sum := d.Close()[0]
	if !errors.Is(second, broken) {
		t.Error(second)
	}
	if !errors.Is(err, broken) || sum.Packets == 0 || !strings.HasPrefix(err.Error(), "x.pcap: packet ") {
		t.Errorf("%v after %d packets", err, sum.Packets)
	}
}

type failingReader struct{ err error }

func (f failingReader) Read([]byte) (int, error) { return 0, f.err }

func TestCancelStopsBetweenPackets(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	var kinds []string
	d := NewDecoder(Options{Emit: func(r *decode.Record) {
		kinds = append(kinds, r.Kind.String())
		cancel()
	}})
	err := d.File(ctx, "x", quiet{iotest.OneByteReader(bytes.NewReader(pcapFile(linkEthernet, usualPackets(t)))), d})
	sum := d.Close()[0]
	if !errors.Is(err, context.Canceled) || sum.Packets != 5 { // which was on its way when the record of the fourth was shown
		t.Errorf("%v after %d packets", err, sum.Packets)
	}
	if got := strings.Join(kinds, " "); got != "open command command close" {
		t.Errorf("got %s", got)
	}
}

// quiet is a pipe that is quiet before each read.
type quiet struct {
	io.Reader
	decoder *Decoder
}

func (q quiet) Read(p []byte) (int, error) {
	q.decoder.Flush()
	return q.Reader.Read(p)
}

func TestRecordsOfALivePipeComeAtOnce(t *testing.T) {
	in, out := io.Pipe()
	lines := make(chan string, 100)
	done := make(chan error)
	d := NewDecoder(Options{Emit: func(r *decode.Record) {
		if r.Kind == decode.KindCommand {
			lines <- string(r.Line)
		}
	}})
	go func() {
		_, err := readOne(d, "-", quiet{in, d})
		done <- err
	}()
	file := pcapFile(linkEthernet, usualPackets(t))
	for at := 0; at < len(file); {
		size := pcapHeader
		if at > 0 {
			size = 16 + int(binary.LittleEndian.Uint32(file[at+8:]))
		}
		_, err := out.Write(file[at : at+size])
		check(t, err)
		if s := string(file[at : at+size]); strings.Contains(s, "VER 1 MSNP8 CVR0\r\n") {
			select {
			case line := <-lines:
				if line != "VER 1 MSNP8 CVR0" {
					t.Errorf("got %s", line)
				}
			case <-time.After(time.Minute):
				t.Fatal("the record waits for more packets")
			}
		}
		at += size
	}
	check(t, out.Close())
	check(t, <-done)
}

func TestIdsAreUniqueOverFiles(t *testing.T) {
	var ids []string
	d := NewDecoder(Options{Emit: func(r *decode.Record) {
		if r.Kind == decode.KindOpen {
			ids = append(ids, r.Conn)
		}
	}})
	for i := range 3 {
		k := newTalk(fmt.Sprintf("10.0.0.%d:2048", 3+i), "10.0.0.2:1863").open().signIn().close()
		check(t, d.File(context.Background(), "x", bytes.NewReader(pcapFile(linkEthernet, packets(t, linkEthernet, k)))))
	}
	for _, sum := range d.Close() {
		if sum.Connections != 1 {
			t.Errorf("%d connections", sum.Connections)
		}
	}
	if got := strings.Join(ids, " "); got != "c1 c2 c3" {
		t.Errorf("got %s", got)
	}
}

func TestLengthFieldsDoNotAllocate(t *testing.T) {
	iface := block(blockInterface, words(linkRaw, 1<<31)...)
	for name, file := range map[string][]byte{
		"pcap packet":      append(pcapFile(1, nil), words(0, 0, 1<<31-1, 1<<31-1)...),
		"pcap snap length": append(append(pcapFile(1, nil)[:16], words(1<<31-1, 1, 0, 0, 60, 60)...), make([]byte, 60)...),
		"pcapng packet":    append(append(ngSection(), iface...), block(blockEnhanced, words(0, 0, 0, 1<<31, 1<<31)...)...),
		"pcapng snap":      append(append(ngSection(), iface...), block(blockEnhanced, append(words(0, 0, 0, 60, 60), make([]byte, 60)...)...)...),
		"pcapng block":     append(ngSection(), words(blockEnhanced, 1<<31-4, 0)...),
	} {
		t.Run(name, func(t *testing.T) {
			d := NewDecoder(Options{})
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			_, _ = readOne(d, "x", bytes.NewReader(file))
			runtime.ReadMemStats(&after)
			if n := after.TotalAlloc - before.TotalAlloc; n > 1<<20 {
				t.Errorf("%d bytes were allocated", n)
			}
		})
	}
}

// packetStarts lists where the packets of a little-endian pcap file begin.
func packetStarts(file []byte) (out []int) {
	for at := pcapHeader; at < len(file); at += 16 + int(binary.LittleEndian.Uint32(file[at+8:])) {
		out = append(out, at)
	}
	return out
}
