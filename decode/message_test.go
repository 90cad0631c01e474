package decode

import (
	"reflect"
	"strconv"
	"strings"
	"testing"
)

func TestMessageText(t *testing.T) {
	runPayloadCases(t, []payloadCase{
		{"all of the format", "> MSG 3 A", crlf("MIME-Version: 1.0\nContent-Type: text/plain; charset=UTF-8\n" +
			"User-Agent: pidgin/v2.10.9\nX-MMS-IM-Format: FN=Segoe%20UI; EF=BIUS; CO=8000ff; CS=86; PF=22; RL=1\n" +
			"P4-Context: Alice at work\nDest-Agent: client\n\nhello\nthere"),
			`{"type":"text/plain","text":"hello\r\nthere","font":"Segoe UI","effects":["bold","italic","underline","strikeout"],` +
				`"color":"#ff0080","charset":134,"pitch_family":"22","right_to_left":true,"nick":"Alice at work",` +
				`"headers":{"User-Agent":"pidgin/v2.10.9","Dest-Agent":"client"}}`},
		{"red, zeros dropped", "< MSG bob@example.com Bob", crlf("MIME-Version: 1.0\nContent-Type: text/plain; charset=UTF-8\n" +
			"X-MMS-IM-Format: FN=MS%20Shell%20Dlg; EF=; CO=ff; CS=0; PF=0; RL=0\n\nhi"),
			`{"type":"text/plain","text":"hi","font":"MS Shell Dlg","color":"#ff0000","charset":0,"pitch_family":"0"}`},
		{"blue", "> MSG 3 A", crlf("Content-Type: text/plain\nX-MMS-IM-Format: co=ff0000\n\nhi"),
			`{"type":"text/plain","text":"hi","color":"#0000ff"}`},
		{"a format that is not understood stays", "> MSG 3 A", crlf("Content-Type: text/plain\nX-MMS-IM-Format: FN=A; EF=BQ; CO=1000000; XX=1\n\nhi"),
			`{"type":"text/plain","text":"hi","font":"A","headers":{"X-MMS-IM-Format":"FN=A; EF=BQ; CO=1000000; XX=1"}}`},
		{"no format", "> MSG 3 A", crlf("MIME-Version: 1.0\nContent-Type: text/plain; charset=UTF-8\n\nhello from alice"),
			`{"type":"text/plain","text":"hello from alice"}`},
		{"empty text", "> MSG 3 A", crlf("Content-Type: text/plain\n\n"), `{"type":"text/plain"}`},
		{"another network", "> UUM 7 bob@example.org 32 1", crlf("MIME-Version: 1.0\nContent-Type: text/plain\n\nhi yahoo"),
			`{"type":"text/plain","text":"hi yahoo"}`},
		{"from another network", "< UBM bob@example.org 32 alice@example.com 1 1", crlf("MIME-Version: 1.0\nContent-Type: text/plain\n\nhi"),
			`{"type":"text/plain","text":"hi"}`},
		{"text that looks like a command", "> MSG 3 A", crlf("Content-Type: text/plain\n\nXFR 4 SB 192.0.2.1:1863 CKI 1\n\nx: y\n"),
			`{"type":"text/plain","text":"XFR 4 SB 192.0.2.1:1863 CKI 1\r\n\r\nx: y\r\n"}`},
		{"not UTF-8", "> MSG 3 A", crlf("Content-Type: text/plain; charset=UTF-8\n\n") + "a\xffb",
			`{"type":"text/plain","text":"a` + "\uFFFD" + `b"}`},
		{"NULs", "> MSG 3 A", "Content-Type: text/plain\r\n\r\na\x00b", `{"type":"text/plain","text":"a\u0000b"}`},
	})
}

