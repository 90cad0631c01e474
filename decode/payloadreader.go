package decode

import "hash/maphash"

// PayloadReader decodes the payloads of many records, one after the other: as
// Record.DecodePayload does, but for less. Its zero value is ready to use. What
// Decode returns is valid until it is called again; the values of its fields
// may be kept. It is not safe for concurrent use.
type PayloadReader struct {
	// Outline leaves out what a text/plain message says, and how it looks: for
	// who counts messages, and keeps none.
	Outline bool

	draft   draft   // of the payload at hand, as the next three
	said    Payload //
	message mimeMessage
	fields  []Field // room for those of the payload
	formats memory[imFormat]
	types   memory[contentType]
	texts   recentTexts
}

// Decode returns what a record's payload says, or nil if the record is no
// command or its command has no payload; see Record.DecodePayload.
func (p *PayloadReader) Decode(r *Record) *Payload {
	switch {
	case r.Kind == KindHTTP && r.HTTP != nil:
		return r.HTTP.Payload
	case r.Kind != KindCommand || !r.HasPayload:
		return nil
	case r.Said != nil:
		return r.Said
	}
	row := payloadRowOf(r.Verb)
	d := &p.draft
	*d = draft{kind: row.kind, object: object{fields: p.fields[:0]}, reader: p}
	if len(r.Payload) > 0 {
		row.decode(d, r)
	}
	p.said = d.payload()
	p.fields = p.said.Fields
	return &p.said
}

// memory remembers what was made of words that come again and again.
type memory[T any] map[string]T

// maxMemory bounds how much a memory remembers, and maxMemorySize each of the
// words. People rarely change the format of their texts.
const (
	maxMemory     = 256
	maxMemorySize = 128
)

// of returns what read makes of words, from memory if it did before.
func (m *memory[T]) of(words []byte, read func([]byte) T) T {
	if made, ok := (*m)[string(words)]; ok {
		return made
	}
	made := read(words)
	if len(words) <= maxMemorySize && len(*m) < maxMemory {
		if *m == nil {
			*m = memory[T]{}
		}
		(*m)[string(words)] = made
	}
	return made
}

// recentTexts are texts that were read of late, as values of fields, each in
// the place that its hash gives it. Many come again soon: the same people type,
// and where both ends of a switchboard are seen, each message comes twice.
type recentTexts [128]any

// maxRecentText is the longest text that is looked for. Few are longer, and
// they cost more to compare than memory is worth.
const maxRecentText = 1024

var textSeed = maphash.MakeSeed()

// of makes a value of a text that ought to be UTF-8.
func (t *recentTexts) of(text []byte) any {
	if len(text) > maxRecentText {
		return readable(text)
	}
	place := &t[maphash.Bytes(textSeed, text)%uint64(len(t))]
	if s, ok := (*place).(string); !ok || s != string(text) {
		*place = readable(text)
	}
	return *place
}
