package proxy

import (
	"io"
	"net/http"
	"strings"
	"testing"
	"time"
)

// deadlines is the answer to a request, and counts the deadlines that are set for
// reading it.
type deadlines struct {
	http.ResponseWriter
	set int
}

func (d *deadlines) SetReadDeadline(time.Time) error { d.set++; return nil }

// A server may answer before it has read the request, and the client may have asked
// the next thing, or nothing, when the relay gets to the end of the first: what time
// net/http gives the client then stands.
func TestABodyThatIsReadBehindItsAnswerLeavesTheTimeOfTheClientAlone(t *testing.T) {
	connection := &deadlines{}
	body := &timedBody{ReadCloser: io.NopCloser(strings.NewReader("late")), control: http.NewResponseController(connection), time: time.Second}
	body.Read(make([]byte, 1))
	if connection.set == 0 {
		t.Error("a body need not come in time")
	}
	if body.leave() {
		t.Error("a body has ended before it was read")
	}
	before := connection.set
	if rest, err := io.ReadAll(body); string(rest) != "ate" || err != nil || connection.set != before {
		t.Errorf("%q, %v; the time changed %d times", rest, err, connection.set-before)
	}
}
