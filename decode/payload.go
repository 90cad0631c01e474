package decode

import "strconv"

// Payload is what the payload of a command says: a type, and the fields of
// that type. Type and field names are a contract, programs parse them. MIME
// types contain a slash, all other types do not. A field that has nothing to
// say is absent; a number that cannot be read as one is told as text; what
// stands several times under one name is told as a list.
//
// Any type may have, as its last field:
//
//	malformed  why the payload, or the rest of it, could not be understood
//
// Messages (MSG, UUM, UBM), whose type is their MIME type in lower case, or
// "chunk" for a later part of a chunked message, or "message" where they name
// no type:
//
//	any of them      message_id, chunk (from 0) and, on the first, chunks;
//	                 headers{} those without a field of their own, names as
//	                 written, MIME-Version and Content-Type left out
//	text/plain       text, font, effects[] (bold italic underline strikeout),
//	                 color (#rrggbb), charset (the number of a Windows
//	                 charset), pitch_family (hexadecimal), right_to_left, nick
//	text/x-msmsgscontrol                     typing, recording: who does
//	text/x-msmsgsprofile                     headers{}
//	text/x-msmsgsinitialemailnotification    inbox_unread, folders_unread
//	text/x-msmsgsemailnotification           from_address, folder, message_url,
//	                                         id, from, subject
//	text/x-msmsgsactivemailnotification      from_folder, to_folder, messages
//	text/x-msmsgsinitialmdatanotification    inbox, inbox_unread, folders,
//	text/x-msmsgsoimnotification             folders_unread, offline_messages[]
//	                                         {from, name, id, received,
//	                                         subject, size}; or mail_data,
//	                                         where that is no XML
//	text/x-msmsgssystemmessage               code, minutes (until the server
//	application/x-msmsgssystemmessage        goes down)
//	text/x-msnmsgr-datacast                  id, action (nudge wink voice-clip
//	                                         action-text), object{} or data
//	text/x-mms-emoticon, -animemoticon       emoticons[]{shortcut, object{}}
//	text/x-clientcaps, text/x-clientinfo     client_name, chat_logging
//	text/x-msmsgsinvite                      invitation_command, cookie,
//	                                         application, guid, file,
//	                                         file_size, invitation{} the rest
//	application/x-msnmsgrp2p                 p2p_dest, p2p_src, version, size
//	application/x-ms-ink, image/gif          size
//	another type                             text, or size if it is none
//
// An object{} is what a display picture, an emoticon or a wink is known by:
// creator, size, type, type_name, location, friendly, sha1d, sha1c. Messages
// whose body consists of headers have text or size for what else is in it.
//
// Other payloads, by verb:
//
//	UBX UUX      personal-message: psm (an empty one was taken away),
//	             current_media{application, kind, enabled, format, args[]} or
//	             {text}, machine_guid, endpoints[]{id, capabilities},
//	             private_endpoints[]{id, name, idle, client_type,
//	             client_type_name, state}, other{}
//	ADL RML FQY  contact-list: initial, contacts[]{handle, lists,
//	             list_names[], netid, network, name, other{}}
//	NOT          notification: id, site_id, site_url, to, to_pid, via, from,
//	             message_id, action_url, subscription_url, body (text, or XML
//	             as it is)
//	GCF          policies: policies[]{type, checksum}, blocked[] (patterns of
//	             texts that may not be sent), blocked_count
//	IPG PAG PGD  page: text, from, to, phones[]{number, location, priority}
//	QRY          challenge-response: response
//	SDC          invitation-text: text
//	error reply  error-detail: text or size, or contacts[] as in contact-list
//	UUN UBN      by the type argument: sharing (1), sip-invitation (2),
//	             p2p-setup (3), sign-out (4), conversation-closed (5),
//	             address-book-changed (6), turn (10), sip-metadata (11),
//	             sip-tunnel (12), endpoint-notice (others). They have
//	             session_id and address (5); start, headers{} and slp_body{}
//	             of SLP or SIP; headers{} (10); body{} of XML; or text or size
//	PUT DEL NFY SDG  routed: message_type, to, from, uri, notification_type;
//	             message_id, chunk, chunks; then what a message of the body's
//	             MIME type has, or typing, or action, or body{} of XML, or
//	             start, headers{} and slp_body{} of SLP, or text or size;
//	             groups{routing{}, reliability{}, messaging{}, publication{},
//	             notification{}} with all their headers as written
//	other verbs  unknown: text, or size if it is none
//
// An empty payload has a type and no fields: nothing is set, or said. The types
// of exchanges over HTTP stand in docs/records.md.
type Payload struct {
	// Type is the MIME type of a message, or the kind of another payload,
	// such as "challenge-response" or "contact-list".
	Type string
	// Fields are its contents, in the order in which they are told.
	Fields []Field
}

// Field is a named value of a payload. The value is a string (valid UTF-8),
// an int64, a bool, a []Field (an object) or a []any of these (a list). No
// two fields of an object have the same name.
type Field struct {
	Name  string
	Value any
}

// Text returns the string field of that name, or "".
func (p *Payload) Text(name string) string {
	for _, f := range p.Fields {
		if f.Name == name {
			s, _ := f.Value.(string)
			return s
		}
	}
	return ""
}

// payloadRow tells how the payload of a verb is decoded.
type payloadRow struct {
	verb   string
	kind   string // its type, unless decode finds a better one
	decode func(*draft, *Record)
}

