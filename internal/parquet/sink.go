// Package parquet writes records as columns, for programs that read them by
// the million. A row is made from the JSON of its record, so that both say the
// same.
package parquet

import (
	"bytes"
	"encoding/json"
	"io"

	"github.com/parquet-go/parquet-go"

	"msnproxy/decode"
	"msnproxy/internal/ndjson"
)

// groupRows is how many records stand together in a file, and in memory until
// they are written: some ten MB of them.
const groupRows = 32 << 10

// Sink writes records to a Parquet file.
type Sink struct {
	line   bytes.Buffer
	json   *ndjson.Sink
	writer *parquet.GenericWriter[row]
	err    error
}

// New returns a sink that writes to w. Close ends the file, and without it the
// file cannot be read.
func New(w io.Writer) *Sink {
	s := &Sink{}
	s.json = ndjson.New(&s.line, ndjson.Options{})
	s.writer = parquet.NewGenericWriter[row](w, parquet.MaxRowsPerRowGroup(groupRows), parquet.Compression(&parquet.Zstd))
	return s
}

// Record adds a record. Once writing has failed, it returns that error.
func (s *Sink) Record(r *decode.Record) error {
	if s.err == nil {
		s.err = s.write(r)
	}
	return s.err
}

func (s *Sink) write(r *decode.Record) error {
	s.line.Reset()
	if err := s.json.Record(r); err != nil {
		return err
	}
	var out row
	if err := json.Unmarshal(s.line.Bytes(), &out); err != nil {
		return err
	}
	if err := out.flatten(); err != nil {
		return err
	}
	_, err := s.writer.Write([]row{out})
	return err
}

// Close ends the file.
func (s *Sink) Close() error {
	if err := s.writer.Close(); s.err == nil {
		s.err = err
	}
	return s.err
}