func TestMessageLeniency(t *testing.T) {
	const want = `{"type":"text/x-msmsgscontrol","typing":"bob@example.com"}`
	cases := []payloadCase{
		{"official", "< MSG bob@example.com Bob", "MIME-Version: 1.0\r\nContent-Type: text/x-msmsgscontrol\r\nTypingUser: bob@example.com\r\n\r\n\r\n", want},
		{"line feeds", "> MSG 2 U", "MIME-Version: 1.0\nContent-Type: text/x-msmsgscontrol\nTypingUser: bob@example.com\n\n", want},
		{"no empty line", "> MSG 2 U", "MIME-Version: 1.0\r\nContent-Type: text/x-msmsgscontrol\r\nTypingUser: bob@example.com\r\n", want},
		{"no line end", "> MSG 2 U", "Content-Type: text/x-msmsgscontrol\r\nTypingUser: bob@example.com", want},
		{"in the body", "> MSG 2 U", "Content-Type: text/x-msmsgscontrol\r\n\r\nTypingUser: bob@example.com\r\n", want},
		{"case", "> MSG 2 U", "content-type:Text/X-MSMSGSControl\r\nTYPINGUSER:bob@example.com\r\n\r\n", want},
		{"space before the colon", "> MSG 2 U", "Content-Type : text/x-msmsgscontrol\r\nTypingUser : bob@example.com\r\n\r\n", want},
		{"folded", "> MSG 2 U", "Content-Type:\r\n text/x-msmsgscontrol\r\nTypingUser:\r\n\tbob@example.com\r\n\r\n", want},
		{"parameters", "> MSG 2 U", `Content-Type: text/x-msmsgscontrol ; x="y"` + "\r\nTypingUser: bob@example.com\r\n\r\n", want},
		{"recording", "> MSG 2 U", "Content-Type: text/x-msmsgscontrol\r\nRecordingUser: bob@example.com\r\n\r\n\r\n",
			`{"type":"text/x-msmsgscontrol","recording":"bob@example.com"}`},
		{"text behind it", "> MSG 2 U", "Content-Type: text/x-msmsgscontrol\r\nTypingUser: b\r\n\r\nwhat is this",
			`{"type":"text/x-msmsgscontrol","typing":"b","text":"what is this"}`},
		{"folded twice", "> MSG 2 U", "Content-Type: text/plain\r\nX: a\r\n  b\r\n\tc\r\nY: d\r\n\r\nt",
			`{"type":"text/plain","text":"t","headers":{"X":"a b c","Y":"d"}}`},
		{"the same header twice", "> MSG 2 U", "Content-Type: text/plain\r\nX: a\r\nX: b\r\nx: c\r\n\r\nt",
			`{"type":"text/plain","text":"t","headers":{"X":["a","b"],"x":"c"}}`},
		{"no headers", "> MSG 2 U", "just text", `{"type":"message","text":"just text","malformed":"no headers"}`},
		{"binary", "> MSG 2 U", "\x00\x01\x02", `{"type":"message","size":3,"malformed":"no headers"}`},
		{"no type", "> MSG 2 U", "X: y\r\n\r\ntext", `{"type":"message","text":"text","headers":{"X":"y"}}`},
		{"a type without a slash", "> MSG 2 U", "Content-Type: contact-list\r\n\r\ntext",
			`{"type":"message","text":"text","headers":{"Content-Type":"contact-list"}}`},
		{"text in place of a header", "> MSG 2 U", "Content-Type: text/plain\r\nhe said: hi",
			`{"type":"text/plain","text":"he said: hi","malformed":"a header line without a colon"}`},
		{"a line without a colon", "> MSG 2 U", "Content-Type: text/plain\r\nhello there\r\n\r\nbob",
			`{"type":"text/plain","text":"hello there\r\n\r\nbob","malformed":"a header line without a colon"}`},
	}
	runPayloadCases(t, cases)
}

