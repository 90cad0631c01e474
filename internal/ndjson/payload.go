package ndjson

import (
	"fmt"
	"strconv"

	"msnproxy/decode"
	"msnproxy/internal/display"
)

// appendPayload appends what the payload says, and its bytes if they were asked
// for, behind what stands before it; nothing, if there is nothing to tell.
func (e *Encoder) appendPayload(dst []byte, before string, r *decode.Record) []byte {
	var said *decode.Payload
	if r.Kind == decode.KindCommand || r.Kind == decode.KindHTTP {
		said = e.payload(r)
	}
	raw := e.showsRaw(r)
	if said == nil && r.Joined == nil && !raw {
		return dst
	}
	dst = append(append(dst, before...), '{')
	if said != nil {
		dst = appendText(dst, "type", said.Type)
		dst = appendFields(dst, said.Fields)
	}
	if r.Joined != nil {
		dst = appendJoined(appendKey(dst, "joined"), r.Joined)
	}
	if raw {
		dst = appendBase64(appendKey(dst, "base64"), r.Payload)
	}
	return append(dst, '}')
}

func (e *Encoder) showsRaw(r *decode.Record) bool {
	if len(r.Payload) == 0 || !e.opts.Payload {
		return false
	}
	return r.Kind != decode.KindOpaque || e.opts.ShowOpaque
}

// appendText appends a string, if it says something.
func appendText(dst []byte, key, text string) []byte {
	if text == "" {
		return dst
	}
	return display.AppendJSON(appendKey(dst, key), text)
}

func appendFields(dst []byte, fields []decode.Field) []byte {
	for i := range fields {
		dst = appendValue(appendKey(dst, fields[i].Name), fields[i].Value)
	}
	return dst
}

func appendValue(dst []byte, value any) []byte {
	switch v := value.(type) {
	case string:
		return display.AppendJSON(dst, v)
	case int64:
		return strconv.AppendInt(dst, v, 10)
	case bool:
		return strconv.AppendBool(dst, v)
	case []decode.Field:
		return append(appendFields(append(dst, '{'), v), '}')
	case []any:
		return appendList(dst, v)
	}
	return display.AppendJSON(dst, fmt.Sprint(value)) // not one that a payload may have; better shown than lost
}

func appendList(dst []byte, values []any) []byte {
	dst = append(dst, '[')
	for i, value := range values {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = appendValue(dst, value)
	}
	return append(dst, ']')
}

// appendJoined appends the whole text of a chunked message, to its last chunk.
func appendJoined(dst []byte, j *decode.JoinedMessage) []byte {
	dst = display.AppendJSON(appendKey(append(dst, '{'), "message_id"), j.ID)
	dst = appendNumber(dst, `,"chunks":`, int64(j.Chunks))
	dst = appendText(dst, "type", j.Type)
	return append(display.AppendJSON(appendKey(dst, "text"), j.Text), '}')
}
