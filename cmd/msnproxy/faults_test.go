package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"msnproxy/captures"
	"msnproxy/decode"
	"msnproxy/internal/sim/peers"
)

// These tests run the program itself and do to it what only happens to a
// process: kill it, fill its disk, take its files or descriptors away.

// patience is how long a test waits for what should happen at once.
const patience = time.Minute

// program is a running "msnproxy proxy" in front of a scripted server.
type program struct {
	t       *testing.T
	cmd     *exec.Cmd
	server  *peers.Server
	address string
	log     *lockedBuffer
	out     io.ReadCloser
}

// lockedBuffer is output that is read while it is written.
type lockedBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (g *lockedBuffer) Write(p []byte) (int, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.buf.Write(p)
}

func (g *lockedBuffer) String() string {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.buf.String()
}

// startProgram starts it by a shell, which may limit it first.
func startProgram(t *testing.T, limit string, args ...string) *program {
	t.Helper()
	server, err := peers.NewServer(peers.ServerConfig{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { server.Close() })
	all := append([]string{"-c", limit + ` exec msnproxy "$@"`, "sh", "proxy", "--upstream", server.Addr(decode.DS),
		"--listen", "127.0.0.1:0", "--log-format", "json"}, args...)
	p := &program{t: t, cmd: exec.Command("sh", all...), server: server, log: &lockedBuffer{}}
	p.cmd.Stderr = p.log
	if p.out, err = p.cmd.StdoutPipe(); err != nil {
		t.Fatal(err)
	}
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.cmd.Process.Kill(); p.cmd.Wait() })
	for end := time.Now().Add(patience); p.address == ""; time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("the program does not say where it listens: %s", p.log)
		}
		line, _, _ := strings.Cut(p.log.String(), "\n")
		var said struct{ Listen string }
		json.Unmarshal([]byte(line), &said) // it may not be whole yet
		p.address = said.Listen
	}
	return p
}

// read reads standard output to its end, without looking at it.
func (p *program) read() *program {
	go io.Copy(io.Discard, p.out)
	return p
}

// evening has the scripted clients spend an evening through the program.
func (p *program) evening() error {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	return peers.Scenario(ctx, p.address, [2]decode.Dialect{18, 8})
}

// wantEvening checks that an evening goes well.
func (p *program) wantEvening() {
	p.t.Helper()
	if err := p.evening(); err != nil {
		p.t.Error(err)
	}
}

// interrupt ends the program as Ctrl-C does, and returns its exit status.
func (p *program) interrupt() int {
	p.t.Helper()
	if err := p.cmd.Process.Signal(os.Interrupt); err != nil {
		p.t.Error(err)
	}
	return p.wait()
}

func (p *program) wait() int {
	p.t.Helper()
	killer := time.AfterFunc(patience, func() { p.cmd.Process.Kill() })
	defer killer.Stop()
	err := p.cmd.Wait()
	if exit, ok := errors.AsType[*exec.ExitError](err); err != nil && (!ok || exit.ExitCode() < 0) {
		p.t.Errorf("the program ended with %v", err)
	}
	return p.cmd.ProcessState.ExitCode()
}

// wantLog checks that the log says something just once.
func (p *program) wantLog(what string) {
	p.t.Helper()
	if n := strings.Count(p.log.String(), what); n != 1 {
		p.t.Errorf("the log says %d times %q:\n%s", n, what, p.log)
	}
}

// wholeRecords checks that a file has whole records, but for the last line if
// that may be torn, and counts them by kind.
func wholeRecords(t *testing.T, name string, mayTear bool) map[string]int {
	t.Helper()
	content, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	counts := map[string]int{}
	for line := range bytes.Lines(content) {
		var r struct{ Kind string }
		switch err := json.Unmarshal(line, &r); {
		case err == nil && bytes.HasSuffix(line, []byte("\n")):
			counts[r.Kind]++
		case !mayTear || bytes.HasSuffix(line, []byte("\n")):
			t.Errorf("%s has a line that is no record: %v: %q", name, err, line)
		}
	}
	return counts
}

