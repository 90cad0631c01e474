package decode

import (
	"bytes"
	"mime"
	"strconv"
	"strings"
)

// headerField is a header that becomes a field of its own.
type headerField struct {
	header, field string
	number        bool // it is a number, if it can be read as one
}

// contentRow tells what a message of a MIME type says.
type contentRow struct {
	mime string
	// inBody: headers can stand in the body as well, as a second block.
	inBody bool
	fields []headerField
	// decode adds what is not a plain header; nil where nothing is.
	decode func(*draft, *mimeMessage)
}

// contentRows is the one place that maps a content type to its decoder
// (MSNP.md §10). Adding one is adding a row. Of other types, only the headers
// and the text are told.
var contentRows = []contentRow{
	{mime: "text/plain", decode: decodePlainText},
	{mime: "text/x-msmsgscontrol", inBody: true, fields: []headerField{
		{"TypingUser", "typing", false},
		{"RecordingUser", "recording", false},
	}},
	{mime: "text/x-msmsgsprofile", inBody: true},
	{mime: "text/x-msmsgsinitialemailnotification", inBody: true, fields: []headerField{
		{"Inbox-Unread", "inbox_unread", true},
		{"Folders-Unread", "folders_unread", true},
	}},
	{mime: "text/x-msmsgsemailnotification", inBody: true, fields: []headerField{
		{"From-Addr", "from_address", false},
		{"Dest-Folder", "folder", false},
		{"Message-URL", "message_url", false},
		{"id", "id", true},
	}, decode: decodeNewMail},
	{mime: "text/x-msmsgsactivemailnotification", inBody: true, fields: []headerField{
		{"Src-Folder", "from_folder", false},
		{"Dest-Folder", "to_folder", false},
		{"Message-Delta", "messages", true},
	}},
	{mime: "text/x-msmsgsinitialmdatanotification", inBody: true, decode: decodeMailData},
	{mime: "text/x-msmsgsoimnotification", inBody: true, decode: decodeMailData},
	{mime: "text/x-msmsgssystemmessage", inBody: true, fields: systemMessageFields},
	{mime: "application/x-msmsgssystemmessage", inBody: true, fields: systemMessageFields},
	{mime: "text/x-msnmsgr-datacast", inBody: true, decode: decodeDatacast},
	{mime: "text/x-mms-emoticon", decode: decodeEmoticons},
	{mime: "text/x-mms-animemoticon", decode: decodeEmoticons},
	{mime: "text/x-clientcaps", inBody: true, fields: clientFields},
	{mime: "text/x-clientinfo", inBody: true, fields: clientFields},
	{mime: "text/x-msmsgsinvite", inBody: true, fields: []headerField{
		{"Invitation-Command", "invitation_command", false},
		{"Invitation-Cookie", "cookie", true},
		{"Application-Name", "application", false},
		{"Application-GUID", "guid", false},
		{"Application-File", "file", false},
		{"Application-FileSize", "file_size", true},
	}, decode: decodeInvitation},
	{mime: "application/x-msnmsgrp2p", decode: decodeP2P},
	{mime: "application/x-ms-ink", decode: decodeSize},
	{mime: "image/gif", decode: decodeSize},
}

// contentNames are the content types that have a decoder.
var contentNames = func() (names []string) {
	for i := range contentRows {
		names = append(names, contentRows[i].mime)
	}
	return names
}()

var systemMessageFields = []headerField{{"Type", "code", true}, {"Arg1", "minutes", true}}

var clientFields = []headerField{{"Client-Name", "client_name", false}, {"Chat-Logging", "chat_logging", false}}

// contentRowOf finds the row of a content type, or nil.
func contentRowOf(contentType string) *contentRow {
	for i := range contentRows {
		if contentRows[i].mime == contentType {
			return &contentRows[i]
		}
	}
	return nil
}

// decodeMessage decodes a MIME message.
func decodeMessage(d *draft, r *Record) {
	m := &d.reader.message
	m.parse(r.Payload, &d.reader.types)
	if m.name != "" {
		d.kind = m.name
	}
	if c, ok := m.takeChunk(); ok {
		d.chunk(c)
		if m.name == "" {
			d.kind = "chunk"
		}
	}
	d.content(m)
	d.nested("headers", untaken(m.headers))
	d.malformed(m.issue)
}

// chunk tells which part of a chunked message this is.
func (d *draft) chunk(c chunkHeader) {
	d.text("message_id", c.id)
	d.add("chunk", c.index)
	if c.total > 0 {
		d.add("chunks", c.total)
	}
}

