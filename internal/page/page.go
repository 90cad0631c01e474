package page

import (
	"bytes"
	"fmt"
	"io"
	"iter"
	"slices"
	"strings"
	"time"

	"msnproxy/decode"
	"msnproxy/internal/display"
	"msnproxy/internal/story"
)

// Page is what a page shows: tables, and beside those of them that a picture
// or a dialogue tells better, that.
type Page struct {
	Files   []string // that were read; none live
	Tables  []Table
	Story   *story.Story // nil where no table is of it
	Records *Records     // nil leaves out the diagrams and the list of records
}

// Table is a table of the report.
type Table struct {
	Name    string // of the section
	About   string // what its rows are
	Columns []Column
	Len     int
	Rows    iter.Seq[[]Cell] // Len of them
	More    int64            // rows that were not kept
	Wrong   int64            // rows that tell of a client's mistake
}

// Column is a column of a table.
type Column struct {
	Title string
	Right bool // aligned to the right, as numbers are
}

// Cell is a value in a table: a text as it came, or a time.
type Cell struct {
	Text string
	Time time.Time  // if it is one
	Ref  decode.Ref // the record that it tells of, if there is one
}

// has tells whether the page has one of the tables.
func (p *Page) has(names ...string) bool { return p.table(names...) != nil }

// illustrated are the tables that have a picture or a dialogue beside them, and
// stand before the others.
var illustrated = []string{"sessions", "conversations"}

func (p *Page) pictured() (out []*Table) {
	for _, name := range illustrated {
		if t := p.table(name); t != nil {
			out = append(out, t)
		}
	}
	return out
}

// plain are the other tables.
func (p *Page) plain() (out []*Table) {
	for i := range p.Tables {
		if !slices.Contains(illustrated, p.Tables[i].Name) {
			out = append(out, &p.Tables[i])
		}
	}
	return out
}

// table returns the first table that has one of the names, or nil.
func (p *Page) table(names ...string) *Table {
	for i := range p.Tables {
		if slices.Contains(names, p.Tables[i].Name) {
			return &p.Tables[i]
		}
	}
	return nil
}

// Write writes the page.
func (p *Page) Write(w io.Writer) error {
	page := &writer{Page: p, out: &counter{w: w}}
	if p.Records != nil {
		page.numbers = p.Records.numbers()
	}
	page.plan()
	return page.write()
}

// writer writes one page.
type writer struct {
	*Page
	out *counter

	numbers  map[decode.Ref]int // of all kept records, from 1
	diagrams []diagram
	chats    []chat
	chatMore int64 // messages that are in no chat
	static   staticList
}

// plan works out what is shown, so that each part knows what it can link to.
func (w *writer) plan() {
	if w.Story == nil {
		return
	}
	if w.Records != nil && w.has("sessions") {
		w.diagrams = w.draw()
	}
	if w.has("conversations", "messages") {
		w.chats, w.chatMore = w.tellChats()
	}
}

func (w *writer) write() error {
	if w.Records != nil {
		if err := w.layStatic(); err != nil {
			return err
		}
	}
	steps := []func() error{w.top, w.summary, w.timeline, w.sessions, w.conversations, w.tables, w.records, func() error { return w.put("end", nil) }}
	for _, step := range steps {
		if err := step(); err != nil {
			return err
		}
	}
	return w.out.err
}

// put writes a part of the page.
func (w *writer) put(name string, data any) error {
	return templates.ExecuteTemplate(w.out, name, data)
}

// putWithin writes parts until they take so many bytes, and returns how many
// were written. One of them more than fits is written whole.
func putWithin[T any](w *writer, name string, list iter.Seq[T], most int) (n int, err error) {
	start := w.out.n
	for one := range list {
		if w.out.n-start >= most {
			return n, nil
		}
		if err := w.put(name, one); err != nil {
			return n, err
		}
		n++
	}
	return n, nil
}

func (w *writer) top() error {
	return w.put("top", map[string]any{
		"Policy": policy, "Style": style, "Title": w.title(), "Contents": w.contents(),
	})
}

// title names the page after what it was made from.
func (w *writer) title() string {
	const maxNamed = 3
	return some(w.Files, maxNamed)
}

// some names the first of a list, harmless, and counts the rest.
func some(list []string, most int) string {
	text := display.Harmless(strings.Join(list[:min(len(list), most)], ", "))
	if more := len(list) - most; more > 0 {
		text += fmt.Sprintf(" and %d more", more)
	}
	return text
}

// link is a link within the page.
type link struct{ Target, Text string }

// contents lists the parts of the page, in their order.
func (w *writer) contents() []link {
	list := []link{{"summary", "Summary"}}
	if w.hasTimeline() {
		list = append(list, link{"timeline", "Timeline"})
	}
	for _, t := range slices.Concat(w.pictured(), w.plain()) {
		if t.Len > 0 {
			list = append(list, link{"t-" + t.Name, sentence(t.Name)})
		}
	}
	if w.Records != nil {
		list = append(list, link{"records", "Records"})
	}
	return list
}

// sentence begins a text with a capital.
func sentence(s string) string {
	if s == "" {
		return s
	}
	return strings.ToUpper(s[:1]) + s[1:]
}

// render renders a part to bytes.
func render(name string, data any) ([]byte, error) {
	var out bytes.Buffer
	err := templates.ExecuteTemplate(&out, name, data)
	return out.Bytes(), err
}
