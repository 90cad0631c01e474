package ndjson

import (
	"fmt"

	"github.com/rs/zerolog"

	"msnproxy/decode"
)

// addPayload adds what the payload says, and its bytes if they were asked for.
func (s *Sink) addPayload(e *zerolog.Event, r *decode.Record) {
	var said *decode.Payload
	if r.Kind == decode.KindCommand || r.Kind == decode.KindHTTP {
		said = s.payload(r)
	}
	raw := s.showsRaw(r)
	if said == nil && r.Joined == nil && !raw {
		return
	}
	object := e.CreateDict()
	if said != nil {
		addText(object, "type", said.Type)
		addFields(object, said.Fields)
	}
	addJoined(object, r.Joined)
	if raw {
		s.addBase64(object, "base64", r.Payload)
	}
	e.Dict("payload", object)
}

func (s *Sink) showsRaw(r *decode.Record) bool {
	if len(r.Payload) == 0 || !s.opts.Payload {
		return false
	}
	return r.Kind != decode.KindOpaque || s.opts.ShowOpaque
}

func addFields(e *zerolog.Event, fields []decode.Field) {
	for i := range fields {
		addValue(e, fields[i].Name, fields[i].Value)
	}
}

func addValue(e *zerolog.Event, key string, value any) {
	switch v := value.(type) {
	case string:
		e.Str(key, v)
	case int64:
		e.Int64(key, v)
	case bool:
		e.Bool(key, v)
	case []decode.Field:
		object := e.CreateDict()
		addFields(object, v)
		e.Dict(key, object)
	case []any:
		e.Array(key, list(e, v))
	default: // not one that a payload may have; better shown than lost
		e.Str(key, fmt.Sprint(v))
	}
}

// list makes an array of values.
func list(e *zerolog.Event, values []any) *zerolog.Array {
	array := e.CreateArray()
	for _, value := range values {
		switch v := value.(type) {
		case string:
			array.Str(v)
		case int64:
			array.Int64(v)
		case bool:
			array.Bool(v)
		case []decode.Field:
			object := e.CreateDict()
			addFields(object, v)
			array.Dict(object)
		default:
			array.Str(fmt.Sprint(v))
		}
	}
	return array
}

// addJoined adds the whole text of a chunked message to its last chunk.
func addJoined(e *zerolog.Event, j *decode.JoinedMessage) {
	if j == nil {
		return
	}
	joined := e.CreateDict().Str("message_id", j.ID).Int("chunks", j.Chunks)
	addText(joined, "type", j.Type)
	e.Dict("joined", joined.Str("text", j.Text))
}
