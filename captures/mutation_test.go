package captures_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"maps"
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

func (p piece) from() string { return fmt.Sprint(netOf(p.ip).Src(), ":", p.tcp.SrcPort) }
func (p piece) to() string   { return fmt.Sprint(netOf(p.ip).Dst(), ":", p.tcp.DstPort) }

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
			text += " issue: " + n.Text
			o.issues = append(o.issues, n.Text)
		case decode.NoteGap:
			o.told[name+r.Dir.String()] += n.Bytes
			o.lost += n.Bytes
		}
	}
	switch r.Kind {
	case decode.KindGap:
		o.told[name+r.Dir.String()] += r.Bytes
		o.lost += r.Bytes
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
	for _, c := range cleanCaptures(t) {
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
