package gateway

import (
	"fmt"
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
	for host, want := range map[string]string{"": "gw:80", "h": "h:1863", "h:1864": "h:1864", "[::1]": "[::1]:1863", "::1": "[::1]:1863"} {
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
