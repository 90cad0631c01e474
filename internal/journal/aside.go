package journal

import (
	"sync/atomic"

	"msnproxy/decode"
)

const (
	// asideRecords and asideBytes bound what is handed over at a time: enough
	// that handing over costs nothing beside the records, and little enough to
	// stay in a processor's cache.
	asideRecords = 256
	asideBytes   = 128 << 10
	// asideBatches are in use: one is filled, one is written, and one waits in
	// between, so that neither side stands still for the other's pauses.
	asideBatches = 3
)

// Aside hands the records of a run to a journal in a goroutine of its own, so
// that reading and writing have a processor each. Records come out as they went
// in, later. Emit waits where the outputs are slower than the reading.
type Aside struct {
	journal *Journal
	filling *decode.Copies
	full    chan *decode.Copies
	empty   chan *decode.Copies
	failed  atomic.Bool
	done    chan struct{}
}

// NewAside returns an Aside, which must be closed. Until then, the journal is
// used by nobody else.
func NewAside(j *Journal) *Aside {
	a := &Aside{
		journal: j, filling: &decode.Copies{},
		full: make(chan *decode.Copies), empty: make(chan *decode.Copies, asideBatches), done: make(chan struct{}),
	}
	for range asideBatches - 1 {
		a.empty <- &decode.Copies{}
	}
	go a.write()
	return a
}

// Emit takes a record, which need not be valid after the call.
func (a *Aside) Emit(r *decode.Record) {
	a.filling.Add(r)
	if a.filling.Len() >= asideRecords || a.filling.Size() >= asideBytes {
		a.hand()
	}
}

func (a *Aside) hand() {
	a.full <- a.filling
	a.filling = <-a.empty
}

func (a *Aside) write() {
	defer close(a.done)
	for batch := range a.full {
		batch.Each(a.journal.Emit)
		batch.Reset()
		if a.journal.Failed() != nil {
			a.failed.Store(true)
		}
		a.empty <- batch
	}
}

// Failed tells whether a sink has failed, as far as it got.
func (a *Aside) Failed() bool { return a.failed.Load() }

// Close has all records written. The journal is the caller's again.
func (a *Aside) Close() {
	a.full <- a.filling
	close(a.full)
	<-a.done
}
