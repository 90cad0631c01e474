package proxy

import (
	"strings"
	"testing"

	"msnproxy/decode"
)

const wrongAnswer = "QRY 5 msmsgs@msnmsgr.com 32\r\n00112233445566778899aabbccddeeff"

// TestAnAnswerStaysHereThoughNothingIsDecodedAnyMore: the decoder has broken down over
// it, or before it, or the connection holds too much.
func TestAnAnswerStaysHereThoughNothingIsDecodedAnyMore(t *testing.T) {
	for name, end := range map[string]func(c *conn){
		"given up":      func(c *conn) { c.giveUp() },
		"broken before": func(c *conn) { c.session = nil },
		"broken by it": func(c *conn) {
			c.asking.gate.change = func(r *decode.Record) []byte { panic("it") }
		},
	} {
		t.Run(name, func(t *testing.T) {
			h, client, server, _ := signedIn(t)
			readLine(t, client)
			c := h.proxy.connections()[0]
			c.mu.Lock()
			end(c)
			c.mu.Unlock()
			send(t, client, "PNG\r\n"+wrongAnswer[:7])
			expect(t, server, "PNG\r\n")
			send(t, client, wrongAnswer[7:40])
			send(t, client, wrongAnswer[40:]+"CHG 6 NLN 0\r\n")
			expect(t, server, "CHG 6 NLN 0\r\n")
			send(t, client, wrongAnswer+"PNG\r\n") // it is to one of the server's
			expect(t, server, wrongAnswer+"PNG\r\n")
			h.stop()
		})
	}
}

// TestWhatIsHeldBackUndecodedGoesOnWhenTheClientEnds.
func TestWhatIsHeldBackUndecodedGoesOnWhenTheClientEnds(t *testing.T) {
	h, client, server, _ := signedIn(t)
	readLine(t, client)
	c := h.proxy.connections()[0]
	send(t, client, "PNG\r\nQRY 4")
	expect(t, server, "PNG\r\n")
	c.mu.Lock()
	c.giveUp()
	c.mu.Unlock()
	send(t, client, " ms")
	client.(interface{ CloseWrite() error }).CloseWrite()
	expect(t, server, "QRY 4 ms")
	h.stop()
}

// TestAnAnswerIsStrainedOutWhereverItIsCut, and nothing but the first.
func TestAnAnswerIsStrainedOutWhereverItIsCut(t *testing.T) {
	const before, after = "MSG 3 N 8\r\nwhy QRY?QRY 4 5\r\n", "QRZ 1\r\n" + wrongAnswer + "PNG\r\n"
	all := before + wrongAnswer + after
	for cut := range len(all) {
		if in := cut - len(before); in > 0 && in < len(answerStart) {
			continue // see strain
		}
		q := &questioning{owed: true}
		got := string(q.strain([]byte(all[:cut]))) + string(q.strain([]byte(all[cut:])))
		if got != before+after || q.owed || len(q.strained) > 0 {
			t.Errorf("cut at %d: %q goes on, %q is held", cut, got, q.strained)
		}
	}
	q := &questioning{owed: true}
	var got []byte
	for _, b := range []byte(wrongAnswer + "PNG\r\n") {
		got = append(got, q.strain([]byte{b})...)
	}
	if string(got) != "PNG\r\n" {
		t.Errorf("byte by byte, %q goes on", got)
	}
}

// TestWhatIsNoAnswerGoesOnAtOnce.
func TestWhatIsNoAnswerGoesOnAtOnce(t *testing.T) {
	long := strings.Repeat("x", maxAnswer)
	for _, text := range []string{
		"PNG\r\n", "a FAQ", "an IQR", "what QRY means", "QRY a", "QRY 5 a b", "QRY 5 a 32 c", "QRY 5\r\n", "QRY 5 a\r\n", "QRY 5 a b\r\n",
		"QRY 5 a 257\r\n", "QRY 5 " + long,
	} {
		q := &questioning{owed: true}
		if got := q.strain([]byte(text)); string(got) != text || len(q.strained) > 0 {
			t.Errorf("%q goes on, and %q is held", got, q.strained)
		}
		q = &questioning{strained: nil}
		if got := q.strain([]byte(wrongAnswer)); string(got) != wrongAnswer {
			t.Errorf("though nothing is owed, %q goes on", got)
		}
	}
	held := &questioning{owed: true}
	most := "QRY 5 " + long[:maxAnswer-len("QRY 5 ")]
	if got := held.strain([]byte(most)); len(got) != 0 || string(held.strained) != most {
		t.Errorf("what may be an answer goes on: %q", got)
	}
}
