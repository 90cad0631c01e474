package gateway

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"math/rand"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"
)

func TestParseQuery(t *testing.T) {
	for target, want := range map[string]string{
		"/gateway/gateway.dll?Action=open&Server=NS&IP=10.0.0.2":        "{ NS 10.0.0.2} true",
		"/gateway/gateway.dll?action=open":                              "{  } false",
		"/gateway/gateway.dll?Action=OPEN&Server=sb&IP=h:1864":          "{ SB h:1864} true",
		"/Gateway/Gateway.dll?SessionID=1.2":                            "{1  } true",
		"/gateway/gateway.dll?Action=poll&Lifespan=3&SessionID=a-b.2.3": "{a-b  } true",
		"http://h:80/x/gateway/gateway.dll?SessionID=1":                 "{1  } true",
		"/gateway/gateway.dll?SessionID=.2":                             "{  } false",
		"/gateway.dll?SessionID=1":                                      "{  } false",
	} {
		u, err := url.Parse(target)
		if err != nil {
			t.Fatal(err)
		}
		q, ok := ParseQuery("POST", u)
		if got := fmt.Sprint(q, ok); got != want {
			t.Errorf("%s: got %s, want %s", target, got, want)
		}
		if _, ok := ParseQuery("GET", u); ok {
			t.Errorf("GET %s", target)
		}
	}
}

func TestWithHost(t *testing.T) {
	for query, want := range map[string]string{
		"Action=open&Server=NS&IP=127.0.0.1": "Action=open&Server=NS&IP=h:18",
		"IP=a&x=IP=b&ip=c":                   "IP=h:18&x=IP=b&ip=c",
		"Action=open":                        "Action=open",
	} {
		if got := WithHost(query, "h:18"); got != want {
			t.Errorf("%s: got %s, want %s", query, got, want)
		}
	}
	if got := WithHost("IP=x", "[::1]&y=1"); got != "IP=%5B::1%5D%26y%3D1" {
		t.Errorf("got %s", got)
	}
}

func TestAnswers(t *testing.T) {
	for value, want := range map[string]struct{ answer, changed string }{
		"SessionID=954547325.13160; GW-IP=207.46.110.18":           {"{954547325 207.46.110.18 false}", "SessionID=954547325.13160; GW-IP=10.0.0.1:81"},
		"SessionID=1; GW-IP=gw.example.com; Session=close":         {"{1 gw.example.com true}", "SessionID=1; GW-IP=10.0.0.1:81; Session=close"},
		"sessionid=a.b;gw-ip=;session=CLOSE; X=\"; GW-IP\"; GW-IP": {"{a  true}", "sessionid=a.b;gw-ip=10.0.0.1:81;session=CLOSE; X=\"; GW-IP\"; GW-IP"},
		"": {"{  false}", ""},
	} {
		if got := fmt.Sprint(ParseAnswer(http.Header{"X-Msn-Messenger": {value}})); got != want.answer {
			t.Errorf("%q: got %s, want %s", value, got, want.answer)
		}
		if got := WithIP(value, "10.0.0.1:81"); got != want.changed {
			t.Errorf("%q became %q, want %q", value, got, want.changed)
		}
	}
}

func TestSessionServer(t *testing.T) {
	for host, want := range map[string]string{"": "gw:80", "h": "h:1863", "h:1864": "h:1864", "[::1]": "[::1]:1863", "::1": "[::1]:1863", "h\xff:1": "h\uFFFD:1"} {
		if got := SessionServer(host, "gw:80"); got != want {
			t.Errorf("%q: got %s, want %s", host, got, want)
		}
	}
}

func TestStaleSessions(t *testing.T) {
	var s Sessions[int]
	now := time.Date(2005, 1, 1, 0, 0, 0, 0, time.UTC)
	first := s.Add("a", 1, now)
	s.Add("b", 2, now.Add(time.Second))
	s.Touch(first, now.Add(time.Minute))
	if one := s.Stale(now.Add(time.Minute), time.Hour); one != nil {
		t.Errorf("%s is stale", one.ID)
	}
	if one := s.Stale(now.Add(time.Hour+30*time.Second), time.Hour); one == nil || one.ID != "b" {
		t.Fatalf("%v is stale", one)
	} else {
		s.Remove(one)
	}
	for i := range MaxSessions {
		s.Add(fmt.Sprint(i), i, now.Add(time.Minute))
	}
	if one := s.Stale(now.Add(time.Minute), time.Hour); one != first || s.Find("b") != nil || s.Find("a") != first {
		t.Errorf("%v is stale", one)
	}
}