// awaitRecords waits until a file that is being written has so many records of
// a kind.
func awaitRecords(t *testing.T, name, kind string, want int) {
	t.Helper()
	await(t, fmt.Sprintf("%d records of %s in %s", want, kind, name), func() bool {
		content, _ := os.ReadFile(name)
		return bytes.Count(content, []byte(`"kind":"`+kind+`"`)) >= want
	})
}

// awaitCaptured waits until a capture that is being written has so many records
// of a kind.
func awaitCaptured(t *testing.T, name string, kind decode.Kind, want int) {
	t.Helper()
	await(t, fmt.Sprintf("%d records of %s in %s", want, kind, name), func() bool {
		content, _ := os.ReadFile(name)
		got := 0
		decoder := captures.NewDecoder(captures.Options{Emit: func(r *decode.Record) {
			if r.Kind == kind {
				got++
			}
		}})
		decoder.File(context.Background(), name, bytes.NewReader(content)) // it may end within a packet
		decoder.Flush()
		return got >= want
	})
}

// await waits until something is true that is to become so by itself.
func await(t *testing.T, what string, isTrue func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); !isTrue(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("there are never %s", what)
		}
	}
}

// TestWhatIsOnDiskOutlivesAKill kills the program at random, in the midst of
// traffic. What was written can be read.
func TestWhatIsOnDiskOutlivesAKill(t *testing.T) {
	rounds := 6
	if testing.Short() {
		rounds = 2
	}
	for round := range rounds {
		dir := t.TempDir()
		records, capture := filepath.Join(dir, "run.ndjson"), filepath.Join(dir, "run.pcapng")
		p := startProgram(t, "", "--records", records, "--capture", capture).read()
		var talking sync.WaitGroup
		talking.Go(func() {
			for p.evening() == nil {
			}
		})
		awaitRecords(t, records, "command", 1)
		awaitCaptured(t, capture, decode.KindCommand, 1)
		after := time.Duration(rand.Intn(200)) * time.Millisecond
		time.Sleep(after)
		p.cmd.Process.Kill()
		p.cmd.Wait()
		talking.Wait()
		p.server.Close()
		live := wholeRecords(t, records, true)
		var out, log bytes.Buffer
		read := exec.Command("msnproxy", "decode", "--json", capture)
		read.Stdout, read.Stderr = &out, &log
		// A kill may fall into a write: then the file is cut, and decode says so.
		if err := read.Run(); err != nil && !(read.ProcessState.ExitCode() == exitFailed && strings.Contains(log.String(), "cut")) {
			t.Errorf("round %d, killed after %v: decode: %v\n%s", round, after, err, &log)
		}
		seen := filepath.Join(dir, "seen.ndjson")
		if err := os.WriteFile(seen, out.Bytes(), ownerOnly); err != nil {
			t.Fatal(err)
		}
		offline := wholeRecords(t, seen, false)
		if live["command"] == 0 || offline["command"] == 0 {
			t.Errorf("round %d, killed after %v: %v live, %v from the capture", round, after, live, offline)
		}
	}
}

// dial connects to the program.
func (p *program) dial() net.Conn {
	p.t.Helper()
	c, err := net.Dial("tcp", p.address)
	if err != nil {
		p.t.Fatal(err)
	}
	c.SetDeadline(time.Now().Add(patience))
	return c
}

// wantOpen checks that a client that has asked for a dialect is still connected
// to the server: that hangs up on nonsense, and only then.
func wantOpen(t *testing.T, c net.Conn) {
	t.Helper()
	c.SetReadDeadline(time.Now().Add(50 * time.Millisecond))
	if _, err := c.Read(make([]byte, 1)); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("the client got %v, want nothing", err)
	}
	c.SetReadDeadline(time.Now().Add(patience))
	io.WriteString(c, "nonsense\r\n")
	if _, err := c.Read(make([]byte, 1)); err == nil || errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("the client got %v, want the end", err)
	}
}

// descriptors is how many the program has open, where the system tells.
func (p *program) descriptors() int {
	entries, _ := os.ReadDir(fmt.Sprintf("/proc/%d/fd", p.cmd.Process.Pid))
	return len(entries)
}