func TestMessageCharsets(t *testing.T) {
	for _, c := range []struct{ charset, body, want string }{
		{"UTF-8", "Zo\xc3\xab", "Zoë"},
		{"us-ascii", "Zo\xc3\xab", "Zoë"},
		{"iso-8859-1", "Zo\xeb \x80", "Zoë €"},
		{"Windows-1252", "\x93Zo\xeb\x94", "“Zoë”"},
		{"utf-16", "Z\x00o\x00\xeb\x00", "Zoë"},
		{"utf-16", "\xfe\xff\x00Z\x00o\x00\xeb", "Zoë"},
		{"utf-16", "\xff\xfeZ\x00\x3d\xd8\x00\xde", "Z😀"},
		{"utf-16be", "\x00Z\x00o\x00\xeb\x00", "Zoë\uFFFD"},
		{"utf-16le", "\x00\xd8Z\x00", "\uFFFDZ"},
		{"koi8-r", "Zo\xc3\xab\xff", "Zoë\uFFFD"},
		{`"utf-8"`, "Zo\xc3\xab", "Zoë"},
	} {
		payload := "Content-Type: text/plain; format=flowed; charset=" + c.charset + "\r\n\r\n" + c.body
		p := recordOf("> MSG 3 U", payload).DecodePayload()
		checkPayload(t, p, len(payload))
		if got := p.Text("text"); got != c.want {
			t.Errorf("%s: %q gave %q, want %q", c.charset, c.body, got, c.want)
		}
	}
}

func TestMessageOfService(t *testing.T) {
	const source = "< MSG Hotmail Hotmail"
	runPayloadCases(t, []payloadCase{
		{"profile", source, crlf("MIME-Version: 1.0\nContent-Type: text/x-msmsgsprofile; charset=UTF-8\nLoginTime: 1034567890\n" +
			"EmailEnabled: 1\npreferredEmail:\nMSPAuth: ***1\nClientPort: 4711\n\n"),
			`{"type":"text/x-msmsgsprofile","headers":{"LoginTime":"1034567890","EmailEnabled":"1","preferredEmail":"","MSPAuth":"***1","ClientPort":"4711"}}`},
		{"initial mail", source, crlf("MIME-Version: 1.0\nContent-Type: text/x-msmsgsinitialemailnotification; charset=UTF-8\n\n" +
			"Inbox-Unread: 3\nFolders-Unread: 0\nInbox-URL: /cgi-bin/HoTMaiL\nPost-URL: https://login.example.com\n"),
			`{"type":"text/x-msmsgsinitialemailnotification","inbox_unread":3,"folders_unread":0,` +
				`"headers":{"Inbox-URL":"/cgi-bin/HoTMaiL","Post-URL":"https://login.example.com"}}`},
		{"new mail", source, crlf("MIME-Version: 1.0\nContent-Type: text/x-msmsgsemailnotification; charset=UTF-8\n\n" +
			"From: =?\"us-ascii\"?Q?Bob=20B?=\nMessage-URL: /msg?1\nSubject: =?utf-8?B?Wm/Dqw==?=\nDest-Folder: ACTIVE\n" +
			"From-Addr: bob@example.com\nid: 2\n"),
			`{"type":"text/x-msmsgsemailnotification","from_address":"bob@example.com","folder":"ACTIVE","message_url":"/msg?1","id":2,` +
				`"from":"Bob B","subject":"Zoë"}`},
		{"mail moved", source, crlf("MIME-Version: 1.0\nContent-Type: text/x-msmsgsactivemailnotification\n\n" +
			"Src-Folder: ACTIVE\nDest-Folder: trAsH\nMessage-Delta: 1\n"),
			`{"type":"text/x-msmsgsactivemailnotification","from_folder":"ACTIVE","to_folder":"trAsH","messages":1}`},
		{"mail data", source, crlf("MIME-Version: 1.0\nContent-Type: text/x-msmsgsinitialmdatanotification; charset=UTF-8\n\n" +
			"Mail-Data: <MD><E><I>5</I><IU>2</IU><O>7</O><OU>0</OU></E><Q><QTM>409600</QTM></Q></MD>\n"),
			`{"type":"text/x-msmsgsinitialmdatanotification","inbox":5,"inbox_unread":2,"folders":7,"folders_unread":0}`},
		{"offline message", source, crlf("MIME-Version: 1.0\nContent-Type: text/x-msmsgsoimnotification\n\n" +
			"Mail-Data: <MD><M><T>11</T><S>6</S><RT>2005-11-15T10:03:05.000Z</RT><SZ>950</SZ><E>bob@example.com</E>" +
			"<I>58</I><N>=?utf-8?Q?Bob?=</N><SU> </SU></M></MD>\n"),
			`{"type":"text/x-msmsgsoimnotification","offline_messages":[{"from":"bob@example.com","name":"Bob","id":"58",` +
				`"received":"2005-11-15T10:03:05.000Z","subject":" ","size":950}]}`},
		{"too much mail data", source, crlf("Content-Type: text/x-msmsgsoimnotification\n\nMail-Data: too-large\n"),
			`{"type":"text/x-msmsgsoimnotification","mail_data":"too-large"}`},
		{"broken mail data", source, crlf("Content-Type: text/x-msmsgsoimnotification\n\nMail-Data: <MD><E><I>1</I><IU\n"),
			`{"type":"text/x-msmsgsoimnotification","inbox":1,"malformed":"not well-formed XML: unexpected EOF"}`},
		{"going down", source, crlf("MIME-Version: 1.0\nContent-Type: application/x-msmsgssystemmessage\n\nType: 1\nArg1: 5\n"),
			`{"type":"application/x-msmsgssystemmessage","code":1,"minutes":5}`},
	})
}

