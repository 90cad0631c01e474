package captures

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"msnproxy/decode"
)

func get(target, host string, header ...string) string {
	return "GET " + target + " HTTP/1.1\r\nHost: " + host + "\r\n" + strings.Join(append(header, "", ""), "\r\n")
}

func page(body string, header ...string) string {
	header = append(header, fmt.Sprintf("Content-Length: %d", len(body)), "", body)
	return "HTTP/1.1 200 OK\r\n" + strings.Join(header, "\r\n")
}

// pieces cuts a text into what fits a packet.
func pieces(text string) (list []string) {
	for len(text) > 0 {
		n := min(len(text), 32<<10)
		list, text = append(list, text[:n]), text[n:]
	}
	return list
}

func connectTo(target string) string {
	return "CONNECT " + target + " HTTP/1.1\r\nHost: " + target + "\r\n\r\n"
}

const (
	established = "HTTP/1.1 200 Connection established\r\nContent-Length: 50\r\n\r\n" // a length that means nothing
	refused     = "HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 2\r\n\r\nno"
	nexus       = "/rdr/pprdr.asp"
)

func soap(path, action, body string) string {
	return fmt.Sprintf("POST %s HTTP/1.1\r\nHost: contacts.msn.com\r\nSOAPAction: \"%s\"\r\nContent-Type: text/xml\r\nContent-Length: %d\r\n\r\n%s",
		path, action, len(body), body)
}

func postForm(target, body string) string {
	return fmt.Sprintf("POST %s HTTP/1.1\r\nHost: site.example.com\r\nContent-Type: application/x-www-form-urlencoded; charset=utf-8\r\nContent-Length: %d\r\n\r\n%s",
		target, len(body), body)
}

const nexusRecord = "h1 http passport-nexus nexus http://nexus.passport.com/rdr/pprdr.asp "

