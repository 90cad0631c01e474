package captures

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"msnproxy/decode"
)

func TestStrengthOfLines(t *testing.T) {
	for _, c := range []struct {
		line string
		dir  decode.Direction
		want strength
	}{
		{"VER 1 MSNP8 CVR0", c2s, strong},
		{"VER 1 MSNP18", s2c, strong},
		{"VER 1 0", s2c, weak},
		{"VER one MSNP8", c2s, implausible},
		{"INF 2", c2s, weak},
		{"PNG", c2s, weak},
		{"PNG", s2c, implausible},
		{"USR 4 OK alice@example.com Alice 1 0", s2c, strong},
		{"USR 1 alice@example.com 123.456", c2s, strong},
		{"USR 1 alice@example.com;{f26d1f07-95e2-403c-bc18-d4bfed493428} 1.2", c2s, strong},
		{"ANS 1 bob@example.com 11.22 33", c2s, strong},
		{"MSG 5 N 133", c2s, strong},
		{"MSG bob@example.com Bob 133", s2c, strong},
		{"MSG Hotmail Hotmail 500", s2c, strong},
		{"JOI 1:bob@example.com Bob 2789003324:48", s2c, strong},
		{"LST N=bob@example.com F=Bob C=f26d1f07-95e2-403c-bc18-d4bfed493428 11", s2c, strong},
		{"FLN tel:+4915112345678", s2c, strong},
		{"CHL 0 15570131571988941333", s2c, weak},
		{"CHG 5 NLN 0", c2s, weak},
		{"911 3", s2c, possible},
		{"911 3", c2s, implausible},
		{"BYE sip:bob@example.com SIP/2.0", s2c, implausible},
		{"BYE \"bob\"@example.com", s2c, implausible},
		{"BYE bob@<b>", s2c, implausible},
		{"FLN tel:none", s2c, implausible},
		{"", c2s, implausible},
		{"V", c2s, implausible},
	} {
		if got, _ := strengthOf([]byte(c.line), c.dir); got != c.want {
			t.Errorf("%v %q is %d, want %d", c.dir, c.line, got, c.want)
		}
	}
}

