package ndjson

import (
	"testing"
	"time"
)

func TestClockWritesWhatTheStandardLibraryDoes(t *testing.T) {
	begin := time.Date(1999, 12, 31, 23, 59, 59, 0, time.FixedZone("", -3600))
	var c clock
	for _, after := range []time.Duration{0, 1, 10, 999_999_999, time.Second, time.Second + 500*time.Millisecond, time.Second + 123_456*time.Microsecond, time.Hour, -time.Hour, 24 * time.Hour, -40 * 365 * 24 * time.Hour, 1 << 62} {
		at := begin.Add(after)
		if got, want := string(c.format(at)), at.UTC().Format(time.RFC3339Nano); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
	if got := string(new(clock).format(time.Time{})); got != "0001-01-01T00:00:00Z" {
		t.Errorf("the zero time is %s", got)
	}
}

func TestTimesThatRFC3339DoesNotHaveAreToldAsTheNearestThatItHas(t *testing.T) {
	for _, one := range []struct {
		at   time.Time
		want string
	}{
		{lastTime, "9999-12-31T23:59:59.999999999Z"},
		{lastTime.Add(1), "9999-12-31T23:59:59.999999999Z"},
		{time.Date(35840, 2, 19, 12, 1, 27, 0, time.UTC), "9999-12-31T23:59:59.999999999Z"},
		{firstTime, "0000-01-01T00:00:00Z"},
		{firstTime.Add(-1), "0000-01-01T00:00:00Z"},
	} {
		got := string(new(clock).format(one.at))
		if got != one.want {
			t.Errorf("%v is told as %s, want %s", one.at, got, one.want)
		}
		if _, err := time.Parse(time.RFC3339Nano, got); err != nil {
			t.Error(err)
		}
	}
}
