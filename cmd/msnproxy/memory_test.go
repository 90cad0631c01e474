package main

import (
	"bytes"
	"context"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"msnproxy/captures"
	"msnproxy/decode"
)

// manyConnections makes a capture of connections that are all open to the end.
func manyConnections(t *testing.T, n int) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "many.pcapng")
	file, err := os.Create(name)
	must(t, err)
	w, err := captures.NewWriter(file)
	must(t, err)
	at := time.Date(2008, 6, 10, 18, 5, 0, 0, time.UTC)
	for i := range n {
		conn, client := fmt.Sprint(i), netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, 0, byte(i >> 8), byte(i)}), 2048)
		must(t, w.Open(conn, client, netip.MustParseAddrPort("198.51.100.1:1863"), at))
		for _, line := range []string{"VER 1 MSNP8 CVR0\r\n", "USR 2 TWN I alice@example.com\r\n", "PNG\r\n", "XFR 3 SB\r\n"} {
			must(t, w.Data(conn, decode.ClientToServer, []byte(line), at))
			at = at.Add(time.Millisecond)
		}
	}
	must(t, w.Flush())
	must(t, file.Close())
	return name
}

// TestALargeHeapIsNotCollectedAllTheTime reads what takes more memory than
// steadyHeap. As it grows by half of itself, a handful of collections is enough
// once it is large, after some while it is small.
func TestALargeHeapIsNotCollectedAllTheTime(t *testing.T) {
	const connections, most = 14_000, 20
	cmd := exec.Command("msnproxy", "decode", "--json", manyConnections(t, connections))
	cmd.Env = append(os.Environ(), "GODEBUG=gctrace=1")
	var trace bytes.Buffer
	cmd.Stderr = &trace
	must(t, cmd.Run())
	n := bytes.Count(trace.Bytes(), []byte("gc "))
	t.Logf("garbage was collected %d times", n)
	if n == 0 || n > most {
		t.Errorf("garbage was collected %d times, want at most %d", n, most)
	}
}

func TestTheMoreIsInUseTheMoreGarbageThereMayBe(t *testing.T) {
	for use, want := range map[int64]int64{0: 0, 40 << 20: 8 << 20, steadyHeap: steadyHeap / 5, steadyHeap + 40<<20: (steadyHeap+40<<20)/5 + 20<<20} {
		if got := garbageFor(use); got != want {
			t.Errorf("with %d bytes in use: %d, want %d", use, got, want)
		}
	}
}

func TestRoomForGarbageIsBoundedBothWays(t *testing.T) {
	for _, one := range []struct {
		use  int64
		want int
	}{
		{0, 400}, {4 << 20, 400}, {8 << 20, 200}, {16 << 20, 100}, {64 << 20, 25}, {1 << 30, 25},
	} {
		if got := percentFor(one.use); got != one.want {
			t.Errorf("with %d bytes in use: %d percent, want %d", one.use, got, one.want)
		}
	}
}

var garbage []byte

func TestMemoryIsGivenBackAtRest(t *testing.T) {
	const size = 64 << 20
	garbage = make([]byte, size)
	for i := range garbage {
		garbage[i] = 1
	}
	before := measured("/memory/classes/heap/released:bytes")
	garbage = nil
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	go restFromTimeToTime(ctx)
	for end := time.Now().Add(patience); measured("/memory/classes/heap/released:bytes") < before+size/2; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("no memory was given back")
		}
	}
}
