package main

import (
	"context"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// TestAnEndThatIsToldTwiceIsOne: the program is not to be killed by a second
// signal while it writes what the first has it write.
func TestAnEndThatIsToldTwiceIsOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, end := context.WithCancel(t.Context())
		var kills atomic.Bool
		onceMore(ctx, func() { kills.Store(true) })
		time.Sleep(time.Hour)
		synctest.Wait()
		if kills.Load() {
			t.Error("the first signal would kill it")
		}
		end()
		time.Sleep(sameEnd - time.Nanosecond)
		synctest.Wait()
		if kills.Load() {
			t.Error("a second signal right behind the first would kill it")
		}
		time.Sleep(time.Nanosecond)
		synctest.Wait()
		if !kills.Load() {
			t.Error("somebody who asks again would have to wait")
		}
	})
}

func TestValuesAreSuggestedForFlagsThatAreThere(t *testing.T) {
	root := newRoot(stdio{})
	for flag, values := range flagValues() {
		commands := 0
		for _, cmd := range root.Commands() {
			if f := cmd.Flags().Lookup(flag); f != nil && f.Value.Type() != "bool" {
				commands++
			}
		}
		if commands == 0 || len(values) < 2 {
			t.Errorf("--%s is a flag of %d commands, and has %d values", flag, commands, len(values))
		}
	}
}
