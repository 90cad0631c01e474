package main

import (
	"bytes"
	"encoding/json"
	"io"
	"path/filepath"
	"testing"
)

// output runs a command line and returns what it prints.
func output(t *testing.T, args ...string) []byte {
	t.Helper()
	var out, warnings bytes.Buffer
	if status := run(args, stdio{in: &bytes.Buffer{}, out: &out, err: &warnings}); status != exitDone {
		t.Fatalf("msnproxy %v: status %d, %s", args, status, warnings.String())
	}
	return out.Bytes()
}

// TestRecordsGiveTheReportOfTheirCapture holds for the samples, and for the
// captures of real clients where they are there; those are no part of the
// project.
func TestRecordsGiveTheReportOfTheirCapture(t *testing.T) {
	files, err := filepath.Glob("../../captures/samples/*.pcapng")
	if err != nil || len(files) == 0 {
		t.Fatalf("no samples: %v", err)
	}
	real, _ := filepath.Glob("../../../shared/captures/*.pcap")
	if len(real) == 0 {
		t.Log("the captures of real clients are not here")
	}
	for _, file := range append(files, real...) {
		t.Run(filepath.Base(file), func(t *testing.T) {
			records := filepath.Join(t.TempDir(), "records")
			if err := writeFile(records, func(w io.Writer) error {
				_, err := w.Write(output(t, "decode", "--json", file))
				return err
			}); err != nil {
				t.Fatal(err)
			}
			want, got := sectionsOf(t, file), sectionsOf(t, records)
			for section, rows := range want {
				if section != "captures" && !bytes.Equal(rows, got[section]) {
					t.Errorf("%s of the records:\n%s\nof the capture:\n%s", section, got[section], rows)
				}
			}
		})
	}
}

func sectionsOf(t *testing.T, file string) map[string]json.RawMessage {
	t.Helper()
	var sections map[string]json.RawMessage
	if err := json.Unmarshal(output(t, "analyze", "--format", "json", file), &sections); err != nil {
		t.Fatal(err)
	}
	if len(sections) < 12 {
		t.Fatalf("%d sections", len(sections))
	}
	return sections
}
