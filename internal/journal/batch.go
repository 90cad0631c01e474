package journal

import "msnproxy/decode"

const (
	// batchRecords and batchBytes bound what one batch holds: it is used again
	// only once every output is done with all of it.
	batchRecords = 256
	batchBytes   = 128 << 10
	// spareBatches is how many are kept to be used again: as many as hold what
	// an output may be behind, one that is filled and one that is read. A run
	// whose outputs keep up never has more than a few.
	spareBatches = queueLength/batchRecords + 2
)

// batch is copies of records, which the outputs of a live run share. It is
// written until an output takes some of it, or it is full, and only read then.
type batch struct {
	decode.Copies
	users int // queues that have some of it, or are at it
}

// batches are those of a run. Live.mu guards them.
type batches struct {
	filling *batch // nil if the next record begins one
	spare   []*batch
}

// add copies a record and returns where the copy is.
func (b *batches) add(r *decode.Record) (to *batch, at int) {
	if b.filling == nil {
		b.filling = b.next()
	}
	to = b.filling
	to.Add(r)
	if to.Len() >= batchRecords || to.Size() >= batchBytes {
		b.filling = nil
	}
	return to, to.Len() - 1
}

func (b *batches) next() *batch {
	n := len(b.spare)
	if n == 0 {
		return &batch{}
	}
	next := b.spare[n-1]
	b.spare = b.spare[:n-1]
	return next
}

// taken tells that an output is about to read a batch.
func (b *batches) taken(by *batch) {
	if by == b.filling {
		b.filling = nil
	}
}

// done tells that an output is done with what it had of a batch.
func (b *batches) done(with *batch) {
	with.users--
	if with.users > 0 || len(b.spare) == spareBatches {
		return
	}
	with.Reset()
	b.spare = append(b.spare, with)
}