// payloadRows is the one place that maps a verb to its decoder. Adding one is
// adding a row. Verbs that are not here are of the type "unknown".
var payloadRows = []payloadRow{
	{"MSG", "message", decodeMessage},
	{"UUM", "message", decodeMessage},
	{"UBM", "message", decodeMessage},
	{"UBX", "personal-message", decodePersonalMessage},
	{"UUX", "personal-message", decodePersonalMessage},
	{"ADL", "contact-list", decodeContactList},
	{"RML", "contact-list", decodeContactList},
	{"FQY", "contact-list", decodeContactList},
	{"UBN", "endpoint-notice", decodeNotice},
	{"UUN", "endpoint-notice", decodeNotice},
	{"SDG", "routed", decodeRouted},
	{"NFY", "routed", decodeRouted},
	{"PUT", "routed", decodeRouted},
	{"DEL", "routed", decodeRouted},
	{"QRY", "challenge-response", func(d *draft, r *Record) { d.text("response", readable(r.Payload)) }},
	{"GCF", "policies", decodePolicies},
	{"NOT", "notification", decodeNotification},
	{"IPG", "page", decodePage},
	{"PAG", "page", decodePage},
	{"PGD", "page", decodePage},
	{"SDC", "invitation-text", func(d *draft, r *Record) { d.text("text", readable(r.Payload)) }},
}

var (
	errorRow   = payloadRow{ErrorVerb, "error-detail", decodeErrorDetail}
	unknownRow = payloadRow{"", "unknown", func(d *draft, r *Record) { d.textOrSize(r.Payload) }}
)

// payloadRowOf finds the row of a verb.
func payloadRowOf(verb string) payloadRow {
	for i := range payloadRows {
		if payloadRows[i].verb == verb {
			return payloadRows[i]
		}
	}
	if isErrorVerb([]byte(verb)) {
		return errorRow
	}
	return unknownRow
}

// DecodePayload returns what the record's payload says, or nil if the record
// is no command or its command has no payload. An empty payload has a type and
// no fields. Of a payload that is not all there, it decodes what is.
func (r *Record) DecodePayload() *Payload {
	said := new(PayloadReader).Decode(r)
	if said == nil {
		return nil
	}
	return &Payload{said.Type, said.Fields} // without the reader
}

// draft is a payload in the making.
type draft struct {
	kind string
	object
	issue  string
	reader *PayloadReader // whose work it is
}

// malformed notes why the payload could not be understood; the first reason
// counts, later ones tend to follow from it.
func (d *draft) malformed(reason string) {
	if d.issue == "" {
		d.issue = reason
	}
}

func (d *draft) payload() Payload {
	if d.cut {
		d.malformed("more than is told; the rest is left out")
	}
	d.text("malformed", d.issue)
	return Payload{Type: d.kind, Fields: d.fields}
}

// words adds a text as it came, unless it is empty.
func (d *draft) words(name string, text []byte) {
	if len(text) > 0 {
		d.add(name, d.reader.texts.of(text))
	}
}

// textOrSize tells bytes of which nothing is known: as text if they are text,
// otherwise only how many they are.
func (d *draft) textOrSize(b []byte) {
	if isText(b) {
		d.text("text", string(b))
		return
	}
	d.add("size", int64(len(b)))
}

// object collects fields under names that are unique in it.
type object struct {
	fields []Field
	at     map[string]int // where each name stands, once there are many
	cut    bool           // there was more, beyond a limit
}

// manyFields is the number of fields from which on a map finds a name faster
// than a look at each; it keeps objects with very many fields linear.
const manyFields = 16

// add appends a field. If there is one of the name already, the two (and all
// later ones) become a list.
func (o *object) add(name string, value any) {
	i := o.find(name)
	if i < 0 {
		if o.at != nil {
			o.at[name] = len(o.fields)
		}
		o.fields = append(o.fields, Field{name, value})
		return
	}
	f := &o.fields[i]
	if list, ok := f.Value.([]any); ok {
		f.Value = append(list, value)
		return
	}
	f.Value = []any{f.Value, value}
}

// find returns where the field of a name stands, or -1.
func (o *object) find(name string) int {
	if o.at == nil && len(o.fields) >= manyFields {
		o.at = make(map[string]int, 2*manyFields)
		for i, f := range o.fields {
			o.at[f.Name] = i
		}
	}
	if o.at != nil {
		if i, ok := o.at[name]; ok {
			return i
		}
		return -1
	}
	for i := range o.fields {
		if o.fields[i].Name == name {
			return i
		}
	}
	return -1
}

// has tells whether there is a field of that name.
func (o *object) has(name string) bool { return o.find(name) >= 0 }

// text adds a string, unless it is empty.
func (o *object) text(name, value string) {
	if value != "" {
		o.add(name, value)
	}
}

// number adds a number, or the text as it is where it is no number.
func (o *object) number(name, value string) {
	if n, ok := parseDecimal([]byte(value)); ok {
		o.add(name, n)
		return
	}
	o.text(name, value)
}

// flag adds true or false, or the text as it is where it is neither.
func (o *object) flag(name, value string) {
	if b, err := strconv.ParseBool(value); err == nil {
		o.add(name, b)
		return
	}
	o.text(name, value)
}

// nested adds an object, unless it is empty.
func (o *object) nested(name string, inner object) {
	o.cut = o.cut || inner.cut
	if len(inner.fields) > 0 {
		o.add(name, inner.fields)
	}
}

// list adds a list, unless it is empty.
func (o *object) list(name string, values []any) {
	if len(values) > 0 {
		o.add(name, values)
	}
}
