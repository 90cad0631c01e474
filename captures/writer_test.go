package captures

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/netip"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/google/gopacket"
	"github.com/google/gopacket/layers"
	"github.com/google/gopacket/pcapgo"

	"msnproxy/decode"
)

const (
	writerC2S = decode.ClientToServer
	writerS2C = decode.ServerToClient
)

var (
	writerClient  = netip.MustParseAddrPort("192.0.2.10:1034")
	writerServer  = netip.MustParseAddrPort("198.51.100.21:1863")
	writerClient6 = netip.MustParseAddrPort("[2001:db8::10]:1034")
	writerServer6 = netip.MustParseAddrPort("[2001:db8:1::21]:1863")
	writerStart   = time.Date(2003, 11, 14, 19, 30, 0, 123456789, time.UTC)
)

// writerPacket is a packet read back.
type writerPacket struct {
	src, dst netip.AddrPort
	tcp      *layers.TCP
	raw      []byte
	at       time.Time
}

// String shows a packet from the client's side: flags, numbers, payload size.
func (p writerPacket) String() string {
	flags := ""
	for _, f := range []struct {
		set  bool
		name string
	}{{p.tcp.SYN, "S"}, {p.tcp.FIN, "F"}, {p.tcp.RST, "R"}, {p.tcp.PSH, "P"}, {p.tcp.ACK, "."}} {
		if f.set {
			flags += f.name
		}
	}
	arrow := ">"
	if p.src.Port() == 1863 {
		arrow = "<"
	}
	return fmt.Sprintf("%s %s seq %d ack %d len %d", arrow, flags, p.tcp.Seq, p.tcp.Ack, len(p.tcp.Payload))
}

// writerNew returns a Writer and the file that it writes.
func writerNew(t *testing.T) (*Writer, *bytes.Buffer) {
	t.Helper()
	var file bytes.Buffer
	w, err := NewWriter(&file)
	if err != nil {
		t.Fatal(err)
	}
	return w, &file
}

// writerCheck fails the test on the first error of calls that must work.
func writerCheck(t *testing.T, errs ...error) {
	t.Helper()
	for i, err := range errs {
		if err != nil {
			t.Fatalf("call %d: %v", i, err)
		}
	}
}

