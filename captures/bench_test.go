package captures

import (
	"context"
	"fmt"
	"runtime"
	"testing"
	"time"

	"msnproxy/decode"
)

// benchmarkSize is the size of the capture that is decoded.
const benchmarkSize = 16 << 20

// chatCapture makes a capture of many conversations, always the same one:
// messages, typing notices and receipts, as a busy evening has them.
func chatCapture(b testing.TB, size int) []byte {
	var file []byte
	for i := 0; len(file) < size; i++ {
		k := newTalk(fmt.Sprintf("10.0.%d.%d:%d", i/200%200, 1+i%200, 1025+i%3000), "10.1.0.2:1863")
		k.wait(time.Duration(i) * time.Second).open()
		k.c("USR 1 alice@example.com 123.456\r\n").s("USR 1 OK alice@example.com Alice\r\n")
		for n := range 50 {
			typing := "MIME-Version: 1.0\r\nContent-Type: text/x-msmsgscontrol\r\nTypingUser: alice@example.com\r\n\r\n\r\n"
			k.c(fmt.Sprintf("MSG %d U %d\r\n%s", 2*n, len(typing), typing)).chat(2*n + 1)
		}
		one := pcapFile(linkEthernet, packets(b, linkEthernet, k.close()))
		if i > 0 {
			one = one[pcapHeader:]
		}
		file = append(file, one...)
	}
	return file
}

func BenchmarkDecodeCapture(b *testing.B) {
	file := chatCapture(b, benchmarkSize)
	commands := 0
	var d *Decoder
	options := Options{Emit: func(r *decode.Record) {
		if r.Kind == decode.KindCommand {
			commands++
		}
		d.Recycle(r)
	}}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	b.SetBytes(int64(len(file)))
	b.ReportAllocs()
	for b.Loop() {
		d = NewDecoder(options)
		if err := d.Files(context.Background(), []Input{input("benchmark", file)}); err != nil {
			b.Fatal(err)
		}
		d.Close()
	}
	runtime.ReadMemStats(&after)
	b.ReportMetric(float64(after.Mallocs-before.Mallocs)/float64(commands), "allocs/command")
	b.ReportMetric(float64(commands)/b.Elapsed().Seconds(), "commands/s")
}

// TestDecodingACaptureAllocatesLittle counts what does not depend on the
// machine: allocations a command, and bytes allocated a byte read, by which a
// capture of twice the size costs more. What there is belongs to connections,
// of which this capture has one for 100 commands.
func TestDecodingACaptureAllocatesLittle(t *testing.T) {
	const size, mostAllocs, mostBytes = 8 << 20, 0.5, 1.5
	file := chatCapture(t, 2*size)
	half, whole := costOf(t, file[:size]), costOf(t, file)
	commands := float64(whole.commands - half.commands)
	allocs, bytes := float64(whole.allocs-half.allocs)/commands, float64(whole.bytes-half.bytes)/float64(len(file)-size)
	t.Logf("%.2f allocations a command, %.2f bytes a byte", allocs, bytes)
	if allocs > mostAllocs || bytes > mostBytes {
		t.Errorf("%.2f allocations a command and %.2f bytes a byte read, want at most %g and %g", allocs, bytes, mostAllocs, mostBytes)
	}
}

// cost is what decoding a capture takes.
type cost struct{ commands, allocs, bytes int64 }

// costOf decodes a capture, which may be cut off.
func costOf(t *testing.T, file []byte) (c cost) {
	t.Helper()
	var d *Decoder
	d = NewDecoder(Options{Emit: func(r *decode.Record) {
		if r.Kind == decode.KindCommand {
			c.commands++
		}
		d.Recycle(r)
	}})
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	_ = d.Files(context.Background(), []Input{input("capture", file)})
	d.Close()
	runtime.ReadMemStats(&after)
	c.allocs, c.bytes = int64(after.Mallocs-before.Mallocs), int64(after.TotalAlloc-before.TotalAlloc)
	return c
}