// other is the beginning of a connection of another protocol: what its two
// sides say, in turn. A text that begins with ">" is the client's.
var others = map[string][]string{
	"NATS": {
		"INFO {\"max_payload\":1048576}\r\n", ">CONNECT {}\r\nPING\r\n", "PONG\r\n", ">SUB chat 1\r\nPUB chat 5\r\nhello\r\n",
		"MSG chat 1 5\r\nhello\r\nMSG chat 1 3\r\nyes\r\n", "PING\r\n", ">PONG\r\n",
	},
	"memcache": {
		">set user 0 60 5\r\nalice\r\n", "STORED\r\n", ">get user\r\n", "VALUE user 0 5\r\nalice\r\nEND\r\n", ">stats\r\n", "STAT pid 1\r\nEND\r\n",
	},
	"SSH": {
		"SSH-2.0-OpenSSH_4.2\r\n", ">SSH-2.0-PuTTY\r\n", "\x00\x00\x02\x7c\x08\x14curve25519-sha256\n", ">\x00\x00\x03\x0c\x0a\x14aes128\n",
	},
	"Yahoo": {
		">YMSG\x00\x0b\x00\x00\x00\x10\x00\x57\x00\x00\x00\x00\x00\x00\x00\x001\xc0\x80alice\xc0\x80\n", "YMSG\x00\x0b\x00\x00\x00\x05\x00\x57\x00\x00\x00\x01abc\r\n",
	},
	"FTP": {
		"220 ProFTPD ready\r\n", ">USER anonymous\r\n", "331 Password required\r\n", ">PASS a@b.c\r\n", "230 Logged in\r\n",
		">SYST\r\n", "215 UNIX Type: L8\r\n", ">PWD\r\n", "257 \"/\" is current\r\n", ">CWD pub\r\n", "250 OK\r\n",
		">SIZE x\r\n", "213 1048576\r\n", ">MDTM x\r\n", "213 20050401\r\n", ">PORT 10,0,0,1,4,5\r\n", "200 PORT command successful\r\n",
		">QUIT\r\n", "221 Goodbye.\r\n"},
	"SMTP": {
		"220 mail.example.com ESMTP\r\n", ">EHLO me\r\n", "250-mail\r\n250 8BITMIME\r\n", ">MAIL FROM:<a@example.com>\r\n", "250 OK\r\n",
		">RCPT TO:<b@example.com>\r\n", "550 No such user\r\n", ">DATA\r\n", "503 Bad sequence\r\n", ">QUIT\r\n", "221 Bye\r\n"},
	"POP3": {
		"+OK ready\r\n", ">USER alice@example.com\r\n", "+OK\r\n", ">PASS x\r\n", "+OK 2 320\r\n", ">LIST\r\n", "+OK\r\n1 120\r\n2 200\r\n.\r\n",
		">TOP 1 0\r\n", "-ERR\r\n", ">QUIT\r\n"},
	"IMAP": {
		"* OK ready\r\n", ">a01 LOGIN alice@example.com x\r\n", "a01 OK done\r\n", ">OUT LOGOUT\r\n", "OUT OK done\r\n", ">SYN NOOP\r\n", "SYN OK\r\n"},
	"IRC": {
		">NICK alice\r\nUSER alice 0 * :Alice\r\n", ":irc 001 alice :Welcome\r\n", "PING :12345\r\n", ">PONG :12345\r\n", ">JOIN #a\r\n",
		":bob!b@example.com PRIVMSG #a :XFR 1 SB 1.2.3.4:1863 CKI 1\r\n", ">QUIT :OUT\r\n"},
	"NNTP": {
		"200 news.example.com ready\r\n", ">GROUP misc.test\r\n", "211 1234 3000234 3002322 misc.test\r\n", ">ARTICLE 3000234\r\n",
		"220 3000234 <45223423@example.com>\r\nFrom: a@example.com\r\n\r\nOUT\r\nPNG\r\n.\r\n", ">DATE\r\n", "111 20050401\r\n", ">QUIT\r\n", "205 5\r\n"},
	"HTTP": {
		">GET / HTTP/1.1\r\nHost: example.com\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\n200 OK\r\n", ">PUT /x HTTP/1.1\r\n\r\n", "HTTP/1.1 404 Not Found\r\n\r\n"},
	"a gateway that opens no session": {
		">POST /gateway/gateway.dll?Action=open&Server=NS HTTP/1.1\r\nContent-Length: 19\r\n\r\nVER 1 MSNP18 CVR0\r\n",
		"HTTP/1.1 200 OK\r\nContent-Length: 14\r\n\r\nVER 1 MSNP18\r\n",
		">POST /gateway/gateway.dll?SessionID=1 HTTP/1.1\r\n\r\nUSR 3 SSO I alice@example.com\r\n",
		"HTTP/1.1 200 OK\r\n\r\nUSR 3 OK alice@example.com Alice 1 0\r\nSBS 0 null\r\n"},
	"a page about MSNP": {
		">GET /msnp.html HTTP/1.0\r\n\r\n",
		"HTTP/1.0 200 OK\r\n\r\n<pre>\r\nXFR 10 SB 1.2.3.4:1863 CKI 1.2\r\n</pre>\r\n<p>and then</p>\r\nVER 1 MSNP8 CVR0\r\n<p>\r\n"},
	"SIP": {
		">INVITE sip:bob@example.com SIP/2.0\r\nVia: SIP/2.0/TCP a\r\n\r\n", "SIP/2.0 180 Ringing\r\n\r\n", "SIP/2.0 200 OK\r\n\r\n",
		">ACK sip:bob@example.com SIP/2.0\r\n\r\n", "BYE sip:alice@example.com SIP/2.0\r\n\r\n", ">SIP/2.0 200 OK\r\n\r\n"},
	"RTSP":   {">SETUP rtsp://example.com/a RTSP/1.0\r\nCSeq: 1\r\n\r\n", "RTSP/1.0 200 OK\r\n\r\n"},
	"XMPP":   {"><?xml version='1.0'?><stream:stream to='example.com'>\r\n", "<stream:features/>\r\n", ">OUT\r\n"},
	"TLS":    {">\x16\x03\x01\x00\x05\x01\x00\x00\x01\x03", "\x16\x03\x01\x00\x05\x02\x00\x00\x01\x03"},
	"Redis":  {">*2\r\n$3\r\nGET\r\n$1\r\na\r\n", "$2\r\n12\r\n", ">*2\r\n$3\r\nDEL\r\n$1\r\na\r\n", ":1\r\n", ">DEL 1 2\r\n", ":0\r\n"},
	"telnet": {"\xff\xfd\x18login: ", ">alice\r\n", "Password: ", ">x\r\n", "$ ", ">OUT\r\n"},
	"a picture": {
		">GET\r\n", "\r\n\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR"},
	"a list of words": {">ABC\r\nDEF\r\nOUT\r\nGHI\r\n", "OUT\r\nABC\r\n"},
}

