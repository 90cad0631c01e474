package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"msnproxy/captures"
)

// inputs is what the names on a command line stand for.
type inputs struct {
	names    []string
	err      error // what is wrong with some of them
	captures []captures.Input
	records  []string
	live     []string // pipes, and "-" for standard input
	folders  int      // that were named
	bare     bool     // one of them holds nothing to be read yet
	size     int64    // of the captures, in bytes
	skipped  []string // files in folders that are none of ours
}

// inputsOf looks at what names stand for. A name that stands for nothing does
// not keep the others from being used.
func inputsOf(names []string) (in inputs) {
	var errs []error
	for _, name := range names {
		errs = append(errs, in.add(name))
	}
	in.names, in.err = names, errors.Join(errs...)
	return in
}

// several tells whether there are several captures in the run.
func (in *inputs) several() bool { return len(in.captures)+len(in.live) > 1 }

// captureRuns is how many runs there are beside those of records: captures are
// one together, and number their connections as each of the others does. What
// is live may be a capture, unless it is all that there is.
func (in *inputs) captureRuns() int {
	if len(in.captures) > 0 || len(in.live) > 0 && len(in.live)+len(in.records) > 1 {
		return 1
	}
	return 0
}

// tellMixed warns of what a run may have written in two ways: nothing in records
// says of which capture they are.
func (in *inputs) tellMixed(w io.Writer) {
	if len(in.captures) > 0 && len(in.records) > 0 {
		fmt.Fprintln(w, "msnproxy: captures and records are read together; what is in both is told twice")
	}
}

// empty tells whether there is nothing to read.
func (in *inputs) empty() bool { return len(in.captures)+len(in.records)+len(in.live) == 0 }

func (in *inputs) add(name string) error {
	if name == "-" {
		in.live = append(in.live, name)
		return nil
	}
	info, err := os.Stat(name)
	switch {
	case err != nil:
		return nameless(err)
	case info.IsDir():
		return in.addFolder(name)
	case !info.Mode().IsRegular():
		in.live = append(in.live, name)
	case isRecords(name):
		in.records = append(in.records, name)
	default:
		in.addFile(name, info.Size())
	}
	return nil
}

// nameless says "open" where the system says "stat": nobody asked for that.
func nameless(err error) error {
	var path *fs.PathError
	if errors.As(err, &path) {
		return &fs.PathError{Op: "open", Path: path.Path, Err: path.Err}
	}
	return err
}

func (in *inputs) addFile(name string, size int64) {
	in.size += size
	in.captures = append(in.captures, fileInput(name))
}

// fileInput is a file as an input.
func fileInput(name string) captures.Input {
	return captures.Input{Name: name, Open: func() (io.ReadCloser, error) { return os.Open(name) }}
}

// addFolder adds the captures and records in a folder and the folders in it,
// which are told by their content. Other files are left out. What cannot be
// looked into does not keep the rest from being used.
func (in *inputs) addFolder(folder string) error {
	in.folders++
	before := len(in.captures) + len(in.records)
	var errs []error
	var links []string
	root := filepath.Clean(folder) + string(filepath.Separator) // goes into a link too
	filepath.WalkDir(root, func(name string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			errs = append(errs, err)
		case entry.Type()&fs.ModeSymlink != 0:
			links = append(links, name)
		case entry.Type().IsRegular():
			in.addFound(name)
		}
		return nil
	})
	again := in.addLinks(links)
	if len(errs) == 0 && !again && len(in.captures)+len(in.records) == before {
		in.bare = true
		errs = append(errs, fmt.Errorf("%s %w", folder, errNoCaptures))
	}
	return errors.Join(errs...)
}

// errNoCaptures is what is wrong with a folder of other things.
var errNoCaptures = errors.New("is a folder without captures or records")

// addFound adds a file of a folder, and tells whether it is one of ours.
func (in *inputs) addFound(name string) bool {
	switch {
	case isCapture(name):
		in.addFile(name, sizeOf(name))
	case isSurelyRecords(name):
		in.records = append(in.records, name)
	default:
		in.skipped = append(in.skipped, name)
		return false
	}
	return true
}

// addLinks adds the files that links in a folder lead to, each of them once, and
// tells whether one is to be read already. A link to another folder is left out:
// it might lead round in a circle.
func (in *inputs) addLinks(links []string) (again bool) {
	if len(links) == 0 {
		return false
	}
	var known []fs.FileInfo
	for _, name := range in.files() {
		if info, err := os.Stat(name); err == nil {
			known = append(known, info)
		}
	}
	for _, link := range links {
		info, err := os.Stat(link)
		switch {
		case err != nil || info.IsDir():
			in.skipped = append(in.skipped, link)
		case !info.Mode().IsRegular():
		case slices.ContainsFunc(known, func(one fs.FileInfo) bool { return os.SameFile(one, info) }):
			again = true
		case in.addFound(link):
			known = append(known, info)
		}
	}
	return again
}

// files are the names of the files that are to be read.
func (in *inputs) files() (names []string) {
	for _, capture := range in.captures {
		names = append(names, capture.Name)
	}
	return append(names, in.records...)
}

// sizeOf is how large a file is, or zero if that cannot be told.
func sizeOf(name string) int64 {
	info, err := os.Stat(name)
	if err != nil {
		return 0
	}
	return info.Size()
}

// isCapture tells whether a file is a capture. One that cannot be opened is
// taken for one, so that its error is told.
func isCapture(name string) bool {
	file, err := os.Open(name)
	if err != nil {
		return true
	}
	defer file.Close()
	return captures.IsCapture(file)
}

// sameOutput tells whether two names stand for one file, which two outputs would
// spoil for each other. "" stands for none.
func sameOutput(a, b string) bool {
	if a == "" || b == "" {
		return false
	}
	first, err1 := filepath.Abs(a)
	second, err2 := filepath.Abs(b)
	if err1 == nil && err2 == nil && first == second {
		return true
	}
	one, err1 := os.Stat(a)
	other, err2 := os.Stat(b)
	return err1 == nil && err2 == nil && one.Mode().IsRegular() && os.SameFile(one, other)
}

// sparesInput refuses to write over a file that is to be read, be it in a
// folder, and over what could be: of -o *.pcap, the shell makes the first capture
// the output.
func sparesInput(flag, output string, in inputs) error {
	out, err := os.Stat(output)
	if err != nil || !out.Mode().IsRegular() {
		return nil // no such file yet, or none that keeps what it holds
	}
	for _, name := range in.files() {
		if info, err := os.Stat(name); err == nil && os.SameFile(info, out) {
			return flagError("%s is to be read; %s must name another file", name, flag)
		}
	}
	if isCapture(output) || isSurelyRecords(output) {
		return flagError("%s holds a capture or records; %s must name another file, or it is to be deleted first", output, flag)
	}
	return nil
}
