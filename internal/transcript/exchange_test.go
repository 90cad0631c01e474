package transcript

import (
	"bytes"
	"testing"
	"time"

	"msnproxy/decode"
)

func TestExchangesOfHTTP(t *testing.T) {
	var out bytes.Buffer
	tr := New(&out, Options{Width: 80})
	for i, h := range []*decode.HTTP{
		{Method: "GET", URL: "https://login.live.com/login2.srf?id=1", Action: "login", Status: 200, Latency: 120 * time.Millisecond,
			Payload: &decode.Payload{Type: "passport-login", Fields: []decode.Field{{Name: "account", Value: "alice@example.com"}, {Name: "password", Value: "***1"}}}},
		{Method: "POST", URL: "http://x/\x1b[2J\u202e", Action: "\x1b]0;owned\a", Payload: &decode.Payload{Type: "soap",
			Fields: []decode.Field{{Name: "request", Value: []decode.Field{{Name: "\x1b[1m", Value: "\x1b[31m"}}}, {Name: "malformed", Value: "no XML"}}}},
		{Method: "GET", URL: "http://x/", Action: "nexus", Status: 500, Payload: &decode.Payload{Type: "passport-nexus"}},
	} {
		r := &decode.Record{Stamp: decode.Stamp{Time: at(i)}, Conn: "h1", Kind: decode.KindHTTP, HTTP: h}
		if err := tr.Record(r); err != nil {
			t.Fatal(err)
		}
	}
	want := `2004-05-17 UTC
23:59:58.000 h1       [http] login: GET https://login.live.com/login2.srf, 200
                        (120 ms)
                      │ passport-login: account=alice@example.com, password=***1
23:59:58.001 h1       [http] \x1b]0;owned\x07: POST http://x/\x1b[2J\u202e, no
                        answer
                      │ soap: request.\x1b[1m=\x1b[31m, malformed="no XML"
23:59:58.002 h1       [http] nexus: GET http://x/, 500 (0.0 ms)
`
	if got := out.String(); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestAConnectionOverHTTPSaysWhatCarriesIt(t *testing.T) {
	r := &decode.Record{Client: "10.0.0.1:5", ServerAddr: "10.0.0.2:1863", Carrier: decode.Carrier{Conn: "h1", Addr: "10.0.0.9:80"}}
	if got, want := openText(r), "[open] 10.0.0.1:5 -> 10.0.0.2:1863, over HTTP (h1, by 10.0.0.9:80)"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}
