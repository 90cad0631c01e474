package captures_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"maps"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/gopacket"
	"github.com/google/gopacket/layers"
	"github.com/google/gopacket/pcapgo"

	"msnproxy/captures"
	"msnproxy/decode"
	"msnproxy/internal/sim"
)

// The mutation harness: a clean capture is taken, a defect is made in it, and
// the records are compared. Where nothing was lost they must be equal; where
// something was, exactly the lost bytes must be told. Packets are taken apart
// and made by gopacket's layers, which the reader does not use for that.

// piece is a TCP packet of a clean capture.
type piece struct {
	at   time.Time
	ip   gopacket.SerializableLayer // *layers.IPv4 or *layers.IPv6
	tcp  layers.TCP
	data []byte
}

func (p piece) from() string { return endOf(netOf(p.ip).Src(), p.tcp.SrcPort) }
func (p piece) to() string   { return endOf(netOf(p.ip).Dst(), p.tcp.DstPort) }

func endOf(host gopacket.Endpoint, port layers.TCPPort) string {
	return net.JoinHostPort(host.String(), fmt.Sprint(uint16(port)))
}

// pair names a connection, whichever way a packet goes.
func (p piece) pair() string {
	a, b := p.from(), p.to()
	return min(a, b) + " " + max(a, b)
}

func netOf(ip gopacket.SerializableLayer) gopacket.Flow {
	return ip.(gopacket.NetworkLayer).NetworkFlow()
}

// length is how far a packet moves the sequence number.
func (p piece) length() uint32 {
	n := uint32(len(p.data))
	if p.tcp.SYN || p.tcp.FIN {
		n++
	}
	return n
}

// raw makes the bytes of a packet, from its IP header on.
func (p piece) raw(t testing.TB) []byte {
	t.Helper()
	tcp := p.tcp
	check(t, tcp.SetNetworkLayerForChecksum(p.ip.(gopacket.NetworkLayer)))
	out := gopacket.NewSerializeBuffer()
	options := gopacket.SerializeOptions{FixLengths: true, ComputeChecksums: true}
	check(t, gopacket.SerializeLayers(out, options, p.ip, &tcp, gopacket.Payload(p.data)))
	return out.Bytes()
}

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// taken takes a capture apart.
func taken(t testing.TB, file []byte) (out []piece) {
	t.Helper()
	type reader interface {
		gopacket.PacketDataSource
		LinkType() layers.LinkType
	}
	var r reader
	r, err := pcapgo.NewNgReader(bytes.NewReader(file), pcapgo.DefaultNgReaderOptions)
	if err != nil {
		r, err = pcapgo.NewReader(bytes.NewReader(file))
		check(t, err)
	}
	for {
		data, ci, err := r.ReadPacketData()
		if err == io.EOF {
			return out
		}
		check(t, err)
		packet := gopacket.NewPacket(data, r.LinkType(), gopacket.Default)
		tcp, _ := packet.Layer(layers.LayerTypeTCP).(*layers.TCP)
		if tcp == nil {
			continue
		}
		out = append(out, piece{ci.Timestamp, packet.NetworkLayer().(gopacket.SerializableLayer), *tcp, tcp.Payload})
	}
}

// clean is a capture in which nothing is missing.
type clean struct {
	name   string
	pieces []piece
	want   outcome
}

// cleanCaptures are the samples, generated chat, and the captures of real
// clients where they are there.
func cleanCaptures(t testing.TB) []clean {
	t.Helper()
	out := samples(t)
	files, _ := filepath.Glob("../../shared/captures/*.pcap")
	for _, name := range files {
		if !strings.Contains(name, "httpgw") { // HTTP loses the message that a gap is in, as a whole
			out = append(out, cleanFile(t, name))
		}
	}
	var chat bytes.Buffer
	w, err := captures.NewWriter(&chat)
	check(t, err)
	check(t, sim.Chat(w, 200<<10))
	return append(out, cleanCapture(t, "chat", chat.Bytes()))
}

// samples are the sample captures.
func samples(t testing.TB) (out []clean) {
	t.Helper()
	files, err := filepath.Glob("samples/*.pcapng")
	check(t, err)
	for _, name := range files {
		out = append(out, cleanFile(t, name))
	}
	return out
}