// otherTalk makes a talk of another protocol.
func otherTalk(k *talk, texts []string) *talk {
	for _, text := range texts {
		if rest, ok := strings.CutPrefix(text, ">"); ok {
			k.c(rest)
		} else {
			k.s(text)
		}
	}
	return k
}

func TestOtherProtocolsAreNotMSNP(t *testing.T) {
	for name, texts := range others {
		for _, server := range []string{"10.0.0.2:5000", "10.0.0.2:80", "10.0.0.2:1863"} {
			if r := decodeTalks(t, otherTalk(newTalk("10.0.0.1:2048", server).open(), texts).close()); r.summary.Connections != 0 {
				t.Errorf("%s on %s:\n%s", name, server, strings.Join(r.brief(), "\n"))
			}
		}
	}
}

func TestOtherProtocolsAreNotMSNPWhereverTheCaptureBegins(t *testing.T) {
	for name, texts := range others {
		for from := range texts {
			if name == "a gateway that opens no session" && from > 0 || name == "a page about MSNP" && from > 0 {
				continue // see TestCaptureBeginsWithinTheGateway
			}
			k := otherTalk(newTalk("10.0.0.1:2048", "10.0.0.2:5000"), texts[from:]).close()
			if r := decodeTalks(t, k); r.summary.Connections != 0 {
				t.Errorf("%s from %d on:\n%s", name, from, strings.Join(r.brief(), "\n"))
			}
		}
	}
}

func TestCaptureBeginsWithinTheGateway(t *testing.T) {
	// The captured part begins behind the header of a request.
	body := strings.Repeat("ILN 9 NLN bob@example.com Bob 0\r\n", 5)
	for _, side := range []int{fromClient, fromServer} {
		k := newTalk("10.0.0.1:2048", "10.0.0.2:80").say(side, []string{body})
		k.say(1-side, []string{"POST /gateway/gateway.dll HTTP/1.1\r\n\r\nVER 1 MSNP8 CVR0\r\nUSR 1 alice@example.com 1.2\r\n"})
		if r := decodeTalks(t, k.close()); r.summary.Connections != 0 {
			t.Errorf("got:\n%s", strings.Join(r.brief(), "\n"))
		}
	}
}

func TestTextAboutMSNP(t *testing.T) {
	text := "for example:\r\nXFR 10 SB 1.2.3.4:1863 CKI 1.2\r\n<p>and then"
	k := newTalk("10.0.0.1:2048", "10.0.0.2:5000").s(text, text, text).close()
	if r := decodeTalks(t, k); r.summary.Connections != 0 {
		t.Errorf("got:\n%s", strings.Join(r.brief(), "\n"))
	}
}

func TestGapWhileNothingIsDecided(t *testing.T) {
	k := newTalk("10.0.0.1:2048", "10.0.0.2:5000").s("QNG 43\r\nNOT 900\r\n"+strings.Repeat("x", 100), strings.Repeat("x", 800), "CHL 0 1234\r\n")
	k.segs[0].data = k.segs[0].data[8:]
	k.segs[0].seq += 8
	r := decodeTalks(t, k.drop(1))
	if r.summary.Connections != 1 {
		t.Fatal("not found")
	}
	wantLines(t, r, s2c, "NOT 900", "CHL 0 1234")
}

