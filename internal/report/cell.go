package report

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Cell is a value of a row: Text, Number, Time, Millis, Flag or Counts.
type Cell interface {
	// String returns the value as a table shows it, as it came: not yet
	// harmless.
	String() string
	// appendJSON appends the value as JSON.
	appendJSON(dst []byte) []byte
}

// Text is a cell of words, possibly a stranger's.
type Text string

func (t Text) String() string { return string(t) }

func (t Text) appendJSON(dst []byte) []byte { return appendString(dst, string(t)) }

// appendString appends a string as JSON. Bytes that are not UTF-8 become
// U+FFFD; < and > become escapes, so that no browser takes them for HTML.
func appendString(dst []byte, s string) []byte {
	quoted, err := json.Marshal(s)
	if err != nil { // a string always can be marshalled
		return append(dst, `""`...)
	}
	return append(dst, quoted...)
}

// Number is a cell that is counted or measured.
type Number int64

func (n Number) String() string { return strconv.FormatInt(int64(n), 10) }

func (n Number) appendJSON(dst []byte) []byte { return strconv.AppendInt(dst, int64(n), 10) }

// Time is a cell that tells when something was.
type Time time.Time

func (t Time) String() string { return time.Time(t).UTC().Format("2006-01-02 15:04:05") }

// clock returns the time without its date.
func (t Time) clock() string { return time.Time(t).UTC().Format(time.TimeOnly) }

func (t Time) date() string { return time.Time(t).UTC().Format(time.DateOnly) }

// exact returns the time for programs, as fine as the source has it.
func (t Time) exact() string { return time.Time(t).UTC().Format(time.RFC3339Nano) }

func (t Time) appendJSON(dst []byte) []byte {
	return append(append(append(dst, '"'), t.exact()...), '"')
}

// timeCell returns a Time, or nil where there is none.
func timeCell(t time.Time) Cell {
	if t.IsZero() {
		return nil
	}
	return Time(t)
}

// packetCell returns the number of a packet; live records have none.
func packetCell(packet int64) Cell {
	if packet == 0 {
		return nil
	}
	return Number(packet)
}

// Counts is a cell that counts things by name.
type Counts []Count

// Count is one of them.
type Count struct {
	Name string
	N    int64
}

// countsOf sorts counts, the largest first.
func countsOf(m map[string]int64) Counts {
	var c Counts
	for name, n := range m {
		c = append(c, Count{name, n})
	}
	slices.SortFunc(c, func(a, b Count) int {
		return cmp.Or(cmp.Compare(b.N, a.N), cmp.Compare(a.Name, b.Name))
	})
	return c
}

func (c Counts) String() string {
	var parts []string
	for _, one := range c {
		parts = append(parts, fmt.Sprintf("%d %s", one.N, one.Name))
	}
	return strings.Join(parts, ", ")
}

// of returns how many there are of a name.
func (c Counts) of(name string) int64 {
	for _, one := range c {
		if one.Name == name {
			return one.N
		}
	}
	return 0
}

func (c Counts) appendJSON(dst []byte) []byte {
	dst = append(dst, '{')
	for i, one := range c {
		if i > 0 {
			dst = append(dst, ", "...)
		}
		dst = append(appendString(dst, one.Name), ": "...)
		dst = strconv.AppendInt(dst, one.N, 10)
	}
	return append(dst, '}')
}

// Millis is a cell that tells how long something took.
type Millis time.Duration

// String returns milliseconds with three decimals, the microseconds that
// captures have.
func (m Millis) String() string { return string(m.appendJSON(nil)) }

func (m Millis) appendJSON(dst []byte) []byte {
	return strconv.AppendFloat(dst, float64(m)/float64(time.Millisecond), 'f', 3, 64)
}

// Flag is a cell of what is so.
type Flag bool

func (f Flag) String() string {
	if f {
		return "yes"
	}
	return ""
}

func (f Flag) appendJSON(dst []byte) []byte { return strconv.AppendBool(dst, bool(f)) }

// flagCell returns a Flag, or nil for what is not so.
func flagCell(so bool) Cell {
	if !so {
		return nil
	}
	return Flag(true)
}

// textCell returns a Text, or nil where there is none.
func textCell(s string) Cell {
	if s == "" {
		return nil
	}
	return Text(s)
}