func cleanFile(t testing.TB, name string) clean {
	t.Helper()
	file, err := os.ReadFile(name)
	check(t, err)
	return cleanCapture(t, filepath.Base(name), file)
}

func cleanCapture(t testing.TB, name string, file []byte) clean {
	t.Helper()
	c := clean{name: name, pieces: taken(t, file)}
	c.want = decoded(t, pcap(t, linkRaw, raws(t, c.pieces)))
	if len(c.want.connections) == 0 || c.want.lost != 0 {
		t.Fatalf("%s is not clean: %d connections, %d bytes lost", name, len(c.want.connections), c.want.lost)
	}
	c.pieces = slices.DeleteFunc(c.pieces, func(p piece) bool { // of other protocols
		_, there := c.want.connections[p.from()+" "+p.to()]
		_, back := c.want.connections[p.to()+" "+p.from()]
		return !there && !back
	})
	return c
}

// linkRaw is the link type of IP packets without a header of a link.
const linkRaw = 101

// frame is a packet as it stands in a file.
type frame struct {
	at     time.Time
	data   []byte
	length int // on the wire, or 0 for that of data
}

func raws(t testing.TB, pieces []piece) (out []frame) {
	t.Helper()
	for _, p := range pieces {
		out = append(out, frame{at: p.at, data: p.raw(t)})
	}
	return out
}

// pcap makes a file.
func pcap(t testing.TB, link int, frames []frame) []byte {
	t.Helper()
	var out bytes.Buffer
	w := pcapgo.NewWriterNanos(&out)
	check(t, w.WriteFileHeader(256<<10, 0))
	binary.LittleEndian.PutUint32(out.Bytes()[20:], uint32(link)) // which may be too large for gopacket
	for _, f := range frames {
		length := max(f.length, len(f.data))
		check(t, w.WritePacket(gopacket.CaptureInfo{Timestamp: f.at, CaptureLength: len(f.data), Length: length}, f.data))
	}
	return out.Bytes()
}

// outcome is what decoding gave.
type outcome struct {
	records     []string            // of all connections, in order, but for times, packets and ids
	connections map[string][]string // the same of each connection
	bytes       map[string]int64    // of each direction: commands, opaque bytes and gaps
	told        map[string]int64    // missing bytes of each direction
	lost        int64               // all of these
	issues      []string
	commands    map[string]int
	skipped     map[string]int64
	reasons     []string
}

// decoded decodes files as one run.
func decoded(t testing.TB, files ...[]byte) outcome {
	t.Helper()
	o := outcome{connections: map[string][]string{}, bytes: map[string]int64{}, told: map[string]int64{}, commands: map[string]int{}, skipped: map[string]int64{}}
	ids := map[string]string{}
	d := captures.NewDecoder(captures.Options{Emit: func(r *decode.Record) { o.add(ids, r) }})
	var in []captures.Input
	for i, file := range files {
		in = append(in, captures.Input{Name: fmt.Sprint(i), Open: func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(file)), nil }})
	}
	check(t, d.Files(context.Background(), in))
	for _, s := range d.Close() {
		for reason, n := range s.Skipped {
			o.skipped[reason] += n
		}
	}
	return o
}

func (o *outcome) add(ids map[string]string, r *decode.Record) {
	if r.Kind == decode.KindOpen {
		ids[r.Conn] = r.Client + " " + r.ServerAddr
	}
	name := ids[r.Conn]
	text := fmt.Sprintf("%s %v %v %v %q %q %d %v %s", name, r.Kind, r.Dir, r.Dialect, r.Line, r.Payload, r.Offset, r.Server, r.Reason)
	for _, n := range r.Notes {
		switch n.Kind {
		case decode.NoteIssue:
			o.issues = append(o.issues, n.Text)
		case decode.NoteGap:
			o.told[name+r.Dir.String()] += n.Bytes
			o.lost += n.Bytes
		}
	}
	switch r.Kind {
	case decode.KindCommand:
		o.commands[fmt.Sprintf("%s %v %q %q", name, r.Dir, r.Line, r.Payload)]++
	case decode.KindClose:
		o.reasons = append(o.reasons, r.Reason)
	}
	if r.Dir != 0 {
		o.bytes[name+r.Dir.String()] += r.Bytes
	}
	o.records = append(o.records, text)
	o.connections[name] = append(o.connections[name], text)
}

