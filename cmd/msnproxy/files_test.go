package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestAFolderThatMayNotBeReadHidesNothingElse has one in front of a capture.
func TestAFolderThatMayNotBeReadHidesNothingElse(t *testing.T) {
	if os.Geteuid() == 0 {
		t.Skip("root may read every folder")
	}
	folder := t.TempDir()
	locked, capture := filepath.Join(folder, "a"), filepath.Join(folder, "b")
	must(t, os.Mkdir(locked, 0))
	must(t, os.WriteFile(capture, []byte("\n\r\r\n"), ownerOnly)) // a pcapng file begins so
	in := inputsOf([]string{folder})
	if in.err == nil || !strings.Contains(in.err.Error(), locked) {
		t.Errorf("of the folder was told %v", in.err)
	}
	if names := in.files(); len(names) != 1 || names[0] != capture {
		t.Errorf("to be read are %v", names)
	}
}
