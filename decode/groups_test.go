package decode

import (
	"strings"
	"testing"
)

func TestRoutedMessages(t *testing.T) {
	const routing = "Routing: 1.0\r\nTo: 1:bob@example.com\r\nFrom: 1:alice@example.com;epid={4b}\r\n\r\nReliability: 1.0\r\n\r\n"
	const routingJSON = `"routing":{"Routing":"1.0","To":"1:bob@example.com","From":"1:alice@example.com;epid={4b}"},"reliability":{"Reliability":"1.0"}`
	const handles = `"to":"bob@example.com","from":"alice@example.com"`
	const line = "> SDG 9"
	runPayloadCases(t, []payloadCase{
		{"text", line, routing + crlf("Messaging: 2.0\nMessage-Type: Text\nContent-Type: Text/plain; charset=UTF-8\nContent-Length: 2\nX-MMS-IM-Format: FN=Segoe%20UI; CO=ff\n\nhi"),
			`{"type":"routed","message_type":"Text",` + handles + `,"text":"hi","font":"Segoe UI","color":"#ff0000","groups":{` + routingJSON +
				`,"messaging":{"Messaging":"2.0","Message-Type":"Text","Content-Type":"Text/plain; charset=UTF-8","Content-Length":"2","X-MMS-IM-Format":"FN=Segoe%20UI; CO=ff"}}}`},
		{"typing", "< SDG 0", routing + crlf("Messaging: 2.0\nMessage-Type: Control/Typing\nContent-Length: 0\n\n"),
			`{"type":"routed","message_type":"Control/Typing",` + handles + `,"typing":"alice@example.com","groups":{` + routingJSON +
				`,"messaging":{"Messaging":"2.0","Message-Type":"Control/Typing","Content-Length":"0"}}}`},
		{"nudge", line, routing + crlf("Messaging: 2.0\nMessage-Type: Nudge\nContent-Type: text/x-msnmsgr-datacast\n\nID: 1\n\n"),
			`{"type":"routed","message_type":"Nudge",` + handles + `,"id":1,"action":"nudge","groups":{` + routingJSON +
				`,"messaging":{"Messaging":"2.0","Message-Type":"Nudge","Content-Type":"text/x-msnmsgr-datacast"}}}`},
		{"nudge without a body", line, routing + crlf("Messaging: 2.0\nMessage-Type: Nudge\n\n"),
			`{"type":"routed","message_type":"Nudge",` + handles + `,"action":"nudge","groups":{` + routingJSON +
				`,"messaging":{"Messaging":"2.0","Message-Type":"Nudge"}}}`},
		{"data", line, routing + crlf("Messaging: 2.0\nMessage-Type: Data\n\n") + "\x08\x01\x00",
			`{"type":"routed","message_type":"Data",` + handles + `,"size":3,"groups":{` + routingJSON + `,"messaging":{"Messaging":"2.0","Message-Type":"Data"}}}`},
		{"signal", line, routing + crlf("Messaging: 2.0\nMessage-Type: Signal/P2P\n\nINVITE MSNMSGR:bob@example.com MSNSLP/1.0\nTo: x\n\nA: b\n\n"),
			`{"type":"routed","message_type":"Signal/P2P",` + handles + `,"start":"INVITE MSNMSGR:bob@example.com MSNSLP/1.0","headers":{"To":"x"},"slp_body":{"A":"b"},"groups":{` +
				routingJSON + `,"messaging":{"Messaging":"2.0","Message-Type":"Signal/P2P"}}}`},
		{"another signal", line, routing + crlf("Messaging: 2.0\nMessage-Type: Signal/CloseIMWindow\n\nx"),
			`{"type":"routed","message_type":"Signal/CloseIMWindow",` + handles + `,"text":"x","groups":{` + routingJSON +
				`,"messaging":{"Messaging":"2.0","Message-Type":"Signal/CloseIMWindow"}}}`},
		{"line feeds", line, "Routing: 1.0\nTo: 1:b@e\n\nMessaging: 2.0\nMessage-Type: Text\nContent-Type: text/plain\n\nhi",
			`{"type":"routed","message_type":"Text","to":"b@e","text":"hi","groups":{"routing":{"Routing":"1.0","To":"1:b@e"},` +
				`"messaging":{"Messaging":"2.0","Message-Type":"Text","Content-Type":"text/plain"}}}`},
		{"text that looks like a group", line, "Messaging: 2.0\r\nContent-Type: text/plain\r\n\r\nRouting: 1.0\r\n\r\nx",
			`{"type":"routed","text":"Routing: 1.0\r\n\r\nx","groups":{"messaging":{"Messaging":"2.0","Content-Type":"text/plain"}}}`},
		{"client data", line, crlf("Messaging: 2.0\nContent-Type: text/x-clientcaps\n\nClient-Name: c\nX: y\n"),
			`{"type":"routed","client_name":"c","headers":{"X":"y"},"groups":{"messaging":{"Messaging":"2.0","Content-Type":"text/x-clientcaps"}}}`},
	})
}

