package ndjson

import "time"

// clock writes times in RFC 3339, in UTC and as fine as they are. Most records
// are of the same second as the one before.
type clock struct {
	second int64
	text   []byte // of the last time
	head   int    // so much of text is the second
}

// format returns a time as text, which is valid until the next call.
func (c *clock) format(t time.Time) []byte {
	if second := t.Unix(); c.head == 0 || second != c.second {
		c.second = second
		c.text = t.UTC().AppendFormat(c.text[:0], "2006-01-02T15:04:05")
		c.head = len(c.text)
	}
	c.text = appendFraction(c.text[:c.head], t.Nanosecond())
	c.text = append(c.text, 'Z')
	return c.text
}

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
