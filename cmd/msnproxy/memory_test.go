package main

import (
	"context"
	"testing"
	"time"
)

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
	garbage = nil
	before := measured("/memory/classes/heap/released:bytes")
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	go restFromTimeToTime(ctx)
	for end := time.Now().Add(patience); measured("/memory/classes/heap/released:bytes") < before+size/2; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("no memory was given back")
		}
	}
}
