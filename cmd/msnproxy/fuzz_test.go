package main

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// read runs a command line over an input, and checks what holds for every one:
// it ends with a status of its own, and what it prints does nothing to a
// terminal.
func read(t *testing.T, input []byte, args ...string) (out string, status int) {
	t.Helper()
	var stdout, stderr bytes.Buffer
	status = run(args, stdio{in: bytes.NewReader(input), out: &stdout, err: &stderr})
	if status != exitDone && status != exitFailed && status != exitStrict {
		t.Fatalf("%q: status %d: %s", args, status, stderr.String())
	}
	if (status == exitDone) != (stderr.Len() == 0) && status == exitFailed {
		t.Fatalf("%q: status %d, and says %q", args, status, stderr.String())
	}
	wantHarmless(t, strings.Join(args, " ")+" on standard error", stderr.String())
	wantLines(t, strings.Join(args, " "), stdout.String())
	return stdout.String(), status
}

// wantLines is wantHarmless for output that isolates what runs from right to
// left: it may do so by pairs within a line.
func wantLines(t *testing.T, what, text string) {
	t.Helper()
	for line := range strings.SplitSeq(text, "\n") {
		if strings.Count(line, "\u2068") != strings.Count(line, "\u2069") {
			t.Fatalf("%s: an isolate is left open in %q", what, line)
		}
	}
	wantHarmless(t, what, strings.NewReplacer("\u2068", "", "\u2069", "").Replace(text))
}

// FuzzInput reads whatever bytes somebody may name or pipe in, as every command
// that reads files would.
func FuzzInput(f *testing.F) {
	f.Setenv("GOGC", "100") // or each run would set up the collection of garbage anew
	for _, name := range []string{"msnp8.pcapng", "msnp15.pcapng"} {
		sample, err := os.ReadFile(filepath.Join("../../captures/samples", name))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(sample[:6000])
		var records bytes.Buffer
		run([]string{"decode", "--json", "-"}, stdio{in: bytes.NewReader(sample), out: &records, err: &bytes.Buffer{}})
		f.Add(records.Bytes()[:3000])
	}
	f.Add([]byte(`{"time":"2004-05-17T12:00:00Z","conn":"\u202e","seq":1,"kind":"close","reason":"\u001b[2J\u009b"}` + "\n"))
	f.Add([]byte("\x1f\x8b\x08\x00\x00\x00\x00\x00"))
	f.Add([]byte("\x28\xb5\x2f\xfd"))
	f.Add([]byte("BZh9"))
	f.Add([]byte("{\n\x1b[2J"))
	f.Fuzz(func(t *testing.T, input []byte) {
		if len(input) > 64<<10 {
			return
		}
		read(t, input, "decode", "--width", "60", "-")
		records, status := read(t, input, "decode", "--json", "--payload", "--strict", "-")
		for line := range strings.SplitSeq(strings.TrimSuffix(records, "\n"), "\n") {
			if line != "" && !json.Valid([]byte(line)) {
				t.Fatalf("no JSON: %q", line)
			}
		}
		report, _ := read(t, input, "analyze", "--section", "all", "--format", "json", "-")
		if report != "" && !json.Valid([]byte(report)) {
			t.Fatalf("no JSON: %q", report)
		}
		table, _ := read(t, input, "analyze", "--section", "messages", "--format", "csv", "-")
		if _, err := csv.NewReader(strings.NewReader(table)).ReadAll(); err != nil {
			t.Fatalf("no CSV: %v", err)
		}
		if records == "" || status == exitFailed {
			return
		}
		if again, _ := read(t, []byte(records), "decode", "--json", "--payload", "-"); again != records {
			t.Fatalf("read back, records are different:\n%s\n%s", records, again)
		}
	})
}

// FuzzChallengeCommand answers whatever challenge may be named, and checks
// whatever answer.
func FuzzChallengeCommand(f *testing.F) {
	f.Add("22210219642164014968", "PROD0119GSJUC$18", "", "", "")
	f.Add("1", "\x1b[2J", "HUSHHUSHHUSHHUSH", "msnp6", "\u202e")
	f.Fuzz(func(t *testing.T, challenge, id, key, algorithm, response string) {
		for _, format := range []string{"--explain", "--json", "--strict"} {
			var out, errs bytes.Buffer
			args := []string{"challenge", "--product-id=" + id, "--product-key=" + key, "--algorithm=" + algorithm, "--response=" + response, format, "--", challenge}
			status := run(args, stdio{in: &bytes.Buffer{}, out: &out, err: &errs})
			if status < exitDone || status > exitStrict {
				t.Fatalf("%q: status %d", args, status)
			}
			wantHarmless(t, "the answer", out.String()+errs.String())
			if secret := strings.ReplaceAll(id+challenge+response, key, ""); len(key) > 40 && !strings.Contains(id+challenge+response+secret, key) && strings.Contains(out.String()+errs.String(), key) {
				t.Fatalf("%q tells the key: %s%s", args, out.String(), errs.String())
			}
		}
	})
}
