package captures

import (
	"bytes"
	"cmp"
	"compress/gzip"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"msnproxy/decode"
	"msnproxy/internal/gateway"
)

// Requests and responses of the gateway, for talks.

func httpRequest(target, version, body string) string {
	return fmt.Sprintf("POST %s %s\r\nUser-Agent: MSMSGS\r\nContent-Length: %d\r\n\r\n%s", target, version, len(body), body)
}

// openNS and openSB open a session with a host.
func openNS(host, body string) string {
	return httpRequest("/gateway/gateway.dll?Action=open&Server=NS&IP="+host, "HTTP/1.1", body)
}

func openSB(host, body string) string {
	return httpRequest("/gateway/gateway.dll?Action=open&Server=SB&IP="+host, "HTTP/1.1", body)
}

// post sends to a session, poll asks it for news.
func post(id, body string) string {
	return httpRequest("http://207.46.110.18/gateway/gateway.dll?SessionID="+id, "HTTP/1.1", body)
}

func poll(id string) string {
	return httpRequest("/gateway/gateway.dll?Action=poll&Lifespan=5&SessionID="+id, "HTTP/1.1", "")
}

// reply is a response of a session; more is added to its header.
func reply(id, body string, more ...string) string {
	length := fmt.Sprintf("Content-Length: %d", len(body))
	return replyWith(id, body, append(more, length)...)
}

func replyWith(id, body string, header ...string) string {
	return "HTTP/1.1 200 OK\r\nX-MSN-Messenger: SessionID=" + id + "; GW-IP=207.46.110.18\r\n" +
		"Content-Type: application/x-msn-messenger\r\n" + strings.Join(header, "\r\n") + "\r\n\r\n" + body
}

const sessionClosed = "HTTP/1.1 200 OK\r\nX-MSN-Messenger: SessionID=7.3; Session=close\r\nContent-Length: 5\r\n\r\nOUT\r\n"

// chunked makes a chunked body.
func chunked(parts ...string) string {
	var out strings.Builder
	for _, p := range parts {
		fmt.Fprintf(&out, "%x;ext=1\r\n%s\r\n", len(p), p)
	}
	return out.String() + "0\r\nTrailer: x\r\n\r\n"
}

func gatewayTalkBegins() *talk { return newTalk("10.0.0.1:2048", "10.0.0.9:80").open() }

// opened is a talk in which a session was opened.
func opened() *talk {
	return gatewayTalkBegins().c(openNS("10.0.0.2", "VER 1 MSNP8 CVR0\r\n")).s(reply("7.1", "VER 1 MSNP8\r\n"))
}

const openedRecords = `c1 open 10.0.0.1:2048 10.0.0.2:1863
c1 command c2s VER 1 MSNP8 CVR0""
c1 command s2c VER 1 MSNP8""
`

