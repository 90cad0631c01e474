package main

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rs/zerolog"
)

// repeating returns a log that leaves repetitions out, and where it goes.
func repeating() (zerolog.Logger, *repeats, *lockedBuffer) {
	out := &lockedBuffer{}
	r := &repeats{log: zerolog.New(out), said: map[string]*saying{}}
	return r.log.Hook(r), r, out
}

func TestTheLogSaysTheSameABoundedNumberOfTimes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log, _, out := repeating()
		for range maxRepeats + 9900 {
			log.Error().Msg("cannot reach the server")
			time.Sleep(time.Millisecond)
		}
		log.Warn().Msg("something else")
		if n := strings.Count(out.String(), "cannot reach"); n != maxRepeats {
			t.Errorf("it was said %d times, want %d", n, maxRepeats)
		}
		if !strings.Contains(out.String(), "something else") {
			t.Error("another message is left out as well")
		}
		time.Sleep(repeatTime)
		if want := `"said":"cannot reach the server","times":9900`; strings.Count(out.String(), want) != 1 {
			t.Errorf("the log does not end with %s", want)
		}
		log.Error().Msg("cannot reach the server")
		if n := strings.Count(out.String(), `"message":"cannot reach`); n != maxRepeats+1 {
			t.Errorf("after a while it was said %d times, want once more", n)
		}
	})
}

func TestWhatTheLogLeftOutIsToldAtTheEndOfTheRun(t *testing.T) {
	log, r, out := repeating()
	for range maxRepeats + 1 {
		log.Info().Msg("broken off")
	}
	r.tellAll()
	r.tellAll()
	if n := strings.Count(out.String(), `"said":"broken off","times":1`); n != 1 {
		t.Errorf("it is told %d times:\n%s", n, out)
	}
}

func TestWhatIsSaidNowAndThenIsSaidAlways(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log, _, out := repeating()
		for range 2 * maxRepeats {
			log.Info().Msg("broken off")
			time.Sleep(time.Second)
		}
		if n := strings.Count(out.String(), "broken off"); n != 2*maxRepeats {
			t.Errorf("it was said %d times, want %d", n, 2*maxRepeats)
		}
	})
}
