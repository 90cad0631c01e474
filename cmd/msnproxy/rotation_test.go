package main

import (
	"bytes"
	"compress/gzip"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"
)

// rotatedFolder is a folder of captures in the making.
type rotatedFolder struct {
	*testing.T
	rotation
}

// write writes a file as of a minute, or writes over it.
func (f *rotatedFolder) write(name, content string, minute int) {
	f.Helper()
	path, at := filepath.Join(f.folder, name), time.Date(2005, 1, 1, 0, minute, 0, 0, time.UTC)
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		f.Fatal(err)
	}
	if err := os.Chtimes(path, at, at); err != nil {
		f.Fatal(err)
	}
}

// wantBehind looks, and wants to find these files.
func (f *rotatedFolder) wantBehind(situation string, want ...string) {
	f.Helper()
	f.look()
	var got []string
	for _, name := range f.behind {
		got = append(got, filepath.Base(name))
	}
	if !slices.Equal(got, want) {
		f.Errorf("%s: %q come next, want %q", situation, got, want)
	}
}

func TestRotatedFiles(t *testing.T) {
	var packed bytes.Buffer
	z := gzip.NewWriter(&packed)
	_, err := z.Write([]byte(emptyPcap))
	if err != nil || z.Close() != nil {
		t.Fatal(err)
	}
	f := &rotatedFolder{t, rotation{folder: t.TempDir()}}
	f.write("z", emptyPcap, 1)
	f.write("a", emptyPcap, 2)
	f.write("notes", "no capture", 3)
	f.write("new", "", 4)
	f.wantBehind("at first", "z", "a")
	f.take()
	f.take()
	f.write("a", emptyPcap+"it grows", 5)
	f.wantBehind("the file at hand grows")
	f.write("z.gz", packed.String(), 6)
	f.wantBehind("an earlier one was compressed")
	f.write("new", emptyPcap, 7)
	f.wantBehind("another one has its header", "new")
	f.take()
	if err := os.Rename(filepath.Join(f.folder, "a"), filepath.Join(f.folder, "a.1")); err != nil {
		t.Fatal(err)
	}
	f.wantBehind("one that was read has another name")
	f.write("z", emptyPcap, 8)
	f.write("a", emptyPcap, 9)
	f.wantBehind("names are used again", "z", "a")
}

// emptyPcap is a capture without packets.
const emptyPcap = "\xd4\xc3\xb2\xa1\x02\x00\x04\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x04\x00\x01\x00\x00\x00"
