package decode

import (
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"
)

// httpCase is an exchange and what is to come of it: action, payload, and the
// payload with its secrets masked.
type httpCase struct {
	x              HTTPExchange
	action         string
	payload        string
	masked, hidden string // what must, and what must not, be in the masked one
}

const rstRequest = `<?xml version="1.0"?><Envelope xmlns:wsse="x"><Header><ps:AuthInfo xmlns:ps="y"><ps:HostingApp>{app}</ps:HostingApp></ps:AuthInfo>` +
	`<wsse:Security><wsse:UsernameToken Id="user"><wsse:Username>alice@example.com</wsse:Username><wsse:Password>123456</wsse:Password></wsse:UsernameToken></wsse:Security></Header>` +
	`<Body><ps:RequestMultipleSecurityTokens><wst:RequestSecurityToken Id="RST0"><wsp:AppliesTo><wsa:EndpointReference><wsa:Address>messengerclear.live.com</wsa:Address></wsa:EndpointReference></wsp:AppliesTo>` +
	`<wsse:PolicyReference URI="MBI_KEY_OLD"/></wst:RequestSecurityToken></ps:RequestMultipleSecurityTokens></Body></Envelope>`

const rstAnswer = `<S:Envelope><S:Body><wst:RequestSecurityTokenResponseCollection><wst:RequestSecurityTokenResponse><wst:TokenType>urn:passport:compact</wst:TokenType>` +
	`<wsp:AppliesTo><wsa:EndpointReference><wsa:Address>messengerclear.live.com</wsa:Address></wsa:EndpointReference></wsp:AppliesTo>` +
	`<wst:LifeTime><wsu:Created>2009-12-03T00:00:00Z</wsu:Created><wsu:Expires>2009-12-04T00:00:00Z</wsu:Expires></wst:LifeTime>` +
	`<wst:RequestedSecurityToken><wsse:BinarySecurityToken Id="Compact0">t=TICKET1&amp;p=PROFILE1</wsse:BinarySecurityToken></wst:RequestedSecurityToken>` +
	`<wst:RequestedProofToken><wst:BinarySecret>SECRET1=</wst:BinarySecret></wst:RequestedProofToken></wst:RequestSecurityTokenResponse></wst:RequestSecurityTokenResponseCollection></S:Body></S:Envelope>`

func body(text string) HTTPMessage { return HTTPMessage{Body: []byte(text)} }

func headed(name, value string) HTTPMessage {
	return HTTPMessage{Header: map[string][]string{name: {value}}}
}

func wrapForm(text string) HTTPMessage {
	return HTTPMessage{Header: map[string][]string{"Content-Type": {"application/x-www-form-urlencoded"}}, Body: []byte(text)}
}

