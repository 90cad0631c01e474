package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
	"syscall"

	"github.com/spf13/cobra"

	"msnproxy/internal/display"
)

// The exit statuses.
const (
	exitDone   = 0
	exitFailed = 1 // the work failed
	exitUsage  = 2 // the command line is wrong
	exitStrict = 3 // done, but --strict was given and something is wrong with the input
)

// exitError is an error that has an exit status of its own.
type exitError struct {
	code int
	err  error
}

func (e *exitError) Error() string { return e.err.Error() }
func (e *exitError) Unwrap() error { return e.err }

// usageError says what is wrong with a command line and where to look.
func usageError(cmd *cobra.Command, err error) error {
	return &exitError{code: exitUsage, err: fmt.Errorf("%w; see '%s --help'", err, cmd.CommandPath())}
}

// flagError says what is wrong with a setting, and what to use instead.
func flagError(format string, args ...any) error {
	return &exitError{code: exitUsage, err: fmt.Errorf(format, args...)}
}

// joined returns the errors that errors.Join has put together, each a line of
// its own; what names of files do to a line is not theirs to decide.
func joined(err error) (out []error) {
	many, ok := err.(interface{ Unwrap() []error })
	if !ok {
		return []error{err}
	}
	for _, e := range many.Unwrap() {
		out = append(out, joined(e)...)
	}
	return out
}

// unread tells whether all that is wrong is that nobody reads the output any
// more. That of another file than the standard ones is missed by somebody.
func unread(err error) bool {
	var file *fs.PathError
	if errors.As(err, &file) && file.Path != os.Stdout.Name() && file.Path != os.Stderr.Name() {
		return false
	}
	return errors.Is(err, syscall.EPIPE)
}

// exitStatus prints what went wrong and returns the status for it. That
// nobody reads the output any more is no failure.
func exitStatus(err error, stderr io.Writer) int {
	if err == nil {
		return exitDone
	}
	wrong := slices.DeleteFunc(joined(err), unread)
	if len(wrong) == 0 {
		return exitDone
	}
	for _, e := range wrong {
		fmt.Fprintln(stderr, "msnproxy:", display.Harmless(e.Error()))
	}
	var exit *exitError
	if errors.As(errors.Join(wrong...), &exit) {
		return exit.code
	}
	return exitFailed
}
