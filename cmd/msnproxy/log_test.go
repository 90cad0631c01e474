package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"regexp"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
	"unicode"
)

// wantHarmless wants nothing in a text that does anything to a terminal.
func wantHarmless(t *testing.T, what, text string) {
	t.Helper()
	for _, c := range text {
		if unicode.IsControl(c) && c != '\n' || c >= 0x2028 && c <= 0x202e || c >= 0x2066 && c <= 0x2069 || c == 0x200e || c == 0x200f || c == 0x61c {
			t.Fatalf("%s: %U stands raw in %q", what, c, text)
		}
	}
}

func TestTheLogDoesNothingToATerminal(t *testing.T) {
	for _, format := range []string{"console", "json"} {
		var out bytes.Buffer
		run := &liveRun{}
		f := proxyFlags{logLevel: "debug", logFormat: format}
		log, err := f.logger(&out, run)
		must(t, err)
		var connections sync.WaitGroup // which log at the same time
		for b := range 256 {
			hostile := "a\x1b[2J\u061c" + string(rune(b)) + string(rune(0x2000+b)) + string([]byte{byte(b)})
			connections.Go(func() {
				log.Error().Err(errors.New(hostile)).Str("address", hostile).Str("file", "x"+hostile).Msg(hostile)
			})
		}
		connections.Wait()
		run.flushLog()
		<-run.logged.written // however late that is
		if n := strings.Count(out.String(), "\n"); n != 256 {
			t.Errorf("%d lines", n)
		}
		wantHarmless(t, format, out.String())
	}
}

// TestTheLogHasTheTimesOfTheTranscript: both may stand on one terminal.
func TestTheLogHasTheTimesOfTheTranscript(t *testing.T) {
	here := time.Local
	defer func() { time.Local = here }()
	time.Local = time.FixedZone("far away", -5*3600)
	var out bytes.Buffer
	run := &liveRun{}
	f := proxyFlags{logLevel: "info", logFormat: "console"}
	log, err := f.logger(&out, run)
	must(t, err)
	before := time.Now()
	log.Info().Msg("x")
	after := time.Now()
	run.flushLog()
	<-run.logged.written
	if at := out.String()[:len(time.TimeOnly)]; at != before.UTC().Format(time.TimeOnly) && at != after.UTC().Format(time.TimeOnly) {
		t.Errorf("the log says %s, it is %v", at, after.UTC())
	}
}

// TestTheLogIsReadToItsEnd however late its reader gets to it.
func TestTheLogIsReadToItsEnd(t *testing.T) {
	for range 1000 {
		var out bytes.Buffer
		q := newLogQueue(&out)
		for i := range 20 {
			fmt.Fprintln(q, i)
			if i%7 == 0 {
				runtime.Gosched()
			}
		}
		q.end(patience)
		if n := strings.Count(out.String(), "\n"); n != 20 {
			t.Fatalf("%d lines: %q", n, out.String())
		}
	}
}

// stuck is read by nobody until it is released.
type stuck struct {
	lockedBuffer
	begun, release chan struct{}
}

func (s *stuck) Write(p []byte) (int, error) {
	select {
	case s.begun <- struct{}{}:
	default:
	}
	<-s.release
	return s.lockedBuffer.Write(p)
}

func TestALogThatNobodyReadsHoldsNothingUpAndTellsWhatItLacks(t *testing.T) {
	out := &stuck{begun: make(chan struct{}, 1), release: make(chan struct{})}
	q := newLogQueue(out)
	fmt.Fprintln(q, "first")
	<-out.begun
	for i := range maxLogQueue + 50 {
		fmt.Fprintln(q, i)
	}
	q.end(time.Millisecond) // in vain
	close(out.release)
	for len(q.texts) > 0 {
		time.Sleep(time.Millisecond)
	}
	fmt.Fprintln(q, "last")
	q.end(patience)
	want := fmt.Sprintf("%d\n50 messages were dropped\nlast\n", maxLogQueue-1)
	if !strings.HasSuffix(out.String(), want) {
		t.Errorf("it ends with %q, want %q", out.String()[max(0, len(out.String())-60):], want)
	}
}

