package peers

import (
	"context"
	"fmt"
	"runtime"
	"testing"
	"time"

	"msnproxy/decode"
)

// evening is how long a scenario may take before it counts as stuck.
const evening = 2 * time.Minute

func newServer(t *testing.T, config ServerConfig) *Server {
	t.Helper()
	s, err := NewServer(config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func within(t *testing.T, d time.Duration) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), d)
	t.Cleanup(cancel)
	return ctx
}

// noErrors waits for the server to be idle; then it must have nothing to
// complain about.
func noErrors(t *testing.T, s *Server) {
	t.Helper()
	if err := s.Idle(within(t, evening)); err != nil {
		t.Error(err)
	}
	for _, err := range s.Errors() {
		t.Error("the server: ", err)
	}
}

// noLeaks checks that a test leaves no goroutine behind.
func noLeaks(t *testing.T) {
	t.Helper()
	before := runtime.NumGoroutine()
	t.Cleanup(func() {
		// What has ended is counted for a moment longer.
		deadline := time.Now().Add(evening)
		for runtime.NumGoroutine() > before && time.Now().Before(deadline) {
			runtime.Gosched()
		}
		if after := runtime.NumGoroutine(); after > before {
			stacks := make([]byte, 1<<20)
			t.Errorf("%d goroutines before, %d after:\n%s", before, after, stacks[:runtime.Stack(stacks, true)])
		}
	})
}

func TestScenarioForAllPairsOfDialects(t *testing.T) {
	noLeaks(t)
	for _, a := range Dialects {
		for _, b := range Dialects {
			t.Run(fmt.Sprintf("%v and %v", a, b), func(t *testing.T) {
				s := newServer(t, ServerConfig{})
				if err := Scenario(within(t, evening), s.Addr(decode.DS), [2]decode.Dialect{a, b}); err != nil {
					t.Error(err)
				}
				noErrors(t, s)
			})
		}
	}
}
