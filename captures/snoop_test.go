package captures

import (
	"bytes"
	"encoding/binary"
	"strings"
	"testing"
	"time"

	"msnproxy/decode"
)

// snoopFile makes a snoop file of Ethernet packets, padded to four bytes.
func snoopFile(link uint32, list []packet) []byte {
	out := binary.BigEndian.AppendUint32(append([]byte(nil), "snoop\x00\x00\x00\x00\x00\x00\x02"...), link)
	for _, p := range list {
		padding := -len(p.data) & 3
		for _, n := range []int{p.length, len(p.data), snoopPacketHeader + len(p.data) + padding, 0, int(p.at.Unix()), p.at.Nanosecond() / 1000} {
			out = binary.BigEndian.AppendUint32(out, uint32(n))
		}
		out = append(append(out, p.data...), make([]byte, padding)...)
	}
	return out
}

func TestSnoopFile(t *testing.T) {
	long := strings.Repeat("x", 9000) // more than gopacket reads
	k := usualTalk().open().signIn().wait(1234 * time.Microsecond).c("MSG 9 U 9000\r\n" + long).chat(1).close()
	list := packets(t, linkEthernet, k)
	for _, cut := range []bool{false, true} {
		if cut {
			last := &list[len(list)-6] // which has a message
			last.data = last.data[:len(last.data)-5]
		}
		got, want := decodeFile(snoopFile(4, list)), decodeFile(pcapFile(linkEthernet, list))
		wantSame(t, got, want)
		if got.summary.Kind != "snoop" || got.summary.Packets != int64(len(list)) || (got.kinds(decode.KindGap) > 0) != cut && !strings.Contains(strings.Join(got.brief(), ""), long) {
			t.Errorf("cut %v: %+v", cut, got.summary)
		}
		for i, rec := range got.records {
			if !rec.Time.Equal(want.records[i].Time) || rec.Packet != want.records[i].Packet {
				t.Errorf("record %d: packet %d at %v, want %d at %v", i, rec.Packet, rec.Time, want.records[i].Packet, want.records[i].Time)
			}
		}
	}
	wantSame(t, decodeFile(zipped(t, snoopFile(0, list))), decodeFile(pcapFile(linkEthernet, list)))
}

func TestDamagedSnoopFiles(t *testing.T) {
	file := snoopFile(4, usualPackets(t))
	packet := func(length, included, record uint32) []byte {
		out := file[:snoopHeader:snoopHeader]
		for _, n := range []uint32{length, included, record, 0, 0, 0} {
			out = binary.BigEndian.AppendUint32(out, n)
		}
		return out
	}
	for name, c := range map[string]struct {
		data []byte
		want string
	}{
		"header cut":        {file[:12], "test: the file is cut off within its header"},
		"version 1":         {append(append([]byte(nil), file[:11]...), 1, 0, 0, 0, 4), "test: version 1 of snoop files is not supported"},
		"token bus":         {append(append([]byte(nil), file[:15]...), 1), "test: link type 1 of snoop files is not supported"},
		"cut in a header":   {file[:snoopHeader+10], "test: packet 1: the file is cut off here"},
		"cut at data":       {file[:snoopHeader+24], "test: packet 1: the file is cut off here"},
		"cut in data":       {file[:snoopHeader+30], "test: packet 1: the file is cut off here"},
		"too large":         {packet(1<<31, 1<<31, 1<<31+24), "test: packet 1: its header is damaged"},
		"record too short":  {packet(10, 10, 33), "test: packet 1: its header is damaged"},
		"endless padding":   {append(packet(4, 4, 1<<32-1), "datamore"...), ""},
		"ends before pad":   {append(packet(3, 3, 28), "dat"...), ""},
		"nothing but begin": {file[:snoopHeader], ""},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := readOne(NewDecoder(Options{}), "test", bytes.NewReader(c.data))
			if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.HasPrefix(err.Error(), c.want)) {
				t.Errorf("got %v, want %s", err, c.want)
			}
		})
	}
}