func TestPublications(t *testing.T) {
	runPayloadCases(t, []payloadCase{
		{"presence", "> PUT 9", crlf("Routing: 1.0\nTo: 1:alice@example.com\nFrom: 1:alice@example.com;epid={4b}\n\nReliability: 1.0\n\n"+
			"Publication: 1.0\nUri: /user\nContent-Type: application/user+xml\nContent-Length: 56\n\n") +
			`<user><s n="IM"><Status>NLN</Status></s><s n="PE"/></user>`,
			`{"type":"routed","to":"alice@example.com","from":"alice@example.com","uri":"/user",` +
				`"body":{"user":{"s":[{"n":"IM","Status":"NLN"},{"n":"PE"}]}},` +
				`"groups":{"routing":{"Routing":"1.0","To":"1:alice@example.com","From":"1:alice@example.com;epid={4b}"},"reliability":{"Reliability":"1.0"},` +
				`"publication":{"Publication":"1.0","Uri":"/user","Content-Type":"application/user+xml","Content-Length":"56"}}}`},
		{"confirmation", "< PUT 9 OK", crlf("Routing: 1.0\nTo: 1:alice@example.com\nFrom: 10:00000000-0000-0000-0000-000000000001@live.com\n\n"),
			`{"type":"routed","to":"alice@example.com","from":"00000000-0000-0000-0000-000000000001@live.com",` +
				`"groups":{"routing":{"Routing":"1.0","To":"1:alice@example.com","From":"10:00000000-0000-0000-0000-000000000001@live.com"}}}`},
		{"notification", "< NFY PUT", crlf("Routing: 1.0\nTo: 1:alice@example.com\nFrom: 1:bob@example.com\n\nReliability: 1.0\nStream: 0\n\n"+
			"Notification: 1.0\nNotifNum: 0\nUri: /user\nNotifType: Partial\nContent-Type: application/user+xml\n\n") + `<user/>`,
			`{"type":"routed","to":"alice@example.com","from":"bob@example.com","uri":"/user","notification_type":"Partial","body":{"user":""},` +
				`"groups":{"routing":{"Routing":"1.0","To":"1:alice@example.com","From":"1:bob@example.com"},"reliability":{"Reliability":"1.0","Stream":"0"},` +
				`"notification":{"Notification":"1.0","NotifNum":"0","Uri":"/user","NotifType":"Partial","Content-Type":"application/user+xml"}}}`},
		{"XML that is cut", "> DEL 9", "Publication: 1.0\r\nUri: /circle\r\n\r\n<circle><roster",
			`{"type":"routed","uri":"/circle","body":{"circle":""},"groups":{"publication":{"Publication":"1.0","Uri":"/circle"}},"malformed":"not well-formed XML: unexpected EOF"}`},
		{"no groups", "> PUT 9", "what is this", `{"type":"routed","text":"what is this","malformed":"no header groups"}`},
		{"a line without a colon", "> PUT 9", "Routing: 1.0\r\nwhat\r\n\r\n",
			`{"type":"routed","text":"what\r\n\r\n","groups":{"routing":{"Routing":"1.0"}},"malformed":"a header line without a colon"}`},
		{"groups again and again", "> PUT 9", strings.Repeat("Routing: 1.0\n\n", 2) + "x",
			`{"type":"routed","text":"x","groups":{"routing":[{"Routing":"1.0"},{"Routing":"1.0"}]}}`},
	})
}

