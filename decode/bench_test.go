package decode

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// chatTraffic is what a switchboard sends: messages of mixed sizes, typing
// notices and acknowledgements. It returns the bytes and the number of commands.
func chatTraffic(size int) ([]byte, int) {
	var b strings.Builder
	commands := 0
	message := func(headers, text string) {
		payload := "MIME-Version: 1.0\r\n" + headers + "\r\n" + text
		fmt.Fprintf(&b, "MSG bob@example.com Bob%%20B %d\r\n%s", len(payload), payload)
		commands++
	}
	for i := 0; b.Len() < size; i++ {
		message("Content-Type: text/x-msmsgscontrol\r\nTypingUser: bob@example.com\r\n", "\r\n")
		message("Content-Type: text/plain; charset=UTF-8\r\nX-MMS-IM-Format: FN=Segoe%20UI; EF=; CO=0; CS=0; PF=22\r\n",
			strings.Repeat("what a person writes ", 1+i%12))
		fmt.Fprintf(&b, "ACK %d\r\n", i)
		commands++
		if i%20 == 0 {
			b.WriteString("JOI carol@example.com Carol 1616756780\r\n")
			commands++
		}
	}
	return []byte(b.String()), commands
}

// chunk is the size in which the benchmarks feed: what a read of a socket gives.
const chunk = 32 << 10

func BenchmarkFramer(b *testing.B) {
	data, commands := chatTraffic(4 << 20)
	b.SetBytes(int64(len(data)))
	b.ReportAllocs()
	b.ResetTimer()
	got := 0
	for range b.N {
		f := NewFramer(ServerToClient, false)
		got = 0
		for rest := data; len(rest) > 0; {
			n := min(chunk, len(rest))
			f.Feed(rest[:n])
			rest = rest[n:]
			for {
				if _, ok := f.Next(); !ok {
					break
				}
				got++
			}
		}
	}
	b.StopTimer()
	checkCommands(b, got, commands)
}

func BenchmarkFramerAndWords(b *testing.B) {
	data, commands := chatTraffic(4 << 20)
	b.SetBytes(int64(len(data)))
	b.ReportAllocs()
	b.ResetTimer()
	got := 0
	var words [][]byte
	for range b.N {
		f := NewFramer(ServerToClient, false)
		f.Feed(data)
		got = 0
		for {
			frame, ok := f.Next()
			if !ok {
				break
			}
			words = Words(words[:0], frame.Line)
			got++
		}
	}
	b.StopTimer()
	checkCommands(b, got, commands)
}

func BenchmarkSession(b *testing.B) {
	data, commands := chatTraffic(4 << 20)
	at := Stamp{Time: time.Unix(1e9, 0)}
	b.SetBytes(int64(len(data)))
	b.ReportAllocs()
	b.ResetTimer()
	got := 0
	for range b.N {
		got = -1 // the open record
		s := NewSession(Config{Conn: "c1", Emit: func(*Record) { got++ }})
		for rest := data; len(rest) > 0; {
			n := min(chunk, len(rest))
			s.Feed(ServerToClient, rest[:n], at)
			rest = rest[n:]
		}
	}
	b.StopTimer()
	checkCommands(b, got, commands)
}

// checkCommands keeps a benchmark honest and tells its allocations per command.
func checkCommands(b *testing.B, got, want int) {
	b.Helper()
	if got != want {
		b.Fatalf("got %d commands, want %d", got, want)
	}
	b.ReportMetric(float64(want), "commands/op")
}

func TestFramingDoesNotAllocatePerCommand(t *testing.T) {
	data, commands := chatTraffic(1 << 20)
	allocs := testing.AllocsPerRun(5, func() {
		f := NewFramer(ServerToClient, false)
		var words [][]byte
		for rest := data; len(rest) > 0; {
			n := min(chunk, len(rest))
			f.Feed(rest[:n])
			rest = rest[n:]
			for {
				frame, ok := f.Next()
				if !ok {
					break
				}
				words = Words(words[:0], frame.Line)
			}
		}
	})
	if perCommand := allocs / float64(commands); perCommand > 0.01 {
		t.Errorf("%.3f allocations per command, want none", perCommand)
	}
}