var httpCases = map[string]httpCase{
	"nexus": {
		x: HTTPExchange{Service: PassportNexus, Method: "GET", URL: "https://nexus.passport.com/rdr/pprdr.asp", Status: 200,
			Response: headed("Passporturls", "DARealm=Passport.Net,DALogin=login.live.com/login2.srf,ConfigVersion=11")},
		action:  "nexus",
		payload: `{"type":"passport-nexus","login_url":"login.live.com/login2.srf","passport_urls":{"DARealm":"Passport.Net","DALogin":"login.live.com/login2.srf","ConfigVersion":"11"}}`,
	},
	"login": {
		x: HTTPExchange{Service: PassportLogin, Method: "GET", URL: "https://login.live.com/login2.srf", Status: 200,
			Request: headed("Authorization", "Passport1.4 OrgVerb=GET,OrgURL=http%3A%2F%2Fmessenger%2Emsn%2Ecom,sign-in=alice%40example.com,pwd=12%2B3456,lc=1033,id=507"),
			Response: HTTPMessage{Header: map[string][]string{
				"Authentication-Info": {"Passport1.4 da-status=success,tname=MSPAuth,tname=MSPProf,from-PP='t=TICKET1&p=PROFILE1',ru=http://messenger.msn.com"},
				"Set-Cookie":          {"MSPAuth=COOKIE1; path=/", "WLSSC=COOKIE2"},
			}}},
		action: "login",
		payload: `{"type":"passport-login","account":"alice@example.com","password":"12+3456","org_verb":"GET","org_url":"http://messenger.msn.com",` +
			`"parameters":{"lc":"1033","id":"507"},"outcome":"success","ticket":"t=TICKET1&p=PROFILE1","return_url":"http://messenger.msn.com",` +
			`"answer":{"tname":["MSPAuth","MSPProf"]},"cookies":{"MSPAuth":"COOKIE1","WLSSC":"COOKIE2"}}`,
		masked: `"ticket":"t=***2&p=***3"`, hidden: "12+3456 TICKET1 PROFILE1 COOKIE1 COOKIE2",
	},
	"login refused": {
		x: HTTPExchange{Service: PassportLogin, Method: "GET", URL: "/login2.srf", Status: 401,
			Request:  headed("Authorization", "Passport1.4 sign-in=a,pwd=bad"),
			Response: headed("Www-Authenticate", "Passport1.4 da-status=failed,srealm=Passport.NET,ts=-3,prompt,cbtxt=wrong")},
		action:  "login",
		payload: `{"type":"passport-login","account":"a","password":"bad","outcome":"failed","answer":{"srealm":"Passport.NET","ts":"-3","prompt":"","cbtxt":"wrong"}}`,
		hidden:  `"bad"`,
	},
	"RST": {
		x:      HTTPExchange{Service: SecurityTokens, Method: "POST", URL: "https://login.live.com/RST.srf", Status: 200, Request: body(rstRequest), Response: body(rstAnswer)},
		action: "RST",
		payload: `{"type":"security-tokens","account":"alice@example.com","password":"123456","client":"{app}","asked":[{"address":"messengerclear.live.com","policy":"MBI_KEY_OLD"}],` +
			`"tokens":[{"address":"messengerclear.live.com","token_type":"urn:passport:compact","created":"2009-12-03T00:00:00Z","expires":"2009-12-04T00:00:00Z",` +
			`"ticket":"t=TICKET1&p=PROFILE1","secret":"SECRET1="}]}`,
		masked: `"ticket":"t=***2&p=***3","secret":"***4"`, hidden: "123456 TICKET1 PROFILE1 SECRET1",
	},
	"RST2 fails": {
		x: HTTPExchange{Service: SecurityTokens, Method: "POST", URL: "/RST2.srf", Status: 200,
			Response: body(`<S:Envelope><S:Fault><faultcode>wsse:FailedAuthentication</faultcode><faultstring>Authentication Failure</faultstring></S:Fault></S:Envelope>`)},
		action:  "RST2",
		payload: `{"type":"security-tokens","fault":{"code":"wsse:FailedAuthentication","text":"Authentication Failure"}}`,
	},
	"ABFindAll": {
		x: HTTPExchange{Service: AddressBook, Method: "POST", Action: "http://www.msn.com/webservices/AddressBook/ABFindAll",
			Request: body(`<soap:Envelope><soap:Header><ABApplicationHeader><PartnerScenario>Initial</PartnerScenario></ABApplicationHeader><ABAuthHeader><TicketToken>t=TICKET1&amp;p=</TicketToken></ABAuthHeader></soap:Header><soap:Body><ABFindAll><abId>0</abId></ABFindAll></soap:Body></soap:Envelope>`),
			Response: body(`<soap:Envelope><soap:Body><ABFindAllResponse><ABFindAllResult><groups><Group><groupId>g1</groupId><groupInfo><name>Friends</name></groupInfo><fDeleted>false</fDeleted></Group></groups>` +
				`<contacts><Contact><contactId>c1</contactId><contactInfo><contactType>Regular</contactType><passportName>bob@example.com</passportName><displayName>Bob &lt;3</displayName><CID>-1</CID><isMessengerUser>true</isMessengerUser>` +
				`<groupIds><guid>g1</guid></groupIds><annotations><Annotation><Name>AB.NickName</Name><Value>Bobby</Value></Annotation></annotations></contactInfo><fDeleted>false</fDeleted></Contact>` +
				`<Contact><contactId>c2</contactId><contactInfo><contactType>Regular</contactType><emails><ContactEmail><contactEmailType>Messenger2</contactEmailType><email>carol@example.org</email><isMessengerEnabled>true</isMessengerEnabled><Capability>32</Capability></ContactEmail></emails></contactInfo></Contact></contacts>` +
				`<ab><abInfo><ownerEmail>alice@example.com</ownerEmail></abInfo></ab></ABFindAllResult></ABFindAllResponse></soap:Body></soap:Envelope>`)},
		action: "ABFindAll",
		payload: `{"type":"address-book","scenario":"Initial","owner":"alice@example.com","contacts":[{"id":"c1","handle":"bob@example.com","type":"Regular","name":"Bob <3","cid":"-1","messenger_user":true,"deleted":false,"group_ids":["g1"],"nick":"Bobby"},` +
			`{"id":"c2","handle":"carol@example.org","type":"Regular","emails":[{"address":"carol@example.org","type":"Messenger2","netid":32,"messenger":true}]}],"groups":[{"name":"Friends","id":"g1","deleted":false}]}`,
	},
	"FindMembership": {
		x: HTTPExchange{Service: AddressBook, Method: "POST", Action: "http://www.msn.com/webservices/AddressBook/FindMembership",
			Response: body(`<Envelope><Body><FindMembershipResponse><FindMembershipResult><Services><Service><Memberships>` +
				`<Membership><MemberRole>Allow</MemberRole><Members><Member xsi:type="PassportMember"><MembershipId>1</MembershipId><Type>Passport</Type><State>Accepted</State><Deleted>false</Deleted><PassportName>bob@example.com</PassportName></Member></Members></Membership>` +
				`<Membership><MemberRole>Block</MemberRole><Members><Member xsi:type="PhoneMember"><Type>Phone</Type><PhoneNumber>+15550100</PhoneNumber></Member></Members></Membership>` +
				`</Memberships><Info><Handle><Id>1</Id><Type>Messenger</Type></Handle></Info></Service></Services></FindMembershipResult></FindMembershipResponse></Body></Envelope>`)},
		action: "FindMembership",
		payload: `{"type":"address-book","members":[{"handle":"bob@example.com","role":"Allow","list":"AL","id":"1","type":"Passport","state":"Accepted","deleted":false,"service":"Messenger"},` +
			`{"handle":"tel:+15550100","role":"Block","list":"BL","type":"Phone","service":"Messenger"}]}`,
	},
	"AddMember": {
		x: HTTPExchange{Service: AddressBook, Method: "POST", Action: "",
			Request:  body(`<Envelope><Body><AddMember><serviceHandle><Id>0</Id><Type>Messenger</Type></serviceHandle><memberships><Membership><MemberRole>Allow</MemberRole><Members><Member><Type>Passport</Type><PassportName>bob@example.com</PassportName></Member></Members></Membership></memberships></AddMember></Body></Envelope>`),
			Response: body(`<Envelope><Body><Fault><faultcode>soap:Client</faultcode><faultstring>no</faultstring><detail><errorcode>MemberAlreadyExists</errorcode></detail></Fault></Body></Envelope>`)},
		action:  "AddMember",
		payload: `{"type":"address-book","members":[{"handle":"bob@example.com","role":"Allow","list":"AL","type":"Passport","service":"Messenger"}],"fault":{"code":"soap:Client","text":"no","detail_code":"MemberAlreadyExists"}}`,
	},
	"ABContactAdd": {
		x: HTTPExchange{Service: AddressBook, Method: "POST", Action: "http://www.msn.com/webservices/AddressBook/ABContactAdd",
			Request:  body(`<Envelope><Body><ABContactAdd><contacts><Contact><contactInfo><passportName>bob@example.com</passportName></contactInfo></Contact></contacts></ABContactAdd></Body></Envelope>`),
			Response: body(`<Envelope><Body><ABContactAddResponse><ABContactAddResult><guid>c9</guid></ABContactAddResult></ABContactAddResponse></Body></Envelope>`)},
		action:  "ABContactAdd",
		payload: `{"type":"address-book","contacts":[{"handle":"bob@example.com"}],"made":["c9"]}`,
	},
	"OIM Store": {
		x: HTTPExchange{Service: OfflineMessages, Method: "POST", Action: "http://messenger.live.com/ws/2006/09/oim/Store2",
			Request: body("<soap:Envelope><soap:Header><From memberName=\"alice@example.com\" friendlyName=\"=?utf-8?B?QWxpY2U=?=\" buildVer=\"8.5.1302\"/><To memberName=\"bob@example.com\"/>" +
				"<Ticket passport=\"t=TICKET1&amp;p=\" appid=\"PROD0119GSJUC$18\" lockkey=\"abc\"/><Sequence><Identifier>x</Identifier><MessageNumber>2</MessageNumber></Sequence></soap:Header>" +
				"<soap:Body><MessageType>text</MessageType><Content>MIME-Version: 1.0\r\nContent-Type: text/plain; charset=UTF-8\r\nContent-Transfer-Encoding: base64\r\nX-OIM-Message-Type: OfflineMessage\r\nX-OIM-Run-Id: {run}\r\nX-OIM-Sequence-Num: 2\r\n\r\nSGVs\r\nbG8=\r\n</Content></soap:Body></soap:Envelope>"),
			Response: body(`<Envelope><Body><Fault><faultcode>q0:AuthenticationFailed</faultcode><faultstring>f</faultstring><detail><LockKeyChallenge>15570131571988941333</LockKeyChallenge></detail></Fault></Body></Envelope>`)},
		action: "Store2",
		payload: `{"type":"offline-messages","from":"alice@example.com","from_name":"Alice","client":"8.5.1302","to":"bob@example.com","number":2,"message_type":"OfflineMessage","run_id":"{run}","sequence":2,"text":"Hello",` +
			`"challenge":"15570131571988941333","fault":{"code":"q0:AuthenticationFailed","text":"f"}}`,
	},
	"OIM GetMetadata": {
		x: HTTPExchange{Service: OfflineMessages, Method: "POST", Action: "http://www.hotmail.msn.com/ws/2004/09/oim/rsi/GetMetadata",
			Response: body(`<Envelope><Body><GetMetadataResponse><MD><M><T>11</T><RT>2007-05-14T15:52:53.377Z</RT><SZ>950</SZ><E>bob@example.com</E><I>MSG1</I><N>=?utf-8?Q?Bob?=</N></M></MD></GetMetadataResponse></Body></Envelope>`)},
		action:  "GetMetadata",
		payload: `{"type":"offline-messages","offline_messages":[{"from":"bob@example.com","name":"Bob","id":"MSG1","received":"2007-05-14T15:52:53.377Z","size":950}]}`,
	},
	"OIM GetMessage": {
		x: HTTPExchange{Service: OfflineMessages, Method: "POST", Action: "http://www.hotmail.msn.com/ws/2004/09/oim/rsi/GetMessage",
			Request:  body(`<Envelope><Header><PassportCookie><t>TICKET1</t><p>PROFILE1</p></PassportCookie></Header><Body><GetMessage><messageId>MSG1</messageId><alsoMarkAsRead>false</alsoMarkAsRead></GetMessage></Body></Envelope>`),
			Response: body("<Envelope><Body><GetMessageResponse><GetMessageResult>From: =?utf-8?B?Qm9i?= &lt;bob@example.com&gt;\nTo: alice@example.com\nDate: 14 May 2007 15:52:53 -0000\nContent-Type: text/plain; charset=UTF-8\nContent-Transfer-Encoding: base64\n\nSGk=\n</GetMessageResult></GetMessageResponse></Body></Envelope>")},
		action:  "GetMessage",
		payload: `{"type":"offline-messages","message_ids":["MSG1"],"mark_as_read":false,"mail_from":"Bob <bob@example.com>","mail_to":"alice@example.com","date":"14 May 2007 15:52:53 -0000","text":"Hi"}`,
	},
	"another SOAP call": {
		x: HTTPExchange{Service: OtherSOAP, Method: "POST", Action: "http://www.msn.com/webservices/storage/2008/GetProfile",
			Request: body(`<Envelope><Header><StorageUserHeader><TicketToken>t=TICKET1</TicketToken></StorageUserHeader></Header><Body><GetProfile><profileHandle><Alias><Name>1</Name></Alias></profileHandle><Password>PASS1</Password></GetProfile></Body></Envelope>`)},
		action:  "GetProfile",
		payload: `{"type":"soap","request":{"profileHandle":{"Alias":{"Name":"1"}},"Password":"PASS1"}}`,
		hidden:  "PASS1",
	},
	"no XML, and a password in it": {
		x:       HTTPExchange{Service: SecurityTokens, Method: "POST", URL: "/RST.srf", Request: body("alice PASS1")},
		action:  "RST",
		payload: `{"type":"security-tokens","malformed":"no XML"}`,
	},
	"WRAP authorization": {
		x: HTTPExchange{Service: WRAP, Method: "GET", URL: "https://consent.live.com/Connect.aspx?wrap_client_id=0001&wrap_callback=http%3A%2F%2Fsite.example.com%2Fcb&wrap_scope=WL_Contacts.View", Status: 302,
			Response: headed("Location", "http://site.example.com/cb?wrap_verification_code=CODE1&exp=1")},
		action: "authorization",
		payload: `{"type":"wrap","from":"browser","to":"authorization server","query":{"wrap_client_id":"0001","wrap_callback":"http://site.example.com/cb","wrap_scope":"WL_Contacts.View"},` +
			`"location":"http://site.example.com/cb?wrap_verification_code=CODE1&exp=1"}`,
		masked: `"location":"http://site.example.com/cb?wrap_verification_code=***1&exp=1"`, hidden: "CODE1",
	},
	"WRAP verification code": {
		x:       HTTPExchange{Service: WRAP, Method: "GET", URL: "http://site.example.com/cb?wrap_verification_code=CODE1&exp=1", Status: 200},
		action:  "verification-code",
		payload: `{"type":"wrap","from":"browser","to":"client","query":{"wrap_verification_code":"CODE1","exp":"1"}}`,
		hidden:  "CODE1",
	},
	"WRAP access token": {
		x: HTTPExchange{Service: WRAP, Method: "POST", URL: "https://consent.live.com/AccessToken.aspx", Status: 200,
			Request:  wrapForm("wrap_client_id=0001&wrap_client_secret=SECRET1&wrap_verification_code=CODE1&idtype=CID"),
			Response: body("wrap_access_token=ACCESS%2F1&wrap_refresh_token=REFRESH1&wrap_access_token_expires_in=3600&uid=5&skey=KEY1")},
		action: "access-token",
		payload: `{"type":"wrap","from":"client","to":"authorization server","form":{"wrap_client_id":"0001","wrap_client_secret":"SECRET1","wrap_verification_code":"CODE1","idtype":"CID"},` +
			`"answer":{"wrap_access_token":"ACCESS/1","wrap_refresh_token":"REFRESH1","wrap_access_token_expires_in":"3600","uid":"5","skey":"KEY1"}}`,
		masked: `"wrap_access_token_expires_in":"3600"`, hidden: "SECRET1 CODE1 ACCESS REFRESH1 KEY1",
	},
	"WRAP refresh": {
		x: HTTPExchange{Service: WRAP, Method: "POST", URL: "/RefreshToken.aspx", Status: 401, Request: wrapForm("wrap_refresh_token=REFRESH1&wrap_client_id=1"),
			Response: HTTPMessage{Header: map[string][]string{"Www-Authenticate": {"WRAP"}}, Body: []byte("wrap_error_reason=expired_token")}},
		action:  "refresh-token",
		payload: `{"type":"wrap","from":"client","to":"authorization server","form":{"wrap_refresh_token":"REFRESH1","wrap_client_id":"1"},"answer":{"wrap_error_reason":"expired_token"},"error":"expired_token","challenge":"WRAP"}`,
		hidden:  "REFRESH1",
	},
	"WRAP resource": {
		x:       HTTPExchange{Service: WRAP, Method: "GET", URL: "http://apis.live.net/V4.1/cid-1/Contacts", Status: 200, Request: headed("Authorization", "WRAP access_token=ACCESS%2F1")},
		action:  "resource",
		payload: `{"type":"wrap","from":"client","to":"protected resource","access_token":"ACCESS/1"}`,
		hidden:  "ACCESS",
	},
}

