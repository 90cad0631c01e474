package captures

import (
	"bytes"
	"cmp"
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/gopacket"
	"github.com/google/gopacket/layers"
	"github.com/google/gopacket/pcapgo"

	"msnproxy/decode"
)

// Sides of a talk.
const (
	fromClient = 0
	fromServer = 1
)

// talk is a TCP connection in the making, segment by segment. Tests change
// its segments before it becomes a capture.
type talk struct {
	ends [2]netip.AddrPort
	next [2]uint32 // sequence numbers
	now  time.Duration
	segs []seg
}

// seg is a segment of a talk.
type seg struct {
	talk                *talk
	side                int
	seq, ack            uint32
	syn, fin, rst, acks bool
	data                string
	at                  time.Duration
}

// step is the time between two segments.
const step = 10 * time.Millisecond

var talkStart = time.Date(2005, 4, 1, 12, 0, 0, 0, time.UTC)

// newTalk begins a talk from a client's port with a server. Its sequence
// numbers are chosen to differ.
func newTalk(client, server string) *talk {
	return &talk{
		ends: [2]netip.AddrPort{netip.MustParseAddrPort(client), netip.MustParseAddrPort(server)},
		next: [2]uint32{1_000_000, 3_000_000_000},
	}
}

// usualTalk is a talk between the usual ends.
func usualTalk() *talk { return newTalk("10.0.0.1:2048", "10.0.0.2:1863") }

func (k *talk) add(side int, s seg) *seg {
	k.now += step
	s.talk, s.side, s.at = k, side, k.now
	s.seq, s.ack = k.next[side], k.next[1-side]
	k.next[side] += uint32(len(s.data))
	if s.syn || s.fin {
		k.next[side]++
	}
	k.segs = append(k.segs, s)
	return &k.segs[len(k.segs)-1]
}

// open adds the handshake.
func (k *talk) open() *talk {
	k.add(fromClient, seg{syn: true}).ack = 0
	k.add(fromServer, seg{syn: true, acks: true})
	k.add(fromClient, seg{acks: true})
	return k
}

// c and s add what the client and the server say, each text in a segment.
func (k *talk) c(texts ...string) *talk { return k.say(fromClient, texts) }
func (k *talk) s(texts ...string) *talk { return k.say(fromServer, texts) }

func (k *talk) say(side int, texts []string) *talk {
	for _, text := range texts {
		k.add(side, seg{acks: true, data: text})
	}
	return k
}

// acks adds an empty segment of a side.
func (k *talk) acks(side int) *talk { k.add(side, seg{acks: true}); return k }

// fin adds a FIN of a side.
func (k *talk) fin(side int) *talk { k.add(side, seg{acks: true, fin: true}); return k }

// rst adds a RST of a side.
func (k *talk) rst(side int) *talk { k.add(side, seg{acks: true, rst: true}); return k }

// close adds FINs of both sides, the client's first.
func (k *talk) close() *talk { return k.fin(fromClient).fin(fromServer).acks(fromClient) }

// wait lets time pass.
func (k *talk) wait(d time.Duration) *talk { k.now += d; return k }

// drop takes a segment out; negative indexes count from the end.
func (k *talk) drop(i int) *talk {
	if i < 0 {
		i += len(k.segs)
	}
	k.segs = append(k.segs[:i:i], k.segs[i+1:]...)
	return k
}

// only leaves nothing but what a side sent.
func (k *talk) only(side int) *talk {
	k.segs = slices.DeleteFunc(k.segs, func(s seg) bool { return s.side != side })
	return k
}

// swap exchanges two segments, but not their times.
func (k *talk) swap(i, j int) *talk {
	a, b := &k.segs[i], &k.segs[j]
	*a, *b = *b, *a
	a.at, b.at = b.at, a.at
	return k
}

// repeat sends a segment again at the end.
func (k *talk) repeat(i int) *talk {
	k.now += step
	again := k.segs[i]
	again.at = k.now
	k.segs = append(k.segs, again)
	return k
}

// signIn is the beginning of a connection to a notification server: four
// commands of the client and four of the server.
func (k *talk) signIn() *talk {
	return k.c("VER 1 MSNP8 CVR0\r\n").s("VER 1 MSNP8\r\n").
		c("CVR 2 0x0409 winnt 5.1 i386 MSMSGS 4.7.3001 WindowsMessenger alice@example.com\r\n").
		s("CVR 2 1.0.0000 1.0.0000 1.0.0000 http://example.com http://example.com\r\n").
		c("USR 3 TWN I alice@example.com\r\n").s("USR 3 TWN S lc=1033,id=507\r\n").
		c("USR 4 TWN S t=ticket\r\n").s("USR 4 OK alice@example.com Alice 1 0\r\n")
}

