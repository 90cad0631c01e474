package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"time"
)

// task is a program that reads a capture.
type task struct {
	name    string
	command []string
	file    *traffic // what it reads; of slow programs, a part
	ours    bool

	seconds []float64 // of each run
	work    []float64 // of processors in each run, in seconds
	memory  int64     // most that it used in any run, in bytes; 0 where it cannot be told
	broken  string    // why there is nothing to tell
}

// tasks are the programs that read a capture.
func (b *bench) tasks(f *traffic) []*task {
	if f.name == "short" {
		return nil
	}
	slow := b.file("short")
	if b.full {
		slow = f
	}
	f.tasks = []*task{
		{name: "analyze", command: []string{b.program, "analyze", f.path}, file: f, ours: true},
		{name: "decode --json", command: []string{b.program, "decode", "--json", f.path}, file: f, ours: true},
	}
	if f.large {
		return f.tasks
	}
	f.tasks = append(f.tasks,
		&task{name: "msgsnarf", command: []string{"msgsnarf", "-p", f.path}, file: f},
		&task{name: "tcpflow", command: []string{"tcpflow", "-q", "-r", f.path}, file: f},
	)
	if f.name == "clean" {
		f.tasks = append(f.tasks,
			&task{name: "tshark -T fields", file: slow, command: []string{"tshark", "-r", slow.path, "-Y", "msnms", "-T", "fields",
				"-e", "frame.time_epoch", "-e", "tcp.stream", "-e", "_ws.col.Info"}},
			&task{name: "tshark -T json", file: slow, command: []string{"tshark", "-r", slow.path, "-Y", "msnms", "-T", "json"}},
		)
	}
	return f.tasks
}

// measure runs the tasks in turn, so that what else the machine does meets all
// of them alike.
func measure(ctx context.Context, tasks []*task, runs int) error {
	for range runs {
		for _, t := range tasks {
			if t.broken != "" {
				continue
			}
			if err := t.run(ctx); err != nil {
				return err
			}
		}
	}
	return nil
}

// run runs the program once. That others fail, or are not there, is told.
func (t *task) run(ctx context.Context) error {
	program, err := exec.LookPath(t.command[0])
	if err != nil {
		if t.ours {
			return err
		}
		t.broken = "not installed"
		return nil
	}
	work, err := os.MkdirTemp("", "bench") // some write files where they are
	if err != nil {
		return err
	}
	defer os.RemoveAll(work)
	cmd := exec.CommandContext(ctx, program, t.command[1:]...)
	cmd.Dir = work
	begin := time.Now()
	err = cmd.Run()
	t.seconds = append(t.seconds, time.Since(begin).Seconds())
	var exit *exec.ExitError
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case errors.As(err, &exit) && !t.ours:
		t.broken = "failed: " + exit.String()
		return nil
	case err != nil:
		return fmt.Errorf("%v: %w", t.command, err)
	}
	t.work = append(t.work, (cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()).Seconds())
	t.memory = max(t.memory, peakMemory(cmd.ProcessState))
	return nil
}

// rate is the median rate in MB/s, and 0 if there is none.
func (t *task) rate() float64 {
	if t.broken != "" || len(t.seconds) == 0 {
		return 0
	}
	return float64(t.file.bytes) / 1e6 / median(t.seconds)
}

// effort is the median of what the program took of processors, in seconds for
// 100 MB: it depends less on what else a machine does.
func (t *task) effort() float64 { return median(t.work) * 1e8 / float64(t.file.bytes) }

func median(list []float64) float64 {
	sorted := slices.Sorted(slices.Values(list))
	return sorted[len(sorted)/2]
}