func TestWhatExchangesSay(t *testing.T) {
	for name, c := range httpCases {
		h := NewHTTP(&c.x)
		if h.Action != c.action {
			t.Errorf("%s: action %q, want %q", name, h.Action, c.action)
		}
		if got := render(h.Payload); got != c.payload {
			t.Errorf("%s:\ngot  %s\nwant %s", name, got, c.payload)
		}
	}
}

func TestCredentialsOfExchangesAreMasked(t *testing.T) {
	for name, c := range httpCases {
		r := &Record{Kind: KindHTTP, HTTP: NewHTTP(&c.x)}
		before := render(r.HTTP.Payload)
		clear := r.HTTP
		NewMasker().Mask(r)
		got := r.HTTP.URL + " " + render(r.DecodePayload())
		if !strings.Contains(got, c.masked) {
			t.Errorf("%s: %s does not have %s", name, got, c.masked)
		}
		for secret := range strings.FieldsSeq(c.hidden) {
			if strings.Contains(got, secret) {
				t.Errorf("%s: %s shows %s", name, got, secret)
			}
		}
		if render(clear.Payload) != before {
			t.Errorf("%s: masking changed what it was given", name)
		}
	}
}

// TestATicketShowsEqualEverywhere: where it was given out, and where it is used.
func TestATicketShowsEqualEverywhere(t *testing.T) {
	m := NewMasker()
	login := &Record{Kind: KindHTTP, HTTP: NewHTTP(&HTTPExchange{Service: SecurityTokens, URL: "/RST.srf", Response: body(rstAnswer)})}
	m.Mask(login)
	var used *Record
	s := NewSession(Config{Conn: "c1", Emit: func(r *Record) { used = r.Clone() }})
	s.Feed(ClientToServer, []byte("USR 4 TWN S t=TICKET1&p=PROFILE1\r\n"), Stamp{})
	m.Mask(used)
	if got := string(used.Line); got != "USR 4 TWN S t=***1&p=***2" {
		t.Errorf("%s; the sign-in shows %s", got, render(login.HTTP.Payload))
	}
}

