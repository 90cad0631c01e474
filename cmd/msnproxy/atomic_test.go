package main

import (
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

func TestAFileThatCannotBeWrittenIsToldByItsName(t *testing.T) {
	dir := t.TempDir()
	full := func(io.Writer) error {
		return &os.PathError{Op: "write", Path: dir + "/.run.html.123", Err: syscall.ENOSPC}
	}
	nothing := func(io.Writer) error { return nil }
	for _, tt := range []struct {
		name  string
		write func(io.Writer) error
		want  string
	}{
		{filepath.Join(dir, "run.html"), full, "run.html: no space left on device"},
		{filepath.Join(dir, "gone", "run.html"), nothing, "gone/run.html: no such file or directory"},
	} {
		if err := writeFile(tt.name, tt.write); err == nil || !strings.HasSuffix(err.Error(), tt.want) || strings.Contains(err.Error(), "/.run") {
			t.Errorf("told %v, want %s", err, tt.want)
		}
		if left, _ := os.ReadDir(dir); len(left) != 0 {
			t.Errorf("%v is left behind", left)
		}
	}
}

func TestWhetherAFileCanBeWrittenIsKnownBefore(t *testing.T) {
	dir := t.TempDir()
	there := filepath.Join(dir, "run.md")
	if err := os.WriteFile(there, []byte("old"), ownerOnly); err != nil {
		t.Fatal(err)
	}
	if err := canWrite(there); err != nil {
		t.Error(err)
	}
	if text, err := os.ReadFile(there); string(text) != "old" {
		t.Errorf("the file has become %q, %v", text, err)
	}
	if err := canWrite("/proc/run.md"); err == nil {
		t.Error("a file that nobody can make is said to be writable")
	}
	if left, _ := os.ReadDir(dir); len(left) != 1 {
		t.Errorf("%v is there, want the old file", left)
	}
}
