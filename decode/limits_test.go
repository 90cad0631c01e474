package decode

import (
	"crypto/md5"
	"fmt"
	"strings"
	"testing"
)

// These tests stand at the edges of limits: as much as may be passes, and of one
// more it is told that it was too much.

func TestWhatIsReadOfXMLIsBounded(t *testing.T) {
	nested := func(n int) string { return strings.Repeat("<a>", n) + strings.Repeat("</a>", n) }
	attributes := func(n int) string { return "<a" + strings.Repeat(" b='c'", n) + "/>" }
	elements := func(n int) string { return strings.Repeat("<a/>", n) }
	long := func(n int) string { // there may be more of them in a document that has room for more
		return strings.Repeat("<a/>", n) + strings.Repeat(" ", minXMLElement*(maxXMLElements+7)-4*n)
	}
	for name, c := range map[string]struct {
		fits, over string
		reason     string
	}{
		"depth":                     {nested(maxXMLDepth), nested(maxXMLDepth + 1), "XML nested too deep; the rest is left out"},
		"attributes":                {attributes(maxXMLAttrs), attributes(maxXMLAttrs + 1), "XML with too many attributes; the rest is left out"},
		"elements":                  {elements(maxXMLElements), elements(maxXMLElements + 1), "XML with too many elements; the rest is left out"},
		"elements of a large thing": {long(maxXMLElements + 7), long(maxXMLElements + 8), "XML with too many elements; the rest is left out"},
	} {
		if got := parseXML([]byte(c.fits)).issue; got != "" {
			t.Errorf("%s, as much as may be: %s", name, got)
		}
		if got := parseXML([]byte(c.over)).issue; got != c.reason {
			t.Errorf("%s, one more: %q", name, got)
		}
	}
}

// listOf is a payload's list of a name, or the fields of an object.
func listOf(fields []Field, name string) (n int) {
	for _, f := range fields {
		if f.Name != name {
			continue
		}
		switch v := f.Value.(type) {
		case []any:
			return len(v)
		case []Field:
			return len(v)
		default:
			return 1
		}
	}
	return 0
}

func TestWhatIsToldOfAnExchangeIsBounded(t *testing.T) {
	const leftOut = "more than is told; the rest is left out"
	for n, want := range map[int]int{maxCookies: maxCookies, maxCookies + 1: maxCookies} {
		var cookies []string
		for i := range n {
			cookies = append(cookies, fmt.Sprintf("c%d=v", i))
		}
		h := NewHTTP(&HTTPExchange{Service: OtherSOAP, Request: HTTPMessage{Header: map[string][]string{"Cookie": {strings.Join(cookies, "; ")}}}})
		if got := listOf(h.Payload.Fields, "cookies"); got != want || (h.Payload.Text("malformed") == leftOut) != (n > want) {
			t.Errorf("of %d cookies, %d are told", n, got)
		}
	}
	for n, want := range map[int]int{maxParams: maxParams, maxParams + 1: maxParams} {
		var params []string
		for i := range n {
			params = append(params, fmt.Sprintf("p%d=v", i))
		}
		h := NewHTTP(&HTTPExchange{Service: WRAP, URL: "http://x/?" + strings.Join(params, "&")})
		if (h.Payload.Text("malformed") == leftOut) != (n > want) {
			t.Errorf("of %d parameters it is told: %s", n, h.Payload.Text("malformed"))
		}
		if o := form(strings.Join(params, "&")); len(o.fields) != want {
			t.Errorf("of %d parameters, %d are read", n, len(o.fields))
		}
		if _, o := headerParams("Passport1.4 " + strings.Join(params, ",")); len(o.fields) != want {
			t.Errorf("of %d parameters of a header, %d are read", n, len(o.fields))
		}
	}
	for n, want := range map[int]int{maxEmails: maxEmails, maxEmails + 1: maxEmails} {
		book := "<Envelope><Body><R><Contact><contactInfo><emails>" + strings.Repeat("<ContactEmail><email>a@b.c</email></ContactEmail>", n) + "</emails></contactInfo></Contact></R></Body></Envelope>"
		h := NewHTTP(&HTTPExchange{Service: AddressBook, Response: HTTPMessage{Body: []byte(book)}})
		contacts, _ := h.Payload.Fields[0].Value.([]any)
		if len(contacts) != 1 || listOf(contacts[0].([]Field), "emails") != want || (h.Payload.Text("malformed") == leftOut) != (n > want) {
			t.Errorf("of %d addresses, told: %s", n, render(h.Payload))
		}
	}
}