// situations are talks with the gateway, and what is to come of them.
var situations = map[string]struct {
	talks func() []*talk
	want  string
}{
	"the id changes": {one(func() *talk {
		return opened().c(post("7.1", "PNG\r\n")).s(reply("7.2", "QNG 50\r\n")).c(poll("7.2")).s(reply("7.3", "CHL 0 1\r\n"))
	}), openedRecords + `c1 command c2s PNG""
c1 command s2c QNG 50""
c1 command s2c CHL 0 1""
c1 close capture ended`},
	"the server closes the session": {one(func() *talk {
		return opened().c(poll("7.1")).s(sessionClosed).c(post("7.3", "PNG\r\n")).s(reply("7.4", "QNG 50\r\n")).close()
	}), openedRecords + `c1 command s2c OUT""
c1 close server closed`},
	"the connection ends, not the session": {one(func() *talk { return opened().close() }), openedRecords + `c1 close capture ended`},
	"a session over two connections": {func() []*talk {
		k := newTalk("10.0.0.1:2049", "10.0.0.10:80").wait(time.Second).open()
		return []*talk{opened().close(), k.c(post("7.1", "MSG 3 N 5\r\nhe")).s(reply("7.2", "")).c(post("7.2", "llo")).s(reply("7.3", "")).close()}
	}, openedRecords + `c1 command c2s MSG 3 N 5"hello"
c1 close capture ended`},
	"two sessions over a connection": {one(func() *talk {
		return opened().c(openSB("10.0.0.3:1864", "ANS 1 alice@example.com 1.2 33\r\n")).s(reply("8.1", "ANS 1 OK\r\n")).
			c(post("7.1", "PNG\r\n")).s(reply("7.2", "QNG 50\r\n")).close()
	}), openedRecords + `c2 open 10.0.0.1:2048 10.0.0.3:1864
c2 command c2s ANS 1 alice@example.com 1.2 33""
c2 command s2c ANS 1 OK""
c1 command c2s PNG""
c1 command s2c QNG 50""
c1 close capture ended
c2 close capture ended`},
	"pipelined, with another server's page between": {one(func() *talk {
		return gatewayTalkBegins().c(openNS("10.0.0.2", "VER 1 MSNP8 CVR0\r\n") + "GET http://example.com/ HTTP/1.1\r\n\r\n" +
			openSB("10.0.0.3", "USR 1 alice@example.com 1.2\r\n")).
			s(reply("7.1", "VER 1 MSNP8\r\n") + "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nVER 1 M\r\n\r" +
				reply("8.1", "USR 1 OK alice@example.com Alice\r\n"))
	}), `c1 open 10.0.0.1:2048 10.0.0.2:1863
c1 command c2s VER 1 MSNP8 CVR0""
c2 open 10.0.0.1:2048 10.0.0.3:1863
c2 command c2s USR 1 alice@example.com 1.2""
c1 command s2c VER 1 MSNP8""
c1 close capture ended
c2 command s2c USR 1 OK alice@example.com Alice""
c2 close capture ended`},
	"100 Continue": {one(func() *talk {
		return opened().c(post("7.1", "PNG\r\n")).s("HTTP/1.1 100 Continue\r\n\r\n", reply("7.2", "QNG 50\r\n"))
	}), openedRecords + `c1 command c2s PNG""
c1 command s2c QNG 50""
c1 close capture ended`},
	"chunked": {one(func() *talk {
		return opened().c(poll("7.1")).s(replyWith("7.2", chunked("CHL ", "0 1\r\nQN", "G 50\r\n"), "Transfer-Encoding: chunked")).
			c(poll("7.2")).s(reply("7.3", "CHL 0 2\r\n"))
	}), openedRecords + `c1 command s2c CHL 0 1""
c1 command s2c QNG 50""
c1 command s2c CHL 0 2""
c1 close capture ended`},
	"gzip": {one(func() *talk {
		return opened().c(poll("7.1")).s(reply("7.2", gzipped("CHL 0 1\r\n"), "Content-Encoding: gzip"))
	}), openedRecords + `c1 command s2c CHL 0 1""
c1 close capture ended`},
	"HTTP/1.0, the body up to the end": {one(func() *talk {
		k := gatewayTalkBegins().c(httpRequest("/gateway/gateway.dll?Action=open&Server=NS&IP=10.0.0.2", "HTTP/1.0", "VER 1 MSNP8 CVR0\r\n"))
		return k.s("HTTP/1.0 200 OK\r\nX-MSN-Messenger: SessionID=7.1; GW-IP=x\r\n\r\nVER 1 ", "MSNP8\r\n").fin(fromServer).fin(fromClient)
	}), openedRecords + `c1 close capture ended`},
	"a body that is cut": {one(func() *talk {
		return opened().c(poll("7.1")).s(reply("7.2", "CHL 0 1\r\nQNG 50\r\n")[:len(reply("7.2", "CHL 0 1\r\nQNG 50\r\n"))-8])
	}), openedRecords + `c1 command s2c CHL 0 1""
c1 close capture ended`},
	"no HTTP any more": {one(func() *talk {
		return opened().c("what is this\r\n\r\n", post("7.1", "PNG\r\n")).s("HTTP/1.1 huh\r\n\r\n", reply("7.2", "QNG 50\r\n"))
	}), openedRecords + `c1 close capture ended`},
	"an error and a page are no commands": {one(func() *talk {
		return opened().c(poll("7.1")).s("HTTP/1.1 400 Bad Request\r\nContent-Length: 5\r\n\r\nOUT\r\n").
			c(poll("7.1")).s("HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 5\r\n\r\nOUT\r\n")
	}), openedRecords + `c1 close capture ended`},
	"commands without the header": {one(func() *talk {
		return opened().c(poll("7.1")).s("HTTP/1.1 200 OK\r\nContent-Type: application/x-msn-messenger\r\nContent-Length: 5\r\n\r\nOUT\r\n")
	}), openedRecords + `c1 command s2c OUT""
c1 close capture ended`},
	"a line end too much": {one(func() *talk {
		return opened().c(post("7.1", "PNG\r\n") + "\r\n").s(reply("7.2", "QNG 50\r\n")).c(poll("7.2")).s(reply("7.3", "CHL 0 1\r\n"))
	}), openedRecords + `c1 command c2s PNG""
c1 command s2c QNG 50""
c1 command s2c CHL 0 1""
c1 close capture ended`},
	"the opening is not answered": {one(func() *talk { return gatewayTalkBegins().c(openNS("10.0.0.2", "VER 1 MSNP8 CVR0\r\n")).close() }), `c1 open 10.0.0.1:2048 10.0.0.2:1863
c1 command c2s VER 1 MSNP8 CVR0""
c1 close client closed`},
	"the opening is refused": {one(func() *talk {
		return gatewayTalkBegins().c(openNS("10.0.0.2", "VER 1 MSNP8 CVR0\r\n")).s("HTTP/1.1 503 No\r\nContent-Length: 0\r\n\r\n").close()
	}), ``},
	"joined at a request": {one(func() *talk {
		return newTalk("10.0.0.1:2048", "10.0.0.9:80").c(post("7.1", "PNG\r\n")).s(reply("7.2", "QNG 50\r\n"))
	}), `c1 open 10.0.0.1:2048 10.0.0.9:80
c1 command c2s PNG""
c1 command s2c QNG 50""
c1 close capture ended`},
	"joined at a response": {one(func() *talk {
		return newTalk("10.0.0.1:2048", "10.0.0.9:80").s(reply("7.2", "QNG 50\r\n")).c(post("7.1", "PNG\r\n")).s(reply("7.2", "QNG 51\r\n"))
	}), `c1 open 10.0.0.1:2048 10.0.0.9:80
c1 command s2c QNG 50""
c1 command c2s PNG""
c1 command s2c QNG 51""
c1 close capture ended`},
	"another session in the middle, polls only": {one(func() *talk {
		return gatewayTalkBegins().c(poll("9.1")).s(reply("9.2", "")).close()
	}), ``},
	"a request that cannot be read": {one(func() *talk {
		return gatewayTalkBegins().c(post("1", "PNG\r\n")[:5] + "http://[::1/gateway/gateway.dll?SessionID=1 HTTP/1.1\r\n\r\n").s(reply("7.1", "QNG 50\r\n")).close()
	}), `c1 open 10.0.0.1:2048 10.0.0.9:80
c1 command s2c QNG 50""
c1 close capture ended`},
	"only the client's side was captured, of two sessions": {one(func() *talk {
		k := opened().c(post("7.1", "PNG\r\n")).s(reply("7.2", "QNG 50\r\n")).c(openSB("10.0.0.3", "USR 1 alice@example.com 1.2\r\n"))
		return k.s(reply("8.1", "USR 1 OK alice@example.com Alice\r\n")).c(post("8.1", "CAL 2 bob@example.com\r\n")).s(reply("8.2", "")).only(fromClient)
	}), `c1 open 10.0.0.1:2048 10.0.0.2:1863
c1 command c2s VER 1 MSNP8 CVR0""
c1 command c2s PNG""
c2 open 10.0.0.1:2048 10.0.0.3:1863
c2 command c2s USR 1 alice@example.com 1.2""
c1 close capture ended
c2 command c2s CAL 2 bob@example.com""
c2 gap s2c 459
c2 close capture ended`},
	"only the server's side was captured": {one(func() *talk {
		return opened().c(post("7.1", "PNG\r\n")).s(reply("7.2", "QNG 50\r\n")).only(fromServer)
	}), `c1 open 10.0.0.1:2048 10.0.0.9:80
c1 command s2c VER 1 MSNP8""
c1 command s2c QNG 50""
c1 close capture ended`},
	"the response was captured first": {one(func() *talk {
		k := opened()
		return k.swap(len(k.segs)-1, len(k.segs)-2)
	}), openedRecords + `c1 close capture ended`},
	"an id is given out again": {one(func() *talk {
		return opened().c(openNS("10.0.0.2", "VER 1 MSNP8 CVR0\r\n")).s(reply("7.1", "VER 1 MSNP8\r\n"))
	}), openedRecords + `c1 close server closed
` + strings.ReplaceAll(openedRecords, "c1", "c2") + `c2 close capture ended`},
}

