package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"msnproxy/internal/display"
	"msnproxy/internal/report"
)

// reportFile is where a report goes, and how it is written.
type reportFile struct {
	format report.Format
	opts   report.Options
	name   string // "" is standard output
}

// isFolder tells whether the report is a folder of files: several sections in
// a format that holds one, or one of them in a folder that is there.
func (f *reportFile) isFolder() bool {
	if !f.format.Single || f.name == "" {
		return false
	}
	info, err := os.Stat(f.name)
	return len(report.Chosen(f.opts.Sections)) > 1 || err == nil && info.IsDir()
}

// check refuses what cannot be written.
func (f *reportFile) check() error {
	several := len(report.Chosen(f.opts.Sections)) > 1
	if f.format.Single && several && f.name == "" {
		return flagError("%s holds one section: choose it with --section, or name a folder with -o, which gets a file for each", f.format.Name)
	}
	info, err := os.Stat(f.name)
	switch {
	case f.name == "" || err != nil:
		return nil
	case f.isFolder() && !info.IsDir():
		return flagError("%s is a file; several sections as %s need a folder", f.name, f.format.Name)
	case !f.isFolder() && info.IsDir():
		return flagError("%s is a folder; name a file", f.name)
	}
	return nil
}

// canPut tries whether the report can be written: reading may take long. Of a
// folder, that shows when it is made.
func (f *reportFile) canPut() error {
	if f.name == "" || f.isFolder() {
		return nil
	}
	return canWrite(f.name)
}

// put writes the report where it belongs. What a format has no place to tell
// goes to standard error.
func (f *reportFile) put(std stdio, r *report.Report) error {
	if f.format.Single {
		tellLeftOut(std.err, r, f.opts.Sections)
	}
	switch {
	case f.name == "":
		return f.format.Write(r, std.out, f.opts)
	case f.isFolder():
		return f.putFolder(r)
	}
	return writeFile(f.name, func(w io.Writer) error { return f.format.Write(r, w, f.opts) })
}

// putFolder writes a file for each section.
func (f *reportFile) putFolder(r *report.Report) error {
	if err := os.MkdirAll(f.name, 0o700); err != nil {
		return err
	}
	var errs []error
	for _, section := range report.Chosen(f.opts.Sections) {
		one := report.Options{Sections: []string{section}, Width: f.opts.Width}
		name := filepath.Join(f.name, section+f.format.Extensions[0])
		errs = append(errs, writeFile(name, func(w io.Writer) error { return f.format.Write(r, w, one) }))
	}
	return errors.Join(errs...)
}

// tellLeftOut warns of rows that were not kept.
func tellLeftOut(w io.Writer, r *report.Report, names []string) {
	sections, _ := r.Sections(names)
	for _, s := range sections {
		if s.More > 0 {
			fmt.Fprintf(w, "msnproxy: %s: %d more rows were not kept\n", display.Harmless(s.Name), s.More)
		}
	}
}