// writerRead reads a file back, and checks each packet's sums and lengths.
func writerRead(t *testing.T, file []byte) []writerPacket {
	t.Helper()
	r, err := pcapgo.NewNgReader(bytes.NewReader(file), pcapgo.NgReaderOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if r.LinkType() != layers.LinkTypeRaw {
		t.Fatalf("link type %v", r.LinkType())
	}
	var packets []writerPacket
	for {
		raw, info, err := r.ReadPacketData()
		if err == io.EOF {
			return packets
		}
		if err != nil {
			t.Fatal(err)
		}
		packets = append(packets, writerParse(t, raw, info.Timestamp))
	}
}

func writerParse(t *testing.T, raw []byte, at time.Time) writerPacket {
	t.Helper()
	parsed := gopacket.NewPacket(raw, layers.LinkTypeRaw, gopacket.Default)
	if failed := parsed.ErrorLayer(); failed != nil {
		t.Fatal(failed.Error())
	}
	tcp, ok := parsed.TransportLayer().(*layers.TCP)
	if !ok {
		t.Fatalf("no TCP in %v", parsed)
	}
	writerCheckSums(t, raw)
	flow := parsed.NetworkLayer().NetworkFlow()
	src, _ := netip.AddrFromSlice(flow.Src().Raw())
	dst, _ := netip.AddrFromSlice(flow.Dst().Raw())
	return writerPacket{
		src: netip.AddrPortFrom(src, uint16(tcp.SrcPort)), dst: netip.AddrPortFrom(dst, uint16(tcp.DstPort)),
		tcp: tcp, raw: raw, at: at,
	}
}

// writerCheckSums recomputes an IP packet's checksums by RFC 1071: the sum
// over everything that a checksum covers, itself included, is all ones.
func writerCheckSums(t *testing.T, raw []byte) {
	t.Helper()
	var pseudo, segment []byte
	if raw[0]>>4 == 4 {
		if int(binary.BigEndian.Uint16(raw[2:])) != len(raw) || writerSum(raw[:20]) != 0xffff {
			t.Fatalf("bad IPv4 header: % x", raw[:20])
		}
		pseudo, segment = append(pseudo, raw[12:20]...), raw[20:]
	} else {
		if int(binary.BigEndian.Uint16(raw[4:])) != len(raw)-40 {
			t.Fatalf("bad IPv6 header: % x", raw[:40])
		}
		pseudo, segment = append(pseudo, raw[8:40]...), raw[40:]
	}
	pseudo = append(pseudo, 0, 6, byte(len(segment)>>8), byte(len(segment)))
	if writerSum(append(pseudo, segment...)) != 0xffff {
		t.Fatalf("bad TCP checksum: % x", raw)
	}
}

func writerSum(b []byte) uint32 {
	var sum uint32
	for i, c := range b {
		if i%2 == 0 {
			sum += uint32(c) << 8
		} else {
			sum += uint32(c)
		}
	}
	for sum > 0xffff {
		sum = sum>>16 + sum&0xffff
	}
	return sum
}

// writerStreams puts the bytes of each sender together by their sequence
// numbers, and checks that every number is the next one, that every
// acknowledgement is true and that no window is overrun.
func writerStreams(t *testing.T, packets []writerPacket) map[netip.AddrPort]string {
	t.Helper()
	streams := map[netip.AddrPort]string{}
	next, acked := map[netip.AddrPort]uint32{}, map[netip.AddrPort]uint32{}
	for i, p := range packets {
		if p.tcp.SYN {
			next[p.src], acked[p.src] = p.tcp.Seq, p.tcp.Seq
		}
		if p.tcp.Seq != next[p.src] {
			t.Fatalf("packet %d: %v, expected seq %d", i+1, p, next[p.src])
		}
		if p.tcp.ACK && p.tcp.Ack != next[p.dst] {
			t.Fatalf("packet %d: %v, expected ack %d", i+1, p, next[p.dst])
		}
		if p.tcp.ACK {
			acked[p.dst] = p.tcp.Ack
		}
		streams[p.src] += string(p.tcp.Payload)
		next[p.src] += uint32(len(p.tcp.Payload))
		if p.tcp.SYN || p.tcp.FIN {
			next[p.src]++
		}
		if under := next[p.src] - acked[p.src]; under > writerWindow {
			t.Fatalf("packet %d: %d bytes under way", i+1, under)
		}
		if len(p.raw) > writerMTU {
			t.Fatalf("packet %d has %d bytes", i+1, len(p.raw))
		}
	}
	return streams
}

func TestWriterDialogue(t *testing.T) {
	w, file := writerNew(t)
	writerCheck(t,
		w.Open("a", writerClient, writerServer, writerStart),
		w.Data("a", writerC2S, []byte("PNG\r\n"), writerStart),
		w.Data("a", writerS2C, []byte("QNG 43\r\n"), writerStart),
		w.Data("a", writerS2C, nil, writerStart),
		w.End("a", writerC2S, writerStart),
		w.Data("a", writerS2C, []byte("OUT\r\n"), writerStart),
		w.End("a", writerS2C, writerStart),
		w.Open("b", writerClient, writerServer, writerStart),
		w.Reset("b", writerS2C, writerStart),
		w.Flush())
	want := `> S seq 0 ack 0 len 0
< S. seq 32768 ack 1 len 0
> . seq 1 ack 32769 len 0
> P. seq 1 ack 32769 len 5
< . seq 32769 ack 6 len 0
< P. seq 32769 ack 6 len 8
> . seq 6 ack 32777 len 0
> F. seq 6 ack 32777 len 0
< . seq 32777 ack 7 len 0
< P. seq 32777 ack 7 len 5
> . seq 7 ack 32782 len 0
< F. seq 32782 ack 7 len 0
> . seq 7 ack 32783 len 0
> S seq 65536 ack 0 len 0
< S. seq 98304 ack 65537 len 0
> . seq 65537 ack 98305 len 0
< R. seq 98305 ack 65537 len 0
`
	got := ""
	for _, p := range writerRead(t, file.Bytes()) {
		got += p.String() + "\n"
	}
	if got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
	if len(w.open) != 0 {
		t.Errorf("%d connections are still held", len(w.open))
	}
	if w.Size() != int64(file.Len()) {
		t.Errorf("Size is %d, the file has %d", w.Size(), file.Len())
	}
}

// Any way to cut a stream into writes gives the same bytes back, over IPv4
// and IPv6, across the wrap of the sequence numbers, in both directions.
func TestWriterChunks(t *testing.T) {
	up, down := writerNoise(9_000), writerNoise(7_001)
	for seed := range uint64(60) {
		random := rand.New(rand.NewPCG(seed, 1))
		client, server := writerClient, writerServer
		if seed%2 == 1 {
			client, server = writerClient6, writerServer6
		}
		w, file := writerNew(t)
		w.firstSeq = -uint32(random.IntN(12_000))
		if seed%3 == 0 {
			w.firstSeq -= writerSeqStep / 2 // let the server's numbers wrap
		}
		writerCheck(t, w.Open("c", client, server, writerStart))
		for u, d := up, down; len(u)+len(d) > 0; {
			var p []byte
			p, u = writerCut(random, u)
			writerCheck(t, w.Data("c", writerC2S, p, writerStart))
			p, d = writerCut(random, d)
			writerCheck(t, w.Data("c", writerS2C, p, writerStart))
		}
		writerCheck(t, w.End("c", writerS2C, writerStart), w.End("c", writerC2S, writerStart), w.Flush())
		streams := writerStreams(t, writerRead(t, file.Bytes()))
		if streams[client] != string(up) || streams[server] != string(down) {
			t.Fatalf("seed %d: the streams differ", seed)
		}
	}
}

// writerCut cuts a chunk of random size off p.
func writerCut(random *rand.Rand, p []byte) (chunk, rest []byte) {
	n := min(len(p), random.IntN(1+random.IntN(4_000)))
	if len(p) < 10 {
		n = len(p)
	}
	return p[:n], p[n:]
}

func writerNoise(n int) []byte {
	random := rand.New(rand.NewPCG(7, uint64(n)))
	p := make([]byte, n)
	for i := range p {
		p[i] = byte(random.Uint32())
	}
	return p
}

func TestWriterLargeData(t *testing.T) {
	for _, server := range []netip.AddrPort{writerServer, writerServer6} {
		client := writerClient
		if server == writerServer6 {
			client = writerClient6
		}
		w, file := writerNew(t)
		large := writerNoise(2 << 20)
		writerCheck(t, w.Open("c", client, server, writerStart), w.Data("c", writerS2C, large, writerStart), w.Flush())
		packets := writerRead(t, file.Bytes())
		if got := writerStreams(t, packets)[server]; got != string(large) {
			t.Errorf("%v: %d bytes came back", server, len(got))
		}
		pushed := 0
		for _, p := range packets {
			if p.tcp.PSH {
				pushed++
			}
		}
		if pushed != 1 {
			t.Errorf("%v: PSH in %d packets", server, pushed)
		}
	}
}

// What stands in the file does not depend on when or where it is written,
// and every packet has the time of its call to the nanosecond.
func TestWriterDeterministic(t *testing.T) {
	write := func() []byte {
		w, file := writerNew(t)
		for i := range 20 {
			id, at := fmt.Sprint(i), writerStart.Add(time.Duration(i)*time.Nanosecond)
			client := netip.AddrPortFrom(writerClient.Addr(), uint16(2000+i))
			writerCheck(t, w.Open(id, client, writerServer, at), w.Data(id, writerC2S, []byte(id), at))
		}
		writerCheck(t, w.Flush())
		return file.Bytes()
	}
	first := write()
	if !bytes.Equal(first, write()) {
		t.Error("two runs differ")
	}
	if bytes.Contains(first, []byte(runtime.GOOS)) || bytes.Contains(first, []byte(runtime.GOARCH)) {
		t.Error("the file names the machine")
	}
	for i, p := range writerRead(t, first) {
		if want := writerStart.Add(time.Duration(i / 5)); !p.at.Equal(want) {
			t.Fatalf("packet %d: %v, want %v", i+1, p.at, want)
		}
	}
}

// After each Flush the file ends with a whole packet.
func TestWriterFlush(t *testing.T) {
	w, file := writerNew(t)
	writerCheck(t, w.Open("c", writerClient, writerServer, writerStart), w.Flush())
	for i := range 40 {
		before := len(writerRead(t, file.Bytes()))
		writerCheck(t, w.Data("c", writerC2S, writerNoise(200*i+1), writerStart), w.Flush())
		if after := len(writerRead(t, file.Bytes())); after <= before {
			t.Fatalf("write %d: %d packets before, %d after", i, before, after)
		}
	}
}

// The two sides of a proxy may speak different versions of IP.
func TestWriterMixedAddresses(t *testing.T) {
	w, file := writerNew(t)
	mapped := netip.AddrPortFrom(netip.AddrFrom16(writerClient.Addr().As16()), writerClient.Port())
	zoned := netip.AddrPortFrom(netip.MustParseAddr("fe80::1%eth0"), 1034)
	writerCheck(t,
		w.Open("mixed", writerClient, writerServer6, writerStart),
		w.Open("mapped", mapped, writerServer, writerStart),
		w.Open("zone", zoned, writerServer6, writerStart),
		w.Flush())
	want := []netip.AddrPort{mapped, writerClient, netip.MustParseAddrPort("[fe80::1]:1034")}
	packets := writerRead(t, file.Bytes())
	for i, addr := range want {
		if got := packets[3*i].src; got != addr {
			t.Errorf("connection %d comes from %v, want %v", i, got, addr)
		}
	}
}

func TestWriterMisuse(t *testing.T) {
	w, file := writerNew(t)
	some, other := []byte("PNG\r\n"), netip.MustParseAddrPort("192.0.2.11:1034")
	writerCheck(t, w.Open("open", writerClient, writerServer, writerStart),
		w.Open("half", other, writerServer, writerStart), w.End("half", writerC2S, writerStart), w.Flush())
	size := file.Len()
	for name, err := range map[string]error{
		"data before open":      w.Data("new", writerC2S, some, writerStart),
		"end before open":       w.End("new", writerC2S, writerStart),
		"reset before open":     w.Reset("new", writerC2S, writerStart),
		"open twice":            w.Open("open", other, writerServer, writerStart),
		"same addresses":        w.Open("new", writerClient, writerServer, writerStart),
		"same, other direction": w.Open("new", writerServer, writerClient, writerStart),
		"both ends the same":    w.Open("new", writerClient, writerClient, writerStart),
		"no addresses":          w.Open("new", netip.AddrPort{}, netip.AddrPort{}, writerStart),
		"no direction":          w.Data("open", 0, some, writerStart),
		"data after end":        w.Data("half", writerC2S, some, writerStart),
		"end after end":         w.End("half", writerC2S, writerStart),
		"no time":               w.Data("open", writerC2S, some, time.Time{}),
		"open at no time":       w.Open("new", netip.MustParseAddrPort("192.0.2.9:1"), writerServer, time.Time{}),
		"a far time":            w.End("open", writerC2S, time.Date(2300, 1, 1, 0, 0, 0, 0, time.UTC)),
	} {
		if err == nil {
			t.Errorf("%s: no error", name)
		} else if strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: more than a line: %v", name, err)
		}
	}
	writerCheck(t, w.Flush())
	if file.Len() != size {
		t.Error("refused calls wrote packets")
	}
	writerCheck(t, w.Reset("half", writerC2S, writerStart), w.Data("open", writerC2S, some, writerStart))
}

// writerFull fails once it has taken n bytes.
type writerFull struct{ n int }

var errWriterFull = errors.New("disk full")

func (f *writerFull) Write(p []byte) (int, error) {
	if f.n -= len(p); f.n < 0 {
		return 0, errWriterFull
	}
	return len(p), nil
}

// An error of the file comes back from the call or from the next Flush, and
// from all calls after that.
func TestWriterFileError(t *testing.T) {
	w, err := NewWriter(&writerFull{n: 10_000})
	writerCheck(t, err, w.Open("c", writerClient, writerServer, writerStart))
	for range 20 {
		err = errors.Join(w.Data("c", writerC2S, writerNoise(1000), writerStart), w.Flush())
	}
	if !errors.Is(err, errWriterFull) {
		t.Errorf("got %v", err)
	}
	if err := w.End("c", writerC2S, writerStart); !errors.Is(err, errWriterFull) {
		t.Errorf("End: %v", err)
	}
}
