package decode

import (
	"strings"
	"testing"
)

func TestPersonalMessages(t *testing.T) {
	const line = "< UBX bob@example.com 1"
	runPayloadCases(t, []payloadCase{
		{"message and media", line, `<Data><PSM>Tom &amp; Jerry&apos;s</PSM><CurrentMedia>\0Music\01\0{0} - {1}\0Song\0Singer\0\0\0</CurrentMedia></Data>`,
			`{"type":"personal-message","psm":"Tom & Jerry's","current_media":{"kind":"Music","enabled":true,"format":"{0} - {1}","args":["Song","Singer"]}}`},
		{"media of an application", line, `<Data><CurrentMedia>iTunes\0Music\00\0{0}\0Song</CurrentMedia></Data>`,
			`{"type":"personal-message","current_media":{"application":"iTunes","kind":"Music","enabled":false,"format":"{0}","args":["Song"]}}`},
		{"media without parts", line, `<Data><CurrentMedia>x</CurrentMedia></Data>`, `{"type":"personal-message","current_media":{"text":"x"}}`},
		{"taken away", line, `<Data><PSM></PSM><CurrentMedia></CurrentMedia></Data>`, `{"type":"personal-message","psm":""}`},
		{"empty elements", "> UUX 9", `<Data><PSM/><CurrentMedia/><MachineGuid/></Data>`, `{"type":"personal-message","psm":""}`},
		{"endpoints", "< UBX 1:bob@example.com",
			`<Data><PSM>x</PSM><MachineGuid>{4B}</MachineGuid><DDP></DDP><Scene>s.png</Scene>` +
				`<EndpointData id="{1be9}"><Capabilities>2416181284:00</Capabilities></EndpointData>` +
				`<EndpointData id="{2cf0}"><Capabilities>0:0</Capabilities></EndpointData>` +
				`<PrivateEndpointData id="{1be9}"><EpName>pidgin</EpName><Idle>false</Idle><ClientType>1</ClientType><State>NLN</State></PrivateEndpointData></Data>`,
			`{"type":"personal-message","psm":"x","machine_guid":"{4B}",` +
				`"endpoints":[{"id":"{1be9}","capabilities":"2416181284:00"},{"id":"{2cf0}","capabilities":"0:0"}],` +
				`"private_endpoints":[{"id":"{1be9}","name":"pidgin","idle":false,"client_type":1,"client_type_name":"computer","state":"NLN"}],` +
				`"other":{"Scene":"s.png"}}`},
		{"an endpoint by itself", "> UUX 9", `<EndpointData><Capabilities>2416181284:00</Capabilities></EndpointData>`,
			`{"type":"personal-message","endpoints":[{"capabilities":"2416181284:00"}]}`},
		{"unknown elements", "> UUX 9", `<Data><A x="1">t<B/><B>u</B></A></Data>`,
			`{"type":"personal-message","other":{"A":{"x":"1","B":["","u"],"text":"t"}}}`},
		{"spaces of a message", line, "<Data><PSM> a  b </PSM></Data>", `{"type":"personal-message","psm":" a  b "}`},
		{"CDATA", line, "<Data><PSM><![CDATA[a<b&c]]></PSM></Data>", `{"type":"personal-message","psm":"a<b&c"}`},
		{"cut", line, "<Data><PSM>half a mess", `{"type":"personal-message","psm":"half a mess","malformed":"XML that ends within <PSM>"}`},
		{"cut in a tag", line, "<Data><PSM>whole</PSM><Curr", `{"type":"personal-message","psm":"whole","malformed":"not well-formed XML: unexpected EOF"}`},
		{"not XML", line, "hello", `{"type":"personal-message","text":"hello","malformed":"no XML"}`},
		{"bytes", line, "\xff\x00\xfe", `{"type":"personal-message","size":3,"malformed":"no XML"}`},
	})
}

// More parts than a media can have stay together in the last.
func TestCurrentMediaPartsAreBounded(t *testing.T) {
	p := recordOf("< UBX b 1", `<Data><CurrentMedia>a\0b\01\0f`+strings.Repeat(`\0x`, 2*maxMediaParts)+`</CurrentMedia></Data>`).DecodePayload()
	media := object{fields: p.Fields[0].Value.([]Field)}
	if args := media.fields[media.find("args")].Value.([]any); len(args) != maxMediaParts-4 {
		t.Errorf("%d arguments", len(args))
	}
}

