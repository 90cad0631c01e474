package main

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"msnproxy/internal/report"
)

// strangersRecords have what the samples lack.
const strangersRecords = `{"time":"2004-05-17T12:00:00Z","conn":"x1","seq":1,"kind":"open","file":"x.pcap","client":"a:1","server_addr":"b:1863","via":{"conn":"x0","seq":1,"http":"c:80","gateway":"gateway.example"}}
{"time":"2004-05-17T12:00:01Z","conn":"x1","seq":2,"kind":"command","dir":"c2s","server":"NS","verb":"USR","trid":1,"args":{"policy":"TWN","stage":"S","ticket":"x"},"line":"USR 1 TWN S x","notes":[{"kind":"sign-in","method":"md5","account":"a@example.com","verdict":"correct","explanation":"the password fits"}]}
{"time":"2004-05-17T12:00:02Z","conn":"x1","seq":3,"kind":"command","dir":"s2c","server":"NS","verb":"XFR","trid":1,"args":{"type":"SB","address":"c:1863"},"line":"XFR 1 SB c:1863","notes":[{"kind":"rewrite","from":"c:1863","to":"d:1863"},{"kind":"issue","text":"odd"},{"kind":"fault","text":"delayed"},{"kind":"gap","bytes":7}]}
{"time":"2004-05-17T12:00:03Z","conn":"x1","seq":4,"kind":"command","dir":"s2c","server":"NS","verb":"QNG","line":"QNG 9","notes":[{"kind":"issue","text":"odd"}]}
{"time":"2004-05-17T12:00:04Z","conn":"x1","seq":5,"kind":"gap","dir":"s2c","server":"NS","bytes":12,"reason":"lost"}
{"time":"2004-05-17T12:00:05Z","conn":"x1","seq":6,"kind":"overdue","server":"NS","reason":"nothing for long"}
{"time":"2004-05-17T12:00:06Z","conn":"x1","seq":7,"kind":"close","server":"NS","reason":"closed","notes":[{"kind":"issue","text":"odd"}]}
`

// hostileText would do something in every output where it stood raw.
const hostileText = "=1+1\x1b[2J\u202e\u009b\x7f\x00\u0300\u2067\n<script>|[[x]]"

// TestAStrangersTextStandsRawInNoOutput puts a hostile text in the place of each
// string that records have, one at a time, because whoever makes up records
// fills any of them: the verdict of a challenge as well as a name.
func TestAStrangersTextStandsRawInNoOutput(t *testing.T) {
	made := []byte(madeUp(t, strangersRecords+sampleRecords(t), hostileText))
	for _, args := range [][]string{
		{"decode", "--width", "60"}, {"decode", "--json", "--payload"},
		{"analyze", "--section", "all"}, {"analyze", "--section", "all", "--width", "40"}, {"analyze", "--section", "all", "--format", "json"},
		{"analyze", "--section", "all", "--format", "markdown"}, {"analyze", "--section", "all", "--format", "mediawiki"},
		{"analyze", "--section", "all", "--format", "html"},
	} {
		out, status := read(t, made, append(args, "--skip-bad-lines", "-")...)
		if status == exitFailed || len(out) < len(made)/100 {
			t.Errorf("%q: status %d, %d bytes", args, status, len(out))
		}
		if strings.Contains(out, "<script>|") && slices.Contains(args, "--format") {
			t.Errorf("%q: <script> stands raw", args)
		}
	}
	for _, section := range report.SectionNames() {
		table, _ := read(t, made, "analyze", "--section", section, "--format", "csv", "--skip-bad-lines", "-")
		wantNoFormula(t, section, table)
	}
}

// sampleRecords are the records of the sample captures.
func sampleRecords(t *testing.T) string {
	samples, err := filepath.Glob("../../captures/samples/*.pcapng")
	must(t, err)
	var records strings.Builder
	for _, name := range samples {
		sample, err := os.ReadFile(name)
		must(t, err)
		out, _ := read(t, sample, "decode", "--json", "--payload", "-")
		records.WriteString(out)
	}
	return records.String()
}

// wantNoFormula checks that CSV can be read, and no cell of it is a formula.
func wantNoFormula(t *testing.T, section, table string) {
	t.Helper()
	rows, err := csv.NewReader(strings.NewReader(table)).ReadAll()
	if err != nil || len(rows) == 0 {
		t.Fatalf("%s is no CSV: %v", section, err)
	}
	for _, cell := range slices.Concat(rows[1:]...) {
		if _, err := strconv.ParseFloat(cell, 64); err != nil && strings.IndexAny(strings.TrimSpace(cell), "=+-@") == 0 {
			t.Errorf("%s: %q is a formula", section, cell)
		}
	}
}

// madeUp are records followed by copies of them in each of which text stands in
// the place of one string, or of one key; each place is taken once in every kind
// of record, in its connection and on one of its own, where no later record takes
// it back.
func madeUp(t *testing.T, records, text string) string {
	t.Helper()
	out := bytes.NewBufferString(records)
	places := map[string]bool{}
	for line := range strings.Lines(records) {
		var rec map[string]any
		must(t, json.Unmarshal([]byte(line), &rec))
		replaceEach(rec, text, func(where ...any) {
			place := fmt.Sprint(rec["kind"], rec["verb"], where)
			if places[place] {
				return
			}
			places[place] = true
			must(t, json.NewEncoder(out).Encode(rec))
			alone := maps.Clone(rec)
			if where[0] != "conn" {
				alone["conn"] = fmt.Sprint("alone", len(places))
			}
			must(t, json.NewEncoder(out).Encode(alone))
		})
	}
	if len(places) < 300 {
		t.Fatalf("only %d places have strings", len(places))
	}
	return out.String()
}

// replaceEach replaces every string below v by text, one after the other, and
// calls f with its path while it is.
func replaceEach(v any, text string, f func(path ...any)) {
	below := func(key any) func(...any) {
		return func(path ...any) { f(append([]any{key}, path...)...) }
	}
	switch v := v.(type) {
	case map[string]any:
		for _, key := range slices.Sorted(maps.Keys(v)) {
			was := v[key]
			if _, ok := was.(string); ok {
				v[key] = text
				f(key)
			}
			v[key] = was
			replaceEach(was, text, below(key))
			delete(v, key)
			v[text] = was
			f(key, "its key")
			delete(v, text)
			v[key] = was
		}
	case []any:
		for i, was := range v {
			if _, ok := was.(string); ok {
				v[i] = text
				f(i)
			}
			v[i] = was
			replaceEach(was, text, below(i))
		}
	}
}
