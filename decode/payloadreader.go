package decode

// PayloadReader decodes the payloads of many records, one after the other: as
// Record.DecodePayload does, but for less. Its zero value is ready to use. What
// it returns may be kept. It is not safe for concurrent use.
type PayloadReader struct {
	draft   draft               // of the payload at hand, as all of these but formats
	message mimeMessage         //
	fields  []Field             //
	formats map[string]imFormat // that were read before
}

// imFormat is what the format of a text says.
type imFormat struct {
	fields []Field
	whole  bool // the fields tell all of it
}

// maxFormats bounds the formats that are remembered, and maxFormatSize each of
// them. People rarely change theirs.
const (
	maxFormats    = 256
	maxFormatSize = 128
)

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
	said := d.payload()
	p.fields, said.Fields = said.Fields, append([]Field(nil), said.Fields...)
	return said
}

// format returns what a format says, from memory if it was read before.
func (p *PayloadReader) format(text []byte) imFormat {
	if f, ok := p.formats[string(text)]; ok {
		return f
	}
	f := readFormat(readable(text))
	if len(text) <= maxFormatSize && len(p.formats) < maxFormats {
		if p.formats == nil {
			p.formats = map[string]imFormat{}
		}
		p.formats[string(text)] = f
	}
	return f
}