func TestMessageBetweenClients(t *testing.T) {
	const line = "< MSG bob@example.com Bob"
	const object = `<msnobj Creator="bob@example.com" Size="1539" Type="8" Location="TFR3.dat" Friendly="SABpAAAA" SHA1D="trC8=" SHA1C="xBq4="/>`
	const objectJSON = `{"creator":"bob@example.com","size":1539,"type":8,"type_name":"wink","location":"TFR3.dat","friendly":"Hi","sha1d":"trC8=","sha1c":"xBq4="}`
	runPayloadCases(t, []payloadCase{
		{"nudge", line, crlf("MIME-Version: 1.0\nContent-Type: text/x-msnmsgr-datacast\n\nID: 1\n\n\n"),
			`{"type":"text/x-msnmsgr-datacast","id":1,"action":"nudge"}`},
		{"wink", line, crlf("MIME-Version: 1.0\nContent-Type: text/x-msnmsgr-datacast\n\nID: 2\nData: " + object + "\n"),
			`{"type":"text/x-msnmsgr-datacast","id":2,"action":"wink","object":` + objectJSON + `}`},
		{"action text", line, crlf("Content-Type: text/x-msnmsgr-datacast\n\nID: 4\nData: waves\n"),
			`{"type":"text/x-msnmsgr-datacast","id":4,"action":"action-text","data":"waves"}`},
		{"unknown datacast", line, crlf("Content-Type: text/x-msnmsgr-datacast\n\nID: 99\nMore: x\n"),
			`{"type":"text/x-msnmsgr-datacast","id":99,"headers":{"More":"x"}}`},
		{"emoticons", line, crlf("Content-Type: text/x-mms-emoticon\n\n") + ":-)\t" + object + "\t(x)\t<msnobj Type='2' Friendly='AAA='/>\t",
			`{"type":"text/x-mms-emoticon","emoticons":[{"shortcut":":-)","object":` + objectJSON +
				`},{"shortcut":"(x)","object":{"type":2,"type_name":"emoticon"}}]}`},
		{"animated emoticon that is cut", line, crlf("Content-Type: text/x-mms-animemoticon\n\n") + ":-)\t<msnobj Crea",
			`{"type":"text/x-mms-animemoticon","emoticons":[{"shortcut":":-)"}]}`},
		{"client", line, crlf("MIME-Version: 1.0\nContent-Type: text/x-clientcaps\n\nClient-Name: Purple/v2.5.9\nChat-Logging: Y\nX: z\n"),
			`{"type":"text/x-clientcaps","client_name":"Purple/v2.5.9","chat_logging":"Y","headers":{"X":"z"}}`},
		{"invitation", line, crlf("MIME-Version: 1.0\nContent-Type: text/x-msmsgsinvite; charset=UTF-8\nX-Outer: o\n\n" +
			"Application-Name: File Transfer\nApplication-GUID: {5D3E02AB-6190-11d3-BBBB-00C04F795683}\nInvitation-Command: INVITE\n" +
			"Invitation-Cookie: 33267\nApplication-File: a b.txt\nApplication-FileSize: 4096\nConnectivity: N\n\n"),
			`{"type":"text/x-msmsgsinvite","invitation_command":"INVITE","cookie":33267,"application":"File Transfer",` +
				`"guid":"{5D3E02AB-6190-11d3-BBBB-00C04F795683}","file":"a b.txt","file_size":4096,` +
				`"invitation":{"Connectivity":"N"},"headers":{"X-Outer":"o"}}`},
		{"acceptance", line, crlf("Content-Type: text/x-msmsgsinvite\n\nInvitation-Command: ACCEPT\nInvitation-Cookie: 1\n" +
			"IP-Address: 192.0.2.7\nPort: 6891\nAuthCookie: ***2\nLaunch-Application: FALSE\n"),
			`{"type":"text/x-msmsgsinvite","invitation_command":"ACCEPT","cookie":1,` +
				`"invitation":{"IP-Address":"192.0.2.7","Port":"6891","AuthCookie":"***2","Launch-Application":"FALSE"}}`},
		{"P2P, first form", line, crlf("MIME-Version: 1.0\nContent-Type: application/x-msnmsgrp2p\nP2P-Dest: alice@example.com\n\n") + "\x00\x00\r\n\r\n\xff",
			`{"type":"application/x-msnmsgrp2p","p2p_dest":"alice@example.com","version":1,"size":7}`},
		{"P2P, second form", line, crlf("Content-Type: application/x-msnmsgrp2p\nP2P-Src: bob@example.com;{1}\nP2P-Dest: alice@example.com;{2}\n\n") + "\x08\x01",
			`{"type":"application/x-msnmsgrp2p","p2p_dest":"alice@example.com;{2}","p2p_src":"bob@example.com;{1}","version":2,"size":2}`},
		{"P2P, one endpoint", line, crlf("Content-Type: application/x-msnmsgrp2p\nP2P-Src: bob@example.com\nP2P-Dest: alice@example.com;{2}\n\n"),
			`{"type":"application/x-msnmsgrp2p","p2p_dest":"alice@example.com;{2}","p2p_src":"bob@example.com","version":1,"size":0}`},
		{"ink", line, crlf("Content-Type: application/x-ms-ink\n\n") + "base64:AAAA", `{"type":"application/x-ms-ink","size":11}`},
		{"GIF", line, crlf("Content-Type: image/gif\nX: y\n\n") + "base64:R0lG", `{"type":"image/gif","size":11,"headers":{"X":"y"}}`},
		{"keep-alive", line, crlf("Content-Type: text/x-keepalive\n\n"), `{"type":"text/x-keepalive"}`},
		{"unknown text", line, crlf("Content-Type: text/search-query\nA: b\n\nwhat?"),
			`{"type":"text/search-query","text":"what?","headers":{"A":"b"}}`},
		{"unknown bytes", line, crlf("Content-Type: application/x-other\n\n") + "\x01\x02", `{"type":"application/x-other","size":2}`},
	})
}