func FuzzHeader(f *testing.F) {
	f.Add("SessionID=954547325.13160; GW-IP=207.46.110.18; Session=close", "10.0.0.1")
	f.Add("GW-IP;GW-IP==;;=", "")
	f.Fuzz(func(t *testing.T, value, ip string) {
		if strings.ContainsAny(ip, ";") || strings.TrimSpace(ip) != ip || strings.ContainsAny(value, "\r\n") {
			return
		}
		before := ParseAnswer(http.Header{"X-Msn-Messenger": {value}})
		changed := WithIP(value, ip)
		after := ParseAnswer(http.Header{"X-Msn-Messenger": {changed}})
		if before.Session != after.Session || before.Closed != after.Closed || before.IP != "" && after.IP != ip {
			t.Errorf("%q: %v became %q: %v", value, before, changed, after)
		}
	})
}

// FuzzRequest reads whatever URL and header a request may have. What it asks of
// the gateway is put back in with another host, and nothing else of it changes.
func FuzzRequest(f *testing.F) {
	f.Add("POST", "/gateway/gateway.dll?Action=open&Server=NS&IP=10.0.0.2", "messenger.hotmail.com", "", "")
	f.Add("POST", "/gateway/gateway.dll?SessionID=1.2", "x", "application/soap+xml; action=\"http://www.msn.com/webservices/AddressBook/x\"", "Passport1.4 a=b")
	f.Add("GET", "http://consent.live.com/Connect.aspx?wrap_client_id=1&IP=%zz;IP", "consent.live.com:80", "application/x-www-form-urlencoded", "WRAP access_token=1")
	f.Fuzz(func(t *testing.T, method, target, host, kind, authorization string) {
		u, err := url.ParseRequestURI(target)
		if err != nil {
			return
		}
		q, toGateway := ParseQuery(method, u)
		if toGateway && (q.Session == "") == (q.Server == "") || !toGateway && q.Session != "" {
			t.Fatalf("%s is %+v", target, q)
		}
		changed := *u
		changed.RawQuery = WithHost(u.RawQuery, "h:18")
		if again, _ := ParseQuery(method, &changed); again.Session != q.Session || again.Server != q.Server || q.Host != "" && strings.Contains(u.RawQuery, "IP=") && WithHost(changed.RawQuery, "h:18") != changed.RawQuery {
			t.Fatalf("%s is %+v, and with another host %+v", target, q, again)
		}
		r := &http.Request{Method: method, URL: u, Host: host, RequestURI: target, Header: http.Header{"Content-Type": {kind}, "Authorization": {authorization}}}
		service := ServiceOf(r)
		x := Exchange{Service: service, Request: r, RequestBody: []byte(kind), Response: &http.Response{StatusCode: 200, Header: http.Header{"Location": {target}}}}
		if rec := x.Record(); rec.HTTP == nil || rec.HTTP.Payload == nil || rec.HTTP.Payload.Type != string(service) {
			t.Fatalf("%s gave %+v", target, rec)
		}
	})
}

// FuzzUnzip undoes whatever calls itself compressed, and never makes more of it
// than may be. What is whole can be compressed again.
func FuzzUnzip(f *testing.F) {
	var z bytes.Buffer
	w := gzip.NewWriter(&z)
	w.Write(bytes.Repeat([]byte("VER 1 MSNP8\r\n"), 10))
	w.Close()
	f.Add(z.Bytes())
	f.Add(append(z.Bytes(), z.Bytes()[:20]...))
	f.Fuzz(func(t *testing.T, b []byte) {
		data, err := Unzip(b)
		if len(data) > MaxBody || err == nil && len(data) == 0 && len(b) > 1<<10 && b[3] == 0 {
			t.Fatalf("%d bytes of %d", len(data), len(b))
		}
		body := Body{}
		body.Add(b)
		if plain := body.Plain(http.Header{"Content-Encoding": {"gzip"}}); !bytes.Equal(plain, data) {
			t.Fatalf("%q and %q", plain, data)
		}
	})
}

func TestBodiesAreBounded(t *testing.T) {
	for size, kept := range map[int]bool{MaxBody: true, MaxBody + 1: false} {
		var b Body
		b.Add(make([]byte, size-1))
		b.Add([]byte{1})
		if got := len(b.Plain(nil)) == size; got != kept || (b.Dropped == int64(size)) == kept {
			t.Errorf("of %d bytes, %d are kept and %d dropped", size, len(b.Plain(nil)), b.Dropped)
		}
	}
}

// zipped is so many bytes, compressed: by a thousand, or hardly.
func zipped(size, random int) []byte {
	plain := make([]byte, size)
	rand.New(rand.NewSource(1)).Read(plain[:random])
	var z bytes.Buffer
	w := gzip.NewWriter(&z)
	w.Write(plain)
	w.Close()
	return z.Bytes()
}

