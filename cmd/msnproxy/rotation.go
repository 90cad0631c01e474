package main

import (
	"cmp"
	"context"
	"errors"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"time"

	"msnproxy/captures"
)

// rotationPause is how often a folder is looked at for the file that a capture
// goes on in.
const rotationPause = time.Second

// rotation is the files of a folder that a capture is written to one after the
// other (tcpdump -C, -G, -W). A name may be used again, for another capture.
type rotation struct {
	folder string
	read   []fs.FileInfo // of the files that were read, as they were then
	atHand fs.FileInfo   // of the one that is being read
	behind []string      // the files that come next, the oldest first
	looked time.Time
}

// rotated reads what is in a folder, as one run, and follows its newest file,
// and those that come after it. When the context ends, it reads what is there.
func (r *reading) rotated(ctx context.Context, folder string) error {
	set := &rotation{folder: folder}
	set.look()
	var older []captures.Input
	for len(set.behind) > 1 {
		older = append(older, fileInput(set.take()))
	}
	errs := []error{r.decoder.Files(ctx, older)}
	for set.await(ctx) {
		errs = append(errs, r.growing(ctx, set.take(), set.goesOn))
	}
	return errors.Join(errs...)
}

// await waits until there is a file to go on with, or for the end.
func (s *rotation) await(ctx context.Context) bool {
	for !s.goesOn() {
		select {
		case <-ctx.Done():
			s.look()
			return len(s.behind) > 0
		case <-time.After(followPause):
		}
	}
	return true
}

// goesOn tells whether there is a file behind the one at hand, which is at its
// end then: a file is ended before the next one is begun.
func (s *rotation) goesOn() bool {
	if len(s.behind) == 0 && time.Since(s.looked) >= rotationPause {
		s.look()
	}
	return len(s.behind) > 0
}

// take takes the next file to be read. The one before has been.
func (s *rotation) take() (name string) {
	name, s.behind = s.behind[0], s.behind[1:]
	if s.atHand != nil {
		s.read = slices.DeleteFunc(s.read, func(old fs.FileInfo) bool { return os.SameFile(old, s.atHand) })
		s.read = append(s.read, s.atHand)
	}
	s.atHand, _ = os.Stat(name) // nil if it has gone, which opening it tells
	return name
}

// look looks for captures that have not been read.
func (s *rotation) look() {
	s.looked = time.Now()
	entries, _ := os.ReadDir(s.folder) // one that has gone has no new files
	changed := map[string]time.Time{}
	for _, entry := range entries {
		name := filepath.Join(s.folder, entry.Name())
		info, err := entry.Info()
		if err == nil && info.Mode().IsRegular() && !s.knows(info) && isPlainCapture(name) {
			changed[name] = info.ModTime()
		}
	}
	s.behind = slices.SortedFunc(maps.Keys(changed), func(a, b string) int {
		return cmp.Or(changed[a].Compare(changed[b]), cmp.Compare(a, b))
	})
}

// knows tells whether a file has been read, or is at hand: it may have another
// name by now. If it was written to since it was read, it is another capture.
func (s *rotation) knows(info fs.FileInfo) bool {
	if s.atHand != nil && os.SameFile(s.atHand, info) {
		s.atHand = info // as it is by now
		return true
	}
	return slices.ContainsFunc(s.read, func(old fs.FileInfo) bool {
		return os.SameFile(old, info) && !info.ModTime().After(old.ModTime())
	})
}

// isPlainCapture tells whether a file is a capture as a program writes it. One
// that is compressed was made of another one, which has been read.
func isPlainCapture(name string) bool {
	file, err := os.Open(name)
	if err != nil {
		return false
	}
	defer file.Close()
	var start [4]byte
	_, _ = file.Read(start[:])
	if _, err := file.Seek(0, 0); err != nil || captures.IsCompressed(start[:]) {
		return false
	}
	return captures.IsCapture(file)
}
