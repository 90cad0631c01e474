package proxy

import (
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rs/zerolog"
)

// happening is something that a connection may end by.
type happening struct {
	text string
	note func(*ending)
}

// happenings are all that there are, as the two ways and the proxy note them.
var happenings = []happening{
	{"client closes", func(e *ending) { readToTheEnd(e, theClient) }},
	{"server closes", func(e *ending) { readToTheEnd(e, theServer) }},
	{"client resets", func(e *ending) { e.breaksOff(theClient) }},
	{"server resets", func(e *ending) { e.breaksOff(theServer) }},
	{"client is deaf", func(e *ending) { e.takesNothing(theClient) }},
	{"server is deaf", func(e *ending) { e.takesNothing(theServer) }},
	{"proxy stops", func(e *ending) { e.abort("capture ended") }},
}

// readToTheEnd is what comes of the last byte of an end.
func readToTheEnd(e *ending, who end) {
	if !e.saysAll(who) {
		e.breaksOff(who)
	}
}

// noteAll has things happen, whose texts stand between commas.
func noteAll(t *testing.T, e *ending, texts string) {
	t.Helper()
	for text := range strings.SplitSeq(texts, ", ") {
		known := false
		for _, h := range happenings {
			if h.text == text {
				h.note(e)
				known = true
			}
		}
		if !known {
			t.Fatalf("nothing is called %q", text)
		}
	}
}

func TestHowAConnectionEndsDependsOnTheOrder(t *testing.T) {
	for _, one := range []struct {
		order, reason string
		brokenOff     bool
		culprit       string // "" where nobody is missing
	}{
		{"client closes, server closes", "client closed", false, ""},
		{"server closes, client closes", "server closed", false, ""},
		{"client resets", "client reset", true, ""},
		{"server resets, client resets", "server reset", true, ""},
		// One has said all, and the other is cut off before it has.
		{"client closes, server resets", "client closed", true, ""},
		{"server closes, client resets", "server closed", true, ""},
		// The write to an end has got the reset; the read sees an end in peace.
		{"client is deaf, client closes", "client reset", true, ""},
		{"server is deaf, server closes", "server reset", true, ""},
		{"client is deaf, client resets", "client reset", true, ""},
		// What the other end says then is as true as ever.
		{"client is deaf, server closes", "server closed", false, "client"},
		{"server is deaf, client closes", "client closed", false, "server"},
		{"server closes, client is deaf, client closes", "server closed", true, ""},
		// An end that has said all may still take nothing.
		{"client closes, client is deaf, server closes", "client closed", false, ""},
		// Nobody has read the reset: who took nothing is who broke off.
		{"client is deaf", "", false, "client"},
		{"server is deaf", "", false, "server"},
		{"client closes, server is deaf", "client closed", false, "server"},
		{"client is deaf, server is deaf", "", false, "client"},
		{"server is deaf, client is deaf", "", false, "server"},
		{"server is deaf, client is deaf, server closes", "server reset", true, ""},
		{"server is deaf, client is deaf, client closes", "client reset", true, ""},
		{"proxy stops", "capture ended", false, ""},
		{"proxy stops, client closes, server closes", "capture ended", false, ""},
		{"client closes, proxy stops", "client closed", false, ""},
		{"client is deaf, proxy stops", "capture ended", false, ""},
		{"client resets, proxy stops", "client reset", true, ""},
		{"proxy stops, client resets", "capture ended", true, ""},
	} {
		var e ending
		noteAll(t, &e, one.order)
		who, missing := e.culprit()
		culprit := ""
		if missing {
			culprit = who.String()
		}
		if e.reason != one.reason || e.brokenOff != one.brokenOff || culprit != one.culprit {
			t.Errorf("%s: the reason is %q, broken off %t, by %q; want %q, %t, by %q",
				one.order, e.reason, e.brokenOff, culprit, one.reason, one.brokenOff, one.culprit)
		}
	}
}