// wantEqual wants the same records in the same order.
func wantEqual(t *testing.T, got, want outcome) {
	t.Helper()
	wantLists(t, got.records, want.records)
}

// wantEqualEach wants the same records of each connection: their order among
// connections is that of the packets.
func wantEqualEach(t *testing.T, got, want outcome) {
	t.Helper()
	if g, w := slices.Sorted(maps.Keys(got.connections)), slices.Sorted(maps.Keys(want.connections)); !slices.Equal(g, w) {
		t.Errorf("connections are\n%s\nwant\n%s", strings.Join(g, "\n"), strings.Join(w, "\n"))
	}
	for name, w := range want.connections {
		wantLists(t, got.connections[name], w)
	}
}

func wantLists(t *testing.T, got, want []string) {
	t.Helper()
	for i := range max(len(got), len(want)) {
		g, w := "nothing", "nothing"
		if i < len(got) {
			g = got[i]
		}
		if i < len(want) {
			w = want[i]
		}
		if g != w {
			t.Errorf("record %d of %d and %d is\n%s\nwant\n%s", i, len(got), len(want), g, w)
			return
		}
	}
}

// wantLost wants the missing bytes to be told, no more and no less, nothing
// invented, and most commands in spite of it.
func wantLost(t *testing.T, got, want outcome, lost map[string]int64, unharmed float64) {
	t.Helper()
	for dir, n := range lost {
		if got.told[dir] != n {
			t.Errorf("%s: %d bytes told as missing, want %d", dir, got.told[dir], n)
		}
	}
	for dir, n := range got.told {
		if lost[dir] != n {
			t.Errorf("%s: %d bytes told as missing, want %d", dir, n, lost[dir])
		}
	}
	for dir, n := range want.bytes {
		if got.bytes[dir] != n {
			t.Errorf("%s: %d bytes in all, want %d", dir, got.bytes[dir], n)
		}
	}
	kept := 0
	for command, n := range got.commands {
		kept += min(n, want.commands[command])
	}
	all := 0
	for _, n := range want.commands {
		all += n
	}
	if float64(kept) < unharmed*float64(all) {
		t.Errorf("%d of %d commands are left", kept, all)
	}
}

// directionOf names a direction as outcomes do.
func directionOf(want outcome, p piece) string {
	if _, ok := want.connections[p.from()+" "+p.to()]; ok {
		return p.from() + " " + p.to() + "c2s"
	}
	return p.to() + " " + p.from() + "s2c"
}

// lossless are defects by which nothing is lost. Those of which each is true
// leave the order of the packets of different connections as it is.
var lossless = map[string]func(t testing.TB, in []piece) []piece{
	"nothing": func(t testing.TB, in []piece) []piece { return in },
	"every packet is there twice": func(t testing.TB, in []piece) (out []piece) {
		for _, p := range in {
			again := p
			again.at = p.at.Add(3 * time.Microsecond)
			out = append(out, p, again)
		}
		return out
	},
	"packets are sent again much later": func(t testing.TB, in []piece) (out []piece) {
		for i, p := range in {
			out = append(out, p)
			if i > 20 && i%5 == 0 && in[i-20].length() > 0 && !in[i-20].tcp.SYN {
				again := in[i-20]
				again.at = p.at
				out = append(out, again)
			}
		}
		return out
	},
	"without the first SYN": func(t testing.TB, in []piece) []piece {
		return slices.DeleteFunc(slices.Clone(in), func(p piece) bool { return p.tcp.SYN && !p.tcp.ACK })
	},
	"without the answer to the SYN": func(t testing.TB, in []piece) []piece {
		return slices.DeleteFunc(slices.Clone(in), func(p piece) bool { return p.tcp.SYN && p.tcp.ACK })
	},
	"segments cut into single bytes": func(t testing.TB, in []piece) []piece { return split(in, 1) },
	"segments cut into seven bytes":  func(t testing.TB, in []piece) []piece { return split(in, 7) },
	"sequence numbers wrap": func(t testing.TB, in []piece) []piece {
		return shifted(in, func(first uint32) uint32 { return -first - 100 })
	},
	"sequence numbers wrap at once": func(t testing.TB, in []piece) []piece {
		return shifted(in, func(first uint32) uint32 { return -first - 1 })
	},
	"keep-alives": func(t testing.TB, in []piece) (out []piece) {
		sent := map[string]bool{}
		for _, p := range in {
			out = append(out, p)
			sent[p.from()+p.to()] = sent[p.from()+p.to()] || len(p.data) > 0
			if len(p.data) > 0 && !p.tcp.FIN {
				probe := p
				probe.tcp.Seq += uint32(len(p.data)) - 1
				probe.data = []byte{0}
				if len(out)%2 == 0 {
					probe.data = nil
				} else {
					probe.data = p.data[len(p.data)-1:]
				}
				out = append(out, probe)
			}
		}
		return out
	},
	"zero windows": func(t testing.TB, in []piece) (out []piece) {
		for _, p := range in {
			p.tcp.Window = 0
			out = append(out, p)
			if p.tcp.ACK && !p.tcp.RST && len(p.data) > 0 {
				p.tcp.Seq, p.data, p.tcp.FIN = p.tcp.Seq+uint32(len(p.data)), nil, false
				out = append(out, p)
			}
		}
		return out
	},
	"a window of old bytes before each segment": func(t testing.TB, in []piece) []piece {
		last := map[string][]byte{}
		return each(in, func(p *piece) {
			key := p.from() + p.to()
			old := last[key]
			last[key] = p.data
			if len(p.data) > 0 && len(old) > 0 && !p.tcp.SYN {
				p.tcp.Seq -= uint32(len(old))
				p.data = append(slices.Clone(old), p.data...)
			}
		})
	},
}

