// Package journal takes the records of a run, masks the secrets in them and
// hands them to the run's sinks. The live proxy and the capture reader meet
// here: whatever brought a record, it goes the same way to every output.
package journal

import (
	"errors"

	"msnproxy/decode"
)

// Sink is an output of a run: a transcript, a file of records, a report.
type Sink interface {
	// Record takes a record, which is valid only during the call.
	Record(*decode.Record) error
	// Close ends the output. It does not close what lies below the sink.
	Close() error
}

// Journal fans records out to sinks. It is not safe for concurrent use.
type Journal struct {
	masker *decode.Masker // nil shows secrets
	sinks  []Sink
	failed []error // by sink
}

// New returns a journal for the sinks, which it closes in turn. With
// showSecrets, records go out as they are.
func New(showSecrets bool, sinks ...Sink) *Journal {
	j := &Journal{sinks: sinks, failed: make([]error, len(sinks))}
	if !showSecrets {
		j.masker = decode.NewMasker()
	}
	return j
}

// Emit hands a record to every sink. A sink that has failed gets no more
// records; Failed and Close tell why.
func (j *Journal) Emit(r *decode.Record) {
	mask(j.masker, r)
	for i, s := range j.sinks {
		if j.failed[i] == nil {
			j.failed[i] = s.Record(r)
		}
	}
}

// mask takes the secrets out of a record; a nil masker leaves them in.
func mask(m *decode.Masker, r *decode.Record) {
	if m != nil {
		m.Mask(r)
		r.Raw = nil
	}
}

// Failed returns the first error of a sink, so that a reader of captures can
// stop early when nobody listens any more.
func (j *Journal) Failed() error {
	for _, err := range j.failed {
		if err != nil {
			return err
		}
	}
	return nil
}

// Close closes every sink and returns all that went wrong.
func (j *Journal) Close() error {
	errs := j.failed
	for _, s := range j.sinks {
		errs = append(errs, s.Close())
	}
	return errors.Join(errs...)
}
