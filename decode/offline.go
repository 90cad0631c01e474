package decode

import (
	"encoding/base64"
	"strings"
)

// decodeOfflineMessages decodes what is exchanged about messages for those who
// are offline: one that is left (Store), what waits (GetMetadata), one that is
// fetched (GetMessage), and those that are done with (DeleteMessages).
func decodeOfflineMessages(d *draft, x *HTTPExchange) {
	request, response := d.readEnvelopes(x)
	from, to := request.header.child("From"), request.header.child("To")
	d.text("from", from.attr("memberName"))
	d.text("from_name", decodeWords(from.attr("friendlyName")))
	d.text("client", from.attr("buildVer"))
	d.text("to", to.attr("memberName"))
	d.number("number", request.header.child("Sequence").first("MessageNumber").content())
	if content := request.body.first("Content"); content != nil {
		d.offlineMessage(content.text)
	}
	var ids []any
	for _, n := range request.body.anywhere("messageId") {
		ids = append(ids, n.content())
	}
	d.list("message_ids", ids)
	d.flag("mark_as_read", request.body.first("alsoMarkAsRead").content())
	if result := response.body.first("GetMessageResult"); result != nil {
		d.offlineMessage(result.text)
	}
	if waiting := response.body.first("MD"); waiting != nil {
		d.list("offline_messages", offlineMessages(waiting))
	}
	d.text("challenge", response.body.first("LockKeyChallenge").content())
	d.fault(response)
}

// offlineMessage tells a message: it is a mail, its text in base64.
func (d *draft) offlineMessage(mail []byte) {
	m := parseMIME([]byte(strings.TrimLeft(string(mail), "\r\n\t ")))
	for _, h := range [...]struct{ header, field string }{
		{"From", "mail_from"}, {"To", "mail_to"}, {"Date", "date"},
		{"X-OIM-Message-Type", "message_type"}, {"X-OIM-Run-Id", "run_id"},
	} {
		d.text(h.field, decodeWords(m.take(h.header)))
	}
	d.number("sequence", m.take("X-OIM-Sequence-Num"))
	body := m.body
	if strings.EqualFold(m.take("Content-Transfer-Encoding"), "base64") {
		clean := strings.Map(dropSpace, string(body))
		if raw, err := base64.StdEncoding.DecodeString(clean); err == nil {
			body = raw
		} else {
			d.malformed("a message that is no base64")
		}
	}
	d.text("text", decodeCharset(body, m.charset))
}

// dropSpace leaves out the line ends of base64.
func dropSpace(r rune) rune {
	if r == ' ' || r == '\t' || r == '\r' || r == '\n' {
		return -1
	}
	return r
}
