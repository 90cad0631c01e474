package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"testing"

	"msnproxy/captures"
	"msnproxy/decode"
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

// TestConnectionsOfRecordsAreRememberedUpToALimit and the next run is told from
// the last one all the same.
func TestConnectionsOfRecordsAreRememberedUpToALimit(t *testing.T) {
	var conns []string
	r := &recordReader{emit: func(rec *decode.Record) { conns = append(conns, rec.Conn) }}
	r.begin()
	sum := &captures.Summary{}
	for range 2 {
		for n := range maxOpened + 2 {
			r.take(sum, &decode.Record{Kind: decode.KindOpen, Conn: fmt.Sprint("c", n+1)})
		}
	}
	if len(r.opened) != maxOpened || r.runs != 2 || conns[maxOpened+2] != "r2.c1" || conns[len(conns)-1] != fmt.Sprint("r2.c", maxOpened+2) {
		t.Errorf("%d are remembered, in %d runs; the second begins with %s", len(r.opened), r.runs, conns[maxOpened+2])
	}
}

// TestAFileOfSecretsIsBounded stands at the edge of its size.
func TestAFileOfSecretsIsBounded(t *testing.T) {
	name := filepath.Join(t.TempDir(), "keys")
	for size, ok := range map[int]bool{maxSecretFile: true, maxSecretFile + 1: false} {
		must(t, os.WriteFile(name, bytes.Repeat([]byte("\n"), size), ownerOnly))
		if _, err := readSecret(name, decode.ParseKeys); (err == nil) != ok {
			t.Errorf("a file of %d bytes: %v", size, err)
		}
	}
}
