package ndjson

import "time"

// clock writes times in RFC 3339, in UTC and as fine as they are. Most records
// are of the same day as the one before.
type clock struct {
	day  int64  // since 1970
	text []byte // of the last time
	date int    // so much of text is the day, and the T behind it
}

const secondsOfDay = 24 * 60 * 60

// RFC 3339 has years of four digits. Some captures tell of others; times are told
// that are as near to those as can be.
var (
	firstTime = time.Date(0, 1, 1, 0, 0, 0, 0, time.UTC)
	lastTime  = time.Date(9999, 12, 31, 23, 59, 59, 999_999_999, time.UTC)
)

// format returns a time as text, which is valid until the next call.
func (c *clock) format(t time.Time) []byte {
	switch {
	case t.Before(firstTime):
		t = firstTime
	case t.After(lastTime):
		t = lastTime
	}
	second := t.Unix()
	day := second / secondsOfDay
	second -= day * secondsOfDay
	if second < 0 { // before 1970
		day, second = day-1, second+secondsOfDay
	}
	if c.date == 0 || day != c.day {
		c.day = day
		c.text = t.UTC().AppendFormat(c.text[:0], "2006-01-02T")
		c.date = len(c.text)
	}
	c.text = appendTwo(c.text[:c.date], second/3600)
	c.text = appendTwo(append(c.text, ':'), second/60%60)
	c.text = appendTwo(append(c.text, ':'), second%60)
	c.text = appendFraction(c.text, t.Nanosecond())
	return append(c.text, 'Z')
}

// appendTwo appends a number below 100 with two digits.
func appendTwo(dst []byte, n int64) []byte { return append(dst, byte('0'+n/10), byte('0'+n%10)) }

// appendFraction appends a part of a second, without the zeros at its end.
func appendFraction(dst []byte, nanoseconds int) []byte {
	if nanoseconds == 0 {
		return dst
	}
	digits := [...]byte{'.', 0, 0, 0, 0, 0, 0, 0, 0, 0}
	for i := len(digits) - 1; i > 0; i-- {
		digits[i] = byte('0' + nanoseconds%10)
		nanoseconds /= 10
	}
	n := len(digits)
	for digits[n-1] == '0' {
		n--
	}
	return append(dst, digits[:n]...)
}
