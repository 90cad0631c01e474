package main

import (
	"bufio"
	"errors"
	"io"

	"github.com/spf13/cobra"

	"msnproxy/captures"
	"msnproxy/internal/parquet"
)

// writeParquet decodes files into a Parquet file. What was decoded before a
// failure is in it, and it can be read. Where nothing could be, the file that was
// there before stays.
func (f *decodeFlags) writeParquet(cmd *cobra.Command, std stdio, files []string) error {
	if f.json {
		return usageError(cmd, errors.New("--parquet does not go with --json: each is one form of the output"))
	}
	if err := refuseDash(f.parquet); err != nil {
		return err
	}
	in := inputsOf(files) // before the output is begun, beside them perhaps
	if err := sparesInput("--parquet", f.parquet, in); err != nil {
		return err
	}
	var readErr error
	err := writeFile(f.parquet, func(w io.Writer) error {
		out, read := bufio.NewWriter(w), false
		readErr = readCaptures(cmd.Context(), std, f.inputFlags, in, func(captures.Summary) { read = true }, parquet.New(out))
		if readErr != nil && !read {
			return readErr
		}
		return out.Flush()
	})
	if readErr != nil {
		return readErr
	}
	return err
}