// What strict XML does not allow, but clients send.
func TestXMLIsReadLeniently(t *testing.T) {
	const line = "< UBX bob@example.com 1"
	psm := func(text string) string { return `{"type":"personal-message","psm":"` + text + `"}` }
	runPayloadCases(t, []payloadCase{
		{"invalid UTF-8", line, "<Data><PSM>a\xffb</PSM></Data>", psm("a\uFFFDb")},
		{"control characters", line, "<Data><PSM>a\x03b\x00c</PSM></Data>", psm("a\uFFFDb\uFFFDc")},
		{"references to control characters", line, "<Data><PSM>a&#3;b&#x2;c&#65;&#x42;&#xD800;&#x110000;</PSM></Data>", psm("a\uFFFDb\uFFFDcAB\uFFFD\uFFFD")},
		{"a bare ampersand", line, "<Data><PSM>Tom & Jerry &co; &</PSM></Data>", psm("Tom & Jerry &co; &")},
		{"a declaration", line, "<?xml version=\"1.0\" encoding=\"utf-8\"?>\r\n<Data><PSM>Zoë</PSM></Data>", psm("Zoë")},
		{"another version", line, "<?xml version='1.1'?><Data><PSM>Zoë</PSM></Data>", psm("Zoë")},
		{"another charset", line, "<?xml version='1.0' encoding='ISO-8859-1'?><Data><PSM>Zo\xeb</PSM></Data>", psm("Zoë")},
		{"an unknown charset", line, "<?xml version='1.0' encoding='x-strange'?><Data><PSM>Zoë</PSM></Data>", psm("Zoë")},
		{"a wrong charset", line, "<?xml version='1.0' encoding='utf-16'?><Data><PSM>Zoë</PSM></Data>", psm("Zoë")},
		{"a byte order mark", line, "\uFEFF<Data><PSM>x</PSM></Data>", psm("x")},
		{"a comment", line, "<!-- c --><Data><PSM>x<!-- d -->y</PSM></Data>", psm("xy")},
		{"missing end tags", line, "<Data><PSM>x</Data>", psm("x")},
		{"end tags without a beginning", line, "</x><Data></y><PSM>x</PSM></Data>", psm("x")},
		{"a zero at the end", line, "<Data><PSM>x</PSM></Data>\x00", psm("x")},
		{"attributes without quotes", "> ADL 9", "<ml l=1><d n='example'><c n=\"bob\" l=3 t=1/></d></ml>",
			`{"type":"contact-list","initial":true,"contacts":[{"handle":"bob@example","lists":3,"list_names":["FL","AL"],"netid":1,"network":"Windows Live"}]}`},
		{"name spaces", line, `<x:Data xmlns:x="urn:x"><x:PSM xml:space="preserve">x</x:PSM></x:Data>`, psm("x")},
	})
}