// each changes a copy of each packet.
func each(in []piece, change func(*piece)) []piece {
	out := slices.Clone(in)
	for i := range out {
		change(&out[i])
	}
	return out
}

// split cuts segments into smaller ones.
func split(in []piece, size int) (out []piece) {
	for _, p := range in {
		for len(p.data) > size {
			part := p
			part.data, part.tcp.FIN, part.tcp.SYN = p.data[:size], false, false
			out = append(out, part)
			p.data, p.tcp.Seq = p.data[size:], p.tcp.Seq+uint32(size)
		}
		out = append(out, p)
	}
	return out
}

// shifted moves the sequence numbers of each direction by what by tells for
// the first one.
func shifted(in []piece, by func(first uint32) uint32) []piece {
	shift := map[string]uint32{}
	for _, p := range in {
		if _, ok := shift[p.from()+p.to()]; !ok {
			shift[p.from()+p.to()] = by(p.tcp.Seq)
		}
	}
	return each(in, func(p *piece) {
		p.tcp.Seq += shift[p.from()+p.to()]
		if p.tcp.ACK {
			p.tcp.Ack += shift[p.to()+p.from()]
		}
	})
}

func TestDefectsThatLoseNothing(t *testing.T) {
	for _, c := range cleanCaptures(t) {
		for name, mutate := range lossless {
			t.Run(c.name+"/"+name, func(t *testing.T) {
				pieces := mutate(t, c.pieces)
				if name != "nothing" && len(pieces) == len(c.pieces) && fmt.Sprint(pieces) == fmt.Sprint(c.pieces) {
					t.Fatal("nothing was changed")
				}
				wantEqual(t, decoded(t, pcap(t, linkRaw, raws(t, pieces))), c.want)
			})
		}
	}
}

// reorder exchanges packets of the same direction, by as much time as networks
// and several queues of a card do.
func reorder(in []piece, distance int) []piece {
	out := slices.Clone(in)
	for i := 0; i+distance < len(out); i++ {
		a, b := &out[i], &out[i+distance]
		if b.at.Sub(a.at) < 50*time.Millisecond && a.pair() == b.pair() && a.from() == b.from() && len(a.data) > 0 && len(b.data) > 0 && !b.tcp.FIN {
			a.at, b.at = b.at, a.at
			*a, *b = *b, *a
			i += distance
		}
	}
	return out
}

func TestReorderedSegments(t *testing.T) {
	for _, c := range cleanCaptures(t) {
		for _, distance := range []int{1, 2, 3} {
			t.Run(fmt.Sprint(c.name, "/", distance), func(t *testing.T) {
				pieces := reorder(split(c.pieces, 40), distance)
				got := decoded(t, pcap(t, linkRaw, raws(t, pieces)))
				wantLost(t, got, c.want, nil, 1)
			})
		}
	}
}