func TestStampOfAGapBeforeTheDecision(t *testing.T) {
	k := newTalk("10.0.0.1:2048", "10.0.0.2:5000").s("what ", "ever ", "it is\r\n", "NLN NLN bob@example.com Bob 0\r\n")
	for i := range 2 { // acknowledged, and given up
		k.wait(time.Second).acks(fromClient)
		k.segs[len(k.segs)-1].at += time.Duration(i)
	}
	r := decodeTalks(t, k.drop(1))
	for _, rec := range r.records {
		if rec.Kind == decode.KindGap && rec.Packet == 2 && !rec.Time.IsZero() {
			return
		}
	}
	t.Errorf("no gap in packet 2:\n%s", strings.Join(r.brief(), "\n"))
}

func TestMSNPOnThePortOfHTTP(t *testing.T) {
	for _, handshake := range []bool{true, false} {
		k := newTalk("10.0.0.1:2048", "10.0.0.2:80")
		if handshake {
			k.open()
		}
		if r := decodeTalks(t, k.signIn().chat(5).close()); r.kinds(decode.KindCommand) != 11 {
			t.Errorf("got:\n%s", strings.Join(r.brief(), "\n"))
		}
	}
}

func TestFirstLinesThatAcceptAtOnce(t *testing.T) {
	for _, line := range []string{"VER 0 MSNP8 CVR0", "USR 1 alice@example.com 123.456", "ANS 1 bob@example.com 11.22 33"} {
		k := newTalk("10.0.0.1:2048", "10.0.0.2:5000").open().c(line + "\r\nwhat \x00 comes then\r\n is of no matter")
		r := decodeTalks(t, k)
		if r.summary.Connections != 1 || string(r.records[1].Line) != line {
			t.Errorf("%s:\n%s", line, strings.Join(r.brief(), "\n"))
		}
	}
}

func TestWeakFirstLines(t *testing.T) {
	for _, c := range []struct {
		server string
		texts  []string
		want   int
	}{
		{"10.0.0.2:1863", []string{">INF 1\r\n"}, 1},
		{"10.0.0.2:5000", []string{">INF 1\r\n"}, 0},
		{"10.0.0.2:5000", []string{">INF 1\r\n", ">INF 2\r\n"}, 0},
		{"10.0.0.2:5000", []string{">INF 1\r\n", "INF 1 MD5\r\n"}, 1},
		{"10.0.0.2:5000", []string{">INF 1\r\nPNG\r\n"}, 1},
		{"10.0.0.2:1863", []string{">HELLO\r\nINF 1\r\n"}, 0},
		{"10.0.0.2:1863", []string{"911 1\r\n"}, 0},
		{"10.0.0.2:1863", []string{"911 1\r\n", ">VER 1 MSNP8\r\n"}, 1},
	} {
		k := otherTalk(newTalk("10.0.0.1:2048", c.server).open(), c.texts)
		if r := decodeTalks(t, k); r.summary.Connections != c.want {
			t.Errorf("%s %q: %d connections", c.server, c.texts, r.summary.Connections)
		}
	}
}

func TestCaptureBeginsWithinAPayload(t *testing.T) {
	k := newTalk("10.0.0.1:2048", "10.0.0.2:5000").s("rest of a\r\nlong line of <XML/>\r\nwhat ever").
		s(strings.Repeat("<c n=\"bob\"/>\r\n", 2000)).s("</ml>NLN NLN bob@example.com Bob 0\r\n", "NLN AWY bob@example.com Bob 0\r\n").c("CHG 9 NLN 0\r\n")
	r := decodeTalks(t, k)
	if r.summary.Connections != 1 {
		t.Fatal("not found")
	}
	wantLines(t, r, s2c, "NLN AWY bob@example.com Bob 0")
	wantLines(t, r, c2s, "CHG 9 NLN 0")
	var opaque int64
	for _, rec := range r.records {
		if rec.Kind == decode.KindOpaque {
			opaque += rec.Bytes
		}
	}
	if want := int64(len(k.segs[0].data) + len(k.segs[1].data) + len(k.segs[2].data)); opaque != want {
		t.Errorf("%d opaque bytes, want %d", opaque, want)
	}
}

