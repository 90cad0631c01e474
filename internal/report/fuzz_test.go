package report

import (
	"bytes"
	"context"
	"encoding/csv"
	"encoding/json"
	"errors"
	"os"
	"testing"

	pcaps "msnproxy/captures"
	"msnproxy/decode"
	"msnproxy/internal/ndjson"
)

// FuzzReport has records that anybody might have made up told in every format.
func FuzzReport(f *testing.F) {
	seed(f)
	f.Fuzz(func(t *testing.T, records []byte) {
		r := New()
		for in := ndjson.NewReader(bytes.NewReader(records)); ; {
			rec, err := in.Next()
			var bad *ndjson.LineError
			if errors.As(err, &bad) {
				continue
			}
			if err != nil {
				break
			}
			_ = r.Record(rec)
		}
		checkLines(t, write(t, (*Report).WriteTables, r, Options{Width: 80, Sections: []string{All}}), 80)
		if text := write(t, (*Report).WriteJSON, r, Options{}); !json.Valid([]byte(text)) {
			t.Errorf("not JSON:\n%s", text)
		}
		write(t, (*Report).WriteMarkdown, r, Options{})
		write(t, (*Report).WriteWiki, r, Options{})
		for _, name := range SectionNames() {
			text := write(t, (*Report).WriteCSV, r, Options{Sections: []string{name}})
			if _, err := csv.NewReader(bytes.NewReader([]byte(text))).ReadAll(); err != nil {
				t.Errorf("%s is not CSV: %v", name, err)
			}
		}
		checkStory(t, r)
	})
}

// checkStory checks what holds for every story.
func checkStory(t *testing.T, r *Report) {
	told := r.Story()
	n := 0
	for _, s := range told.Sessions {
		n += len(s.Connections)
	}
	if n != len(told.Connections) {
		t.Errorf("the sessions have %d connections of %d", n, len(told.Connections))
	}
	n = 0
	for _, c := range told.Conversations {
		n += len(c.Messages)
	}
	if n != len(told.Messages) {
		t.Errorf("the conversations have %d messages of %d", n, len(told.Messages))
	}
}

// seed adds the records of a sample capture, some lines each.
func seed(f *testing.F) {
	file, err := os.Open("../../captures/samples/msnp8.pcapng")
	if err != nil {
		f.Fatal(err)
	}
	defer file.Close()
	var lines bytes.Buffer
	sink := ndjson.New(&lines, ndjson.Options{})
	emit := func(r *decode.Record) { _ = sink.Record(r) }
	decoder := pcaps.NewDecoder(pcaps.Options{Emit: emit})
	if err := decoder.File(context.Background(), "sample", file); err != nil {
		f.Fatal(err)
	}
	decoder.Close()
	const some = 8
	for rest := lines.Bytes(); len(rest) > 0; {
		n := 0
		for range some {
			if i := bytes.IndexByte(rest[n:], '\n'); i >= 0 {
				n += i + 1
			}
		}
		if n == 0 {
			break
		}
		f.Add(rest[:n])
		rest = rest[n:]
	}
}
