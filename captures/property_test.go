package captures

import (
	"math/rand/v2"
	"testing"
	"time"

	"msnproxy/decode"
)

// mangler changes the segments of a talk as a network and a capture may,
// without loss: what they carry stays the same.
type mangler struct {
	*rand.Rand
}

// cut cuts segments in two.
func (m mangler) cut(list []seg) (out []seg) {
	for _, s := range list {
		if len(s.data) > 1 && m.IntN(3) == 0 {
			first := s
			at := 1 + m.IntN(len(s.data)-1)
			first.data, first.fin = s.data[:at], false
			s.seq, s.data = s.seq+uint32(at), s.data[at:]
			out = append(out, first)
		}
		out = append(out, s)
	}
	return out
}

// merge joins a segment with the one that follows in the same direction, where
// none of the other direction stands between them.
func (m mangler) merge(list []seg) (out []seg) {
	for _, s := range list {
		if last := len(out) - 1; last >= 0 && m.IntN(3) == 0 && out[last].side == s.side &&
			!out[last].syn && !out[last].fin && !s.syn && out[last].seq+uint32(len(out[last].data)) == s.seq {
			out[last].data += s.data
			out[last].fin = s.fin
			continue
		}
		out = append(out, s)
	}
	return out
}

// widen lets segments begin earlier, with bytes that were sent before.
func (m mangler) widen(list []seg) []seg {
	sent := [2]string{}
	for i := range list {
		s := &list[i]
		before := sent[s.side]
		sent[s.side] += s.data
		if n := m.IntN(1 + min(20, len(before))); len(s.data) > 0 && m.IntN(4) == 0 {
			s.seq, s.data = s.seq-uint32(n), before[len(before)-n:]+s.data
		}
	}
	return list
}

// duplicate sends segments again, somewhat later.
func (m mangler) duplicate(list []seg) []seg {
	for range len(list) / 4 {
		i := m.IntN(len(list))
		at := min(len(list), i+1+m.IntN(6))
		list = append(list[:at:at], append([]seg{list[i]}, list[at:]...)...)
	}
	return list
}

// shuffle exchanges neighbours of the same direction, with nothing of the
// other direction between them: the order of the two directions stays.
func (m mangler) shuffle(list []seg) []seg {
	for range len(list) {
		i := 1 + m.IntN(len(list)-1)
		a, b := &list[i-1], &list[i]
		if a.side == b.side && !a.syn && !b.syn {
			*a, *b = *b, *a
		}
	}
	return list
}

func TestRecordsDoNotDependOnTheSegments(t *testing.T) {
	rounds := 400
	if testing.Short() {
		rounds = 40
	}
	for seed := range rounds {
		m := mangler{rand.New(rand.NewPCG(uint64(seed), 1))}
		k := usualTalk()
		k.next = [2]uint32{m.Uint32(), -uint32(m.IntN(400))}
		k.open().signIn()
		for n := range 5 {
			k.chat(n).c("PNG\r\n", "CHG 9 NLN 0\r\n").s("QNG 43\r\n", "CHG 9 NLN 0\r\nNLN NLN bob@example.com Bob 0\r\n")
		}
		k.close()
		want := decodeTalks(t, k)
		wantClean(t, want)
		k.segs = m.shuffle(m.duplicate(m.widen(m.cut(m.merge(k.segs)))))
		for i := range k.segs {
			k.segs[i].at = time.Duration(i) * time.Millisecond
		}
		wantSame(t, decodeTalks(t, k), want)
		if t.Failed() {
			t.Fatalf("with seed %d", seed)
		}
	}
}

// TestLossIsToldByteForByte drops segments: what is delivered and what is told
// as missing together are what was sent, whatever else happens to the rest.
func TestLossIsToldByteForByte(t *testing.T) {
	for seed := range 300 {
		m := mangler{rand.New(rand.NewPCG(uint64(seed), 2))}
		k := usualTalk()
		k.next = [2]uint32{m.Uint32(), -uint32(m.IntN(400))}
		k.open().signIn()
		for n := range 20 {
			k.chat(n)
		}
		k.close()
		var want [2]int64
		for _, s := range k.segs {
			want[s.side] += int64(len(s.data))
		}
		for range 1 + m.IntN(8) {
			k.drop(5 + m.IntN(len(k.segs)-5-3))
		}
		k.segs = m.shuffle(m.duplicate(m.cut(k.segs)))
		for i := range k.segs {
			k.segs[i].at = time.Duration(i) * 20 * time.Millisecond
		}
		r := decodeTalks(t, k)
		var got [2]int64
		offset := map[decode.Direction]int64{}
		for _, rec := range r.records {
			if rec.Dir == 0 {
				continue
			}
			if rec.Offset != offset[rec.Dir] {
				t.Errorf("seed %d: %v record at offset %d, want %d", seed, rec.Dir, rec.Offset, offset[rec.Dir])
			}
			offset[rec.Dir] += rec.Bytes
			got[rec.Dir-c2s] += rec.Bytes
		}
		if got != want {
			t.Errorf("seed %d: %d bytes, want %d", seed, got, want)
		}
		wantReasons(t, r, "client closed")
	}
}
