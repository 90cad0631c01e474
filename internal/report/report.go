// Package report collects records into the sections of a report and writes
// them as tables or as JSON.
//
//	records ──► collectors ──► []Section ──► tables, JSON, …
//
// A section is collected in a file of its own (connections.go, messages.go)
// and knows no format; a format (table.go, json.go) knows no section.
//
// Memory follows the connections, the verbs and the rows that are kept, not
// the number of records.
package report

import "msnproxy/decode"

// Report is a sink for records that ends in a report.
type Report struct {
	captures   *captures
	collectors []collector // in the order of the report
}

// collector makes one section.
type collector interface {
	// record takes a record, which is valid only during the call.
	record(*decode.Record)
	section() Section
}

// Options choose what of a report is written, and how.
type Options struct {
	Width    int      // of tables, in columns; 0 is 80
	Sections []string // by name; none is all
}

// New returns an empty report.
func New() *Report {
	files := &captures{}
	return &Report{captures: files, collectors: []collector{
		files, newConnections(), newCommands(), newChallenges(), newMessages(), &errorReplies{}, &issues{},
	}}
}

// Record takes a record. It never fails.
func (r *Report) Record(rec *decode.Record) error {
	for _, c := range r.collectors {
		c.record(rec)
	}
	return nil
}

// Close does nothing: a report is written when it is asked for.
func (r *Report) Close() error { return nil }

// AddCapture adds a file to the section of captures.
func (r *Report) AddCapture(row CaptureRow) { r.captures.rows = append(r.captures.rows, row) }
