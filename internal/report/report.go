// Package report collects records into the sections of a report and writes
// them as tables, Markdown, CSV, JSON and more.
//
//	records ──► collectors, story ──► []Section ──► tables, CSV, JSON, …
//
// A section is made in a file of its own (commands.go, sessions.go), some from
// the records, most from the story that package story makes of them. It knows
// no format; a format (table.go, json.go) knows no section.
//
// Memory follows the connections, the contacts, the verbs and the rows that
// are kept, not the number of records.
package report

import (
	"slices"
	"sync"

	"msnproxy/decode"
	"msnproxy/internal/page"
	"msnproxy/internal/story"
)

// Report is a sink for records that ends in a report. It may be written while
// records still come.
type Report struct {
	mu         sync.Mutex
	captures   *captures
	teller     *story.Teller // nil where no section needs it
	collectors []collector   // in the order of the report
	names      []string      // of their sections
	records    *page.Records // nil where no format shows them
	brief      bool          // it keeps little more than the beginnings of its sections
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
	Sections []string // by name; none is what the format shows of itself

	// Whole tells how to see the whole of a section, of which a first look leaves
	// out some or all; nil is the flag of analyze.
	Whole func(section string) string
}

// New returns an empty report of the sections of those names, or of all. It
// collects what those need; names that no section has are left for the
// writing to complain of.
func New(sections ...string) *Report { return newReport(maxRows, sections) }

func newReport(rows int, sections []string) *Report {
	files, teller := &captures{}, story.NewTeller()
	if rows < maxRows {
		teller.Keep(rows)
	}
	r := &Report{captures: files}
	for _, c := range []collector{
		files,
		chapter{teller, sessions},
		long{chapter{teller, connections}, func(s *story.Story) int { return len(s.Connections) }},
		newCommands(),
		chapter{teller, latency},
		newChallenges(rows),
		chapter{teller, referrals},
		chapter{teller, contacts},
		chapter{teller, presence},
		chapter{teller, conversations},
		chapter{teller, messages},
		&errorReplies{bounded{limit: rows}},
		&issues{bounded{limit: rows}},
	} {
		name := c.section().Name // while there is nothing in it yet
		if !isWanted(name, sections) {
			continue
		}
		r.collectors, r.names = append(r.collectors, c), append(r.names, name)
		switch c.(type) {
		case chapter, long:
			r.teller = teller
		}
	}
	return r
}

// NewFor returns an empty report that collects what a format shows of the
// sections of those names, or by itself.
func NewFor(format Format, sections ...string) *Report {
	rows, brief := maxRows, format.Brief && len(sections) == 0
	if brief {
		rows = briefRows
	}
	r := newReport(rows, sections)
	r.brief = brief
	if format.Records && isWanted(All, sections) {
		r.records = &page.Records{}
	}
	return r
}

// isWanted tells whether a section is among the names; none are all.
func isWanted(section string, names []string) bool {
	return len(names) == 0 || slices.Contains(names, section) || slices.Contains(names, All)
}

// chapter is a section that tells a part of the story.
type chapter struct {
	teller *story.Teller
	tell   func(*story.Story) Section
}

// long is a chapter of very many rows, which can be counted without being made.
type long struct {
	chapter
	rows func(*story.Story) int
}

func (l long) count() int { return l.rows(l.teller.Story()) }

// record does nothing: the report hands the teller each record once.
func (c chapter) record(*decode.Record) {}

func (c chapter) section() Section { return c.tell(c.teller.Story()) }

// Record takes a record. It never fails.
func (r *Report) Record(rec *decode.Record) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.teller != nil {
		r.teller.Record(rec)
	}
	for _, c := range r.collectors {
		c.record(rec)
	}
	if r.records != nil {
		r.records.Add(rec)
	}
	return nil
}

// Close does nothing: a report is written when it is asked for.
func (r *Report) Close() error { return nil }

// AddCapture adds a file to the section of captures.
func (r *Report) AddCapture(row CaptureRow) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.captures.rows = append(r.captures.rows, row)
}

// Story is what happened, for what tells more of it than tables can; nil if
// no section needs it.
func (r *Report) Story() *story.Story {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.teller == nil {
		return nil
	}
	return r.teller.Story()
}
