package sim

import (
	"fmt"
	"math/bits"
	"strings"
	"time"
)

// mime makes the payload of a MSG: headers, an empty line, the body.
func mime(contentType, body string, headers ...string) string {
	all := append([]string{"MIME-Version: 1.0", "Content-Type: " + contentType}, headers...)
	return strings.Join(all, "\r\n") + "\r\n\r\n" + body
}

// Formats of chat text: from left to right, and from right to left.
const (
	plainFormat = "X-MMS-IM-Format: FN=MS%20Shell%20Dlg; EF=; CO=0; CS=0; PF=0"
	boldFormat  = "X-MMS-IM-Format: FN=Segoe%20UI; EF=B; CO=800080; CS=0; PF=22"
	rtlFormat   = "X-MMS-IM-Format: FN=Arial; EF=; CO=0; CS=b2; PF=22; RL=1"
)

const textPlain = "text/plain; charset=UTF-8"

// chatText is a chat message.
func chatText(format, text string) string { return mime(textPlain, text, format) }

// typing tells that somebody is typing.
func typing(handle string) string {
	return mime("text/x-msmsgscontrol", "\r\n", "TypingUser: "+handle)
}

// nudge shakes the other's window.
func nudge() string { return mime("text/x-msnmsgr-datacast", "ID: 1\r\n\r\n") }

// chunks is a chat message in pieces: the first has all headers and the number
// of pieces, the others have their own number only.
func chunks(id string, pieces ...string) []string {
	messages := []string{mime(textPlain, pieces[0],
		boldFormat, "Message-ID: "+id, fmt.Sprintf("Chunks: %d", len(pieces)))}
	for i, text := range pieces[1:] {
		messages = append(messages, fmt.Sprintf("Message-ID: %s\r\nChunk: %d\r\n\r\n%s", id, i+1, text))
	}
	return messages
}

// profile is what the server tells a client about its user after sign-in.
// Its port is in network byte order, printed as if it were not (MSNP.md §8).
func profile(p *person, at time.Time, more ...string) string {
	client := p.ns.conn.Client
	headers := append([]string{
		fmt.Sprintf("LoginTime: %d", at.Unix()),
		"EmailEnabled: 1",
		"MemberIdHigh: 65536",
		fmt.Sprintf("MemberIdLow: %d", 1_000_000+int(client.Port())),
		"lang_preference: 1033",
		"preferredEmail: " + p.handle,
		"country: US",
		"PostalCode: ",
		"Gender: ",
		"Kid: 0",
		"Age: ",
		"BDayPre: ",
		"Birthday: ",
		"Wallet: ",
		"Flags: 1027",
		"sid: 507",
		"kv: 5",
		"MSPAuth: DUMMY-MSPAUTH-" + p.short() + strings.Repeat("0", 100) + "$$",
		"ClientIP: " + client.Addr().String(),
		fmt.Sprintf("ClientPort: %d", bits.ReverseBytes16(client.Port())),
	}, more...)
	return mime("text/x-msmsgsprofile; charset=UTF-8", "", headers...)
}

// mailNotice tells how much mail there is.
func mailNotice(unread int) string {
	return mime("text/x-msmsgsinitialemailnotification; charset=UTF-8", strings.Join([]string{
		fmt.Sprintf("Inbox-Unread: %d", unread),
		"Folders-Unread: 0",
		"Inbox-URL: /cgi-bin/inbox",
		"Folders-URL: /cgi-bin/folders",
		"Post-URL: http://mail.example.com",
		"",
	}, "\r\n"))
}

// shutdownNotice tells that the server goes down in some minutes.
func shutdownNotice(minutes int) string {
	return mime("text/x-msmsgssystemmessage; charset=UTF-8",
		fmt.Sprintf("Type: 1\r\nArg1: %d\r\n", minutes))
}
