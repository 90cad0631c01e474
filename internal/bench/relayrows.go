package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"
)

// row is something that is measured of each relay, in a process of its own.
type row struct {
	what, unit string
	// measure returns the value, and how many units of work the relay did, for
	// which its processor time is told.
	measure  func(s *loadServer, r *relay, address string) (value, work float64, err error)
	workUnit string
	skip     func(*relay) bool
	results  map[string][]result // by relay
}

// result is what one run gave.
type result struct{ value, seconds float64 }

// The rows that goals are about.
const (
	chatRow, fileRow        = "bulk, chat", "bulk, messages of 1.2 KB"
	oneRow, hundredRow      = "round trip p50, 1 connection", "round trip p50, 100 connections"
	hundredRate, thousandRt = "commands, 100 connections", "commands, 1000 connections"
	idleRow                 = "memory of an idle connection"
)

// idleConnections are open at a time for the memory of one.
const idleConnections = 5000

// settleTime is how long relays may take to let go of what they do not need.
const settleTime = 5 * time.Second

func (b *bench) rows() []*row {
	bulk := func(what string, traffic []byte) *row {
		return &row{what: what, unit: "MB/s", workUnit: "s of processors for 100 MB", measure: func(s *loadServer, _ *relay, address string) (float64, float64, error) {
			rate, err := pour(s, address, traffic, b.lasting)
			return rate / 1e6, rate * b.lasting.Seconds() / 1e8, err
		}}
	}
	median := func(what string, connections int) *row {
		return &row{what: what, unit: "µs", workUnit: "s of processors for 100,000 commands", measure: func(s *loadServer, _ *relay, address string) (float64, float64, error) {
			took, err := talk(s, address, connections, b.lasting)
			if err != nil {
				return 0, 0, err
			}
			slices.Sort(took)
			return float64(took[len(took)/2]) / float64(time.Microsecond), 2 * float64(len(took)) / 1e5, nil
		}}
	}
	rate := func(what string, connections int) *row {
		return &row{what: what, unit: "a second", workUnit: "s of processors for 100,000 commands", measure: func(s *loadServer, _ *relay, address string) (float64, float64, error) {
			took, err := talk(s, address, connections, b.lasting)
			commands := 2 * float64(len(took))
			return commands / b.lasting.Seconds(), commands / 1e5, err
		}}
	}
	return []*row{
		bulk(chatRow, chatTraffic()), bulk(fileRow, fileTraffic()),
		median(oneRow, 1), median(hundredRow, 100),
		rate(hundredRate, 100), rate(thousandRt, 1000),
		{what: idleRow, unit: "KiB", skip: func(r *relay) bool { return r.forks }, measure: func(s *loadServer, r *relay, address string) (float64, float64, error) {
			kib, err := idleMemory(s, r, address)
			return kib, 0, err
		}},
	}
}

// idleMemory is what a relay holds of a connection on which a message was sent,
// in KiB.
func idleMemory(s *loadServer, r *relay, address string) (float64, error) {
	s.do(acknowledge)
	before := residentKiB(r.process.Process.Pid)
	list, err := signOnAll(address, idleConnections)
	if err != nil {
		return 0, err
	}
	defer closeAll(list)
	for _, c := range list {
		c.SetDeadline(time.Now().Add(patience))
		if err := exchange(c, make([]byte, len(reply))); err != nil {
			return 0, err
		}
	}
	time.Sleep(settleTime)
	return (residentKiB(r.process.Process.Pid) - before) / idleConnections, nil
}

// residentKiB is the memory of a process, and 0 where it cannot be told.
func residentKiB(pid int) float64 {
	status, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	_, rest, _ := strings.Cut(string(status), "VmRSS:")
	fields := strings.Fields(rest)
	if len(fields) == 0 {
		return 0
	}
	kib, _ := strconv.ParseFloat(fields[0], 64)
	return kib
}

// runRelays measures all relays in turn and prints the tables.
func (b *bench) runRelays(ctx context.Context) error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	relays, rows := b.relays(self), b.rows()
	fmt.Printf("\nrelays, each measurement in a process of its own\n")
	for _, row := range rows {
		if b.row != "" && !strings.Contains(row.what, b.row) {
			continue
		}
		if err := row.runAll(ctx, relays, b.runs); err != nil {
			return err
		}
		row.print(relays)
	}
	printGoals(relayGoals(rows))
	return nil
}