// TestOutOfDescriptors has clients come until the program can open nothing
// more. Those that have a connection keep it, and all is well when some leave.
func TestOutOfDescriptors(t *testing.T) {
	const most = 40
	p := startProgram(t, fmt.Sprintf("ulimit -n %d;", most)).read()
	first := p.dial()
	const vers = "VER 1 MSNP8 CVR0\r\n"
	io.WriteString(first, vers)
	got := make([]byte, len(vers))
	if _, err := io.ReadFull(first, got); err != nil || string(got) != vers {
		t.Errorf("the first client got %q, %v", got, err)
	}
	clients := []net.Conn{first}
	for range 60 {
		clients = append(clients, p.dial())
	}
	for end := time.Now().Add(patience); !strings.Contains(p.log.String(), "too many open files"); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("the log does not say that descriptors are out: %s", p.log)
		}
	}
	wantOpen(t, first)
	for _, c := range clients {
		c.Close()
	}
	await(t, "enough descriptors again", func() bool { return p.descriptors() < most/2 })
	p.wantEvening()
	if status := p.interrupt(); status != 0 {
		t.Errorf("the exit status is %d: %s", status, p.log)
	}
	// Each client that is turned away frees a descriptor for a moment.
	fails, works := strings.Count(p.log.String(), "cannot accept"), strings.Count(p.log.String(), "accepting connections again")
	if fails > works+1 {
		t.Errorf("the log says %d times that connections cannot be accepted, and %d times that they can be again:\n%s", fails, works, p.log)
	}
}

func TestARecordsFileOnAFullDisk(t *testing.T) {
	const full = "/dev/full"
	if _, err := os.Stat(full); err != nil {
		t.Skip("this system has no " + full)
	}
	p := startProgram(t, "", "--records", full).read()
	p.wantEvening()
	p.wantEvening()
	if status := p.interrupt(); status != 1 {
		t.Errorf("the exit status is %d, want 1: not all was written", status)
	}
	p.wantLog("an output failed and gets nothing more; the relay goes on")
}

func TestStandardOutputThatNobodyReadsAnyMore(t *testing.T) {
	p := startProgram(t, "")
	p.out.Close()
	p.evening() // may be cut short: the run ends
	if status := p.wait(); status != 0 {
		t.Errorf("the exit status is %d: %s", status, p.log)
	}
	if strings.Contains(p.log.String(), `"error"`) {
		t.Errorf("the log tells of an error: %s", p.log)
	}
}

// TestTheReaderOfAnotherPipeLeaves: nobody asked for the end of the relay by
// that, and what is missed is told.
func TestTheReaderOfAnotherPipeLeaves(t *testing.T) {
	pipe := filepath.Join(t.TempDir(), "records")
	if err := exec.Command("mkfifo", pipe).Run(); err != nil {
		t.Skip("this system makes no named pipes: ", err)
	}
	reader := exec.Command("head", "-n", "1", pipe)
	if err := reader.Start(); err != nil {
		t.Fatal(err)
	}
	p := startProgram(t, "", "--records", pipe).read()
	p.wantEvening()
	if err := reader.Wait(); err != nil {
		t.Fatal(err)
	}
	p.wantEvening()
	p.wantEvening()
	if status := p.interrupt(); status != exitFailed {
		t.Errorf("the exit status is %d, want 1: not all was written", status)
	}
	p.wantLog("an output failed and gets nothing more; the relay goes on")
}

// TestAPipeThatNobodyReads is waited for, aloud, and not beyond the end of the run.
func TestAPipeThatNobodyReads(t *testing.T) {
	for _, comes := range []bool{true, false} {
		t.Run(fmt.Sprint("somebody comes ", comes), func(t *testing.T) {
			pipe := filepath.Join(t.TempDir(), "records")
			if err := exec.Command("mkfifo", pipe).Run(); err != nil {
				t.Skip("this system makes no named pipes: ", err)
			}
			log := &lockedBuffer{}
			run := &liveRun{log: zerolog.New(log)}
			ctx, end := context.WithCancel(context.Background())
			defer end()
			done := make(chan error, 1)
			go func() {
				_, err := run.create(ctx, pipe, nil)
				done <- err
			}()
			await(t, "words of that", func() bool { return strings.Contains(log.String(), "waiting for somebody to read it") })
			if !comes {
				end()
			}
			reader := exec.Command("cat", pipe) // also lets go of who waits still
			if comes {
				must(t, reader.Start())
			}
			if err := <-done; (err == nil) != comes {
				t.Errorf("the pipe: %v", err)
			}
			must(t, run.closeFiles())
			if !comes {
				must(t, reader.Start())
			}
			must(t, reader.Wait())
		})
	}
}

