package main

import (
	"bufio"
	"errors"

	"github.com/spf13/cobra"

	"msnproxy/internal/parquet"
)

// writeParquet decodes files into a Parquet file. What was decoded before a
// failure is in it, and it can be read.
func (f *decodeFlags) writeParquet(cmd *cobra.Command, std stdio, files []string) error {
	if f.json {
		return usageError(cmd, errors.New("--parquet does not go with --json: each is one form of the output"))
	}
	if err := sparesInput("--parquet", f.parquet, files); err != nil {
		return err
	}
	file, err := openOutput(f.parquet, nil)
	if err != nil {
		return err
	}
	out := bufio.NewWriter(file)
	err = readCaptures(cmd.Context(), std, f.inputFlags, files, nil, parquet.New(out))
	if failed := errors.Join(out.Flush(), file.Close()); err == nil {
		err = failed
	}
	return err
}