func TestMessageChunk(t *testing.T) {
	runPayloadCases(t, []payloadCase{
		{"first", "> MSG 3 A", crlf("MIME-Version: 1.0\nContent-Type: text/plain; charset=UTF-8\nMessage-ID: {7B}\nChunks: 3\n\nab") + "\xc3",
			`{"type":"text/plain","message_id":"{7B}","chunk":0,"chunks":3,"text":"ab` + "\uFFFD" + `"}`},
		{"later", "> MSG 4 A", crlf("Message-ID: {7B}\nChunk: 1\n\n") + "\xabcd",
			`{"type":"chunk","message_id":"{7B}","chunk":1,"text":"` + "\uFFFD" + `cd"}`},
		{"of binary data", "> MSG 4 A", crlf("Message-ID: {7B}\nChunk: 1\n\n") + "\x00\x01",
			`{"type":"chunk","message_id":"{7B}","chunk":1,"size":2}`},
		{"an id alone", "> MSG 4 A", crlf("Content-Type: text/plain\nMessage-ID: {7B}\n\nx"),
			`{"type":"text/plain","text":"x","headers":{"Message-ID":"{7B}"}}`},
		{"no chunks", "> MSG 4 A", crlf("Content-Type: text/plain\nMessage-ID: {7B}\nChunks: 0\n\nx"),
			`{"type":"text/plain","text":"x","headers":{"Message-ID":"{7B}","Chunks":"0"}}`},
		{"no number", "> MSG 4 A", crlf("Message-ID: {7B}\nChunk: -1\n\nx"),
			`{"type":"message","text":"x","headers":{"Message-ID":"{7B}","Chunk":"-1"}}`},
	})
}