// TestStandardOutputThatIsNotRead: the run ends all the same, and writes its
// report.
func TestStandardOutputThatIsNotRead(t *testing.T) {
	out := filepath.Join(t.TempDir(), "report.txt")
	p := startProgram(t, "", "--report", out)
	for range 6 { // more than a pipe holds
		p.wantEvening()
	}
	if status := p.interrupt(); status != exitFailed {
		t.Errorf("the exit status is %d, want 1: not all was written", status)
	}
	p.wantLog("an output failed")
	if text, err := os.ReadFile(out); err != nil || !bytes.Contains(text, []byte("SESSIONS")) {
		t.Errorf("the report is %q, %v", text, err)
	}
}

func TestAClosedTerminalEndsTheRunInOrder(t *testing.T) {
	for _, tt := range []struct {
		name, limit string
		ends        bool
	}{{"", "", true}, {"under nohup", "trap '' HUP;", false}} {
		t.Run(tt.name, func(t *testing.T) {
			out := filepath.Join(t.TempDir(), "report.txt")
			p := startProgram(t, tt.limit, "--report", out).read()
			p.wantEvening()
			p.cmd.Process.Signal(syscall.SIGHUP)
			if !tt.ends {
				p.wantEvening()
				p.interrupt()
				return
			}
			if status := p.wait(); status != exitDone {
				t.Errorf("the exit status is %d", status)
			}
			if _, err := os.Stat(out); err != nil {
				t.Error(err)
			}
		})
	}
}

// TestFilesAreTakenAwayDuringARun moves, deletes and empties the files that are
// being written.
func TestFilesAreTakenAwayDuringARun(t *testing.T) {
	for _, tt := range []struct {
		name string
		take func(name string) error
		lost bool // what was written before
		log  string
	}{
		{"moved", func(name string) error { return os.Rename(name, name+".1") }, false, "the records go on in a new one"},
		{"deleted", os.Remove, true, "the records go on in a new one"},
		{"emptied", func(name string) error { return os.Truncate(name, 0) }, true, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			records := filepath.Join(t.TempDir(), "run.ndjson")
			p := startProgram(t, "", "--records", records).read()
			p.wantEvening()
			awaitRecords(t, records, "close", len(p.server.Connections())) // all is written
			time.Sleep(watchEvery)                                         // and it is time to look again
			if err := tt.take(records); err != nil {
				t.Fatal(err)
			}
			p.wantEvening()
			connections := len(p.server.Connections())
			if status := p.interrupt(); status != 0 {
				t.Errorf("the exit status is %d: %s", status, p.log)
			}
			if tt.log != "" {
				p.wantLog(tt.log)
			}
			opened := wholeRecords(t, records, false)["open"]
			if !tt.lost {
				opened += wholeRecords(t, records+".1", false)["open"]
			}
			if want := connections; opened != want && !(tt.lost && opened == want/2) {
				t.Errorf("%d connections are in the records, there were %d", opened, want)
			}
			if info, err := os.Stat(records); err != nil || info.Mode().Perm() != ownerOnly {
				t.Errorf("%s: %v, %v", records, info, err)
			}
		})
	}
}

// capturing starts a program that has captured an evening, whose file it looks
// after when it writes next.
func capturing(t *testing.T) (p *program, capture string) {
	t.Helper()
	capture = filepath.Join(t.TempDir(), "run.pcapng")
	p = startProgram(t, "", "--capture", capture).read()
	p.wantEvening()
	awaitCaptured(t, capture, decode.KindClose, len(p.server.Connections()))
	time.Sleep(watchEvery)
	return p, capture
}