// one wraps a single talk.
func one(f func() *talk) func() []*talk { return func() []*talk { return []*talk{f()} } }

func gzipped(text string) string {
	var out bytes.Buffer
	z := gzip.NewWriter(&out)
	_, _ = z.Write([]byte(text))
	_ = z.Close()
	return out.String()
}

func TestGateway(t *testing.T) {
	for name, s := range situations {
		t.Run(name, func(t *testing.T) {
			r := decodeTalks(t, s.talks()...)
			if got := strings.Join(r.brief(), "\n"); got != s.want {
				t.Errorf("got:\n%s\nwant:\n%s", got, s.want)
			}
			if r.summary.Connections != r.kinds(decode.KindOpen) {
				t.Errorf("%d connections in the summary", r.summary.Connections)
			}
		})
	}
}

func TestGatewayDoesNotDependOnTheSegments(t *testing.T) {
	for name, s := range situations {
		if strings.HasPrefix(name, "joined") || strings.HasPrefix(name, "only") || name == "the response was captured first" {
			continue // their order is what they are about
		}
		for seed := range 40 {
			m := mangler{rand.New(rand.NewPCG(uint64(seed), 3))}
			talks := s.talks()
			for _, k := range talks {
				start := k.segs[0].at
				k.segs = m.shuffle(m.duplicate(m.widen(m.cut(m.cut(m.merge(k.segs))))))
				for i := range k.segs {
					k.segs[i].at = start + time.Duration(i)*time.Millisecond
				}
			}
			got := byConnection(decodeTalks(t, talks...).brief())
			if want := byConnection(strings.Split(s.want, "\n")); got != want {
				t.Fatalf("%s, seed %d: got:\n%s\nwant:\n%s", name, seed, got, want)
			}
		}
	}
}

