package proxy

import (
	"fmt"
	"os"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"
)

// TestMain fails if a goroutine is left after all tests.
func TestMain(m *testing.M) {
	code := m.Run()
	if code == 0 {
		if err := leak(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			code = 1
		}
	}
	os.Exit(code)
}

// leak tells of goroutines that are there and do not go. Those of the other ends
// of connections take a moment to notice that these are over, and on a busy
// machine longer than goleak waits.
func leak(options ...goleak.Option) (err error) {
	for end := time.Now().Add(patience); time.Now().Before(end); {
		if err = goleak.Find(options...); err == nil {
			return nil
		}
	}
	return err
}

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
	t.Cleanup(func() {
		if err := leak(before); err != nil {
			t.Error(err)
		}
	})
}
