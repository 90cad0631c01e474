package page

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"msnproxy/decode"
	"msnproxy/internal/display"
	"msnproxy/internal/story"
)

// diagram is the dialogue of a session: the client on the left, and a lane for
// each kind of server.
type diagram struct {
	session *story.Session
	Target  string
	Name    string
	Lanes   []lane
	Steps   []step
	More    int  // records that it does not show
	Open    bool // shown at first sight
}

// lane is a kind of server, and the session's connections to it.
type lane struct {
	Name, Conns string
	of          []string // their ids
}

// step is an arrow, something that happened to a connection, or a number of
// commands that are not shown one by one.
type step struct {
	number  int // of its record
	Target  string
	Time    time.Time
	Conn    string
	Lane    int  // from 1
	Lanes   int  // of the diagram
	Out     bool // from the client
	Event   bool // no arrow
	Way     string
	Verb    string
	Rest    string // of the line, behind the verb
	Chat    string
	Remarks string
	Trouble bool
	Folded  int // commands like it that it stands for
}

// maxStepText is how much of a line an arrow shows, in columns.
const maxStepText = 160

// draw makes the diagrams of the sessions.
func (w *writer) draw() []diagram {
	records := w.bySession()
	room := maxAllSteps
	var out []diagram
	for _, s := range w.Story.Sessions {
		if len(records[s]) == 0 {
			continue
		}
		if room <= 0 {
			break
		}
		d := w.diagram(s, records[s], min(room, maxSteps))
		const openAtFirst = 2
		d.Open = len(out) < openAtFirst
		room -= len(d.Steps)
		out = append(out, d)
	}
	return out
}

// bySession sorts the records, by their numbers, into sessions, and those of
// each by time: a connection may close after the next one was opened.
func (w *writer) bySession() map[*story.Session][]int {
	of := map[string]*story.Session{}
	for _, c := range w.Story.Connections {
		of[c.ID] = c.Session
	}
	out := map[*story.Session][]int{}
	for i := range w.Records.list {
		if s := of[w.Records.list[i].Conn]; s != nil {
			out[s] = append(out[s], i+1)
		}
	}
	for _, numbers := range out {
		slices.SortStableFunc(numbers, func(a, b int) int { return w.Records.list[a-1].Time.Compare(w.Records.list[b-1].Time) })
	}
	return out
}

// diagram draws a session of the records with those numbers.
func (w *writer) diagram(s *story.Session, numbers []int, most int) diagram {
	d := diagram{session: s, Target: "session-" + s.ID, Name: sessionName(s), Lanes: lanesOf(s)}
	laneOf := map[string]int{}
	for i, l := range d.Lanes {
		for _, id := range l.of {
			laneOf[id] = i + 1
		}
	}
	told := 0
	for _, run := range w.runs(numbers) {
		shown := run
		if len(run) > maxRun {
			shown = run[:maxRun-1]
		}
		if len(d.Steps)+len(shown)+1 > most {
			break
		}
		for n, number := range shown {
			one := newStep(&w.Records.list[number-1], number)
			one.Lane, one.Lanes = laneOf[w.Records.list[number-1].Conn], len(d.Lanes)
			if n == len(shown)-1 {
				one.Folded = len(run) - len(shown)
			}
			d.Steps = append(d.Steps, one)
		}
		told += len(run)
	}
	d.More = len(numbers) - told
	return d
}

func sessionName(s *story.Session) string {
	name := display.Harmless(s.Account)
	if name == "" {
		name = "account not known"
	}
	return display.Harmless(s.ID) + ": " + name
}

// maxIDs is how many connections are named beside each other.
const maxIDs = 4

// lanesOf are the kinds of server that a session was connected to.
func lanesOf(s *story.Session) (out []lane) {
	for _, kind := range []decode.Server{decode.DS, decode.NS, decode.SB, 0} {
		l := lane{Name: kind.String()}
		if kind == 0 {
			l.Name = "server"
		}
		for _, c := range s.Connections {
			if c.Server == kind {
				l.of = append(l.of, c.ID)
			}
		}
		if len(l.of) > 0 {
			l.Conns = some(l.of, maxIDs)
			out = append(out, l)
		}
	}
	return out
}

// runs cuts the records of a session into runs of the same verb, sender and
// connection. What is remarkable is a run of its own.
func (w *writer) runs(numbers []int) (out [][]int) {
	var before *record
	for i, n := range numbers {
		r := &w.Records.list[n-1]
		if before != nil && before.Conn == r.Conn && before.Dir == r.Dir && before.Verb == r.Verb && r.Chat == "" && !r.Trouble && !before.Trouble {
			last := len(out) - 1
			out[last] = numbers[i-len(out[last]) : i+1]
		} else {
			out = append(out, numbers[i:i+1])
		}
		before = r
	}
	return out
}

func newStep(r *record, number int) step {
	s := step{
		number: number, Target: target(number), Time: r.Time, Conn: display.Harmless(r.Conn), Out: r.Dir == decode.ClientToServer,
		Event: r.Dir == 0 || strings.HasPrefix(r.Verb, "["), Way: r.Way(), Verb: r.Verb, Chat: display.Shorten(r.Chat, maxStepText),
		Remarks: r.Remarks, Trouble: r.Trouble,
	}
	_, rest, _ := strings.Cut(r.Line, " ")
	s.Rest = display.Shorten(rest, maxStepText)
	return s
}

// target is the id of a record's row.
func target(number int) string { return fmt.Sprintf("r%d", number) }

// sessions writes the sign-ins: as a table, and as diagrams.
func (w *writer) sessions() error {
	t := w.table("sessions")
	if t == nil {
		return nil
	}
	if err := w.putTable(t); err != nil {
		return err
	}
	w.linkSteps()
	if len(w.diagrams) > 0 {
		if err := w.put("diagrams-begin", nil); err != nil {
			return err
		}
	}
	n, err := putWithin(w, "diagram", slices.Values(w.diagrams), maxDiagramBytes)
	if err != nil {
		return err
	}
	if len(w.diagrams) > 0 {
		more := len(w.Story.Sessions) - n
		if err := w.put("diagrams-end", map[string]any{"More": more}); err != nil {
			return err
		}
	}
	return w.put("section-end", nil)
}

// linkSteps takes back the links to records that are not on the page.
func (w *writer) linkSteps() {
	for i := range w.diagrams {
		for j := range w.diagrams[i].Steps {
			if s := &w.diagrams[i].Steps[j]; !w.static.has(s.number) {
				s.Target = ""
			}
		}
	}
}