// byConnection puts lines together by their first words.
func byConnection(lines []string) string {
	slices.SortStableFunc(lines, func(a, b string) int {
		return cmp.Compare(strings.Fields(a)[0], strings.Fields(b)[0])
	})
	return strings.Join(lines, "\n")
}

func TestStampsOfTheGateway(t *testing.T) {
	body := "CHL 0 1\r\nQNG 50\r\n"
	whole := reply("7.2", body)
	head := len(whole) - len(body)
	r := decodeTalks(t, opened().c(poll("7.1")).s(whole[:head], whole[head:head+9], whole[head+9:]))
	var got []int64
	for _, rec := range r.records[3:] {
		got = append(got, rec.Packet)
	}
	if fmt.Sprint(got) != "[8 9 9]" { // the two commands, and the end of the capture
		t.Errorf("packets %v", got)
	}
}

func TestGapInTheGateway(t *testing.T) {
	k := opened().c(poll("7.1")).s(reply("7.2", "CHL 0 1\r\n")).acks(fromClient).wait(time.Second)
	k.c(post("7.2", "PNG\r\n")).s(reply("7.3", "QNG 50\r\n")).acks(fromClient)
	lost := len(k.segs[6].data)
	r := decodeTalks(t, k.drop(6))
	want := openedRecords + fmt.Sprintf(`c1 gap s2c %d
c1 command c2s PNG""
c1 command s2c QNG 50""
c1 close capture ended`, lost)
	if got := strings.Join(r.brief(), "\n"); got != want {
		t.Errorf("got:\n%s\nwant:\n%s", got, want)
	}
}

