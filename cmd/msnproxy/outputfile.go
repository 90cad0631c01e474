package main

import (
	"errors"
	"io/fs"
	"os"
	"syscall"
	"time"
)

// watchEvery is how often a growing file is looked after: often enough for who
// rotates it, and nothing beside the writes.
const watchEvery = time.Second

// outputFile is a file that grows during a run, while others may move, delete
// or empty it. It is written to by one goroutine.
type outputFile struct {
	*os.File
	name    string
	checked time.Time
	torn    bool              // the last write did not end with a line
	written int64             // bytes
	moved   func(*outputFile) // called once it is no longer what its name stands for
	cut     func(*outputFile) // called once it has less than was written, if not nil
}

// openOutput makes a file that only its owner may read; one that was there is
// emptied. What is written goes to its end, also after somebody has emptied it.
func openOutput(name string, moved func(*outputFile)) (*outputFile, error) {
	if err := refuseDash(name); err != nil {
		return nil, err
	}
	file, err := os.OpenFile(name, os.O_CREATE|os.O_TRUNC|os.O_APPEND|os.O_WRONLY, ownerOnly)
	if err != nil {
		return nil, err
	}
	f := &outputFile{File: file, name: name, checked: time.Now(), moved: moved}
	info, err := file.Stat()
	if err == nil && info.Mode().IsRegular() {
		err = file.Chmod(ownerOnly) // the file may have been there
	} else {
		f.moved = nil // a terminal, a pipe
	}
	return f, err
}

const ownerOnly = 0o600

// refuseDash refuses what would be the name of a file, and was hardly meant as one.
func refuseDash(name string) error {
	if name == "-" {
		return flagError("- does not stand for standard output here; name a file (./- if that is to be its name)")
	}
	return nil
}

// Write writes at the end of the file, and looks after the file first.
func (f *outputFile) Write(p []byte) (int, error) {
	if now := time.Now(); f.moved != nil && now.Sub(f.checked) >= watchEvery {
		f.checked = now
		f.lookAfter()
	}
	f.torn = len(p) > 0 && p[len(p)-1] != '\n'
	n, err := f.File.Write(p)
	f.written += int64(n)
	return n, err
}

// lookAfter finds out what others have done to the file.
func (f *outputFile) lookAfter() {
	if f.cut != nil && f.isCut() {
		f.cut(f)
	}
	if !f.isInPlace() {
		f.moved(f)
	}
}

// isCut tells whether some of what was written is gone.
func (f *outputFile) isCut() bool {
	info, err := f.Stat()
	return err == nil && info.Size() < f.written
}

// isInPlace tells whether the file is still what its name stands for.
func (f *outputFile) isInPlace() bool {
	named, err := os.Stat(f.name)
	if err != nil {
		return !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, syscall.ENOTDIR) // a folder that has gone, and perhaps is a file
	}
	open, err := f.Stat()
	return err != nil || os.SameFile(named, open)
}

// reopen goes on in a new file of the name, or in one that whoever moved the
// old one has made.
func (f *outputFile) reopen() error {
	file, err := os.OpenFile(f.name, os.O_CREATE|os.O_APPEND|os.O_WRONLY, ownerOnly)
	if err != nil {
		return err
	}
	f.File.Close() // what was written there is written
	f.File = file
	return nil
}

// recordsMoved has records go on in a new file: whoever moves the file has
// whole records in each.
func (run *liveRun) recordsMoved(f *outputFile) {
	if f.torn { // records come in batches, of which one may take several writes
		f.checked = time.Time{}
		return
	}
	if err := f.reopen(); err != nil {
		f.moved = nil
		run.log.Error().Err(err).Str("file", f.name).Msg("the file was moved or deleted, and a new one cannot be made; the records go on in the old one")
		return
	}
	run.log.Info().Str("file", f.name).Msg("the file was moved or deleted; the records go on in a new one")
}

// captureMoved says that a capture goes on where it is: the beginning of a new
// file would not have the beginnings of its connections.
func (run *liveRun) captureMoved(f *outputFile) {
	f.moved = nil
	run.log.Warn().Str("file", f.name).Msg("the capture was moved, and goes on where it is now, or deleted, and is lost")
}

// captureCut says that a capture is damaged: it is read from its beginning, which is
// written once.
func (run *liveRun) captureCut(f *outputFile) {
	f.cut = nil
	run.log.Error().Str("file", f.name).Msg("the capture was emptied or cut short; what is in it from now on can hardly be read")
}