func TestMessageHostile(t *testing.T) {
	const mega = 1 << 20
	head := "Content-Type: text/plain\r\n"
	for name, payload := range map[string]string{
		"header lines":       strings.Repeat("a: b\r\n", mega/6),
		"distinct headers":   distinctHeaders(mega / 16),
		"folded lines":       head + "X: y\r\n" + strings.Repeat(" z\r\n", mega/4),
		"folded empty lines": head + "X: y\r\n" + strings.Repeat(" \n", mega/2),
		"one long line":      strings.Repeat("a", mega),
		"colons":             strings.Repeat(":", mega),
		"line feeds":         strings.Repeat("\n", mega),
		"carriage returns":   strings.Repeat("\r", mega),
		"NULs":               strings.Repeat("\x00", mega),
		"invalid bytes":      head + "\r\n" + strings.Repeat("\xff\x00", mega/2),
		"parameters":         "Content-Type: text/plain" + strings.Repeat(";a=b", mega/4) + "\r\n\r\nx",
		"formats":            head + "X-MMS-IM-Format: " + strings.Repeat("FN=%41;", mega/7) + "\r\n\r\nx",
		"effects":            head + "X-MMS-IM-Format: EF=" + strings.Repeat("B", mega) + "\r\n\r\nx",
		"encoded words":      "Content-Type: text/x-msmsgsemailnotification\r\n\r\nSubject: " + strings.Repeat("=?a?q?", mega/6) + "?=\r\n",
		"emoticons":          "Content-Type: text/x-mms-emoticon\r\n\r\n" + strings.Repeat("\t", mega),
		"objects":            "Content-Type: text/x-mms-emoticon\r\n\r\n" + strings.Repeat("a\t<msnobj/>\t", mega/12),
		"two blocks":         "Content-Type: text/x-clientcaps\r\n" + strings.Repeat("a:\n", 250) + "\n" + strings.Repeat("a:\n", mega/3),
	} {
		t.Run(name, func(t *testing.T) {
			r := recordOf("> MSG 3 U", payload)
			checkPayload(t, r.DecodePayload(), len(payload))
			new(chunkStore).add(r)
		})
	}
}

func distinctHeaders(n int) string {
	var b strings.Builder
	for i := range n {
		b.WriteString("h" + strconv.Itoa(i) + ": value\r\n")
	}
	return b.String()
}