// fragments cuts IP packets into fragments of some bytes each.
func fragments(t testing.TB, in []piece, size int, reverse bool) (out []frame) {
	t.Helper()
	for i, p := range in {
		raw := p.raw(t)
		var parts []frame
		switch p.ip.(type) {
		case *layers.IPv4:
			parts = cutIPv4(frame{at: p.at, data: raw}, i, size)
		case *layers.IPv6:
			for at := 40; at < len(raw); at += size {
				end := min(at+size, len(raw))
				place := uint16(at - 40)
				if end < len(raw) {
					place |= 1
				}
				part := slices.Clone(raw[:40])
				binary.BigEndian.PutUint16(part[4:], uint16(8+end-at))
				part[6] = 44
				part = append(part, 6, 0, byte(place>>8), byte(place), 0, 0, byte(i>>8), byte(i))
				parts = append(parts, frame{at: p.at, data: append(part, raw[at:end]...)})
			}
		}
		if reverse {
			slices.Reverse(parts)
		}
		out = append(out, parts...)
	}
	return out
}

func TestFragments(t *testing.T) {
	for _, c := range samples(t) {
		for _, size := range []int{8, 16, 24, 64, 512} {
			for _, reverse := range []bool{false, true} {
				t.Run(fmt.Sprint(c.name, "/", size, reverse), func(t *testing.T) {
					got := decoded(t, pcap(t, linkRaw, fragments(t, c.pieces, size, reverse)))
					if !reverse {
						wantEqual(t, got, c.want)
					}
					wantEqualEach(t, got, c.want)
					wantEqualEach(t, decoded(t, pcap(t, linkRaw, fragments(t, toIPv6(c.pieces), size, reverse))), inIPv6(t, c))
					if len(got.skipped) > 0 {
						t.Errorf("skipped %v", got.skipped)
					}
				})
			}
		}
	}
}

// toIPv6 moves packets to IPv6.
func toIPv6(in []piece) []piece {
	return each(in, func(p *piece) {
		flow := netOf(p.ip)
		address := func(e gopacket.Endpoint) []byte {
			out := make([]byte, 16)
			copy(out, "\x20\x01\x0d\xb8")
			copy(out[16-len(e.Raw()):], e.Raw())
			return out
		}
		p.ip = &layers.IPv6{Version: 6, HopLimit: 64, NextHeader: layers.IPProtocolTCP, SrcIP: address(flow.Src()), DstIP: address(flow.Dst())}
	})
}

// inIPv6 is what a clean capture gives there.
func inIPv6(t testing.TB, c clean) outcome {
	t.Helper()
	return decoded(t, pcap(t, linkRaw, raws(t, toIPv6(c.pieces))))
}

// bytesOf counts the bytes of packets by direction.
func bytesOf(want outcome, pieces []piece) map[string]int64 {
	out := map[string]int64{}
	for _, p := range pieces {
		if len(p.data) > 0 {
			out[directionOf(want, p)] += int64(len(p.data))
		}
	}
	return out
}

// without takes out the packets that a test chooses, and tells their bytes.
func without(c clean, chosen func(i int, p piece) bool) (left []piece, lost map[string]int64) {
	var gone []piece
	for i, p := range c.pieces {
		if chosen(i, p) {
			gone = append(gone, p)
		} else {
			left = append(left, p)
		}
	}
	return left, bytesOf(c.want, gone)
}

// notToBeKnown counts the bytes that had been acknowledged before the first
// packet that is left, of directions of which nothing is left.
func notToBeKnown(c clean, left []piece) map[string]int64 {
	begins := map[string]uint32{}
	for _, p := range left {
		if _, ok := begins[p.from()+p.to()]; !ok {
			begins[p.from()+p.to()] = p.tcp.Seq
		}
		if _, ok := begins[p.to()+p.from()]; !ok && p.tcp.ACK {
			begins[p.to()+p.from()] = p.tcp.Ack
		}
	}
	var before []piece
	for _, p := range c.pieces {
		if int32(p.tcp.Seq-begins[p.from()+p.to()]) < 0 {
			before = append(before, p)
		}
	}
	return bytesOf(c.want, before)
}

