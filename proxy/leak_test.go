package proxy

import (
	"sync"
	"testing"

	"go.uber.org/goleak"
)

// TestMain fails if a goroutine is left after all tests.
func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// watched are the tests at whose end goroutines are looked for.
var watched sync.Map

// wantNoLeak fails a test that leaves goroutines behind that were not there
// before. It must be called first: what is cleaned up last is registered first.
// Only the first call in a test counts.
func wantNoLeak(t *testing.T) {
	t.Helper()
	if _, again := watched.LoadOrStore(t, nil); again {
		return
	}
	before := goleak.IgnoreCurrent()
	t.Cleanup(func() { goleak.VerifyNone(t, before) })
}
