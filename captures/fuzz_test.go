package captures

import (
	"bytes"
	"encoding/binary"
	"testing"
	"time"

	"github.com/google/gopacket/layers"

	"msnproxy/decode"
)

// fuzzLimit is how long a file of some KB may take.
const fuzzLimit = 10 * time.Second

// FuzzFile fuzzes whole files. Run it with -fuzzminimizetime 20x: coverage
// varies a little from run to run, and the fuzzer would spend its time on that.
func FuzzFile(f *testing.F) {
	list := packets(f, linkEthernet, usualTalk().open().signIn().chat(5).close(), v6Talk().chat(1).chat(2))
	f.Add(pcapFile(linkEthernet, list))
	f.Add(pcapngFile(f, layers.LinkTypeEthernet, list))
	f.Add(zipped(f, pcapFile(linkEthernet, list[:5])))
	f.Add(pcapFile(linkEthernet, packets(f, linkEthernet, opened().c(post("7.1", "PNG\r\n")).s(sessionClosed).close())))
	f.Add(pcapFile(linkSLL2, packets(f, linkSLL2, usualTalk().open().signIn())))
	f.Add(snoopFile(4, list))
	f.Add(append(ngSection(), block(blockInterface, words(linkRaw, 0, 1<<16|9, 6)...)...))
	f.Fuzz(func(t *testing.T, data []byte) { decodeFuzzed(t, data) })
}

// FuzzSegments fuzzes what the segments of one connection are: the input is a
// list of four-byte orders, and what they make is always a good file.
func FuzzSegments(f *testing.F) {
	f.Add([]byte{2, 0, 0, 0, 3, 0, 0, 0, 0, 20, 0, 0, 1, 20, 0, 0, 4, 0, 0, 0})
	f.Add([]byte{0, 200, 10, 0, 0, 20, 0, 0, 1, 255, 250, 3, 8, 1, 1, 1})
	f.Fuzz(func(t *testing.T, orders []byte) {
		const text = "VER 1 MSNP8 CVR0\r\nUSR 1 alice@example.com 1.2\r\nMSG 2 N 20\r\n12345678901234567890OUT\r\n"
		var list []seg
		k := usualTalk()
		for ; len(orders) >= 4 && len(list) < 2000; orders = orders[4:] {
			kind, size, from := orders[0], int(orders[1]), int64(int16(binary.LittleEndian.Uint16(orders[2:])))
			s := seg{talk: k, side: int(kind & 1), acks: kind&32 == 0, at: time.Duration(len(list)) * step}
			s.syn, s.fin, s.rst = kind&2 != 0, kind&4 != 0, kind&24 == 24
			if kind&64 != 0 {
				s.at += time.Minute
			}
			from *= []int64{1, 1, 1 << 8, 1 << 16}[kind>>6]
			s.seq, s.ack = uint32(from), uint32(size)<<kind
			for i := range size {
				s.data += string(text[(uint32(i)+s.seq)%uint32(len(text))])
			}
			list = append(list, s)
		}
		k.segs = list
		decodeFuzzed(t, pcapFile(linkRaw, packets(t, linkRaw, k)))
	})
}

// decodeFuzzed decodes a file and checks what holds for every file.
func decodeFuzzed(t *testing.T, data []byte) {
	begun := time.Now()
	opened, closed := 0, 0
	offsets := map[string][3]int64{}
	d := NewDecoder(Options{Book: &decode.Book{}, Emit: func(r *decode.Record) {
		switch r.Kind {
		case decode.KindOpen:
			opened++
		case decode.KindClose:
			closed++
		default:
			o := offsets[r.Conn]
			if o[r.Dir] != r.Offset {
				t.Fatalf("%s %v: offset %d, want %d", r.Conn, r.Dir, r.Offset, o[r.Dir])
			}
			o[r.Dir] += r.Bytes
			offsets[r.Conn] = o
		}
	}})
	sum, _ := readOne(d, "fuzz", bytes.NewReader(data))
	if opened != closed || opened != sum.Connections {
		t.Fatalf("%d opened, %d closed, %d connections", opened, closed, sum.Connections)
	}
	if took := time.Since(begun); took > fuzzLimit {
		t.Fatalf("%d bytes took %v", len(data), took)
	}
}