func TestAFormIsLookedIntoForSoFarAndNoFurther(t *testing.T) {
	const parameter = "wrap_access_token="
	for size, found := range map[int]bool{maxWRAPForm: true, maxWRAPForm + 1: false} {
		body := strings.Repeat("x", size-len("&"+parameter)) + "&" + parameter
		if got := isWRAPForm([]byte(body)); got != found {
			t.Errorf("a parameter that ends at %d is found: %t", size, got)
		}
	}
}

func TestTransactionIDsAreBounded(t *testing.T) {
	for text, ok := range map[string]bool{"0": true, "4294967295": true, "4294967296": false, "-1": false, "99999999999999999999": false, "": false} {
		if _, got := parseTrID([]byte(text)); got != ok {
			t.Errorf("%q is one: %t", text, got)
		}
	}
}

func TestALineMayHaveSoManyWordsToSpare(t *testing.T) {
	for n, ok := range map[int]bool{maxSpare: true, maxSpare + 1: false} {
		line := "BYE a@b.c 1" + strings.Repeat(" x", n)
		if Plausible([]byte("BYE a@b.c 1"), ServerToClient) != true {
			t.Fatal("BYE is not plausible")
		}
		if got := Plausible([]byte(line), ServerToClient); got != ok {
			t.Errorf("%q is plausible: %t", line, got)
		}
	}
}

// TestRequestsWithoutAnswersAreBounded: the oldest of too many are given up.
func TestRequestsWithoutAnswersAreBounded(t *testing.T) {
	var p transactions
	for n := range maxPending {
		p.add(transaction{trid: uint32(n + 1), verb: "CHG"})
	}
	if len(p.open) != maxPending || p.find(1, "CHG") == nil {
		t.Fatalf("of as many as may be, %d wait", len(p.open))
	}
	p.add(transaction{trid: maxPending + 1, verb: "CHG"})
	if len(p.open) > maxPending || p.find(1, "CHG") != nil || p.find(maxPending+1, "CHG") == nil {
		t.Errorf("of one more, %d wait", len(p.open))
	}
}

// TestReferralsAreBounded: the oldest of too many are forgotten.
func TestReferralsAreBounded(t *testing.T) {
	var b Book
	add := func(n int) {
		b.Add(Referral{Cookie: fmt.Sprint("c", n), Client: "10.0.0.1", Address: fmt.Sprint("10.0.0.2:", n)})
	}
	for n := range maxReferrals {
		add(n)
	}
	if _, ok := b.ByCookie([]byte("c0")); !ok || len(b.list) != maxReferrals {
		t.Fatalf("of as many as may be, %d are known", len(b.list))
	}
	add(maxReferrals)
	if _, ok := b.ByCookie([]byte("c0")); ok || len(b.list) > maxReferrals {
		t.Errorf("of one more, %d are known", len(b.list))
	}
}

func TestSoManyWrongAnswersAreLookedInto(t *testing.T) {
	last := ""
	s := NewSession(Config{Emit: func(r *Record) {
		if n := r.Note(NoteChallenge); n != nil {
			last = n.Challenge.Explanation
		}
	}})
	for n := range maxExplanations + 1 {
		if n == maxExplanations && strings.Contains(last, "not looked into") {
			t.Errorf("the last of %d is not looked into", maxExplanations)
		}
		s.Feed(ServerToClient, fmt.Appendf(nil, "CHL 0 %d\r\n", 10_000+n), Stamp{})
		s.Feed(ClientToServer, fmt.Appendf(nil, "QRY %d PROD0119GSJUC$18 32\r\n%032d", n+1, n), Stamp{})
		s.Feed(ServerToClient, fmt.Appendf(nil, "540 %d\r\n", n+1), Stamp{})
	}
	if !strings.Contains(last, "not looked into: there were 32 wrong answers before") {
		t.Errorf("of one more it is said: %q", last)
	}
}