// chat is part of a conversation: a command with payload of each side, with
// a receipt.
func (k *talk) chat(n int) *talk {
	text := fmt.Sprintf("MIME-Version: 1.0\r\nContent-Type: text/plain\r\n\r\nmessage %d", n)
	return k.c(fmt.Sprintf("MSG %d A %d\r\n%s", n, len(text), text)).s(fmt.Sprintf("ACK %d\r\n", n)).
		s(fmt.Sprintf("MSG bob@example.com Bob %d\r\n%s", len(text), text))
}

// packet is a packet of a capture in the making.
type packet struct {
	data   []byte
	length int // on the wire
	at     time.Time
}

// packets renders the segments of talks with a kind of link header, in the
// order of their times.
func packets(t testing.TB, link int, talks ...*talk) []packet {
	t.Helper()
	var segs []seg
	for _, k := range talks {
		segs = append(segs, k.segs...)
	}
	slices.SortStableFunc(segs, func(a, b seg) int { return cmp.Compare(a.at, b.at) })
	var out []packet
	for _, s := range segs {
		data := s.render(t, link)
		out = append(out, packet{data: data, length: len(data), at: talkStart.Add(s.at)})
	}
	return out
}

// render makes the bytes of a packet.
func (s seg) render(t testing.TB, link int) []byte {
	t.Helper()
	from, to := s.talk.ends[s.side], s.talk.ends[1-s.side]
	tcp := &layers.TCP{
		SrcPort: layers.TCPPort(from.Port()), DstPort: layers.TCPPort(to.Port()),
		Seq: s.seq, Ack: s.ack, SYN: s.syn, FIN: s.fin, RST: s.rst, ACK: s.acks, Window: 65535,
	}
	var ip gopacket.SerializableLayer
	proto := layers.EthernetTypeIPv4
	if from.Addr().Is4() {
		v4 := &layers.IPv4{Version: 4, TTL: 64, Protocol: layers.IPProtocolTCP, SrcIP: from.Addr().AsSlice(), DstIP: to.Addr().AsSlice()}
		ip = v4
		check(t, tcp.SetNetworkLayerForChecksum(v4))
	} else {
		v6 := &layers.IPv6{Version: 6, HopLimit: 64, NextHeader: layers.IPProtocolTCP, SrcIP: from.Addr().AsSlice(), DstIP: to.Addr().AsSlice()}
		ip, proto = v6, layers.EthernetTypeIPv6
		check(t, tcp.SetNetworkLayerForChecksum(v6))
	}
	buf := gopacket.NewSerializeBuffer()
	check(t, gopacket.SerializeLayers(buf, gopacket.SerializeOptions{FixLengths: true, ComputeChecksums: true}, ip, tcp, gopacket.Payload(s.data)))
	return append(linkHeader(link, uint16(proto)), buf.Bytes()...)
}

// linkHeader makes the header of a link type before an IP packet.
func linkHeader(link int, proto uint16) []byte {
	ether := binary.BigEndian.AppendUint16(nil, proto)
	switch link {
	case linkEthernet:
		mac, _ := net.ParseMAC("02:00:00:00:00:01")
		return append(append(append([]byte{}, mac...), mac...), ether...)
	case linkSLL:
		return append(make([]byte, 14), ether...)
	case linkSLL2:
		return append(ether, make([]byte, 18)...)
	case linkNull, linkLoop:
		family := byte(2)
		if proto == etherIPv6 {
			family = 30
		}
		if link == linkNull {
			return []byte{family, 0, 0, 0}
		}
		return []byte{0, 0, 0, family}
	}
	return nil
}

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// pcapFile makes a pcap file of packets.
func pcapFile(link int, list []packet) []byte {
	out := []byte{0xd4, 0xc3, 0xb2, 0xa1, 2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0}
	out = binary.LittleEndian.AppendUint32(out, maxPacket)
	out = binary.LittleEndian.AppendUint32(out, uint32(link))
	for _, p := range list {
		out = binary.LittleEndian.AppendUint32(out, uint32(p.at.Unix()))
		out = binary.LittleEndian.AppendUint32(out, uint32(p.at.Nanosecond()/1000))
		out = binary.LittleEndian.AppendUint32(out, uint32(len(p.data)))
		out = binary.LittleEndian.AppendUint32(out, uint32(p.length))
		out = append(out, p.data...)
	}
	return out
}

