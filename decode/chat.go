package decode

// carriesMessage tells whether the payload of a verb is a message, which may
// be chunked.
func carriesMessage(verb string) bool {
	switch verb {
	case "MSG", "UUM", "UBM", "SDG":
		return true
	}
	return false
}

// Chat returns what somebody wrote to somebody in the command, and whether it
// is a chat message at all. Payload is what DecodePayload made of the record.
// The text of a chunked message stands with its last chunk, in full.
func (r *Record) Chat(payload *Payload) (text string, ok bool) {
	const plainText = "text/plain"
	switch {
	case payload == nil || !carriesMessage(r.Verb):
		return "", false
	case r.Joined != nil:
		return r.Joined.Text, r.Joined.Type == plainText
	case payload.Text("message_id") != "":
		return "", false
	case payload.Type == "routed":
		return payload.Text("text"), payload.Text("message_type") == "Text"
	}
	return payload.Text("text"), payload.Type == plainText
}

// MayChat tells, without decoding the payload, whether Chat can be true.
func (r *Record) MayChat() bool { return r.HasPayload && carriesMessage(r.Verb) }
