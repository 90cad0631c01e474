package page

import (
	"encoding/json"
	"fmt"
	"time"

	"msnproxy/decode"
	"msnproxy/internal/display"
)

// Records are the records that a page shows. They are not safe for concurrent
// use, but a Snapshot of them does not change.
type Records struct {
	list []record // the n-th is number n+1
	text int      // bytes of all their texts
	raw  int      // of those, of payloads as they came
	more int64    // beyond the limits
}

// Add keeps what the page shows of a record, which is valid only during the
// call.
func (l *Records) Add(r *decode.Record) {
	if len(l.list) >= maxRecords || l.text >= maxRecordText {
		l.more++
		return
	}
	one := newRecord(r)
	if l.raw < maxRawText {
		l.raw += one.addRaw(r.Payload)
	}
	l.text += one.size()
	l.list = append(l.list, one)
}

// Snapshot returns the records so far, which stay as they are when more come.
func (l *Records) Snapshot() *Records {
	copied := *l
	return &copied
}

// numbers finds the numbers of records, from 1, by their names.
func (l *Records) numbers() map[decode.Ref]int {
	of := make(map[decode.Ref]int, len(l.list))
	for i := range l.list {
		of[decode.Ref{Conn: l.list[i].Conn, Seq: l.list[i].Seq}] = i + 1
	}
	return of
}

// exact is a time as the records have it: to the millisecond.
func exact(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05.000") }

// appendRow appends a record for the script: an array of what a row of the list
// shows, without what is empty at its end. The verb is the first word of its
// line, the time is in milliseconds since 1970.
func (r *record) appendRow(dst []byte) ([]byte, error) {
	fields := []any{r.Time.UnixMilli(), display.Harmless(r.Conn), r.Seq, r.Way(), r.Line, r.Payload, r.PayloadBytes, r.Reply, r.Remarks, r.Trouble}
	for n := len(fields); n > 0 && (fields[n-1] == "" || fields[n-1] == int64(0) || fields[n-1] == false); n-- {
		fields = fields[:n-1]
	}
	row, err := json.Marshal(fields) // with <, > and & escaped, so that no tag ends in it
	return append(dst, row...), err
}

// The element that holds the list for the script. It is no part of a template,
// which would have to close it at once.
const (
	dataStart = `<script type="application/json" id="data">` + "\n[\n"
	dataEnd   = "\n]\n</script>\n"
)

// writeJSON writes the list for the script, and returns how many records did
// not fit.
func (l *Records) writeJSON(out *counter) (left int64, err error) {
	buf := []byte(dataStart)
	for i := range l.list {
		if i > 0 {
			buf = append(buf, ",\n"...)
		}
		if buf, err = l.list[i].appendRow(buf); err != nil {
			return 0, fmt.Errorf("record %d: %w", i+1, err)
		}
		if out.n+len(buf) > maxPage {
			left = int64(len(l.list) - i)
			buf = buf[:0]
			break
		}
		if _, err := out.Write(buf); err != nil {
			return 0, err
		}
		buf = buf[:0]
	}
	_, err = out.Write(append(buf, dataEnd...))
	return left, err
}