// pcapngFile makes a pcapng file of packets.
func pcapngFile(t testing.TB, link layers.LinkType, list []packet) []byte {
	t.Helper()
	var out bytes.Buffer
	w, err := pcapgo.NewNgWriter(&out, link)
	check(t, err)
	for _, p := range list {
		check(t, w.WritePacket(gopacket.CaptureInfo{Timestamp: p.at, CaptureLength: len(p.data), Length: p.length}, p.data))
	}
	check(t, w.Flush())
	return out.Bytes()
}

// result is what decoding a file gave.
type result struct {
	records []*decode.Record
	summary Summary
	err     error
}

// skipped counts the packets that could not be used.
func (r result) skipped() (n int64) {
	for _, count := range r.summary.Skipped {
		n += count
	}
	return n
}

// decodeFile decodes a file.
func decodeFile(data []byte) result {
	var r result
	d := NewDecoder(Options{Book: &decode.Book{}, Emit: func(rec *decode.Record) { r.records = append(r.records, rec.Clone()) }})
	r.summary, r.err = readOne(d, "test", bytes.NewReader(data))
	return r
}

// readOne is a run over a single file.
func readOne(d *Decoder, name string, r io.Reader) (Summary, error) {
	err := d.File(context.Background(), name, r)
	return d.Close()[0], err
}

// decodeTalks decodes the capture of talks.
func decodeTalks(t testing.TB, talks ...*talk) result {
	t.Helper()
	r := decodeFile(pcapFile(linkEthernet, packets(t, linkEthernet, talks...)))
	check(t, r.err)
	return r
}

// brief shows records in a line each: id, kind, direction, line, payload.
func (r result) brief() []string {
	var out []string
	for _, rec := range r.records {
		words := []string{rec.Conn, rec.Kind.String()}
		switch rec.Kind {
		case decode.KindOpen:
			words = append(words, rec.Client, rec.ServerAddr)
		case decode.KindClose:
			words = append(words, rec.Reason)
		case decode.KindHTTP:
			words = append(words, rec.HTTP.Payload.Type, rec.HTTP.Action, rec.HTTP.URL, fmt.Sprint(rec.HTTP.Status))
		case decode.KindGap:
			words = append(words, rec.Dir.String(), fmt.Sprint(rec.Bytes))
		default:
			words = append(words, rec.Dir.String(), fmt.Sprintf("%s%q", rec.Line, rec.Payload))
		}
		out = append(out, strings.Join(words, " "))
	}
	return out
}

// lines are the command lines of a direction.
func (r result) lines(dir decode.Direction) []string {
	var out []string
	for _, rec := range r.records {
		if rec.Kind == decode.KindCommand && rec.Dir == dir {
			out = append(out, string(rec.Line))
		}
	}
	return out
}

// kinds counts the records of a kind.
func (r result) kinds(kind decode.Kind) (n int) {
	for _, rec := range r.records {
		if rec.Kind == kind {
			n++
		}
	}
	return n
}

// reasons are those of the connections that were closed.
func (r result) reasons() (out []string) {
	for _, rec := range r.records {
		if rec.Kind == decode.KindClose {
			out = append(out, rec.Reason)
		}
	}
	return out
}

// wantSame compares what two captures gave.
func wantSame(t *testing.T, got, want result) {
	t.Helper()
	g, w := strings.Join(got.brief(), "\n"), strings.Join(want.brief(), "\n")
	if g != w {
		t.Errorf("got:\n%s\nwant:\n%s", g, w)
	}
}

// wantLines compares command lines by direction.
func wantLines(t *testing.T, r result, dir decode.Direction, want ...string) {
	t.Helper()
	if got := r.lines(dir); strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("%v: got %q, want %q", dir, got, want)
	}
}

// wantReasons compares the reasons of all connections.
func wantReasons(t *testing.T, r result, want ...string) {
	t.Helper()
	if got := r.reasons(); strings.Join(got, ",") != strings.Join(want, ",") {
		t.Errorf("closed for %q, want %q", got, want)
	}
}

// wantClean wants commands only: no gap and nothing opaque.
func wantClean(t *testing.T, r result) {
	t.Helper()
	if r.kinds(decode.KindGap) > 0 || r.kinds(decode.KindOpaque) > 0 {
		t.Errorf("not all is commands:\n%s", strings.Join(r.brief(), "\n"))
	}
}