// exchanges are talks of HTTP, and what is to come of them.
var exchanges = map[string]struct {
	talks func() []*talk
	want  string
}{
	"a tunnel to a server": {one(func() *talk {
		return gatewayTalkBegins().c(connectTo("ns.example.com:1863")).s(established).
			c("VER 1 MSNP8 CVR0\r\n").s("VER 1 MSNP8\r\n").c("MSG 2 N 5\r\nhello").close()
	}), `c1 open 10.0.0.1:2048 ns.example.com:1863
c1 command c2s VER 1 MSNP8 CVR0""
c1 command s2c VER 1 MSNP8""
c1 command c2s MSG 2 N 5"hello"
c1 close client closed`},
	"a tunnel after a refusal, nothing waited for": {one(func() *talk {
		return gatewayTalkBegins().c(connectTo("ns.example.com:443")).s(refused).
			c(connectTo("ns.example.com:443") + "VER 1 MSNP8 CVR0\r\n").s(established + "VER 1 MSNP8\r\n").close()
	}), `c1 open 10.0.0.1:2048 ns.example.com:443
c1 command c2s VER 1 MSNP8 CVR0""
c1 command s2c VER 1 MSNP8""
c1 close client closed`},
	"the gateway within a tunnel": {one(func() *talk {
		return gatewayTalkBegins().c(connectTo("gateway.example.com:80")).s(established).
			c(openNS("10.0.0.2", "VER 1 MSNP8 CVR0\r\n")).s(reply("7.1", "VER 1 MSNP8\r\n")).close()
	}), openedRecords + `c1 close capture ended`},
	"TLS within a tunnel": {one(func() *talk {
		return gatewayTalkBegins().c(connectTo("login.live.com:443")).s(established).c("\x16\x03\x01\x00\x05hello").s("\x16\x03\x01\x00\x05hello").close()
	}), ``},
	"a large page of somebody else before it": {one(func() *talk {
		k := gatewayTalkBegins().c(get("http://example.com/big", "example.com")).s(pieces(page(strings.Repeat("x", 2*maxHTTPBody)))...)
		return k.c(openNS("10.0.0.2", "VER 1 MSNP8 CVR0\r\n")).s(reply("7.1", "VER 1 MSNP8\r\n")).close()
	}), openedRecords + `c1 close capture ended`},
	"HEAD before it": {one(func() *talk {
		return gatewayTalkBegins().c("HEAD http://example.com/ HTTP/1.1\r\nHost: example.com\r\n\r\n").s("HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n").
			c(openNS("10.0.0.2", "VER 1 MSNP8 CVR0\r\n")).s(reply("7.1", "VER 1 MSNP8\r\n")).close()
	}), openedRecords + `c1 close capture ended`},
	"chunks and gzip together": {one(func() *talk {
		return opened().c(poll("7.1")).s(replyWith("7.2", chunked(gzipped("CHL 0 1\r\n")), "Transfer-Encoding: chunked", "Content-Encoding: gzip"))
	}), openedRecords + `c1 command s2c CHL 0 1""
c1 close capture ended`},
	"a body too large for a session": {one(func() *talk {
		return opened().c(poll("7.1")).s(pieces(reply("7.2", strings.Repeat("x", maxHTTPBody+10)))...).c(post("7.2", "PNG\r\n")).s(reply("7.3", "QNG 50\r\n"))
	}), openedRecords + fmt.Sprintf(`c1 gap s2c %d
c1 command c2s PNG""
c1 command s2c QNG 50""
c1 close capture ended`, maxHTTPBody+10)},
	"the nexus": {one(func() *talk {
		return gatewayTalkBegins().c(get(nexus, "nexus.passport.com")).s(page("", "PassportURLs: DALogin=login.live.com/login2.srf")).close()
	}), nexusRecord + "200"},
	"the nexus does not answer": {one(func() *talk { return gatewayTalkBegins().c(get(nexus, "nexus.passport.com")).close() }), nexusRecord + "0"},
	"pipelined services, and a page between": {one(func() *talk {
		return gatewayTalkBegins().c(soap("/abservice/abservice.asmx", "http://www.msn.com/webservices/AddressBook/ABFindAll", "<Envelope/>")+
			get("/news", "contacts.msn.com")+get("http://nexus.passport.com"+nexus, "nexus.passport.com")).
			s(page("<Envelope/>")+page("wrap_access_token=1"), page("")).close()
	}), "h1 http address-book ABFindAll http://contacts.msn.com/abservice/abservice.asmx 200\n" + nexusRecord + "200"},
	"a form with a verification code": {one(func() *talk {
		form := postForm("/callback", "wrap_verification_code=1&wrap_client_id=2")
		return gatewayTalkBegins().c(form[:len(form)-10], form[len(form)-10:]).s(page("wrap_access_token=3")).close()
	}), "h1 http wrap access-token http://site.example.com/callback 200"},
	"a service and the gateway on one connection": {one(func() *talk {
		return gatewayTalkBegins().c(get(nexus, "nexus.passport.com")).s(page("")).
			c(openNS("10.0.0.2", "VER 1 MSNP8 CVR0\r\n")).s(reply("7.1", "VER 1 MSNP8\r\n")).close()
	}), nexusRecord + "200\n" + openedRecords + "c1 close capture ended"},
	"behind somebody else's page": {one(func() *talk {
		return gatewayTalkBegins().c(get("/", "www.example.com")).s(page("hello")).c(get(nexus, "nexus.passport.com")).s(page("")).close()
	}), nexusRecord + "200"},
	"no HTTP any more": {one(func() *talk {
		return gatewayTalkBegins().c(get("/", "www.example.com", "Upgrade: websocket")).s("HTTP/1.1 101 Switching Protocols\r\n\r\n").
			c(get(nexus, "nexus.passport.com")).s(page("")).close()
	}), ""},
	"joined before a request": {one(func() *talk {
		return newTalk("10.0.0.1:2048", "10.0.0.9:80").c(get(nexus, "nexus.passport.com")).s(page(""))
	}), nexusRecord + "200"},
}

func TestExchanges(t *testing.T) {
	for name, s := range exchanges {
		t.Run(name, func(t *testing.T) {
			r := decodeTalks(t, s.talks()...)
			if got := strings.Join(r.brief(), "\n"); got != s.want {
				t.Errorf("got:\n%.2000s\nwant:\n%s", got, s.want)
			}
			if r.summary.Exchanges != r.kinds(decode.KindHTTP) {
				t.Errorf("%d exchanges in the summary", r.summary.Exchanges)
			}
		})
	}
}