// TestLossWithinMessagesOfTheGateway: a message of the gateway comes in three
// segments, of which one is lost.
func TestLossWithinMessagesOfTheGateway(t *testing.T) {
	const first, second = "MSG a@b.c A 12\r\nsix...", "later.QNG 50\r\n"
	plain := reply("7.2", first+second)
	zip := gzipped(first + second)
	packed := reply("7.2", zip, "Content-Encoding: gzip")
	const (
		message = `c1 command s2c MSG a@b.c A 12"six...later."` + "\n"
		answer  = `c1 command s2c QNG 50""` + "\n"
		request = `c1 command c2s PNG""` + "\n"
	)
	for name, c := range map[string]struct {
		pieces []string
		lost   int
		want   string
	}{
		"nothing":                  {cutBefore(plain, first, second), -1, message + answer + request},
		"the header":               {cutBefore(plain, first, second), 0, "c1 gap s2c 135\n" + message + request + answer},
		"the end of the header":    {cutBefore(plain, "\r\n\r\n"+first, second), 1, "c1 gap s2c 26\n" + request + `c1 opaque s2c "later.QNG 50\r\n"` + "\n"},
		"the first half of a body": {cutBefore(plain, first, second), 1, "c1 gap s2c 22\n" + request + `c1 opaque s2c "later.QNG 50\r\n"` + "\n"},
		// Six of the bytes are the rest of the message's payload.
		"the second half of a body": {cutBefore(plain, first, second), 2, `c1 command s2c MSG a@b.c A 12"six..."` + "\nc1 gap s2c 8\n" + request},
		"the middle of a body":      {cutBefore(plain, "six...", "later."), 1, `c1 command s2c MSG a@b.c A 12"later."` + "\n" + answer + request},
		"the end of a zipped body":  {cutBefore(packed, zip, zip[len(zip)-8:]), 2, message + answer + "c1 gap s2c 8\n" + request},
	} {
		t.Run(name, func(t *testing.T) {
			// With another request between, nothing but the header tells whose a body is.
			k := opened().c(get("http://example.com/", "example.com")).s(page("x")).c(poll("7.1"))
			if name == "the header" || name == "the end of the header" {
				k = opened().c(poll("7.1"))
			}
			at := len(k.segs) + c.lost
			k.s(c.pieces...).acks(fromClient).wait(time.Second).c(post("7.2", "PNG\r\n")).s(reply("7.3", "QNG 40\r\n"))
			if c.lost >= 0 {
				k.drop(at)
			}
			want := openedRecords + c.want + "c1 command s2c QNG 40\"\"\nc1 close capture ended"
			if got := strings.Join(decodeTalks(t, k).brief(), "\n"); got != want {
				t.Errorf("got:\n%s\nwant:\n%s", got, want)
			}
		})
	}
}

// cutBefore cuts a text in three.
func cutBefore(text, second, third string) []string {
	i, j := strings.Index(text, second), strings.LastIndex(text, third)
	return []string{text[:i], text[i:j], text[j:]}
}

func TestWhatIsNoGateway(t *testing.T) {
	for _, target := range []string{
		"/gateway/gateway.dll", "/gateway/gateway.dll?Action=open", "/gateway/gateway.dll?Action=open&Server=XX",
		"/gateway/gateway.dll?SessionID=", "/gateway/gateway.dll?SessionID=.5", "/gateway.dll?SessionID=1", "/gateway/gateway.dllx?SessionID=1",
	} {
		r := decodeTalks(t, gatewayTalkBegins().c(httpRequest(target, "HTTP/1.1", "PNG\r\n")).s(reply("1", "QNG 50\r\n")).close())
		if r.summary.Connections != 0 {
			t.Errorf("%s: %q", target, r.brief())
		}
	}
	get := strings.Replace(post("1", "PNG\r\n"), "POST", "GET", 1)
	if r := decodeTalks(t, gatewayTalkBegins().c(get).s(reply("1", "QNG 50\r\n"))); r.summary.Connections != 0 {
		t.Errorf("GET: %q", r.brief())
	}
	long := httpRequest("/"+strings.Repeat("x", maxRequestLine)+"/gateway/gateway.dll?SessionID=1", "HTTP/1.1", "PNG\r\n")
	if r := decodeTalks(t, gatewayTalkBegins().c(long[:maxRequestLine+5], long[maxRequestLine+5:])); r.summary.Connections != 0 {
		t.Errorf("long: %q", r.brief())
	}
}

func TestSilentGatewaySession(t *testing.T) {
	later := newTalk("10.0.0.1:2049", "10.0.0.9:80").wait(idleAfter + time.Hour).open()
	r := decodeTalks(t, opened().close(), later)
	wantReasons(t, r, "idle")
}

func TestTooManyGatewaySessions(t *testing.T) {
	k := gatewayTalkBegins()
	for n := range gateway.MaxSessions + 3 {
		k.c(post(fmt.Sprint("s", n), "PNG\r\n")).s(reply(fmt.Sprint("s", n), ""))
	}
	r := decodeTalks(t, k)
	idle := 0
	for _, reason := range r.reasons() {
		if reason == reasonIdle {
			idle++
		}
	}
	if idle != 3 {
		t.Errorf("%d sessions were dropped", idle)
	}
}

func TestRequestsWithoutResponses(t *testing.T) {
	k := opened()
	for range 3 * maxOutstanding {
		k.c(post("7.1", "PNG\r\n"))
	}
	if n := len(decodeTalks(t, k).lines(c2s)); n != 3*maxOutstanding+1 {
		t.Errorf("%d commands", n)
	}
}
