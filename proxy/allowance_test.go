package proxy

import (
	"fmt"
	"io"
	"math/rand"
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"msnproxy/decode"
	"msnproxy/internal/journal"
)

// begun is what begins and does not end, some 30 KB of each kind that is held, and
// what may follow.
var begun = map[string]struct{ text, more string }{
	"payloads":         {"MSG 5 N 60000\r\n" + strings.Repeat("x", 30_000), strings.Repeat("x", 30_000) + "PNG\r\n"},
	"chunked messages": {repeated(20, chunkOf), "PNG\r\n"},
	"requests":         {repeated(500, func(n int) string { return fmt.Sprintf("CHG %d NLN 0\r\n", n+1) }), "PNG\r\n"},
}

func repeated(n int, text func(n int) string) (all string) {
	for i := range n {
		all += text(i)
	}
	return all
}

func chunkOf(n int) string {
	text := fmt.Sprintf("MIME-Version: 1.0\r\nContent-Type: text/plain\r\nMessage-ID: {1}\r\nChunk: %d\r\n\r\n%s", n+1, strings.Repeat("x", 1500))
	return fmt.Sprintf("MSG %d N %d\r\n%s", n+2, len(text), text)
}

// TestWhatConnectionsHoldTogetherIsBounded has them hold as much as there is
// room for, and one byte more.
func TestWhatConnectionsHoldTogetherIsBounded(t *testing.T) {
	for name, b := range begun {
		t.Run(name, func(t *testing.T) {
			p, log, last := &Proxy{conns: map[*conn]struct{}{}}, &lockedBuffer{}, map[string]*decode.Record{}
			p.cfg = Config{Now: time.Now, Log: zerolog.New(log), Live: journal.NewLive(true, nil)}
			p.allowance.share = 4 << 10
			var list []*conn
			for n := range 9 {
				c := &conn{proxy: p, id: fmt.Sprint("c", n)}
				c.gate, p.conns[c], list = c.downGate(), struct{}{}, append(list, c)
				c.session = decode.NewSession(decode.Config{Emit: func(r *decode.Record) { last[c.id] = r.Clone() }})
				text := b.text
				if n == 0 {
					text = text[:200] // within the share
				}
				c.guard(func() { c.session.Feed(decode.ClientToServer, []byte(text), c.now()) })
			}
			p.allowance.size = p.allowance.used.Load()
			p.boundUnfinished()
			if len(log.String()) > 0 {
				t.Fatalf("there is room, and the log says %s", log)
			}
			p.allowance.size--
			p.boundUnfinished()
			if used := p.allowance.used.Load(); used > p.allowance.size/4*3 || used < p.allowance.size/2 {
				t.Errorf("%d bytes are held, in room for %d", used, p.allowance.size)
			}
			if n := strings.Count(log.String(), "\n"); n != 1 || !strings.Contains(log.String(), `"connections":3`) {
				t.Errorf("the log says %s", log)
			}
			for n, c := range list { // c1 to c3 have held it longest
				told := last[c.id] != nil && last[c.id].Kind == decode.KindClose && last[c.id].Reason == reasonUnfinished
				if want := n >= 1 && n <= 3; c.broken != want || told != want {
					t.Errorf("%s: given up %t, told %t", c.id, c.broken, told)
				}
			}
		})
	}
}

// TestWhoHoldsTooMuchIsRelayedUndecoded, all of it, beside one who talks on.
func TestWhoHoldsTooMuchIsRelayedUndecoded(t *testing.T) {
	const hogs, held = 40, 10
	for name, b := range begun {
		t.Run(name, func(t *testing.T) {
			h := start(t, func(cfg *Config) { cfg.unfinished = sizes{size: held * 30_000, share: 8 << 10} })
			talker, answerer := h.connect()
			var ends [hogs][2]*net.TCPConn
			for n := range hogs {
				client, server := h.connect()
				ends[n] = [2]*net.TCPConn{client, server}
				send(t, client, b.text)
				expect(t, server, b.text)
				send(t, server, "QNG 50\r\nXF") // the beginning of XFR is held
				expect(t, client, "QNG 50\r\n")
				send(t, talker, "PNG\r\n")
				expect(t, answerer, "PNG\r\n")
				if used := h.proxy.allowance.used.Load(); used > (held+2)*40_000 {
					t.Fatalf("after %d, %d bytes are held", n, used)
				}
			}
			for _, end := range ends {
				send(t, end[0], b.more)
				expect(t, end[1], b.more)
				send(t, end[1], "R 0 NS 0\r\n")
				expect(t, end[0], "XFR 0 NS 0\r\n")
			}
			talker.Close()
			h.stop()
			wantGivenUp(t, h, hogs/2, hogs)
		})
	}
}

