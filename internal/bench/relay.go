package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"time"
)

// relay is a program that relays connections.
type relay struct {
	name string
	// command is what it is started by, in a folder of its own.
	command func(listen, upstream, dir string) ([]string, error)
	ours    bool
	forks   bool   // it has a process for each connection
	broken  string // why there is nothing to tell in this row

	process *exec.Cmd
	dir     string
}

// The names of relays that are compared.
const (
	recording = "records on"
	silent    = "records off"
	shown     = "transcript, report"
	bare      = "bare 32 KiB"
	copying   = "io.Copy"
)

// relays are the programs that are measured.
func (b *bench) relays(self string) []*relay {
	ours := func(name string, flags ...string) *relay {
		return &relay{name: name, ours: true, command: func(listen, upstream, _ string) ([]string, error) {
			return append([]string{b.program, "proxy", "--listen", listen, "--upstream", upstream, "--log-level", "error"}, flags...), nil
		}}
	}
	plain := func(name string) *relay {
		return &relay{name: name, command: func(listen, upstream, _ string) ([]string, error) {
			return []string{self, "-relay", name, "-listen", listen, "-upstream", upstream}, nil
		}}
	}
	return []*relay{
		ours(silent, "--quiet", "--no-report"),
		ours(recording, "--quiet", "--no-report", "--records", os.DevNull),
		ours(shown),
		plain(bare),
		plain(copying),
		{name: "haproxy", command: haproxy},
		{name: "socat", forks: true, command: func(listen, upstream, _ string) ([]string, error) {
			host, port, _ := net.SplitHostPort(listen)
			return []string{"socat", "TCP-LISTEN:" + port + ",bind=" + host + ",reuseaddr,fork,backlog=1024", "TCP:" + upstream}, nil
		}},
	}
}

// haproxy relays as its configuration says.
func haproxy(listen, upstream, dir string) ([]string, error) {
	name := filepath.Join(dir, "haproxy.cfg")
	text := fmt.Sprintf(`global
  maxconn 9000
defaults
  mode tcp
  timeout connect 10s
  timeout client 10m
  timeout server 10m
listen relay
  bind %s
  server upstream %s
`, listen, upstream)
	return []string{"haproxy", "-db", "-f", name}, os.WriteFile(name, []byte(text), 0o600)
}

// startTime is how long a relay may take until it relays.
const startTime = 10 * time.Second

// start starts the relay and returns its address, once it relays. That others
// fail, or are not there, is told.
func (r *relay) start(ctx context.Context, upstream string) (string, error) {
	listen, err := freeAddress()
	if err != nil {
		return "", err
	}
	if r.dir, err = os.MkdirTemp("", "bench"); err != nil {
		return "", err
	}
	command, err := r.command(listen, upstream, r.dir)
	if err != nil {
		return "", err
	}
	program, err := exec.LookPath(command[0])
	if err != nil {
		return "", r.fails("not installed", err)
	}
	var said bytes.Buffer
	r.process = exec.CommandContext(ctx, program, command[1:]...)
	r.process.Stderr = &said
	r.process.WaitDelay = time.Second // its children may hold what it writes to
	if err := r.process.Start(); err != nil {
		return "", err
	}
	for end := time.Now().Add(startTime); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
		if c, err := signOn(listen); err == nil {
			c.Close()
			return listen, nil
		}
	}
	r.stop()
	return "", r.fails("does not relay", errors.New(said.String()))
}

// fails takes note of why there is nothing to tell of a relay that is not ours.
func (r *relay) fails(why string, err error) error {
	if r.ours {
		return fmt.Errorf("%s: %s: %w", r.name, why, err)
	}
	r.broken = why
	return nil
}

// stop ends the relay and returns the time that it took of processors, in
// seconds.
func (r *relay) stop() float64 {
	defer os.RemoveAll(r.dir)
	r.process.Process.Kill()
	r.process.Wait()
	return (r.process.ProcessState.UserTime() + r.process.ProcessState.SystemTime()).Seconds()
}

// freeAddress is an address of this machine at which nothing listens.
func freeAddress() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	defer l.Close()
	return l.Addr().String(), nil
}