// runAll measures all relays in turn, so that what else the machine does meets
// all of them alike.
func (w *row) runAll(ctx context.Context, relays []*relay, runs int) error {
	for _, r := range relays {
		r.broken = ""
	}
	for range runs {
		for _, r := range relays {
			if err := w.run(ctx, r); err != nil {
				return fmt.Errorf("%s, %s: %w", w.what, r.name, err)
			}
		}
	}
	return nil
}

// run measures a relay once, with a server of its own: the system keeps a port
// that led to the last one for a minute.
func (w *row) run(ctx context.Context, r *relay) error {
	if r.broken != "" || w.skip != nil && w.skip(r) {
		return nil
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	s, err := listenForLoad()
	if err != nil {
		return err
	}
	defer s.Close()
	address, err := r.start(ctx, s.Addr().String())
	if err != nil || r.broken != "" {
		return err
	}
	value, work, err := w.measure(s, r, address)
	seconds := r.stop()
	if err != nil {
		return errors.Join(ctx.Err(), r.fails("failed: "+err.Error(), err))
	}
	if w.results == nil {
		w.results = map[string][]result{}
	}
	w.results[r.name] = append(w.results[r.name], result{value, seconds / max(work, 1e-9)})
	return nil
}

// middle is the median of what a relay gave, and 0 if there is nothing.
func (w *row) middle(name string, of func(result) float64) float64 {
	var list []float64
	for _, r := range w.results[name] {
		list = append(list, of(r))
	}
	if len(list) == 0 {
		return 0
	}
	return median(list)
}

func ofValue(r result) float64   { return r.value }
func ofSeconds(r result) float64 { return r.seconds }

// print prints what each relay gave.
func (w *row) print(relays []*relay) {
	fmt.Printf("\n%s\n\n", w.what)
	for _, r := range relays {
		switch {
		case r.broken != "":
			fmt.Printf("  %-20s %s\n", r.name, r.broken)
		case len(w.results[r.name]) == 0:
			fmt.Printf("  %-20s not measured: a process a connection\n", r.name)
		case w.workUnit == "" || r.forks: // what its children took of processors is not known
			fmt.Printf("  %-20s %10.1f %s\n", r.name, w.middle(r.name, ofValue), w.unit)
		default:
			fmt.Printf("  %-20s %10.1f %-8s %7.3f %s\n", r.name, w.middle(r.name, ofValue), w.unit, w.middle(r.name, ofSeconds), w.workUnit)
		}
	}
}

// relayGoals are the ratios that are worth having of relays.
func relayGoals(rows []*row) []goal {
	find := func(what string) *row {
		return rows[slices.IndexFunc(rows, func(w *row) bool { return w.what == what })]
	}
	ratio := func(what, name, other string, of func(result) float64) float64 {
		w := find(what)
		return w.middle(name, of) / w.middle(other, of)
	}
	list := []goal{
		{"bulk chat, records off: times a bare relay", 0.9, ratio(chatRow, silent, bare, ofValue)},
		{"bulk chat, records on: times a bare relay", 0.3, ratio(chatRow, recording, bare, ofValue)},
		{"bulk 1.2 KB, records off: times a bare relay", 0.9, ratio(fileRow, silent, bare, ofValue)},
		{"bulk 1.2 KB, records on: times a bare relay", 0.3, ratio(fileRow, recording, bare, ofValue)},
		{"round trip, 1 connection, records on: times io.Copy, at most", 1.15, ratio(oneRow, recording, copying, ofValue)},
		{"round trip, 100 connections, the same", 1.15, ratio(hundredRow, recording, copying, ofValue)},
		{"commands, 100 connections, records on: times io.Copy", 0.85, ratio(hundredRate, recording, copying, ofValue)},
		{"commands, 1000 connections, the same", 0.85, ratio(thousandRt, recording, copying, ofValue)},
		{"KiB of an idle connection, records on, at most", 12, find(idleRow).middle(recording, ofValue)},
		{"processor time, records on: times records off, at most", 1.1, ratio(hundredRate, recording, silent, ofSeconds)},
	}
	return withoutMissing(list)
}
