package main

import (
	"os"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
)

// steadyHeap is how much memory a reader of captures uses before it looks for
// garbage. Go would do so at 4 MB, and then at twice what is in use: a capture
// of any size would pay for it a hundred times a second. It leaves room for the
// program itself below 64 MB.
const steadyHeap = 43 << 20

// steadyMemory lets the heap grow to steadyHeap at once, and beyond it no
// further than to a quarter more than is in use. Who has set Go's own variables
// knows better.
func steadyMemory() {
	if os.Getenv("GOGC") != "" || os.Getenv("GOMEMLIMIT") != "" {
		return
	}
	debug.SetMemoryLimit(steadyHeap)
	debug.SetGCPercent(-1)
	afterCollection(func() { debug.SetMemoryLimit(max(steadyHeap, inUse()*5/4)) })
}

// afterCollection calls a function after every collection of garbage.
func afterCollection(do func()) {
	type rest struct{ _ *byte }
	runtime.SetFinalizer(&rest{new(byte)}, func(*rest) {
		do()
		afterCollection(do)
	})
}

// inUse is how many bytes the last collection has left.
func inUse() int64 {
	live := []metrics.Sample{{Name: "/gc/heap/live:bytes"}}
	metrics.Read(live)
	return int64(live[0].Value.Uint64())
}
