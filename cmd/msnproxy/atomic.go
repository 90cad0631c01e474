package main

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// writeFile writes a file that only its owner may read, whole or not at all:
// what was there before stays until all is written. What is no regular file (a
// pipe, /dev/stdout) is written as it is.
func writeFile(name string, write func(io.Writer) error) error {
	name = behindLinks(name)
	if isOther(name) {
		return writeThrough(name, write)
	}
	temp, err := besides(name)
	if err != nil {
		return of(name, err)
	}
	err = errors.Join(write(temp), temp.Close())
	if err == nil {
		err = os.Rename(temp.Name(), name)
	}
	if err != nil {
		return errors.Join(of(name, err), os.Remove(temp.Name()))
	}
	return nil
}

// besides makes a file of mode 0600 that is to become another one.
func besides(name string) (*os.File, error) {
	return os.CreateTemp(filepath.Dir(name), "."+filepath.Base(name)+".*")
}

// of says of a file what went wrong with the one that was to become it.
func of(name string, err error) error {
	if cause, ok := errors.AsType[*fs.PathError](err); ok {
		return &fs.PathError{Op: "write", Path: name, Err: cause.Err}
	}
	return err
}

// canWrite tries whether writeFile could write a file.
func canWrite(name string) error {
	name = behindLinks(name)
	if isOther(name) {
		return nil
	}
	temp, err := besides(name)
	if err != nil {
		return of(name, err)
	}
	return errors.Join(temp.Close(), os.Remove(temp.Name()))
}

// behindLinks is the file that a link names, not the link.
func behindLinks(name string) string {
	if real, err := filepath.EvalSymlinks(name); err == nil {
		return real
	}
	return name
}

// isOther tells whether there is something of a name that is no regular file.
func isOther(name string) bool {
	info, err := os.Stat(name)
	return err == nil && !info.Mode().IsRegular()
}

func writeThrough(name string, write func(io.Writer) error) error {
	file, err := os.OpenFile(name, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	return errors.Join(write(file), file.Close())
}
