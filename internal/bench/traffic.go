package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"

	"msnproxy/captures"
	"msnproxy/internal/sim"
)

// traffic is a capture that is read.
type traffic struct {
	name, about string
	path        string
	load        sim.Load
	dirty       bool
	large       bool // only msnproxy reads it
	bytes       int64
	commands    int64
	tasks       []*task
}

// part is how much of a file the slow programs read, unless all is asked for.
const part = 8

func (b *bench) plan() []*traffic {
	chat := sim.Load{Size: b.size, OldRoll: true}
	short, long, mixed := chat, chat, chat
	short.Size, long.Size, mixed.Other = b.size/part, 16*b.size, 80
	files := []*traffic{
		{name: "short", about: "the same for slow programs", load: short},
		{name: "clean", about: "chat", load: chat},
		{name: "dirty", about: "the same with packets late, twice and sent again", load: chat, dirty: true},
		{name: "mixed", about: "80 % other traffic", load: mixed},
	}
	if b.full {
		files = append(files, &traffic{name: "large", about: "the same chat for longer", load: long, large: true})
	}
	for _, f := range files {
		f.path = b.path(f.name)
	}
	return files
}

// generate writes the captures, each in a process of its own: a program that is
// started counts the memory that its parent once had among its own.
func (b *bench) generate(ctx context.Context) error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	if err := os.MkdirAll(b.dir, 0o755); err != nil {
		return err
	}
	b.files = b.plan()
	for _, f := range b.files {
		out, err := exec.CommandContext(ctx, self, "-dir", b.dir, "-size", fmt.Sprint(b.size>>20), fmt.Sprintf("-full=%t", b.full), "-generate", f.name).Output()
		if err != nil {
			return fmt.Errorf("write %s: %w", f.path, err)
		}
		if _, err := fmt.Sscan(string(out), &f.commands, &f.bytes); err != nil {
			return err
		}
	}
	return nil
}

// generateOnly writes one capture, and prints what generate wants to know of
// it.
func (b *bench) generateOnly(name string) error {
	for _, f := range b.plan() {
		if f.name != name {
			continue
		}
		err := f.generate()
		fmt.Println(f.commands, f.bytes)
		return err
	}
	return fmt.Errorf("there is no capture %q", name)
}

func (f *traffic) generate() error {
	out, err := os.Create(f.path)
	if err != nil {
		return err
	}
	defer out.Close()
	buffered := bufio.NewWriterSize(out, 1<<20)
	if err := f.write(buffered); err != nil {
		return err
	}
	if err := buffered.Flush(); err != nil {
		return err
	}
	info, err := out.Stat()
	if err != nil {
		return err
	}
	f.bytes = info.Size()
	return out.Close()
}

func (f *traffic) write(to io.Writer) error {
	if !f.dirty {
		return f.writeClean(to)
	}
	pipe, clean := io.Pipe()
	go func() { clean.CloseWithError(f.writeClean(clean)) }()
	return sim.Dirty(to, bufio.NewReader(pipe))
}

func (f *traffic) writeClean(to io.Writer) error {
	w, err := captures.NewWriter(to)
	if err != nil {
		return err
	}
	f.commands, err = f.load.Write(w)
	return err
}