func TestMaskURL(t *testing.T) {
	for url, want := range map[string]string{
		"http://x/": "http://x/",
		"http://x/?a=1&t=S&p=&T=S#wrap_access_token=S":   "http://x/?a=1&t=***1&p=&T=***1#wrap_access_token=***1",
		"http://x/?ru=http%3A%2F%2Fy%2F%3Ft%3DS%26a%3D1": "http://x/?ru=http://y/?t=***1&a=1",
		"http://x/?a%3d1":    "http://x/?a%3d1",
		"?pwd=a%2Bb&pwd=a+b": "?pwd=***1&pwd=***2",
	} {
		if got := NewMasker().maskURL(url); got != want {
			t.Errorf("%s: got %s, want %s", url, got, want)
		}
	}
}

// TestAddressesWithinOneAnotherAreLookedIntoSoFar: one more, and it is masked whole.
func TestAddressesWithinOneAnotherAreLookedIntoSoFar(t *testing.T) {
	for depth, want := range map[int]string{maxWithin: "t=***1", maxWithin + 1: "ru=***1"} {
		address := "http://x/?t=SECRET"
		for range depth {
			address = "http://x/?ru=" + url.QueryEscape(address)
		}
		got := NewMasker().maskURL(address)
		if strings.Contains(got, "SECRET") || !strings.HasSuffix(got, want) {
			t.Errorf("%d addresses within one another: %.200s", depth, got)
		}
	}
}