func TestWhoseEndHasBegunIsAskedNothing(t *testing.T) {
	for order, want := range map[string]struct{ begun, cut bool }{
		"client closes":                {true, false},
		"server closes":                {true, false},
		"client closes, server closes": {true, false},
		"client is deaf":               {false, false}, // it may still say something
		"server resets":                {true, true},
		"proxy stops":                  {true, true},
		"client closes, proxy stops":   {true, true},
	} {
		var e ending
		if e.begun() || e.cut() {
			t.Fatal("the end has begun before anything happened")
		}
		noteAll(t, &e, order)
		if e.begun() != want.begun || e.cut() != want.cut {
			t.Errorf("%s: begun %t, cut %t; want %t, %t", order, e.begun(), e.cut(), want.begun, want.cut)
		}
	}
}

// TestWhateverTheOrderTheEndIsToldOnce goes through all orders of any happenings.
func TestWhateverTheOrderTheEndIsToldOnce(t *testing.T) {
	var check func(e ending, order []string)
	check = func(e ending, order []string) {
		last := e
		if who, missing := last.culprit(); missing && !last.breaksOff(who) {
			t.Errorf("%v: who is missing was told before", order)
		}
		if last.reason == "" {
			t.Errorf("%v: there is no reason", order)
		}
		if _, missing := last.culprit(); missing {
			t.Errorf("%v: somebody is still missing", order)
		}
		for _, h := range happenings {
			if slices.Contains(order, h.text) {
				continue
			}
			next := e
			h.note(&next)
			sofar := append(order[:len(order):len(order)], h.text)
			wantKept(t, fmt.Sprint(sofar), e, next)
			check(next, sofar)
		}
	}
	check(ending{}, nil)
}

// wantKept checks that what is known of an end stays so, whatever happens next.
func wantKept(t *testing.T, order string, before, after ending) {
	t.Helper()
	if before.reason != "" && after.reason != before.reason {
		t.Errorf("%s: the reason was %q, and is %q", order, before.reason, after.reason)
	}
	if before.begun() && !after.begun() || before.cut() && !after.cut() {
		t.Errorf("%s: the end is taken back", order)
	}
	if before.brokenOff && (after.breaksOff(theClient) || after.breaksOff(theServer)) {
		t.Errorf("%s: it is broken off once more", order)
	}
}

// TestAnEndThatIsReadWaitsForTheWriteToIt, which may have got its reset, and not for
// ever: an end that has said all may take nothing for as long as it likes.
func TestAnEndThatIsReadWaitsForTheWriteToIt(t *testing.T) {
	for _, who := range []end{theClient, theServer} {
		for takes, want := range map[time.Duration]string{verdictTime / 2: " reset", 2 * verdictTime: " closed"} {
			synctest.Test(t, func(t *testing.T) {
				c, _ := soloist(t)
				c.client, c.server = net.Pipe()
				writing := &c.writingDown
				if who == theServer {
					writing = &c.writingUp
				}
				writing.begin()
				var write sync.WaitGroup
				write.Go(func() {
					time.Sleep(takes)
					c.writeFailed(who, syscall.ECONNRESET)
					writing.end()
				})
				c.ended(who, io.EOF)
				write.Wait()
				if got := c.ending.reason; got != who.String()+want {
					t.Errorf("where a write takes %v, %s closes for %q", takes, who, got)
				}
			})
		}
	}
}

func TestWhoTookNothingBrokeOffIfNoReadTells(t *testing.T) {
	for _, who := range []end{theClient, theServer} {
		c, _ := soloist(t)
		var log strings.Builder
		c.proxy.cfg.Log = zerolog.New(&log)
		c.writeFailed(who, syscall.EPIPE)
		c.finish()
		if got := c.ending.reason; got != who.String()+" reset" {
			t.Errorf("%s took nothing, and the reason is %q", who, got)
		}
		if !strings.Contains(log.String(), `"end":"`+who.String()+`"`) {
			t.Errorf("the log says %q", log.String())
		}
	}
}

func TestNothingIsSaidOnceTheEndHasBegun(t *testing.T) {
	for _, h := range happenings {
		c, _ := soloist(t)
		c.gate = c.downGate()
		c.asking = &questioning{say: []byte("CHL 0 1\r\n")}
		if !c.maySpeak() {
			t.Fatal("nothing is said on a connection that goes on")
		}
		h.note(&c.ending)
		// That somebody takes nothing shows when it is said.
		if want := strings.HasSuffix(h.text, "deaf"); c.maySpeak() != want {
			t.Errorf("%s: something is said %t, want %t", h.text, !want, want)
		}
	}
}
