package report

import (
	"bytes"
	"context"
	"encoding/csv"
	"encoding/json"
	"errors"
	"io"
	"os"
	"strconv"
	"strings"
	"testing"
	"unicode"

	pcaps "msnproxy/captures"
	"msnproxy/decode"
	"msnproxy/internal/ndjson"
)

// hostileRecords have a text of a stranger wherever one can be.
const hostileRecords = `{"time":"2004-05-17T12:00:00Z","conn":"HOSTILE","seq":1,"kind":"open","file":"HOSTILE","client":"HOSTILE","server_addr":"HOSTILE"}
{"time":"2004-05-17T12:00:01Z","conn":"HOSTILE","seq":2,"kind":"command","dir":"c2s","server":"SB","verb":"USR","trid":1,"args":{"handle":"HOSTILE","cookie":"x"},"line":"USR 1 HOSTILE x","notes":[{"kind":"issue","text":"HOSTILE"}]}
{"time":"2004-05-17T12:00:02Z","conn":"HOSTILE","seq":3,"kind":"command","dir":"s2c","server":"SB","verb":"MSG","args":{"handle":"HOSTILE","name":"HOSTILE"},"line":"MSG HOSTILE HOSTILE 9","payload_bytes":9,"payload":{"type":"text/plain","text":"HOSTILE"},"notes":[{"kind":"error","code":9,"meaning":"HOSTILE"}]}
{"time":"2004-05-17T12:00:03Z","conn":"HOSTILE","seq":4,"kind":"command","dir":"c2s","server":"NS","verb":"QRY","trid":2,"line":"QRY 2 HOSTILE 32","notes":[{"kind":"challenge","challenge":"HOSTILE","verdict":"HOSTILE","server_verdict":"HOSTILE","qry_seq":4}]}
{"time":"2004-05-17T12:00:04Z","conn":"HOSTILE","seq":5,"kind":"close","reason":"HOSTILE"}
`

// FuzzReport has records that anybody might have made up told in every format.
func FuzzReport(f *testing.F) {
	seed(f)
	for _, text := range []string{"\\u001b[2J\\u202e\\u009b", "=1+1", " \\u3000-cmd|x", "</script><!--|[[x]]`", "\\u0000\\ud800"} {
		f.Add([]byte(strings.ReplaceAll(hostileRecords, "HOSTILE", text)))
	}
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
		all := Options{Sections: []string{All}}
		for name, f := range map[string]func(*Report, io.Writer, Options) error{
			"JSON": (*Report).WriteJSON, "Markdown": (*Report).WriteMarkdown, "MediaWiki": (*Report).WriteWiki, "HTML": (*Report).WriteHTML,
		} {
			checkUnseen(t, name, write(t, f, r, all))
		}
		for _, name := range SectionNames() {
			text := write(t, (*Report).WriteCSV, r, Options{Sections: []string{name}})
			checkUnseen(t, "CSV", text)
			checkCells(t, name, text)
		}
		checkStory(t, r)
	})
}

// checkUnseen checks that a text does nothing but stand there.
func checkUnseen(t *testing.T, format, text string) {
	t.Helper()
	for _, c := range text {
		joins := c == '\u200c' || c == '\u200d'
		if unicode.IsControl(c) && c != '\n' || unicode.Is(unicode.Cf, c) && !joins && format != "JSON" {
			t.Fatalf("%U stands raw in %s", c, format)
		}
	}
}

// checkCells checks that CSV can be read, and no cell of it is a formula.
func checkCells(t *testing.T, section, text string) {
	t.Helper()
	rows, err := csv.NewReader(strings.NewReader(text)).ReadAll()
	if err != nil {
		t.Fatalf("%s is not CSV: %v", section, err)
	}
	for _, row := range rows[1:] {
		for i, cell := range row {
			_, err := strconv.ParseFloat(cell, 64)
			if err != nil && strings.ContainsAny(strings.TrimSpace(cell)[:min(1, len(strings.TrimSpace(cell)))], "=+-@") {
				t.Fatalf("%s: %s is %q", section, rows[0][i], cell)
			}
		}
	}
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