func TestTooMuchWithoutEvidence(t *testing.T) {
	k := newTalk("10.0.0.1:2048", "10.0.0.2:5000")
	for range 2 * maxHeld / 8000 {
		k.s(strings.Repeat("x", 8000))
	}
	if r := decodeTalks(t, k.s("\r\n").signIn()); r.summary.Connections != 0 {
		t.Error("held more than it should")
	}
	k = newTalk("10.0.0.1:2048", "10.0.0.2:5000")
	for range maxHeld / 8 {
		k.s("x")
	}
	if r := decodeTalks(t, k.s("\r\n").signIn()); r.summary.Connections != 0 {
		t.Error("held more pieces than it should")
	}
}

func TestQuotedCommandDoesNotTurnTheDirectionRound(t *testing.T) {
	// The capture begins within a payload of the client that quotes a server.
	k := usualTalk().c("XFR 3 SB 10.9.9.9:1863 CKI 1.2\r\n").chat(5).chat(6)
	r := decodeTalks(t, k)
	if o := r.records[0]; o.Client != "10.0.0.1:2048" {
		t.Errorf("the client is %s", o.Client)
	}
}

func TestTieIsDecidedByThePorts(t *testing.T) {
	for _, c := range []struct{ a, b, client string }{
		{"10.0.0.1:2048", "10.0.0.2:1863", "10.0.0.1:2048"},
		{"10.0.0.1:1863", "10.0.0.2:2048", "10.0.0.2:2048"},
		{"10.0.0.1:2048", "10.0.0.2:1864", "10.0.0.1:2048"},
		{"10.0.0.1:1024", "10.0.0.2:1863", "10.0.0.1:1024"},
	} {
		// Both lines may come from either end.
		r := decodeTalks(t, newTalk(c.a, c.b).c("CHG 5 NLN 0\r\n").s("CHG 5 NLN 0\r\n"))
		if len(r.records) == 0 || r.records[0].Client != c.client {
			t.Errorf("%s and %s: %v", c.a, c.b, r.brief())
		}
	}
}

// TestRealCapturesFromAnyPacketOn begins each capture of a real client at each
// of its packets: the connections that are found must be among those of the
// whole capture, with the same directions.
func TestRealCapturesFromAnyPacketOn(t *testing.T) {
	for name := range realFigures {
		t.Run(strings.TrimSuffix(name, ".pcap"), func(t *testing.T) {
			data, err := os.ReadFile(filepath.Join(realCaptures, name))
			if err != nil {
				t.Skipf("the captures of real clients are not here: %v", err)
			}
			whole := connectionsIn(data)
			starts := packetStarts(data)
			if testing.Short() {
				starts = starts[:len(starts)/4]
			}
			for i, at := range starts {
				cut := append(append([]byte{}, data[:pcapHeader]...), data[at:]...)
				for _, c := range connectionsIn(cut) {
					if !slices.ContainsFunc(whole, func(w string) bool { return sameConnection(c, w) }) {
						t.Errorf("from packet %d on: %s", i+1, c)
					}
				}
			}
			// The last connections lose nothing that matters while the
			// beginning of the capture is still that of others.
			cut := append(append([]byte{}, data[:pcapHeader]...), data[starts[len(starts)/3]:]...)
			if len(whole) > 0 && len(connectionsIn(cut)) < len(whole)/2 {
				t.Errorf("found %v of %v", connectionsIn(cut), whole)
			}
		})
	}
}

// sameConnection compares two of connectionsIn. Of a gateway session whose
// beginning is missing, the server is not known: it is shown as the gateway.
func sameConnection(part, whole string) bool {
	client, isGateway := strings.CutSuffix(part, ":80")
	return part == whole || isGateway && strings.HasPrefix(whole, strings.Fields(client)[0]+" ")
}

// connectionsIn lists the connections of a file as "client server".
func connectionsIn(file []byte) (out []string) {
	for _, rec := range decodeFile(file).records {
		if rec.Kind == decode.KindOpen {
			out = append(out, fmt.Sprintf("%s %s", rec.Client, rec.ServerAddr))
		}
	}
	return out
}
