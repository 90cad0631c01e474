package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"io"
	"math/rand"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/gopacket"
	"github.com/google/gopacket/layers"
	"github.com/google/gopacket/pcapgo"
)

// damaged is how many captures are damaged: enough for a test, and as many as one
// likes for a search.
var damaged = flag.Int64("damaged", 60, "how many captures are damaged")

// TestADamagedCaptureTellsTheSameInEachWay damages captures that are whole: the
// samples and, where they are there, those of real clients, which are no part of
// the project. Each number of a damage always does the same.
func TestADamagedCaptureTellsTheSameInEachWay(t *testing.T) {
	t.Setenv("GOGC", "100") // or each run would set up the collection of garbage anew
	samples, _ := filepath.Glob("../../captures/samples/*.pcapng")
	real, _ := filepath.Glob("../../../shared/captures/*.pcap")
	if len(real) == 0 {
		t.Log("the captures of real clients are not here")
	}
	var whole []packets
	for _, file := range append(samples, real...) {
		whole = append(whole, packetsOf(t, file))
	}
	for seed := range *damaged {
		rng := rand.New(rand.NewSource(seed))
		of := whole[rng.Intn(len(whole))]
		of.list = slices.Clone(of.list)
		for range 1 + rng.Intn(6) {
			of.list = damage(rng, of.list)
		}
		t.Run(strconv.FormatInt(seed, 10), func(t *testing.T) {
			capture := of.written(t)
			wantTheSameOfRecords(t, capture)
			wantTheSameOfAFile(t, capture)
		})
	}
}

// wantTheSameOfRecords wants the records of a capture to give the same records,
// transcript and report as the capture.
func wantTheSameOfRecords(t *testing.T, capture []byte) {
	records, _ := read(t, capture, "decode", "--json", "--payload", "-")
	for _, args := range [][]string{{"decode", "--json", "--payload", "-"}, {"decode", "--width", "80", "-"}, {"analyze", "--format", "json", "-"}} {
		want, _ := read(t, capture, args...)
		got, _ := read(t, []byte(records), args...)
		if args[0] == "analyze" {
			want, got = withoutFiles(t, want), withoutFiles(t, got)
		}
		wantSameLines(t, args, got, want)
	}
}

// wantTheSameOfAFile wants a capture to give in a file what it gives from a pipe.
func wantTheSameOfAFile(t *testing.T, capture []byte) {
	file := filepath.Join(t.TempDir(), "capture")
	must(t, os.WriteFile(file, capture, 0o600))
	args := []string{"decode", "--json", "--payload", "-"}
	want, _ := read(t, capture, args...)
	args[len(args)-1] = file
	got, _ := read(t, nil, args...)
	wantSameLines(t, args, got, want)
}

// wantSameLines compares what a command makes of records, or of a file, and of the
// capture that is piped.
func wantSameLines(t *testing.T, args []string, got, want string) {
	t.Helper()
	of, and := strings.Split(got, "\n"), strings.Split(want, "\n")
	for i := range max(len(of), len(and)) {
		if i >= len(of) || i >= len(and) || of[i] != and[i] {
			t.Fatalf("%q: line %d is, and is of the piped capture\n%q\n%q", args, i+1, of[min(i, len(of)):min(i+1, len(of))], and[min(i, len(and)):min(i+1, len(and))])
		}
	}
}

// withoutFiles is a report, line by line, but for what it tells of the files.
func withoutFiles(t *testing.T, report string) string {
	t.Helper()
	var sections map[string]json.RawMessage
	must(t, json.Unmarshal([]byte(report), &sections))
	delete(sections, "captures")
	out, err := json.MarshalIndent(sections, "", " ")
	must(t, err)
	return string(out)
}

// packets are those of a capture.
type packets struct {
	link layers.LinkType
	list []packet
}

type packet struct {
	data    []byte
	payload int // where what TCP carries begins
	info    gopacket.CaptureInfo
}

// packetsOf reads a capture.
func packetsOf(t *testing.T, name string) packets {
	file, err := os.Open(name)
	must(t, err)
	defer file.Close()
	in, err := openCapture(file, filepath.Ext(name))
	must(t, err)
	out := packets{link: in.LinkType()}
	for {
		data, info, err := in.ReadPacketData()
		if errors.Is(err, io.EOF) {
			return out
		}
		must(t, err)
		p := packet{data: data, payload: len(data), info: info}
		if tcp, ok := gopacket.NewPacket(data, out.link, gopacket.NoCopy).TransportLayer().(*layers.TCP); ok {
			p.payload -= len(tcp.Payload)
		}
		out.list = append(out.list, p)
	}
}

func openCapture(r io.Reader, ext string) (interface {
	gopacket.PacketDataSource
	LinkType() layers.LinkType
}, error) {
	if ext == ".pcapng" {
		return pcapgo.NewNgReader(r, pcapgo.DefaultNgReaderOptions)
	}
	return pcapgo.NewReader(r)
}

// written is a capture file of the packets.
func (p *packets) written(t *testing.T) []byte {
	var out bytes.Buffer
	w := pcapgo.NewWriterNanos(&out)
	must(t, w.WriteFileHeader(1<<16, p.link))
	for _, one := range p.list {
		one.info.CaptureLength = len(one.data)
		must(t, w.WritePacket(one.info, one.data))
	}
	return out.Bytes()
}

// words are what damage puts into what ends say.
var words = []string{"\r\n", " ", "9", "-1", "\x1b[2J", "%", "MSG ", "\u202e", "=", "<", "\x00", "a@b.c", ":", "\t", "%FF", "\xff"}

// damage does one thing to a capture: it loses packets, has them come twice, late
// or at another time, cuts one, or changes what it says.
func damage(rng *rand.Rand, list []packet) []packet {
	if len(list) < 2 {
		return list
	}
	i := rng.Intn(len(list))
	p := &list[i]
	switch rng.Intn(7) {
	case 0:
		return slices.Delete(list, i, i+1)
	case 1:
		return slices.Delete(list, i, min(len(list), i+rng.Intn(20)))
	case 2:
		return append(list, list[rng.Intn(len(list))])
	case 3:
		other := min(len(list)-1, i+1+rng.Intn(3))
		list[i], list[other] = list[other], list[i]
	case 4:
		p.data = p.data[:p.payload+rng.Intn(len(p.data)-p.payload+1)]
	case 5:
		p.info.Timestamp = p.info.Timestamp.Add(time.Duration(rng.Intn(200)-100) * time.Second)
	case 6:
		p.data = slices.Clone(p.data)
		for said := p.data[p.payload:]; len(said) > 0 && rng.Intn(4) > 0; {
			copy(said[rng.Intn(len(said)):], words[rng.Intn(len(words))])
		}
	}
	return list
}