func TestOneDirectionOnly(t *testing.T) {
	for _, c := range cleanCaptures(t) {
		for _, dir := range []string{"c2s", "s2c"} {
			for _, handshake := range []bool{true, false} {
				t.Run(fmt.Sprint(c.name, "/without ", dir, handshake), func(t *testing.T) {
					left, lost := without(c, func(_ int, p piece) bool {
						return strings.HasSuffix(directionOf(c.want, p), dir) || p.tcp.SYN && !handshake
					})
					before := notToBeKnown(c, left)
					for dir, n := range before {
						lost[dir] -= n
					}
					got := decoded(t, pcap(t, linkRaw, raws(t, left)))
					if len(got.connections) == len(c.want.connections) {
						want := c.want
						want.bytes = maps.Clone(want.bytes)
						for dir, n := range before {
							want.bytes[dir] -= n
						}
						wantLost(t, got, want, lost, 0.2)
						return
					}
					for dir, n := range got.told { // a connection of a few lines may leave too little to tell it by
						if lost[dir] != n {
							t.Errorf("%s: %d bytes told as missing, want %d", dir, n, lost[dir])
						}
					}
					if handshake || len(got.connections) < len(c.want.connections)/2 {
						t.Errorf("%d connections of %d", len(got.connections), len(c.want.connections))
					}
				})
			}
		}
	}
}

func TestLostPackets(t *testing.T) {
	for _, c := range cleanCaptures(t) {
		for _, every := range []int{3, 7, 20} {
			for begin := range 3 {
				t.Run(fmt.Sprint(c.name, "/", every, "+", begin), func(t *testing.T) {
					data := 0
					left, lost := without(c, func(_ int, p piece) bool {
						if len(p.data) == 0 || p.tcp.FIN {
							return false
						}
						data++
						return data%every == begin%every && data > 8
					})
					got := decoded(t, pcap(t, linkRaw, raws(t, left)))
					wantLost(t, got, c.want, lost, 0.3)
				})
			}
		}
	}
}

func TestPacketsCut(t *testing.T) {
	for _, c := range cleanCaptures(t) {
		for _, snap := range []int{96, 128, 200, 400} {
			t.Run(fmt.Sprint(c.name, "/", snap), func(t *testing.T) {
				lost := map[string]int64{}
				var out []frame
				for _, p := range c.pieces {
					raw := p.raw(t)
					cut := max(0, len(raw)-snap)
					if cut > 0 {
						lost[directionOf(c.want, p)] += int64(cut)
					}
					out = append(out, frame{at: p.at, data: raw[:len(raw)-cut], length: len(raw)})
				}
				wantLost(t, decoded(t, pcap(t, linkRaw, out)), c.want, lost, 0.1)
			})
		}
	}
}

// underWay counts the bytes of the first packets, which are not left, whose
// acknowledgements are.
func underWay(c clean, left []piece, at int) map[string]int64 {
	out := bytesOf(c.want, c.pieces[:at])
	for dir, n := range notToBeKnown(c, left) {
		out[dir] -= n
	}
	return out
}

// TestCapturesThatBeginAndEndAnywhere wants every byte that is there to be in
// a record, and none to be told as missing but those that were under way.
func TestCapturesThatBeginAndEndAnywhere(t *testing.T) {
	for _, c := range cleanCaptures(t) {
		for part := range 9 {
			t.Run(fmt.Sprint(c.name, "/", part), func(t *testing.T) {
				at := len(c.pieces) * (part + 1) / 10
				for side, pieces := range map[string][]piece{"end": c.pieces[:at], "beginning": c.pieces[at:]} {
					got := decoded(t, pcap(t, linkRaw, raws(t, pieces)))
					have := bytesOf(c.want, pieces)
					for dir, n := range got.bytes {
						if have[dir] != n-got.told[dir] {
							t.Errorf("%s: %d bytes of %s, of which %d told as missing, want %d", side, n, dir, got.told[dir], have[dir])
						}
					}
					want := map[string]int64{}
					if side == "beginning" {
						want = underWay(c, pieces, at)
					}
					for dir, n := range got.told {
						if n != want[dir] {
							t.Errorf("%s: %d bytes of %s told as missing, want %d", side, n, dir, want[dir])
						}
					}
				}
			})
		}
	}
}