func TestContactLists(t *testing.T) {
	runPayloadCases(t, []payloadCase{
		{"initial", "> ADL 9", `<ml l="1"><d n="example.com"><c n="bob" l="3" t="1"/><c n="carol" l="5" t="1"/></d><d n="example.org"><c n="dave" l="2" t="32"/></d></ml>`,
			`{"type":"contact-list","initial":true,"contacts":[` +
				`{"handle":"bob@example.com","lists":3,"list_names":["FL","AL"],"netid":1,"network":"Windows Live"},` +
				`{"handle":"carol@example.com","lists":5,"list_names":["FL","BL"],"netid":1,"network":"Windows Live"},` +
				`{"handle":"dave@example.org","lists":2,"list_names":["AL"],"netid":32,"network":"Yahoo!"}]}`},
		{"added by somebody", "< ADL 0", `<ml><d n="example.com"><c n="bob" l="8" t="1" f="Bob &lt;3"/></d></ml>`,
			`{"type":"contact-list","contacts":[{"handle":"bob@example.com","lists":8,"list_names":["RL"],"netid":1,"network":"Windows Live","name":"Bob <3"}]}`},
		{"removed", "> RML 9", `<ml><d n='example.com'><c n='bob' l='1' t='1'/></d></ml>`,
			`{"type":"contact-list","contacts":[{"handle":"bob@example.com","lists":1,"list_names":["FL"],"netid":1,"network":"Windows Live"}]}`},
		{"which network", "< FQY 9", `<ml><d n="example.com"><c n="bob" t="14" actual="x"/></d></ml>`,
			`{"type":"contact-list","contacts":[{"handle":"bob@example.com","netid":14,"network":"remote network","other":{"actual":"x"}}]}`},
		{"telephones", "> ADL 9", `<ml><t><c n="tel:+15550100" l="3"/></t></ml>`,
			`{"type":"contact-list","contacts":[{"handle":"tel:+15550100","lists":3,"list_names":["FL","AL"],"netid":4,"network":"telephone"}]}`},
		{"circle", "> ADL 9", `<ml><d n="live.com"><c n="00000000-0000-0000-0009-a1b2c3d4e5f6" l="3" t="9"/></d></ml>`,
			`{"type":"contact-list","contacts":[{"handle":"00000000-0000-0000-0009-a1b2c3d4e5f6@live.com","lists":3,"list_names":["FL","AL"],"netid":9,"network":"circle"}]}`},
		{"lists by service", "> ADL 9", `<ml><d n="example.com"><c n="bob" t="1"><s l="3" n="IM"/><s l="1" n="PE"/></c></d></ml>`,
			`{"type":"contact-list","contacts":[{"handle":"bob@example.com","lists":3,"list_names":["FL","AL"],"netid":1,"network":"Windows Live",` +
				`"other":{"s":[{"l":"3","n":"IM"},{"l":"1","n":"PE"}]}}]}`},
		{"unknown list bits and network", "> ADL 9", `<ml><d n="e"><c n="b" l="65" t="77"/></d></ml>`,
			`{"type":"contact-list","contacts":[{"handle":"b@e","lists":65,"list_names":["FL"],"netid":77}]}`},
		{"empty", "> ADL 9", `<ml/>`, `{"type":"contact-list"}`},
		{"cut", "> ADL 9", `<ml l="1"><d n="example.com"><c n="bob" l="3" t="1"/><c n="car`,
			`{"type":"contact-list","initial":true,"contacts":[{"handle":"bob@example.com","lists":3,"list_names":["FL","AL"],"netid":1,"network":"Windows Live"}],` +
				`"malformed":"not well-formed XML: unexpected EOF"}`},
		{"another document", "> ADL 9", `<x/>`, `{"type":"contact-list","malformed":"no <ml>"}`},
		{"a domain that is too long", "> ADL 9", `<ml><d n="` + strings.Repeat("x", maxDomain+1) + `"><c n="bob"/></d></ml>`,
			`{"type":"contact-list","contacts":[{"handle":"bob"}],"malformed":"a domain that is too long; left out"}`},
	})
}

func TestNotifications(t *testing.T) {
	runPayloadCases(t, []payloadCase{
		{"alert", "< NOT", `<NOTIFICATION ver="1" id="1342902633" siteid="199999999" siteurl="http://alerts.example.com">` +
			`<TO pid="0x0006BFFD:0x8582C0FB" name="alice@example.com"><VIA agent="messenger"/></TO>` +
			`<MSG pri="1" id="7"><SUBSCR url="/s"/><ACTION url="/a?x=1&amp;y=2"/><BODY lang="1033"><TEXT>News</TEXT></BODY></MSG></NOTIFICATION>`,
			`{"type":"notification","id":"1342902633","site_id":"199999999","site_url":"http://alerts.example.com","to":"alice@example.com",` +
				`"to_pid":"0x0006BFFD:0x8582C0FB","via":"messenger","message_id":"7","action_url":"/a?x=1&y=2","subscription_url":"/s","body":"<TEXT>News</TEXT>"}`},
		{"address book", "< NOT", `<NOTIFICATION id="0" siteid="45705" siteurl="http://contacts.example.com"><TO name="alice@example.com"/>` +
			`<MSG id="0"><BODY>&lt;NotificationData&gt;&lt;Service&gt;ABCH&lt;/Service&gt;&lt;/NotificationData&gt;</BODY></MSG></NOTIFICATION>`,
			`{"type":"notification","id":"0","site_id":"45705","site_url":"http://contacts.example.com","to":"alice@example.com","message_id":"0",` +
				`"body":"<NotificationData><Service>ABCH</Service></NotificationData>"}`},
		{"another document", "< NOT", `<NotificationData><Service>ABCH</Service></NotificationData>`,
			`{"type":"notification","body":"<NotificationData><Service>ABCH</Service></NotificationData>"}`},
	})
}