// content tells what a message says by its content type. Headers that get no
// field stay untaken.
func (d *draft) content(m *mimeMessage) {
	row := m.row
	if row == nil {
		d.otherContent(m)
		return
	}
	if row.inBody {
		m.readSecondBlock()
	}
	for _, f := range row.fields {
		value := m.taken(f.header)
		if f.number {
			d.number(f.field, readable(value))
		} else {
			d.words(f.field, value)
		}
	}
	if row.decode != nil {
		row.decode(d, m)
	}
	if row.inBody && len(bytes.TrimSpace(m.body)) > 0 {
		d.textOrSize(m.body)
	}
}

// otherContent tells of a body of unknown type. A chunk may begin and end
// within a character, which is no reason to take it for something else.
func (d *draft) otherContent(m *mimeMessage) {
	if d.kind == "chunk" || m.charset != "" {
		if text := decodeCharset(m.body, m.charset); isText([]byte(text)) {
			d.text("text", text)
			return
		}
	}
	d.textOrSize(m.body)
}

func decodePlainText(d *draft, m *mimeMessage) {
	if d.reader.Outline {
		m.taken("X-MMS-IM-Format")
		m.taken("P4-Context")
		return
	}
	if m.decode == nil {
		d.words("text", m.body)
	} else {
		d.text("text", m.decode(m.body))
	}
	if h := m.find("X-MMS-IM-Format"); h != nil {
		h.taken = d.format(d.reader.formats.of(h.value, readFormat))
	}
	d.words("nick", m.taken("P4-Context"))
}

func decodeSize(d *draft, m *mimeMessage) { d.add("size", int64(len(m.body))) }

// format tells how the text is to look. It reports false if there is something
// in it that the fields do not tell.
func (d *draft) format(f imFormat) bool {
	if d.at == nil {
		d.fields = append(d.fields, f.fields...) // nothing else has these names
		return f.whole
	}
	whole := f.whole
	for i := range f.fields {
		whole = d.once(f.fields[i].Name, f.fields[i].Value) && whole
	}
	return whole
}

// imFormat is what the format of a text says.
type imFormat struct {
	fields []Field
	whole  bool // the fields tell all of it
}

// readFormat tells how a text is to look, from FN=Segoe%20UI; EF=B; CO=ff;
// CS=0; PF=22; RL=1.
func readFormat(text []byte) imFormat {
	var o object
	whole := true
	for format := readable(text); format != ""; {
		var one string
		one, format, _ = strings.Cut(format, ";")
		key, value, _ := strings.Cut(strings.TrimSpace(one), "=")
		whole = o.formatPart(strings.ToUpper(key), value) && whole
	}
	return imFormat{o.fields, whole}
}

// formatPart tells one part of a format. A part that comes twice is told once.
func (o *object) formatPart(key, value string) bool {
	if value == "" {
		return true
	}
	switch key {
	case "FN":
		return o.once("font", PercentDecode([]byte(value)))
	case "EF":
		list, ok := effects(value)
		return ok && o.once("effects", list)
	case "CO":
		color, ok := bgrColor(value)
		return ok && o.once("color", color)
	case "CS":
		n, err := strconv.ParseUint(value, 16, 32)
		return err == nil && o.once("charset", int64(n))
	case "PF":
		return o.once("pitch_family", value)
	case "RL":
		return value == "0" || value == "1" && o.once("right_to_left", true)
	}
	return false
}

// once adds a field unless it is there already.
func (o *object) once(name string, value any) bool {
	if o.has(name) {
		return false
	}
	o.add(name, value)
	return true
}

var effectNames = map[rune]string{'B': "bold", 'I': "italic", 'U': "underline", 'S': "strikeout"}

// effects reads the letters of EF.
func effects(letters string) (list []any, ok bool) {
	for _, c := range strings.ToUpper(letters) {
		name := effectNames[c]
		if name == "" {
			return nil, false
		}
		list = append(list, name)
	}
	return list, true
}

// bgrColor reads the color of a format: blue, green and red in hexadecimal,
// red being the lowest byte, leading zeros left out.
func bgrColor(hex string) (string, bool) {
	n, err := strconv.ParseUint(hex, 16, 24)
	if err != nil {
		return "", false
	}
	const digits = "0123456789abcdef"
	out := []byte("#rrggbb")
	for i := range 3 {
		c := byte(n >> (8 * i))
		out[1+2*i], out[2+2*i] = digits[c>>4], digits[c&15]
	}
	return string(out), true
}

