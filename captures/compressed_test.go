package captures

import (
	"errors"
	"io"
	"strings"
	"testing"
)

// zeros are without end.
type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }

// TestWhatACompressedInputUnpacksToIsBounded: in proportion to its size, once
// there is much of it.
func TestWhatACompressedInputUnpacksToIsBounded(t *testing.T) {
	const large = 2 * freeOfRatio / maxRatio
	for name, tt := range map[string]struct {
		packed, unpacked int64
		ok               bool
	}{
		"as much as may be of little":   {1, freeOfRatio, true},
		"one more":                      {1, freeOfRatio + 1, false},
		"as many times as may be":       {large, large * maxRatio, true},
		"one more than as many times":   {large, large*maxRatio + 1, false},
		"nothing":                       {0, 0, true},
		"what is larger than it was":    {100, 10, true},
		"the usual, of a large capture": {large, 20 * large, true},
	} {
		u := &unpacking{plain: io.LimitReader(zeros{}, tt.unpacked), packed: &counting{n: tt.packed}}
		n, err := io.Copy(io.Discard, u)
		if ok := err == nil && n == tt.unpacked; ok != tt.ok || !ok && !errors.Is(err, errRatio) {
			t.Errorf("%s: %d of %d bytes, %v", name, n, tt.unpacked, err)
		}
	}
}

// TestACompressionBombIsToldAndNotRead: a file of zeros behind a header is a
// capture of empty packets.
func TestACompressionBombIsToldAndNotRead(t *testing.T) {
	header := string(pcapFile(linkEthernet, nil))
	file := zstdOf(t, []byte(header+strings.Repeat("\x00", 2*freeOfRatio)))
	if len(file)*maxRatio > freeOfRatio {
		t.Fatalf("%d bytes are no bomb", len(file))
	}
	r := decodeFile(file)
	if !errors.Is(r.err, errRatio) || r.summary.Packets == 0 || r.summary.Packets > freeOfRatio/16 {
		t.Errorf("%d packets, %v", r.summary.Packets, r.err)
	}
}
