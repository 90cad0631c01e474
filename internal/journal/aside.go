package journal

import (
	"sync/atomic"

	"msnproxy/decode"
)

const (
	// asideRecords and asideBytes bound what is handed over at a time: enough
	// that handing over costs nothing beside the records, and little enough that
	// those in use stay in a processor's cache.
	asideRecords = 64
	asideBytes   = 64 << 10
	// asideBatches are in use: one is filled, one is written, and the others wait
	// in between, so that neither side stands still for the other's pauses.
	asideBatches = 16
)

// Aside hands the records of a run to a journal in a goroutine of its own, so
// that reading and writing have a processor each. Records come out as they went
// in, later. Emit waits where the outputs are slower than the reading.
type Aside struct {
	journal *Journal
	done    func(...*decode.Record)
	filling []*decode.Record
	size    int64 // what is in it holds
	full    chan []*decode.Record
	empty   chan []*decode.Record // but for records that are done with
	failed  atomic.Bool
	ended   chan struct{}
}

// NewAside returns an Aside, which must be closed. Until then, the journal is
// used by nobody else. Done is called with records that are done with, by Emit.
func NewAside(j *Journal, done func(...*decode.Record)) *Aside {
	a := &Aside{
		journal: j, done: done,
		full: make(chan []*decode.Record, asideBatches-2), empty: make(chan []*decode.Record, asideBatches), ended: make(chan struct{}),
	}
	for range asideBatches - 1 {
		a.empty <- nil
	}
	go a.write()
	return a
}

// Emit takes a record over.
func (a *Aside) Emit(r *decode.Record) {
	a.filling = append(a.filling, r)
	a.size += r.Held()
	if len(a.filling) >= asideRecords || a.size >= asideBytes {
		a.hand()
	}
}

func (a *Aside) hand() {
	a.full <- a.filling
	used := <-a.empty
	a.done(used...)
	a.filling, a.size = used[:0], 0
}

func (a *Aside) write() {
	defer close(a.ended)
	for batch := range a.full {
		for _, r := range batch {
			a.journal.Emit(r)
		}
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
	<-a.ended
}