func TestConnectionsBrokenOff(t *testing.T) {
	for _, c := range samples(t) {
		for side, want := range map[string]string{"c2s": "client reset", "s2c": "server reset"} {
			var out []piece
			for _, p := range c.pieces {
				if !p.tcp.FIN {
					out = append(out, p)
					continue
				}
				if strings.HasSuffix(directionOf(c.want, p), side) {
					p.tcp.FIN, p.tcp.RST = false, true
					out = append(out, p)
				}
			}
			got := decoded(t, pcap(t, linkRaw, raws(t, out)))
			if got.lost > 0 || slices.ContainsFunc(got.reasons, func(r string) bool { return r != want && !slices.Contains(c.want.reasons, r) }) {
				t.Errorf("%s: %d bytes lost, closed for %q", c.name, got.lost, got.reasons)
			}
		}
	}
}

func TestPortsUsedAgainAtOnce(t *testing.T) {
	for _, c := range samples(t) {
		again := shifted(c.pieces, func(first uint32) uint32 { return 1<<30 + first%1000 })
		length := c.pieces[len(c.pieces)-1].at.Sub(c.pieces[0].at)
		again = each(again, func(p *piece) { p.at = p.at.Add(length + time.Second) })
		got := decoded(t, pcap(t, linkRaw, raws(t, append(slices.Clone(c.pieces), again...))))
		want := outcome{connections: map[string][]string{}}
		for name, list := range c.want.connections {
			want.connections[name] = append(slices.Clone(list), list...)
		}
		wantEqualEach(t, got, want)
	}
}

func TestSentAgainWithOtherContent(t *testing.T) {
	for _, c := range cleanCaptures(t) {
		changed := 0
		var out []piece
		for i, p := range c.pieces {
			out = append(out, p)
			if len(p.data) < 4 || i%3 != 0 {
				continue
			}
			p.data = slices.Clone(p.data)
			for i := range p.data {
				p.data[i] ^= 1
			}
			changed++
			out = append(out, p)
		}
		got := decoded(t, pcap(t, linkRaw, raws(t, out)))
		wantEqual(t, got, c.want)
		told := 0
		for _, issue := range got.issues {
			if strings.Contains(issue, "sent again with other content") {
				told++
			}
		}
		if told != changed || changed == 0 {
			t.Errorf("%s: %d of %d told", c.name, told, changed)
		}
	}
}

// TestFilesOfACapture cuts a capture into files, as tcpdump -C and -G do, and
// gives them in another order.
func TestFilesOfACapture(t *testing.T) {
	for _, c := range cleanCaptures(t) {
		for _, size := range []int{1, 7, 50, 400} {
			if len(c.pieces)/size > 400 {
				continue
			}
			t.Run(fmt.Sprint(c.name, "/", size), func(t *testing.T) {
				var files [][]byte
				for part := range slices.Chunk(raws(t, c.pieces), size) {
					files = append(files, pcap(t, linkRaw, part))
				}
				slices.Reverse(files)
				wantEqualEach(t, decoded(t, files...), c.want)
			})
		}
	}
}

// TestCapturesOfTheSameTime deals the packets of a capture out to several
// files, as capturing on several interfaces does.
func TestCapturesOfTheSameTime(t *testing.T) {
	for _, c := range samples(t) {
		for _, n := range []int{2, 3, 10} {
			dealt := make([][]frame, n)
			for i, f := range raws(t, c.pieces) {
				dealt[i%n] = append(dealt[i%n], f)
			}
			var files [][]byte
			for _, part := range dealt {
				files = append(files, pcap(t, linkRaw, part))
			}
			wantEqualEach(t, decoded(t, files...), c.want)
		}
	}
}

func TestFragmentsOfASegmentWithAFIN(t *testing.T) {
	for _, c := range samples(t) {
		last := map[string]int{} // data that is followed by a FIN, which goes with it
		var joined []piece
		for _, p := range c.pieces {
			key := p.from() + p.to()
			if i, ok := last[key]; ok && p.tcp.FIN && len(p.data) == 0 {
				joined[i].tcp.FIN = true
				continue
			}
			if len(p.data) > 0 {
				last[key] = len(joined)
			}
			joined = append(joined, p)
		}
		want := decoded(t, pcap(t, linkRaw, raws(t, joined)))
		if want.lost > 0 || len(joined) == len(c.pieces) {
			t.Fatalf("%s: %d bytes lost, %d FINs joined", c.name, want.lost, len(c.pieces)-len(joined))
		}
		for _, reverse := range []bool{false, true} {
			wantEqualEach(t, decoded(t, pcap(t, linkRaw, fragments(t, joined, 24, reverse))), want)
		}
	}
}