func TestWhatBodiesUnpackToIsBounded(t *testing.T) {
	const dense = MaxBody / 4 // a quarter of it cannot be packed
	for _, c := range []struct {
		body []byte
		size int
		fits bool
	}{
		{zipped(freeOfRatio, 0), freeOfRatio, true},
		{zipped(freeOfRatio+1, 0), freeOfRatio + 1, false},
		{zipped(MaxBody, dense), MaxBody, true},
		{zipped(MaxBody+1, dense), MaxBody + 1, false},
	} {
		data, err := Unzip(c.body)
		if fits := err == nil && len(data) == c.size; fits != c.fits || !fits && (!errors.Is(err, ErrTooLarge) || data != nil) {
			t.Errorf("%d bytes, packed to %d, unpack to %d, %v", c.size, len(c.body), len(data), err)
		}
		body := Body{data: c.body}
		data = body.Plain(http.Header{"Content-Encoding": {"gzip"}})
		if dropped := body.Dropped == int64(len(c.body)); dropped == c.fits || c.fits != (len(data) == c.size) {
			t.Errorf("of %d bytes, packed to %d, %d are given and %d dropped", c.size, len(c.body), len(data), body.Dropped)
		}
	}
}

// TestListsOfManyAlikeAreUnpacked has people who differ in a number only, on two lists.
func TestListsOfManyAlikeAreUnpacked(t *testing.T) {
	var plain, z bytes.Buffer
	for i := range 600 {
		fmt.Fprintf(&plain, `<Member xsi:type="PassportMember"><MembershipId>%d</MembershipId><Type>Passport</Type><State>Accepted</State><Deleted>false</Deleted>`+
			`<LastChanged>2009-01-01T00:00:00Z</LastChanged><JoinedDate>0001-01-01T00:00:00</JoinedDate><ExpirationDate>0001-01-01T00:00:00</ExpirationDate><Changes/>`+
			`<PassportName>user%03d@example.com</PassportName><IsPassportNameHidden>false</IsPassportNameHidden><PassportId>0</PassportId><CID>0</CID></Member>`, i+1, i%300)
	}
	w := gzip.NewWriter(&z)
	w.Write(plain.Bytes())
	w.Close()
	if data, err := Unzip(z.Bytes()); !bytes.Equal(data, plain.Bytes()) {
		t.Errorf("%d bytes, packed to %d, unpack to %d, %v", plain.Len(), z.Len(), len(data), err)
	}
}

func TestOfABodyThatIsCutOffItsBeginningIsKept(t *testing.T) {
	whole := zipped(10_000, 10_000)
	data, err := Unzip(whole[:len(whole)/2])
	if err == nil || errors.Is(err, ErrTooLarge) || len(data) == 0 {
		t.Errorf("of half of it, there are %d bytes, %v", len(data), err)
	}
}

// TestSessionsAreBounded: of one too many, the one silent longest is stale.
func TestSessionsAreBounded(t *testing.T) {
	var s Sessions[int]
	now := time.Date(2005, 1, 1, 0, 0, 0, 0, time.UTC)
	for i := range MaxSessions {
		s.Add(fmt.Sprint(i), i, now)
	}
	if one := s.Stale(now, time.Hour); one != nil {
		t.Errorf("of as many as may be, %s is stale", one.ID)
	}
	s.Add("one more", 0, now)
	if one := s.Stale(now, time.Hour); one == nil || one.ID != "0" {
		t.Errorf("of one more, %v is stale", one)
	}
}

func TestSessionsThatAreGuessedMakeRoomForEachOther(t *testing.T) {
	var s Sessions[int]
	now := time.Date(2005, 1, 1, 0, 0, 0, 0, time.UTC)
	s.Answered(s.Add("real", 0, now), now)
	s.Answered(s.Add("asked", 0, now), now)
	for i := range 2 * MaxSessions {
		s.Add(fmt.Sprint(i), i, now.Add(time.Minute))
		if one := s.Stale(now.Add(time.Minute), time.Hour); one != nil {
			s.Remove(one)
		}
	}
	s.Touch(s.Find("asked"), now.Add(time.Minute))
	if s.Find("real") == nil || s.Find("asked") == nil || s.Find(fmt.Sprint(2*MaxSessions-1)) == nil || len(s.All()) != MaxSessions {
		t.Errorf("%d sessions are left, of those that are real %v and %v", len(s.All()), s.Find("real"), s.Find("asked"))
	}
	if one := s.Stale(now.Add(time.Hour+time.Second), time.Hour); one == nil || one.ID != "real" {
		t.Errorf("after an hour, %v is stale", one)
	}
}

func TestARealSessionMakesRoomWhereAllAre(t *testing.T) {
	var s Sessions[int]
	now := time.Date(2005, 1, 1, 0, 0, 0, 0, time.UTC)
	for i := range MaxSessions {
		s.Answered(s.Add(fmt.Sprint(i), i, now), now)
	}
	s.Add("new", 0, now)
	if one := s.Stale(now, time.Hour); one == nil || one.ID != "0" {
		t.Errorf("%v is stale", one)
	}
}