func TestACaptureThatIsTakenAwayIsToldOnce(t *testing.T) {
	t.Parallel()
	p, capture := capturing(t)
	if err := os.Rename(capture, capture+".1"); err != nil {
		t.Fatal(err)
	}
	p.wantEvening()
	p.interrupt()
	p.wantLog("the capture was moved")
	out, err := exec.Command("msnproxy", "decode", "--json", capture+".1").Output()
	if err != nil {
		t.Fatal(err)
	}
	if n := bytes.Count(out, []byte(`"kind":"open"`)); n != len(p.server.Connections()) {
		t.Errorf("%d connections are in the capture, there were %d", n, len(p.server.Connections()))
	}
}

func TestACaptureThatIsEmptiedIsTold(t *testing.T) {
	t.Parallel()
	p, capture := capturing(t)
	must(t, os.Truncate(capture, 0))
	p.wantEvening()
	p.interrupt()
	p.wantLog("the capture was emptied or cut short")
}

// TestAFolderIsTakenAwayDuringARun, and there may be something else in its place.
func TestAFolderIsTakenAwayDuringARun(t *testing.T) {
	for name, instead := range map[string]func(string) error{
		"nothing": func(string) error { return nil }, "a file": func(name string) error { return os.WriteFile(name, nil, ownerOnly) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			folder := filepath.Join(t.TempDir(), "folder")
			must(t, os.Mkdir(folder, 0o700))
			p := startProgram(t, "", "--records", filepath.Join(folder, "records")).read()
			time.Sleep(watchEvery)
			must(t, os.RemoveAll(folder))
			must(t, instead(folder))
			p.wantEvening()
			p.interrupt()
			p.wantLog("the file was moved or deleted, and a new one cannot be made")
		})
	}
}

// TestFaultsOfAUser asks for faults that lose nothing, and finds them in the
// records and in the transcript.
func TestFaultsOfAUser(t *testing.T) {
	records := filepath.Join(t.TempDir(), "run.ndjson")
	p := startProgram(t, "", "--fault", "slice=300,delay=1ms", "--fault", "slice=5@RNG", "--records", records)
	var shown lockedBuffer
	read := make(chan struct{})
	go func() {
		io.Copy(&shown, p.out)
		close(read)
	}()
	p.wantEvening()
	p.cmd.Process.Signal(os.Interrupt)
	<-read
	if status := p.wait(); status != 0 {
		t.Errorf("the exit status is %d: %s", status, p.log)
	}
	content, err := os.ReadFile(records)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{`{"kind":"fault","text":"slice=300"}`, `{"kind":"fault","text":"delay=1ms"}`, `{"kind":"fault","text":"slice=5@RNG"}`} {
		if !bytes.Contains(content, []byte(want)) {
			t.Errorf("no record has %s", want)
		}
	}
	if !strings.Contains(shown.String(), "fault: slice=5@RNG") {
		t.Errorf("the transcript does not tell of the fault:\n%s", &shown)
	}
}

func TestAQuietProxyWithoutAReportRelaysAndSaysNothing(t *testing.T) {
	p := startProgram(t, "", "--quiet", "--no-report")
	p.wantEvening()
	if said := p.lastWords(); said != "" {
		t.Errorf("it printed %q", said)
	}
}

func TestAQuietProxyStillReportsAndRecords(t *testing.T) {
	records := filepath.Join(t.TempDir(), "run.ndjson")
	p := startProgram(t, "", "--quiet", "--records", records)
	p.wantEvening()
	if said := p.lastWords(); !strings.HasPrefix(said, "SESSIONS") {
		t.Errorf("standard output begins with %.100q, want the report", said)
	}
	if b, err := os.ReadFile(records); err != nil || !bytes.Contains(b, []byte(`"verb":"MSG"`)) {
		t.Errorf("the records are %.100q, %v", b, err)
	}
}

// lastWords ends the program as Ctrl-C does, and returns all that it printed,
// which must be little: nobody has read it so far.
func (p *program) lastWords() string {
	p.t.Helper()
	if err := p.cmd.Process.Signal(os.Interrupt); err != nil {
		p.t.Error(err)
	}
	said, err := io.ReadAll(p.out)
	if status := p.wait(); err != nil || status != 0 {
		p.t.Errorf("%v, status %d: %s", err, status, p.log)
	}
	return string(said)
}
