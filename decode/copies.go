package decode

// Copies keeps copies of records in memory that it uses again: for handing
// many of them on at a time without garbage. The zero value is empty.
type Copies struct {
	records []Record
	bytes   []byte
	args    []Arg
	notes   []Note
}

// Add copies a record.
func (c *Copies) Add(r *Record) {
	c.records = append(c.records, *r)
	k := &c.records[len(c.records)-1]
	k.memory = nil
	k.Raw = c.keepPart(r.Raw, nil, nil, 0)
	k.Line = c.keepPart(r.Line, r.Raw, k.Raw, 0)
	k.Payload = c.keepPart(r.Payload, r.Raw, k.Raw, len(r.Raw)-len(r.Payload))
	k.Args = c.keepArgs(r, k.Line)
	from := len(c.notes)
	c.notes = append(c.notes, r.Notes...)
	k.Notes = c.notes[from:len(c.notes):len(c.notes)]
}

// keepArgs copies arguments, whose values stand in the line as a rule.
func (c *Copies) keepArgs(r *Record, line []byte) []Arg {
	from := len(c.args)
	c.args = append(c.args, r.Args...)
	args := c.args[from:len(c.args):len(c.args)]
	for i := range args {
		args[i].Value = c.keepPart(args[i].Value, r.Line, line, args[i].Pos)
	}
	return args
}

func (c *Copies) keepPart(part, whole, copied []byte, at int) (kept []byte) {
	c.bytes, kept = keepPart(c.bytes, part, whole, copied, at)
	return kept
}

// Len is how many records there are.
func (c *Copies) Len() int { return len(c.records) }

// Size is about how many bytes they hold.
func (c *Copies) Size() int { return len(c.bytes) + argBytes*len(c.args) }

// Each hands out the records in the order in which they were added. They are
// the receiver's until Reset.
func (c *Copies) Each(f func(*Record)) {
	for i := range c.records {
		f(&c.records[i])
	}
}

// maxRoom bounds the room for bytes, and for arguments, that is kept for the next
// records. Few batches need as much: of commands that are huge, others are not made
// to be.
const maxRoom = 1 << 20

// Reset forgets all records, and keeps their room.
func (c *Copies) Reset() {
	if cap(c.bytes) > maxRoom {
		c.bytes = nil
	}
	if cap(c.args) > maxRoom/argBytes {
		c.args = nil
	}
	clear(c.records)
	clear(c.notes)
	c.records, c.bytes, c.args, c.notes = c.records[:0], c.bytes[:0], c.args[:0], c.notes[:0]
}