// decodeNewMail tells who sent a mail and its subject, which are encoded as in
// a mail.
func decodeNewMail(d *draft, m *mimeMessage) {
	d.text("from", decodeWords(m.take("From")))
	d.text("subject", decodeWords(m.take("Subject")))
}

// decodeWords decodes the encoded words (RFC 2047) of a header. The service
// puts their charset in quotes, which the standard does not have.
func decodeWords(value string) string {
	if !strings.Contains(value, "=?") {
		return value
	}
	unquoted := strings.NewReplacer(`=?"`, "=?", `"?Q?`, "?Q?", `"?q?`, "?q?", `"?B?`, "?B?", `"?b?`, "?b?").Replace(value)
	if text, err := new(mime.WordDecoder).DecodeHeader(unquoted); err == nil {
		return readable(text)
	}
	return value
}

// decodeMailData tells of the mails and offline messages that wait.
func decodeMailData(d *draft, m *mimeMessage) {
	data := m.take("Mail-Data")
	if !strings.HasPrefix(data, "<") {
		d.text("mail_data", data) // "too-large": the client has to ask for it
		return
	}
	doc := parseXML([]byte(data))
	root := doc.root.child("MD")
	counts := root.child("E")
	for _, c := range [...]struct{ element, field string }{
		{"I", "inbox"}, {"IU", "inbox_unread"}, {"O", "folders"}, {"OU", "folders_unread"},
	} {
		d.number(c.field, counts.child(c.element).content())
	}
	d.list("offline_messages", offlineMessages(root))
	d.malformed(doc.issue)
}

// offlineMessages reads the descriptions of messages that wait.
func offlineMessages(root *xmlNode) []any {
	var list []any
	for _, n := range root.all("M") {
		var o object
		o.text("from", n.child("E").content())
		o.text("name", decodeWords(n.child("N").content()))
		o.text("id", n.child("I").content())
		o.text("received", n.child("RT").content())
		o.text("subject", decodeWords(n.child("SU").content()))
		o.number("size", n.child("SZ").content())
		list = append(list, o.fields)
	}
	return list
}

// datacastActions are the known ids of a datacast.
var datacastActions = []Name[int64]{
	{1, "nudge"},
	{2, "wink"},
	{3, "voice-clip"},
	{4, "action-text"},
}

// decodeDatacast tells of a nudge, a wink and their like.
func decodeDatacast(d *draft, m *mimeMessage) {
	id := m.take("ID")
	d.number("id", id)
	if n, ok := parseDecimal([]byte(id)); ok {
		d.text("action", meaningOf(datacastActions, n))
	}
	data := m.take("Data")
	if o := msnObject([]byte(data)); len(o.fields) > 0 {
		d.nested("object", o)
		return
	}
	d.text("data", data)
}

// maxEmoticons is how many custom emoticons of a message are read. Clients
// allow five to a message.
const maxEmoticons = 64

const tooManyEmoticons = "too many emoticons; the rest is left out"

// decodeEmoticons reads pairs of shortcut and object, all separated by tabs.
func decodeEmoticons(d *draft, m *mimeMessage) {
	var list []any
	for rest := m.body; len(bytes.TrimSpace(rest)) > 0; {
		if len(list) == maxEmoticons {
			d.malformed(tooManyEmoticons)
			break
		}
		var shortcut, msnobj []byte
		shortcut, rest, _ = bytes.Cut(rest, []byte("\t"))
		msnobj, rest, _ = bytes.Cut(rest, []byte("\t"))
		var o object
		o.text("shortcut", readable(shortcut))
		o.nested("object", msnObject(msnobj))
		list = append(list, o.fields)
	}
	d.list("emoticons", list)
}

// decodeInvitation puts what is left of the second block into an object of its
// own, because it depends on the application.
func decodeInvitation(d *draft, m *mimeMessage) {
	d.nested("invitation", untaken(m.headers[m.second:]))
	for i := m.second; i < len(m.headers); i++ {
		m.headers[i].taken = true
	}
}

// decodeP2P tells between whom a packet of MSNP2P goes, and in which of its
// two forms. The packet is left whole.
func decodeP2P(d *draft, m *mimeMessage) {
	to, from := m.take("P2P-Dest"), m.take("P2P-Src")
	d.text("p2p_dest", to)
	d.text("p2p_src", from)
	version := int64(1)
	if strings.Contains(to, ";{") && strings.Contains(from, ";{") {
		version = 2
	}
	d.add("version", version)
	decodeSize(d, m)
}
