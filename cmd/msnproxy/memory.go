package main

import (
	"context"
	"os"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"time"
)

// steadyHeap is how much memory a reader of captures uses before it looks for
// garbage. Go would do so at 4 MB, and then at twice what is in use: a capture
// of any size would pay for it a hundred times a second. It leaves room for the
// program itself below 64 MB.
const steadyHeap = 42 << 20

// steadyMemory lets the heap grow to steadyHeap at once, and beyond it by what
// garbageFor says. Who has set Go's own variables knows better.
func steadyMemory() {
	if memoryIsSet() {
		return
	}
	debug.SetMemoryLimit(steadyHeap)
	debug.SetGCPercent(-1)
	afterCollection(func() {
		use := inUse()
		debug.SetMemoryLimit(max(steadyHeap, use+garbageFor(use)+notHeap()))
	})
}

// garbageFor is how much garbage there may be beside what is in use before it is
// looked for. What it costs to look grows with what is in use, so there may be
// more of it then; up to steadyHeap little, to stay below 64 MB.
func garbageFor(use int64) int64 { return use/5 + max(0, use-steadyHeap)/2 }

// notHeap is the memory that Go's limit is about and that is none of the heap's.
// Without it, a large heap would be at its limit all the time.
func notHeap() int64 {
	return measured("/memory/classes/total:bytes") - measured("/memory/classes/heap/released:bytes") -
		measured("/memory/classes/heap/free:bytes") - measured("/memory/classes/heap/objects:bytes")
}

// memoryIsSet tells whether somebody has set Go's own variables.
func memoryIsSet() bool { return os.Getenv("GOGC") != "" || os.Getenv("GOMEMLIMIT") != "" }

const (
	// liveRoom is how much garbage a live run may make before it is collected.
	// At Go's 4 MB, a busy run would collect dozens of times a second.
	liveRoom = 16 << 20
	// leastPercent of what is in use is room in any case, mostPercent at most:
	// Go takes it as percent of 4 MB where next to nothing is in use.
	leastPercent, mostPercent = 25, 400
)

// liveMemory gives a live run room for garbage, and gives memory back when the
// run is at rest, until ctx is done.
func liveMemory(ctx context.Context) {
	if memoryIsSet() {
		return
	}
	debug.SetGCPercent(mostPercent)
	afterCollection(func() { debug.SetGCPercent(percentFor(inUse() + measured("/gc/scan/stack:bytes"))) })
	go restFromTimeToTime(ctx)
}

// percentFor is how much garbage there may be, in percent of what is in use.
func percentFor(use int64) int {
	return int(min(max(liveRoom*100/max(use, 1), leastPercent), mostPercent))
}

const (
	// restEvery is how often a run is looked at, and restingBytes how little it
	// allocates in that time when it is at rest.
	restEvery    = time.Second
	restingBytes = 256 << 10
	// worthCollecting is how much must have been allocated since memory was
	// given back last.
	worthCollecting = 1 << 20
)

// restFromTimeToTime gives memory back that was in use until lately.
func restFromTimeToTime(ctx context.Context) {
	ticker := time.NewTicker(restEvery)
	defer ticker.Stop()
	var last, given int64
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		now := measured("/gc/heap/allocs:bytes")
		if now-last < restingBytes && now-given > worthCollecting {
			debug.FreeOSMemory()
			given = now
		}
		last = now
	}
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
func inUse() int64 { return measured("/gc/heap/live:bytes") }

// measured is something that the runtime measures.
func measured(name string) int64 {
	sample := []metrics.Sample{{Name: name}}
	metrics.Read(sample)
	return int64(sample[0].Value.Uint64())
}