// TestErrorsDoNothingToATerminal: of names of files, accounts and settings.
func TestErrorsDoNothingToATerminal(t *testing.T) {
	const hostile = "a\x1b[2J\u202e\u009b\x7f"
	for _, args := range [][]string{
		{"decode", hostile}, {hostile}, {"decode", "--" + hostile}, {"analyze", "--section", hostile, "x"}, {"analyze", "-o", hostile + ".json", "x"},
		{"analyze", "--format", hostile, "x"}, {"challenge", hostile}, {"challenge", hostile, "--product-id", hostile}, {"challenge", "1", "--product-id", hostile, "--keys", hostile},
		{"commands", hostile}, {"proxy", "--upstream", "x", "--listen", hostile}, {"proxy", "--upstream", "x", "--fault", hostile}, {"proxy", "--upstream", "x", "--advertise", hostile + " "},
		{"proxy", "--upstream", "x", "--allow-referral", hostile}, {"proxy", "--upstream", "x", "--referral-ports", hostile}, {"proxy", "--upstream", "x", "--log-level", hostile},
		{"decode", "--password-file", hostile, "x"}, {"decode", "--port", hostile, "x"}, {"decode", "--environment", hostile, "x"}, {"decode", "--color", hostile, "-"},
	} {
		var out, errs bytes.Buffer
		if status := run(args, stdio{in: &bytes.Buffer{}, out: &out, err: &errs}); status == exitDone {
			t.Errorf("%q: status %d", args, status)
		}
		wantHarmless(t, fmt.Sprintf("%q", args), out.String()+errs.String())
	}
}

// httpAddress is where it listens for HTTP.
func (p *program) httpAddress() string {
	p.t.Helper()
	line := regexp.MustCompile(`"listen":"([^"]*)"[^\n]*"relaying HTTP"`)
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(time.Millisecond) {
		if m := line.FindStringSubmatch(p.log.String()); m != nil {
			return m[1]
		}
	}
	p.t.Fatalf("the program does not say where it listens for HTTP: %s", p.log)
	return ""
}

// TestACrashTellsNothingOfTheBytes has the program print the stacks of all
// goroutines, as it would when it crashed, with a capture in hand.
func TestACrashTellsNothingOfTheBytes(t *testing.T) {
	const sample = "../../captures/samples/msnp15.pcapng"
	cmd := exec.Command("msnproxy", "decode", "--follow", sample)
	cmd.Env = append(os.Environ(), "GOTRACEBACK=all")
	out, err := cmd.StdoutPipe()
	must(t, err)
	var stacks bytes.Buffer
	cmd.Stderr = &stacks
	must(t, cmd.Start())
	killer := time.AfterFunc(patience, func() { cmd.Process.Kill() })
	defer killer.Stop()
	io.ReadFull(out, make([]byte, 4000)) // most of it has been decoded
	must(t, cmd.Process.Signal(syscall.SIGQUIT))
	io.Copy(io.Discard, out)
	cmd.Wait()
	if !strings.Contains(stacks.String(), "goroutine ") {
		t.Fatalf("no stacks: %s", stacks.String())
	}
	for _, s := range secretsOf(t, sample) {
		if strings.Contains(stacks.String(), s) {
			t.Errorf("the stacks tell the secret %q", s)
		}
	}
	if strings.Contains(stacks.String(), "example.com") {
		t.Error("the stacks tell what was said")
	}
}

// TestNothingThatAServerSaysUnaskedIsPrinted: net/http logs it by itself.
func TestNothingThatAServerSaysUnaskedIsPrinted(t *testing.T) {
	gateway, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	defer gateway.Close()
	said := make(chan struct{})
	go func() {
		c, err := gateway.Accept()
		if err != nil {
			return
		}
		defer c.Close()
		c.Read(make([]byte, 4<<10))
		io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi")
		time.Sleep(100 * time.Millisecond) // the connection is idle now
		io.WriteString(c, "t=TICKET&p=PROFILE")
		time.Sleep(200 * time.Millisecond)
		close(said)
	}()
	p := startProgram(t, "", "--http-listen", "127.0.0.1:0", "--http-upstream", gateway.Addr().String(), "--log-level", "debug")
	resp, err := http.Get("http://" + p.httpAddress() + "/")
	must(t, err)
	resp.Body.Close()
	<-said
	p.cmd.Process.Kill()
	p.cmd.Wait()
	if log := p.log.String(); strings.Contains(log, "TICKET") {
		t.Errorf("it is told: %s", log)
	}
}