func TestPolicies(t *testing.T) {
	runPayloadCases(t, []payloadCase{
		{"by name", "< GCF 0", `<Policies><Policy type="SHIELDS" checksum="D9"><config><shield/><block><imtext value="XC5waWY="/></block></config></Policy>` +
			`<Policy type="ABCH" checksum="03"><policy><set id="push"/></policy></Policy><Policy type="P2P" checksum="81"><Policy/></Policy></Policies>`,
			// What is within a policy may have that name as well.
			`{"type":"policies","policies":[{"type":"SHIELDS","checksum":"D9"},{"type":"ABCH","checksum":"03"},{"type":"P2P","checksum":"81"}],"blocked":["\\.pif"],"blocked_count":1}`},
		{"Shields.xml by itself", "< GCF 12 Shields.xml", `<?xml version="1.0" encoding="utf-8"?><config><block><imtext value="XC5waWY="/><imtext value="not base64"/></block></config>`,
			`{"type":"policies","blocked":["\\.pif","not base64"],"blocked_count":2}`},
	})
	many := `<config><block>` + strings.Repeat(`<imtext value="YQ=="/>`, maxBlocked+1) + `</block></config>`
	p := recordOf("< GCF 0", many).DecodePayload()
	if got := len(p.Fields[0].Value.([]any)); got != maxBlocked {
		t.Errorf("%d patterns are listed", got)
	}
	if got := p.Fields[1].Value; got != int64(maxBlocked+1) {
		t.Errorf("%v patterns are counted", got)
	}
}

func TestPages(t *testing.T) {
	runPayloadCases(t, []payloadCase{
		{"out", "> PGD 9 bob@example.com 1", `<PHONE pri="1"><LOC>HOME</LOC><NUM>+1 555 0100</NUM></PHONE><TEXT xml:space="preserve" enc="utf-8"> call me </TEXT>`,
			`{"type":"page","text":" call me ","phones":[{"number":"+1 555 0100","location":"HOME","priority":1}]}`},
		{"older", "> PAG 9 bob@example.com", `<TEXT xml:space="preserve" enc="utf-8">hi</TEXT>`, `{"type":"page","text":"hi"}`},
		{"in", "< IPG", `<NOTIFICATION id="0"><TO name="alice@example.com"/><FROM name="tel:+15550100"/><MSG><BODY><TEXT>hello</TEXT></BODY></MSG></NOTIFICATION>`,
			`{"type":"page","text":"hello","from":"tel:+15550100","to":"alice@example.com"}`},
	})
}