func TestOrdinaryTrafficGivesNoRecords(t *testing.T) {
	for _, request := range []string{
		get("/", "example.com"), get("/search?q=wrap_client_id=1&wrap=2", "example.com"),
		get("/", "www.msn.com", "Cookie: MSPAuth=1"), get("/", "example.com", "Authorization: Basic YTpi"),
		get("/RST.srf", "login.live.com"), // no sign-in: that is posted
		postForm("/login", "user=a&pwd=b&text=wrap_client_id"),
		postForm("/login", strings.Repeat("a=b&", 8<<10)),
		soap("/service.asmx", "http://tempuri.org/ABFindAll", "<Envelope/>"),
		soap("/", "http://www.example.com/http://www.msn.com/webservices/AddressBook/ABFindAll", "<Envelope/>"),
		connectTo("example.com:443") + get(nexus[:8], "nexus.passport.com"),
		"PUT /gateway/gateway.dll?SessionID=1 HTTP/1.1\r\nContent-Length: 5\r\n\r\nPNG\r\n",
		"OPTIONS * HTTP/1.1\r\nHost: example.com\r\n\r\n",
	} {
		r := decodeTalks(t, gatewayTalkBegins().c(request).s(page("wrap_access_token=1")).close())
		if got := r.brief(); len(got) != 0 {
			t.Errorf("%.60q: %q", request, got)
		}
	}
}

func TestTheCarrierOfAConnection(t *testing.T) {
	k := gatewayTalkBegins().c(get(nexus, "nexus.passport.com")).s(page("")).c(openNS("10.0.0.2", "VER 1 MSNP8 CVR0\r\n")).s(reply("7.1", "VER 1 MSNP8\r\n")).close()
	second := newTalk("10.0.0.1:2049", "10.0.0.8:8080").wait(time.Second).open().c(connectTo("10.0.0.5:1863")).s(established).c("VER 1 MSNP8 CVR0\r\n").s("VER 1 MSNP8\r\n").close()
	var got []string
	for _, rec := range decodeTalks(t, k, second).records {
		if rec.Kind == decode.KindOpen {
			got = append(got, fmt.Sprint(rec.Conn, rec.Carrier))
		}
	}
	if want := "[c1{h1 10.0.0.9:80} c2{h2 10.0.0.8:8080}]"; fmt.Sprint(got) != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

// FuzzTalk reads whatever two ends say as a connection to a proxy: tunnels,
// sessions and exchanges in any order. It must not crash, nor take long.
func FuzzTalk(f *testing.F) {
	f.Add([]byte(connectTo("ns.example.com:1863")+"VER 1 MSNP8 CVR0\r\n"), []byte(established+"VER 1 MSNP8\r\n"), byte(7))
	f.Add([]byte(connectTo("a")+connectTo("b")+openNS("h", "VER 1 MSNP8 CVR0\r\n")), []byte(established+refused+established+reply("7.1", "VER 1 MSNP8\r\n")), byte(90))
	f.Add([]byte(get(nexus, "nexus.passport.com")+postForm("/cb", "wrap_verification_code=1")), []byte(page("", "PassportURLs: DALogin=x")+page("wrap_access_token=3")), byte(255))
	f.Add([]byte(openSB("h", "ANS 1 a@b.c 1.2 3\r\n")+poll("8.1")), []byte(reply("8.1", gzipped("ANS 1 OK\r\n"), "Content-Encoding: gzip")+replyWith("8.2", chunked("BYE a@b.c\r\n"), "Transfer-Encoding: chunked")), byte(3))
	f.Fuzz(func(t *testing.T, client, server []byte, size byte) {
		if len(client)+len(server) > 1<<13 {
			return
		}
		begun := time.Now()
		k := gatewayTalkBegins()
		for n := int(size) + 1; len(client)+len(server) > 0; {
			c, s := min(n, len(client)), min(n, len(server))
			if c > 0 {
				k.c(string(client[:c]))
			}
			if s > 0 {
				k.s(string(server[:s]))
			}
			client, server = client[c:], server[s:]
		}
		decodeTalks(t, k.close())
		if took := time.Since(begun); took > fuzzLimit {
			t.Fatalf("took %v", took)
		}
	})
}

// TestARequestForATunnelWaitsForItsAnswer only so long: a client that goes on has
// got one, which the capture does not have.
func TestARequestForATunnelWaitsForItsAnswer(t *testing.T) {
	const first = "VER 1 MSNP8 CVR0\r\n"
	for size, found := range map[int]int64{maxUnanswered: 0, maxUnanswered + 1: 1} {
		k := gatewayTalkBegins().c(connectTo("ns.example.com:1863"), first)
		said := strings.Repeat("PNG\r\n", size/5)[:size-len(first)]
		r := decodeTalks(t, k.c(pieces(said)...))
		if n := int64(r.kinds(decode.KindOpen)); n != found {
			t.Errorf("of %d bytes, %d connections are found, want %d", size, n, found)
		}
		if n := r.kinds(decode.KindCommand); found == 1 && n != 1+(size-len(first))/5 {
			t.Errorf("of %d bytes, there are %d commands", size, n)
		}
	}
}
