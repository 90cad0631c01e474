package sim

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"msnproxy/captures"
	"msnproxy/decode"
)

// Dialogue is what a number of clients and servers say to one another.
type Dialogue struct {
	Name  string
	Start time.Time // when the first step's delay begins
	Steps []Step
}

// Samples returns the dialogues of the sample captures.
func Samples() []*Dialogue { return []*Dialogue{MSNP8(), MSNP15()} }

// Conn is a connection of a dialogue.
type Conn struct {
	ID             string // unique within the dialogue
	Kind           decode.Server
	Client, Server netip.AddrPort
}

// Action is what happens in a step.
type Action uint8

// The actions.
const (
	Open  Action = iota + 1 // the client connects
	Send                    // one end writes, at once, what one read or segment can carry
	End                     // one end sends no more
	Reset                   // one end breaks the connection off
)

// Step is one thing that happens on one connection.
type Step struct {
	After    time.Duration // since the step before
	Conn     *Conn
	Do       Action
	Dir      decode.Direction // of the acting end; zero for Open
	Bytes    []byte           // Send: what is written
	Commands []Command        // Send: those that begin in Bytes; they may end in a later step
}

// Command is a command as the script means it.
type Command struct {
	Line    string // without line end
	Payload []byte // nil where the command has none; an empty one is not nil
}

// Verb is the command's first three characters.
func (c Command) Verb() string { return c.Line[:3] }

// Bytes returns the command as it goes over the wire.
func (c Command) Bytes() []byte { return append([]byte(c.Line+"\r\n"), c.Payload...) }

// Play writes the dialogue into a capture.
func (d *Dialogue) Play(w *captures.Writer) error {
	p := player{to: w, now: d.Start}
	for i, s := range d.Steps {
		if err := p.step(s); err != nil {
			return fmt.Errorf("dialogue %s, step %d: %w", d.Name, i+1, err)
		}
	}
	return w.Flush()
}

// player writes steps into a capture, one after the other.
type player struct {
	to  *captures.Writer
	now time.Time
}

func (p *player) step(s Step) error {
	p.now = p.now.Add(s.After)
	switch s.Do {
	case Open:
		return p.to.Open(s.Conn.ID, s.Conn.Client, s.Conn.Server, p.now)
	case Send:
		return p.to.Data(s.Conn.ID, s.Dir, s.Bytes, p.now)
	case End:
		return p.to.End(s.Conn.ID, s.Dir, p.now)
	case Reset:
		return p.to.Reset(s.Conn.ID, s.Dir, p.now)
	}
	return fmt.Errorf("no such action: %d", s.Do)
}

// Count is how often a verb goes in a direction.
type Count struct {
	Verb         string
	Dir          decode.Direction
	Commands     int
	PayloadBytes int
}

// Counts counts the commands of the dialogue by direction and verb, in that
// order.
func (d *Dialogue) Counts() []Count {
	type key struct {
		dir  decode.Direction
		verb string
	}
	sums := map[key]Count{}
	for _, s := range d.Steps {
		for _, c := range s.Commands {
			k := key{s.Dir, c.Verb()}
			n := sums[k]
			sums[k] = Count{c.Verb(), s.Dir, n.Commands + 1, n.PayloadBytes + len(c.Payload)}
		}
	}
	var counts []Count
	for _, n := range sums {
		counts = append(counts, n)
	}
	slices.SortFunc(counts, func(a, b Count) int {
		if a.Dir != b.Dir {
			return int(a.Dir) - int(b.Dir)
		}
		return strings.Compare(a.Verb, b.Verb)
	})
	return counts
}