func TestNotices(t *testing.T) {
	const slp = "INVITE MSNMSGR:bob@example.com MSNSLP/1.0\r\nTo: <msnmsgr:bob@example.com>\r\nCSeq: 0 \r\n" +
		"Content-Type: application/x-msnmsgr-transreqbody\r\n\r\nNetID: 0\r\nConn-Type: Firewall\r\n\r\n\x00"
	const slpJSON = `"start":"INVITE MSNMSGR:bob@example.com MSNSLP/1.0","headers":{"To":"<msnmsgr:bob@example.com>","CSeq":"0",` +
		`"Content-Type":"application/x-msnmsgr-transreqbody"},"slp_body":{"NetID":"0","Conn-Type":"Firewall"}`
	runPayloadCases(t, []payloadCase{
		{"sharing", "< UBN bob@example.com 1", `<SNM ver="1"><GET type="x"/></SNM>`, `{"type":"sharing","body":{"SNM":{"ver":"1","GET":{"type":"x"}}}}`},
		{"a zero at the end", "< UBN bob@example.com 1", "<SNM/>\x00", `{"type":"sharing","body":{"SNM":""}}`},
		{"SIP", "> UUN 9 bob@example.com 2", "INVITE sip:bob@example.com SIP/2.0\r\nv: SIP/2.0/TLS 0\r\n\r\n",
			`{"type":"sip-invitation","start":"INVITE sip:bob@example.com SIP/2.0","headers":{"v":"SIP/2.0/TLS 0"}}`},
		{"SIP in XML", "< UBN bob@example.com;{1} 12", `<sip e="base64" fid="1"><msg>SU5W</msg></sip>`,
			`{"type":"sip-tunnel","body":{"sip":{"e":"base64","fid":"1","msg":"SU5W"}}}`},
		{"SLP", "> UUN 9 bob@example.com;{2} 3", slp, `{"type":"p2p-setup",` + slpJSON + `}`},
		{"SLP without a body", "< UBN bob@example.com;{2} 3", "MSNSLP/1.0 200 OK\r\nTo: x\r\nContent-Length: 0\r\n\r\n",
			`{"type":"p2p-setup","start":"MSNSLP/1.0 200 OK","headers":{"To":"x","Content-Length":"0"}}`},
		{"not SLP", "< UBN bob@example.com 3", "\x00\x01", `{"type":"p2p-setup","size":2}`},
		{"sign out", "> UUN 9 alice@example.com;{1} 4", "goawyplzthxbye", `{"type":"sign-out","text":"goawyplzthxbye"}`},
		{"sign out everywhere", "> UUN 9 alice@example.com 8", "gtfo", `{"type":"sign-out","text":"gtfo"}`},
		{"conversation closed", "< UBN alice@example.com;{1} 5", "463803701;192.0.2.9:1863",
			`{"type":"conversation-closed","session_id":"463803701","address":"192.0.2.9:1863"}`},
		{"conversation closed, odd", "< UBN alice@example.com 5", "x", `{"type":"conversation-closed","text":"x","malformed":"no session id and address"}`},
		{"address book", "< UBN alice@example.com 6", "1", `{"type":"address-book-changed","text":"1"}`},
		{"TURN", "< UBN bob@example.com 10", "ServerAddress: 192.0.2.5\r\nPort: 443\r\n", `{"type":"turn","headers":{"ServerAddress":"192.0.2.5","Port":"443"}}`},
		{"TURN, odd", "< UBN bob@example.com 10", "what", `{"type":"turn","text":"what"}`},
		{"another type", "< UBN bob@example.com 7", "what", `{"type":"endpoint-notice","text":"what"}`},
	})
}

// xmlLines are the commands whose payload is read as XML.
var xmlLines = []string{
	"< UBX bob@example.com 1", "> ADL 9", "< NOT", "< GCF 0", "< IPG", "< 241 15",
	"< UBN bob@example.com 1", "< UBN bob@example.com 3", "< NFY PUT",
}

func TestHostileXML(t *testing.T) {
	const mega = 1 << 19 // twice MaxPayload
	laughs := `<!DOCTYPE lolz [<!ENTITY lol "lol"><!ENTITY lol2 "&lol;&lol;&lol;&lol;&lol;&lol;&lol;&lol;&lol;&lol;">]><Data><PSM>&lol2;</PSM></Data>`
	external := `<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/hostname">]><Data><PSM>&e;</PSM></Data>`
	for name, c := range map[string]struct{ payload, issue string }{
		"billion laughs":     {laughs, "XML with a document type, which is never read"},
		"external entity":    {external, "XML with a document type, which is never read"},
		"document type late": {"<Data><PSM>x</PSM></Data>" + laughs, "XML with a document type, which is never read"},
		"nesting":            {strings.Repeat("<Data>", 100_000), "XML nested too deep; the rest is left out"},
		"nesting, closed":    {strings.Repeat("<a>", 100_000) + strings.Repeat("</a>", 100_000), "XML nested too deep; the rest is left out"},
		"attributes":         {"<Data" + strings.Repeat(" a='b'", mega/6) + "/>", "XML with too many attributes; the rest is left out"},
		"elements":           {strings.Repeat("<a/>", mega/4), "XML with too many elements; the rest is left out"},
		"contacts":           {"<ml><d n='" + strings.Repeat("x", maxDomain) + "'>" + strings.Repeat("<c/>", mega/4), "XML with too many elements; the rest is left out"},
		"long domain":        {"<ml><d n='" + strings.Repeat("x", mega/2) + "'>" + strings.Repeat("<c/>", 10_000) + "</d></ml>", ""},
		"end tags":           {"<Data>" + strings.Repeat("</x>", mega/4) + "</Data>", ""},
		"references":         {"<Data><PSM>" + strings.Repeat("&#1;", mega/4) + "</PSM></Data>", ""},
		"endless reference":  {"<Data><PSM>&#" + strings.Repeat("0", mega) + ";</PSM></Data>", ""},
		"ampersands":         {"<Data><PSM>" + strings.Repeat("&#", mega/2) + "</PSM></Data>", ""},
		"declaration":        {"<?xml " + strings.Repeat("x", mega), ""},
		"comment":            {"<!--" + strings.Repeat("x", mega), "not well-formed XML: unexpected EOF"},
		"long name":          {"<" + strings.Repeat("x", mega) + ">", ""},
		"names":              {"<Data>" + strings.Repeat("<a></b>", mega/7), "XML nested too deep; the rest is left out"},
		"media":              {`<Data><CurrentMedia>` + strings.Repeat(`\0`, mega/2) + `</CurrentMedia></Data>`, ""},
		"brackets":           {strings.Repeat("<", mega), "not well-formed XML: expected element name after <"},
		"nothing":            {strings.Repeat("\x00", mega), ""},
	} {
		t.Run(name, func(t *testing.T) {
			if got := parseXML([]byte(c.payload)).issue; c.issue != "" && got != c.issue {
				t.Errorf("issue %q, want %q", got, c.issue)
			}
			for _, line := range xmlLines {
				p := recordOf(line, c.payload).DecodePayload()
				checkPayload(t, p, len(c.payload))
				if shown := render(p); strings.Contains(shown, "lollol") {
					t.Errorf("an entity was expanded: %.200s", shown)
				}
			}
		})
	}
}