// wantGivenUp checks that so many connections were, that each has one end in the
// records, and that nothing counts as held in the end.
func wantGivenUp(t *testing.T, h *harness, least, most int) {
	t.Helper()
	ends, given := map[string]int{}, 0
	for _, r := range h.recorder.records {
		if r.Kind == decode.KindClose {
			ends[r.Conn]++
			if r.Reason == reasonUnfinished {
				given++
			}
		}
	}
	if given < least || given > most {
		t.Errorf("%d connections were given up, want %d to %d", given, least, most)
	}
	for id, n := range ends {
		if n != 1 {
			t.Errorf("%s has %d ends", id, n)
		}
	}
	if used := h.proxy.allowance.used.Load(); used != 0 {
		t.Errorf("at the end, %d bytes count as held", used)
	}
	if lines := strings.Count(h.log.String(), "unfinished"); lines == 0 || lines > given {
		t.Errorf("%d were given up, and %d lines of the log say so", given, lines)
	}
}

// TestAMessageOfHTTPForWhichThereIsNoRoomGoesOnUndecoded, beside others that
// hold much, or as much as leaves room for it.
func TestAMessageOfHTTPForWhichThereIsNoRoomGoesOnUndecoded(t *testing.T) {
	text := "MSG 3 N 20000\r\n" + noise(20_000)
	gateway := "POST /gateway/gateway.dll?" + open + " HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
	told := fmt.Sprintf("%sContent-Length: %d\r\n\r\n%s", gateway, len(text), text)
	inPieces := fmt.Sprintf("%sTransfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n0\r\n\r\n", gateway, len(text), text)
	poll := gateway + "Content-Length: 0\r\n\r\n"
	page := "GET /rdr/pprdr.asp HTTP/1.1\r\nHost: nexus.passport.com\r\nConnection: close\r\n\r\n"
	isMessage := func(r *decode.Record) bool { return r.Verb == "MSG" && r.PayloadBytes == 20_000 }
	for _, one := range []struct {
		name, request, body, answer, encoding string
		lacking                               string                    // what the client gets if there is no room
		whole                                 func(*decode.Record) bool // tells from a record that there was
	}{
		{"a request with a length", told, text, "PNG\r\n", "", "PNG\r\n", isMessage},
		{"a request in pieces", inPieces, text, "PNG\r\n", "", "PNG\r\n", isMessage},
		{"an answer with a length", poll, "", text, "", text, nil},
		{"a compressed answer", poll, "", text, "gzip", zipped(text), isMessage},
		{"an answer of a service", page, "", text, "", text, func(r *decode.Record) bool { return r.Note(decode.NoteIssue) == nil }},
	} {
		for _, enough := range []bool{true, false} {
			t.Run(fmt.Sprint(one.name, ", enough ", enough), func(t *testing.T) {
				const size = 1 << 20
				bodies := make(chan string, 1)
				h, capture, _ := webHarness(t, func(w http.ResponseWriter, r *http.Request) {
					body, _ := io.ReadAll(r.Body)
					bodies <- string(body)
					answer := one.answer
					w.Header()["X-MSN-Messenger"] = []string{"SessionID=7.1; GW-IP=127.0.0.1; Session=close"}
					if one.encoding != "" {
						w.Header().Set("Content-Encoding", one.encoding)
						answer = zipped(answer)
					}
					w.Header().Set("Content-Length", fmt.Sprint(len(answer)))
					io.WriteString(w, answer)
				}, func(cfg *Config) { cfg.unfinished = sizes{size: size, share: 4 << 10} })
				others, want := int64(size-len(text)), one.answer
				if !enough {
					others, want = size-int64(len(text)/4), one.lacking
				}
				h.proxy.http.allowance.used.Add(others)
				_, r := rawHTTP(t, h, one.request)
				resp, err := http.ReadResponse(r, nil)
				if err != nil {
					t.Fatal(err)
				}
				got, err := io.ReadAll(resp.Body)
				if body := <-bodies; err != nil || string(got) != want || body != one.body {
					t.Errorf("the client got %d bytes (%v), the server %d", len(got), err, len(body))
				}
				h.stop()
				if one.whole == nil {
					if (resp.ContentLength > 0) != enough {
						t.Errorf("a length of %d is told", resp.ContentLength)
					}
				} else if slices.ContainsFunc(h.recorder.records, one.whole) != enough {
					t.Errorf("the records show otherwise; the log says %s", h.log)
				}
				if used := h.proxy.http.allowance.used.Load(); used != others {
					t.Errorf("in the end, %d bytes count as held", used-others)
				}
				if capture.Len() < 15_000 { // however well it is compressed
					t.Error("the capture lacks the message")
				}
			})
		}
	}
}

// noise is a text that cannot be compressed much.
func noise(size int) string {
	rng := rand.New(rand.NewSource(1))
	text := make([]byte, size)
	for i := range text {
		text[i] = byte('!' + rng.Intn(90))
	}
	return string(text)
}

func TestAnExchangeHoldsItsShareWhateverOthersDo(t *testing.T) {
	all := &allowance{sizes: sizes{size: 100, share: 10}}
	h := held{allowance: all}
	for _, one := range []struct {
		own, others int64
		tooMuch     bool
	}{{10, 1000, false}, {11, 1000, true}, {11, 89, false}, {11, 90, true}} {
		h.size = one.own
		all.used.Store(one.own + one.others)
		if h.tooMuch() != one.tooMuch {
			t.Errorf("%d bytes beside %d: too much %t", one.own, one.others, !one.tooMuch)
		}
	}
}
