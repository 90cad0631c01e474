package main

import (
	"cmp"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"

	"msnproxy/internal/display"
)

// maxNamed is how many of the files that are left out are named.
const maxNamed = 5

// tellSkipped says which files of folders are left out, first those that are
// named as if there were a capture in them.
func (in *inputs) tellSkipped(w io.Writer) {
	if len(in.skipped) == 0 {
		return
	}
	names := slices.Clone(in.skipped)
	slices.SortStableFunc(names, func(a, b string) int { return cmp.Compare(promise(b), promise(a)) })
	more := ""
	if len(names) > maxNamed {
		more = fmt.Sprintf(" and %d more", len(names)-maxNamed)
		names = names[:maxNamed]
	}
	fmt.Fprintf(w, "msnproxy: files left out because they are no captures or records: %d (%s%s)\n", len(in.skipped), display.Harmless(strings.Join(names, ", ")), more)
}

// captureNames are ends of the names of captures, and of what captures are often
// packed in.
var captureNames = []string{".pcap", ".pcapng", ".cap", ".dmp", ".snoop", ".gz", ".zst", ".bz2", ".xz", ".lz4", ".zip", ".7z", ".rar", ".tar", ".tgz"}

// promise is 1 for a file that is named like a capture, else 0.
func promise(name string) int {
	if slices.Contains(captureNames, strings.ToLower(filepath.Ext(name))) {
		return 1
	}
	return 0
}