func TestXMLReasonsAreShort(t *testing.T) {
	doc := parseXML([]byte("<" + strings.Repeat("é", 5000) + "\x01>"))
	if len(doc.issue) == 0 || len(doc.issue) > 200 || strings.ContainsAny(doc.issue, "\r\n") {
		t.Errorf("issue %q", doc.issue)
	}
}

func FuzzXMLPayload(f *testing.F) {
	f.Add([]byte(`<Data><PSM>x</PSM><CurrentMedia>\0Music\01\0{0}\0A</CurrentMedia><EndpointData id="{1}"><Capabilities>1:2</Capabilities></EndpointData></Data>`))
	f.Add([]byte(`<ml l="1"><d n="example.com"><c n="bob" l="3" t="1" f="B"><s n="IM" l="1"/></c></d><t><c n="tel:1"/></t></ml>`))
	f.Add([]byte(`<NOTIFICATION id="1"><TO name="a"/><MSG id="2"><BODY><TEXT>t</TEXT></BODY></MSG></NOTIFICATION>`))
	f.Add([]byte(`<Policies><Policy type="S" checksum="1"><imtext value="YQ=="/></Policy></Policies>`))
	f.Add([]byte(`<?xml version="1.0" encoding="iso-8859-1"?><!DOCTYPE x [<!ENTITY e "e">]><x a='1' b=2>&e;&#3;&amp;</x>`))
	f.Add([]byte("INVITE MSNMSGR:b MSNSLP/1.0\r\nTo: x\r\n\r\nA: b\r\n\r\n\x00"))
	f.Fuzz(func(t *testing.T, b []byte) {
		for _, line := range xmlLines {
			checkPayload(t, recordOf(line, string(b)).DecodePayload(), len(b))
		}
	})
}

// TestElementsWithinOneAnotherAreToldOnce, however deep: a member in fourteen lists of
// fourteen services would be told two hundred times.
func TestElementsWithinOneAnotherAreToldOnce(t *testing.T) {
	const deep = 10
	in := func(name, text string) string {
		return strings.Repeat("<"+name+">", deep) + text + strings.Repeat("</"+name+">", deep)
	}
	x := HTTPExchange{Service: AddressBook, Status: 200, Response: body("<Envelope><Body>" +
		in("Service", in("Membership", "<Member><Email>a@example.com</Email></Member>")) + "</Body></Envelope>")}
	for _, f := range NewHTTP(&x).Payload.Fields {
		if members, ok := f.Value.([]any); ok && f.Name == "members" && len(members) != 1 {
			t.Errorf("one member is told %d times", len(members))
		}
	}
	doc := parseXML([]byte("<a><b><b><c/></b></b><b/><c n='2'/></a>"))
	if n := len(doc.root.anywhere("b")); n != 2 {
		t.Errorf("%d elements, want the outer two", n)
	}
	if c := doc.root.first("c"); c == nil || c.attr("n") != "" {
		t.Errorf("the first is %+v", c)
	}
	if doc.root.first("d") != nil {
		t.Error("there is one where none is")
	}
}