// TestAnAddressOfManyParametersIsMaskedOnce: it is put together in one place.
func TestAnAddressOfManyParametersIsMaskedOnce(t *testing.T) {
	address := "http://x/?" + strings.Repeat("a&", 10_000)
	m := NewMasker()
	if n := testing.AllocsPerRun(1, func() { m.maskURL(address) }); n > 100 {
		t.Errorf("an address of 10,000 parameters takes %v allocations", n)
	}
}

func FuzzHTTPPayload(f *testing.F) {
	for _, c := range httpCases {
		header := ""
		for name, values := range c.x.Response.Header {
			header = name + ":" + values[0]
		}
		f.Add(byte(slices.IndexFunc(httpRows, func(r httpRow) bool { return r.service == c.x.Service })), c.x.URL, header, c.x.Request.Body, c.x.Response.Body)
	}
	f.Fuzz(func(t *testing.T, service byte, url, header string, asked, answered []byte) {
		if len(url) > 1<<14 || len(header) > 1<<14 || len(asked)+len(answered) > 1<<16 {
			return
		}
		name, value, _ := strings.Cut(header, ":")
		headers := map[string][]string{name: {value}, "Content-Type": {"application/x-www-form-urlencoded"}, "Set-Cookie": {value}}
		begun := time.Now()
		r := &Record{Kind: KindHTTP, HTTP: NewHTTP(&HTTPExchange{
			Service: httpRows[int(service)%len(httpRows)].service, URL: url, Status: 200,
			Request: HTTPMessage{headers, asked}, Response: HTTPMessage{headers, answered},
		})}
		checkPayload(t, r.HTTP.Payload, 2*(len(url)+len(header)+len(asked)+len(answered))+100)
		NewMasker().Mask(r)
		checkPayload(t, r.HTTP.Payload, 2*(len(url)+len(header)+len(asked)+len(answered))+100)
		if took := time.Since(begun); took > 5*time.Second {
			t.Fatalf("took %v", took)
		}
	})
}