// The outer length decides: an inner one that is absent, zero or wrong loses
// no byte of the text.
func TestInnerLengthIsUsedOnlyIfItFits(t *testing.T) {
	for _, c := range []struct{ length, body, want string }{
		{"", "hello", "hello"},
		{"Content-Length: 5\r\n", "hello", "hello"},
		{"Content-Length: 5\r\n", "hello\r\n", "hello"},
		{"Content-Length: 5\r\n", "hello\x00", "hello"},
		{"Content-Length: 3\r\n", "hello", "hello"},
		{"Content-Length: 0\r\n", "hello", "hello"},
		{"Content-Length: 0\r\n", "\r\n", ""},
		{"Content-Length: 99999999999\r\n", "hello", "hello"},
		{"Content-Length: -1\r\n", "hello", "hello"},
		{"Content-Length: x\r\n", "hello", "hello"},
	} {
		payload := "Messaging: 2.0\r\nMessage-Type: Text\r\nContent-Type: text/plain\r\n" + c.length + "\r\n" + c.body
		if got := recordOf("> SDG 9", payload).DecodePayload().Text("text"); got != c.want {
			t.Errorf("%q %q gave %q", c.length, c.body, got)
		}
	}
}

func TestGroupsAreBounded(t *testing.T) {
	groups, body, _ := parseGroups([]byte(strings.Repeat("Routing: 1.0\n\n", maxGroups+1)))
	if len(groups) != maxGroups || len(body) == 0 {
		t.Errorf("%d groups, body %q", len(groups), body)
	}
}

func TestRoutedHandle(t *testing.T) {
	for in, want := range map[string]string{
		"1:bob@example.com":                            "bob@example.com",
		"1:bob@example.com;epid={1};path=IM;via=14:fb": "bob@example.com",
		"bob@example.com":                              "bob@example.com",
		"4:tel:+15550100":                              "tel:+15550100",
		"x:y":                                          "x:y",
		"":                                             "",
		":":                                            ":",
	} {
		if got := routedHandle(in); got != want {
			t.Errorf("%q gave %q, want %q", in, got, want)
		}
	}
}

func TestHostileGroups(t *testing.T) {
	const mega = 1 << 20
	for name, payload := range map[string]string{
		"groups":       strings.Repeat("Routing: 1.0\r\n\r\n", mega/16),
		"headers":      "Routing: 1.0\r\n" + strings.Repeat("a:\r\n", mega/4),
		"addresses":    "Routing: 1.0\r\nTo: " + strings.Repeat(";", mega) + "\r\n\r\n",
		"elements":     "Publication: 1.0\r\n\r\n" + strings.Repeat("<a/>", mega/4),
		"typing":       "Routing: 1.0\r\nFrom: " + strings.Repeat("x", mega) + "\r\n\r\nMessaging: 2.0\r\nMessage-Type: Control/Typing\r\n\r\n",
		"long verb":    strings.Repeat("Routing", mega/7) + ": 1.0\r\n\r\n",
		"signal":       "Messaging: 2.0\r\nMessage-Type: Signal/P2P\r\n\r\nMSNSLP/\r\n" + strings.Repeat("a:\n", mega/3),
		"only newline": strings.Repeat("\n", mega),
	} {
		t.Run(name, func(t *testing.T) {
			for _, line := range []string{"> SDG 9", "> PUT 9", "< NFY PUT"} {
				r := recordOf(line, payload)
				checkPayload(t, r.DecodePayload(), len(payload))
				new(chunkStore).add(r)
			}
		})
	}
}

func FuzzGroups(f *testing.F) {
	f.Add([]byte("Routing: 1.0\r\nTo: 1:b@e;epid={1}\r\nFrom: 1:a@e\r\n\r\nReliability: 1.0\r\n\r\nMessaging: 2.0\r\nMessage-Type: Text\r\nContent-Type: text/plain\r\nContent-Length: 2\r\n\r\nhi"))
	f.Add([]byte("Routing: 1.0\r\n\r\nPublication: 1.0\r\nUri: /user\r\nContent-Type: application/user+xml\r\n\r\n<user><s n=\"IM\"/></user>"))
	f.Add([]byte("Messaging: 2.0\r\nMessage-Type: Signal/P2P\r\n\r\nINVITE MSNMSGR:b MSNSLP/1.0\r\nTo: x\r\n\r\nA: b\r\n\r\n\x00"))
	f.Add([]byte("Messaging: 2.0\r\nMessage-Type: Nudge\r\nContent-Type: text/x-msnmsgr-datacast\r\n\r\nID: 1\r\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		for _, line := range []string{"> SDG 9", "< NFY PUT", "< PUT 9 OK"} {
			r := recordOf(line, string(b))
			checkPayload(t, r.DecodePayload(), len(b))
			if !bytesEqual(r.Payload, b) {
				t.Error("decoding changed the payload")
			}
		}
	})
}
