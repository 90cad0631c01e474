package report

import (
	"cmp"
	"slices"

	"msnproxy/decode"
)

// commands is the section that counts verbs.
type commands struct{ byVerb map[verbWay]*commandCount }

// verbWay is a verb in a direction.
type verbWay struct {
	verb string
	dir  decode.Direction
}

type commandCount struct {
	verbWay
	count, bytes, payloadBytes int64
	meaning                    string
}

func newCommands() *commands { return &commands{map[verbWay]*commandCount{}} }

func (c *commands) record(r *decode.Record) {
	if r.Kind != decode.KindCommand {
		return
	}
	key := verbWay{r.Verb, r.Dir}
	n := c.byVerb[key]
	if n == nil {
		n = &commandCount{verbWay: key}
		c.byVerb[key] = n
	}
	n.count++
	n.bytes += r.Bytes
	n.payloadBytes += r.PayloadBytes
	if n.meaning == "" {
		n.meaning = meaning(r)
	}
}

// meaning says what a command is for: of an error reply, what its number
// means.
func meaning(r *decode.Record) string {
	if n := r.Note(decode.NoteError); n != nil {
		return n.Meaning
	}
	return decode.Summary(r.Verb, r.Dir)
}

func (c *commands) section() Section {
	s := Section{Name: "commands", About: "each verb and direction", Columns: []Column{
		{Key: "verb", Lead: true},
		{Key: "dir"},
		{Key: "count", Right: true},
		{Key: "bytes", Right: true},
		{Key: "payload_bytes", Right: true},
		{Key: "meaning", Flex: 1},
	}}
	for _, n := range c.sorted() {
		s.Rows = append(s.Rows, []Cell{
			Text(n.verb), Text(n.dir.String()), Number(n.count), Number(n.bytes), Number(n.payloadBytes), Text(n.meaning),
		})
	}
	return s
}

func (c *commands) sorted() []*commandCount {
	var all []*commandCount
	for _, n := range c.byVerb {
		all = append(all, n)
	}
	slices.SortFunc(all, func(a, b *commandCount) int {
		return cmp.Or(cmp.Compare(a.dir, b.dir), cmp.Compare(a.verb, b.verb))
	})
	return all
}
