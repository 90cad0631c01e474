// Bench times msnproxy on generated captures and as a relay, beside other
// programs that do the same where these are installed; "make bench" runs it. All
// programs take turns over the same files and loads, and medians are told, with what they are to be compared
// with: the rates of one machine say little about those of another.
package main

import (
	"context"
	"flag"
	"fmt"
	"log"
	"os"
	"os/signal"
	"path/filepath"
	"time"
)

func main() {
	log.SetFlags(0)
	program := flag.String("program", "bin/msnproxy", "the msnproxy to time")
	dir := flag.String("dir", "build/bench", "where the captures are written")
	runs := flag.Int("runs", 5, "how often each program runs; medians are told")
	full := flag.Bool("full", false, "also 1 GiB, and tshark on whole files")
	size := flag.Int64("size", 64, "size of the captures, in MiB")
	only := flag.String("generate", "", "write the capture of this name, and print how many commands are in it")
	part := flag.String("part", "all", "what is timed: captures, relays or all")
	row := flag.String("row", "", "only the rows of relays whose name has this in it")
	lasting := flag.Duration("lasting", 2*time.Second, "how long each relay is under load in each run")
	plain := flag.String("relay", "", "be the plain relay of this name, for what this program measures")
	listen := flag.String("listen", "", "with -relay: where it listens")
	upstream := flag.String("upstream", "", "with -relay: what it relays to")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	b := &bench{runs: *runs, size: *size << 20, full: *full, row: *row, lasting: *lasting}
	err := b.locate(*program, *dir)
	switch {
	case err != nil:
	case *plain != "":
		err = relayPlainly(*plain, *listen, *upstream)
	case *only != "":
		err = b.generateOnly(*only)
	default:
		err = b.parts(ctx, *part)
	}
	if err != nil {
		log.Fatal(err)
	}
}

// bench is one run of it.
type bench struct {
	program, dir string
	runs         int
	size         int64
	full         bool
	row          string        // only these rows of relays
	lasting      time.Duration // of each measurement of a relay
	files        []*traffic
}

// locate makes names of the program and the captures that hold wherever a
// program runs.
func (b *bench) locate(program, dir string) (err error) {
	if b.program, err = filepath.Abs(program); err != nil {
		return err
	}
	b.dir, err = filepath.Abs(dir)
	return err
}

// file finds one of the captures.
func (b *bench) file(name string) *traffic {
	for _, f := range b.files {
		if f.name == name {
			return f
		}
	}
	return nil
}

// parts times the parts that are asked for.
func (b *bench) parts(ctx context.Context, part string) error {
	describe(b.runs)
	if part != "relays" {
		if err := b.generate(ctx); err != nil {
			return err
		}
		if err := b.run(ctx); err != nil {
			return err
		}
	}
	if part != "captures" {
		return b.runRelays(ctx)
	}
	return nil
}

// run times the reading of captures and prints the tables.
func (b *bench) run(ctx context.Context) error {
	for _, f := range b.files {
		tasks := b.tasks(f)
		if len(tasks) == 0 {
			continue // it is a part of another
		}
		if err := measure(ctx, tasks, b.runs); err != nil {
			return err
		}
		fmt.Printf("\n%s: %s, %.0f MB, %d commands\n\n", f.name, f.about, float64(f.bytes)/1e6, f.commands)
		printTasks(tasks)
		b.checkCommands(ctx, f)
	}
	printGoals(b.goals())
	return nil
}

// path is where a capture is written.
func (b *bench) path(name string) string { return filepath.Join(b.dir, name+".pcapng") }