// TestSoManyWrongAnswersOfARunAreLookedInto, on however many connections they come.
func TestSoManyWrongAnswersOfARunAreLookedInto(t *testing.T) {
	effort := &Effort{spent: maxEffort - 1}
	for n, want := range []string{"", "not looked into: there were 1024 wrong answers before, on all connections"} {
		got := ""
		s := NewSession(Config{Effort: effort, Emit: func(r *Record) {
			if n := r.Note(NoteChallenge); n != nil {
				got = n.Challenge.Explanation
			}
		}})
		s.Feed(ServerToClient, []byte("CHL 0 10000\r\n"), Stamp{})
		s.Feed(ClientToServer, fmt.Appendf(nil, "QRY 1 PROD0119GSJUC$18 32\r\n%032d", 1), Stamp{})
		if got != want {
			t.Errorf("of answer %d of those it is said: %q, want %q", n+1, got, want)
		}
	}
}

// TestAChallengeIsBounded: one digit more, and its answer is not checked; what is told
// of it stays short.
func TestAChallengeIsBounded(t *testing.T) {
	for size, want := range map[int]Verdict{maxChallenge: VerdictCorrect, maxChallenge + 1: ""} {
		challenge := strings.Repeat("1", size)
		pair, _ := (*Keyring)(nil).Pair("PROD0119GSJUC$18")
		right := Respond(AlgorithmMSNP11, challenge, pair.ProductID, pair.Key)
		var told []*Challenge
		s := NewSession(Config{Emit: func(r *Record) {
			for _, n := range r.Notes {
				if n.Kind == NoteChallenge {
					told = append(told, n.Challenge)
				}
			}
		}})
		s.Feed(ServerToClient, []byte("CHL 0 "+challenge+"\r\n"), Stamp{})
		for n := range 2 {
			s.Feed(ClientToServer, fmt.Appendf(nil, "QRY %d PROD0119GSJUC$18 32\r\n%s", n+1, right), Stamp{})
		}
		if len(told) != 2 || told[0].Verdict != want {
			t.Fatalf("of %d digits: %+v", size, told)
		}
		for _, c := range told {
			if len(c.Challenge) > maxChallenge+len("…") || (want == "") != strings.HasSuffix(c.Explanation, tooLong) {
				t.Errorf("of %d digits is told: %+v", size, c)
			}
		}
	}
}

// TestWhatIsSaidOfASecondAnswerDoesNotGrow with each further one.
func TestWhatIsSaidOfASecondAnswerDoesNotGrow(t *testing.T) {
	var said []string
	s := NewSession(Config{Emit: func(r *Record) {
		if n := r.Note(NoteChallenge); n != nil {
			said = append(said, n.Challenge.Explanation)
		}
	}})
	s.Feed(ServerToClient, []byte("VER 1 MSNP15\r\nCHL 0 22210219642164014968\r\n"), Stamp{})
	wrong := fmt.Sprintf("%x", md5.Sum([]byte("22210219642164014968ILTXC!4IXB5FB*PX"))) // as up to MSNP10
	for n := range 4 {
		s.Feed(ClientToServer, fmt.Appendf(nil, "QRY %d PROD0119GSJUC$18 32\r\n%s", n+2, wrong), Stamp{})
	}
	if len(said) != 4 || said[0] == "" {
		t.Fatalf("it is said %q", said)
	}
	for _, text := range said[1:] {
		if want := "a second answer to the challenge; it is wrong: " + said[0]; text != want {
			t.Errorf("it is said %q, want %q", text, want)
		}
	}
}

// TestWhatARecordHolds counts what stands in it: of an exchange over HTTP, what its
// bodies say, unless it was read back and is known to have been smaller than it claims.
func TestWhatARecordHolds(t *testing.T) {
	x := &HTTP{RequestBytes: 10, ResponseBytes: 90}
	for want, r := range map[int64]*Record{
		7: {Bytes: 7}, 7 + argBytes: {Bytes: 7, Args: make([]Arg, 1)}, 100 * saidBytes: {HTTP: x}, 50: {HTTP: x, Size: 50},
	} {
		if got := r.Held(); got != want {
			t.Errorf("%+v holds %d, want %d", r, got, want)
		}
	}
}
