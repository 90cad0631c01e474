package proxy

import (
	"testing"

	"go.uber.org/goleak"
)

// TestMain fails if a goroutine is left after all tests.
func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// wantNoLeak fails a test that leaves goroutines behind that were not there
// before. It must be called first: what is cleaned up last is registered first.
func wantNoLeak(t *testing.T) {
	t.Helper()
	before := goleak.IgnoreCurrent()
	t.Cleanup(func() { goleak.VerifyNone(t, before) })
}
