package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os/exec"
	"runtime"
)

// describe says what the numbers are.
func describe(runs int) {
	fmt.Printf("%s/%s, %d processors, %s; medians of %d runs in turn\n", runtime.GOOS, runtime.GOARCH, runtime.NumCPU(), runtime.Version(), runs)
}

// printTasks prints how fast each program was.
func printTasks(tasks []*task) {
	for _, t := range tasks {
		switch {
		case t.broken != "":
			fmt.Printf("  %-18s %s\n", t.name, t.broken)
		case t.memory == 0:
			fmt.Printf("  %-18s %8.1f MB/s  %6.2f s of processors for 100 MB\n", t.name, t.rate(), t.effort())
		default:
			fmt.Printf("  %-18s %8.1f MB/s  %6.2f s of processors for 100 MB  %6.1f MB of memory\n", t.name, t.rate(), t.effort(), float64(t.memory)/1e6)
		}
	}
}

// checkCommands compares the commands that the report counts with those that
// are in the capture.
func (b *bench) checkCommands(ctx context.Context, f *traffic) {
	out, err := exec.CommandContext(ctx, b.program, "analyze", "--format", "json", "--section", "commands,issues", f.path).Output()
	if err != nil {
		fmt.Printf("  commands cannot be compared: %v\n", err)
		return
	}
	var report struct {
		Commands []struct{ Count int64 }
		Issues   []json.RawMessage
	}
	if err := json.Unmarshal(out, &report); err != nil {
		fmt.Printf("  commands cannot be compared: %v\n", err)
		return
	}
	var got int64
	for _, c := range report.Commands {
		got += c.Count
	}
	fmt.Printf("  commands decoded   %d of %d, issues %d\n", got, f.commands, len(report.Issues))
}

// goal is a ratio that is worth having.
type goal struct {
	what string
	want float64
	got  float64 // 0 where one side is missing
}

// printGoals prints ratios.
func printGoals(list []goal) {
	fmt.Printf("\nratios (goal)\n\n")
	for _, g := range list {
		if g.got == 0 {
			fmt.Printf("  %-58s     - (%g)\n", g.what, g.want)
			continue
		}
		fmt.Printf("  %-58s %7.2f (%g)\n", g.what, g.got, g.want)
	}
}

func (b *bench) goals() []goal {
	ratio := func(file, name, otherFile, other string) float64 {
		return b.rate(file, name) / b.rate(otherFile, other)
	}
	list := []goal{
		{"analyze, clean: times msgsnarf", 3, ratio("clean", "analyze", "clean", "msgsnarf")},
		{"analyze, dirty: times msgsnarf", 3, ratio("dirty", "analyze", "dirty", "msgsnarf")},
		{"analyze, clean: times tshark -T fields", 100, ratio("clean", "analyze", "clean", "tshark -T fields")},
		{"analyze, dirty: times tshark -T fields", 100, ratio("dirty", "analyze", "clean", "tshark -T fields")},
		{"decode --json, clean: times tshark -T json", 150, ratio("clean", "decode --json", "clean", "tshark -T json")},
		{"decode --json, dirty: times tshark -T json", 150, ratio("dirty", "decode --json", "clean", "tshark -T json")},
		{"analyze: 80 % other traffic, times pure", 1.5, ratio("mixed", "analyze", "clean", "analyze")},
	}
	if b.full {
		list = append(list,
			goal{"analyze: memory at 16 times the size, times that at once", 1.1, b.memory("large", "analyze") / b.memory("clean", "analyze")},
			goal{"decode --json: the same", 1.1, b.memory("large", "decode --json") / b.memory("clean", "decode --json")})
	}
	return withoutMissing(list)
}

// withoutMissing sets to 0 what is no ratio, because one side is missing.
func withoutMissing(list []goal) []goal {
	for i := range list {
		if !(list[i].got > 0 && list[i].got < 1e6) { // not a number, or no end of it
			list[i].got = 0
		}
	}
	return list
}

func (b *bench) task(file, name string) *task {
	if f := b.file(file); f != nil {
		for _, t := range f.tasks {
			if t.name == name {
				return t
			}
		}
	}
	return &task{broken: "not there"}
}

func (b *bench) rate(file, name string) float64   { return b.task(file, name).rate() }
func (b *bench) memory(file, name string) float64 { return float64(b.task(file, name).memory) }
