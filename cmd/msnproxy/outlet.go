package main

import (
	"msnproxy/decode"
	"msnproxy/internal/journal"
)

// outlet is where the records of a run go: to the journal in a goroutine of its
// own, some of them at a time, or, from when on something is read that is still
// growing, to the journal at once.
type outlet struct {
	journal *journal.Journal
	aside   *journal.Aside // nil when records go out at once
	stop    func()         // the reading: nobody listens any more
	done    func(...*decode.Record)
}

// newOutlet returns an outlet. Stop ends the reading when nobody listens any
// more; done takes records back, if it is not nil.
func newOutlet(j *journal.Journal, stop func()) *outlet {
	o := &outlet{journal: j, stop: stop}
	o.aside = journal.NewAside(j, func(used ...*decode.Record) { o.done(used...) })
	return o
}

// emit takes a record over.
func (o *outlet) emit(r *decode.Record) {
	if o.aside != nil {
		o.aside.Emit(r)
	} else {
		o.journal.Emit(r)
		o.done(r)
	}
	if o.failed() {
		o.stop()
	}
}

func (o *outlet) failed() bool {
	if o.aside != nil {
		return o.aside.Failed()
	}
	return o.journal.Failed() != nil
}

// atOnce has all records written that came so far, and those to come without
// delay. The journal may be closed then.
func (o *outlet) atOnce() {
	if o.aside != nil {
		o.aside.Close()
		o.aside = nil
	}
}