// Beyond maxHeaders, the headers are left out and the body is found all the same.
func TestMessageTooManyHeaders(t *testing.T) {
	payload := "Content-Type: text/plain\r\n" + distinctHeaders(maxHeaders) + "\r\nhello"
	p := recordOf("> MSG 3 U", payload).DecodePayload()
	if p.Text("text") != "hello" || p.Text("malformed") != tooManyHeaders {
		t.Errorf("text %q, malformed %q", p.Text("text"), p.Text("malformed"))
	}
	fits := "Content-Type: text/plain\r\n" + distinctHeaders(maxHeaders-1) + "\r\nhello"
	if p := recordOf("> MSG 3 U", fits).DecodePayload(); p.Text("malformed") != "" {
		t.Errorf("%d headers are too many", maxHeaders)
	}
	inner := "Content-Type: text/x-clientcaps\r\n\r\n" + distinctHeaders(maxHeaders+1)
	if p := recordOf("> MSG 3 U", inner).DecodePayload(); p.Text("malformed") != tooManyHeaders {
		t.Error("too many headers in the body go unnoticed")
	}
}

func TestMessageTooManyEmoticons(t *testing.T) {
	for n, issue := range map[int]string{maxEmoticons: "", maxEmoticons + 1: tooManyEmoticons} {
		payload := "Content-Type: text/x-mms-emoticon\r\n\r\n" + strings.Repeat(":)\t<msnobj Type='2'/>\t", n)
		p := recordOf("> MSG 3 U", payload).DecodePayload()
		if list := p.Fields[0].Value.([]any); len(list) != maxEmoticons || p.Text("malformed") != issue {
			t.Errorf("%d emoticons gave %d, malformed %q", n, len(list), p.Text("malformed"))
		}
	}
}

func FuzzMessage(f *testing.F) {
	f.Add([]byte("MIME-Version: 1.0\r\nContent-Type: text/plain; charset=UTF-8\r\nX-MMS-IM-Format: FN=A; EF=B; CO=ff; CS=0; PF=0\r\n\r\nhi"))
	f.Add([]byte("Content-Type: text/x-msmsgscontrol\r\nTypingUser: bob@example.com\r\n\r\n\r\n"))
	f.Add([]byte("Content-Type: text/x-msnmsgr-datacast\r\n\r\nID: 2\r\nData: <msnobj Creator=\"b\"/>\r\n"))
	f.Add([]byte("Content-Type: text/x-mms-emoticon\r\n\r\n:)\t<msnobj Type=\"2\"/>\t"))
	f.Add([]byte("Content-Type: text/x-msmsgsoimnotification\r\n\r\nMail-Data: <MD><E><I>1</I></E><M><N>=?utf-8?Q?B?=</N></M></MD>\r\n"))
	f.Add([]byte("Content-Type: text/x-msmsgsinvite\r\n\r\nInvitation-Command: INVITE\r\nInvitation-Cookie: 1\r\n"))
	f.Add([]byte("Content-Type: application/x-msnmsgrp2p\r\nP2P-Dest: a;{1}\r\nP2P-Src: b;{2}\r\n\r\n\x00\x01"))
	f.Add([]byte("Message-ID: {1}\r\nChunk: 1\r\n\r\n\xc3"))
	var reader PayloadReader // remembers what came before
	f.Fuzz(func(t *testing.T, b []byte) {
		for _, line := range []string{"> MSG 3 U", "< UBM bob@example.org 32 alice@example.com 1 1"} {
			r := recordOf(line, string(b))
			said := r.DecodePayload()
			checkPayload(t, said, len(b))
			if again := reader.Decode(r); again.Type != said.Type || len(again.Fields)+len(said.Fields) > 0 && !reflect.DeepEqual(again.Fields, said.Fields) {
				t.Errorf("a reader decodes %+v, a new one %+v", again, said)
			}
			if !bytesEqual(r.Payload, b) {
				t.Error("decoding changed the payload")
			}
		}
	})
}

func bytesEqual(a, b []byte) bool { return string(a) == string(b) }
