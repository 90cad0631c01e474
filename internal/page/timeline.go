package page

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"msnproxy/decode"
	"msnproxy/internal/display"
	"msnproxy/internal/story"
)

// The timeline's measures, in pixels. Across it everything is in percent, so
// that text keeps its size on a narrow page.
const (
	axisHeight = 24
	rowHeight  = 34
)

// Between two stretches of the timeline nothing is open for at least minIdle,
// and for much longer than what was before lasted. One axis over captures of
// different days would show each as a speck.
const (
	minIdle   = 2 * time.Minute
	idleShare = 5
)

// episode is a stretch of time in which something was going on.
type episode struct {
	from, to  time.Time
	conns     []*story.Connection
	Name      string
	Ticks     []tick
	Bars      []bar
	Moods     []mood
	MoreBars  int
	MoreMoods int
}

// tick is a time on the axis.
type tick struct {
	X, Anchor, Text string
	Minor           bool // left out on a narrow page
}

// bar is a connection.
type bar struct {
	X, W, Kind, Label, Title, Target string
	LabelY, BarY, BarEnd             int
	Said                             []string // where a message was seen
}

// mood is a row of what somebody's status was.
type mood struct {
	Label  string
	LabelY int
	Spells []spell
}

// spell is a time of one status.
type spell struct {
	X, W, Kind, Text, Title string
	Y                       int
}

func (w *writer) hasTimeline() bool {
	return w.Story != nil && len(w.Story.Connections) > 0 && w.has("sessions", "connections", "presence")
}

func (w *writer) timeline() error {
	if !w.hasTimeline() {
		return nil
	}
	all := episodes(w.Story.Connections)
	more := max(0, len(all)-maxEpisodes)
	all = all[:len(all)-more]
	said := w.saidOn()
	for i := range all {
		w.lay(&all[i], said)
	}
	if err := w.put("timeline-begin", nil); err != nil {
		return err
	}
	n, err := putWithin(w, "episode", slices.Values(all), maxTimelineBytes)
	if err != nil {
		return err
	}
	return w.put("timeline-end", map[string]any{"More": more + len(all) - n})
}

// episodes sorts connections into stretches of time.
func episodes(list []*story.Connection) (out []episode) {
	byStart := slices.Clone(list)
	slices.SortStableFunc(byStart, func(a, b *story.Connection) int { return a.Start.Compare(b.Start) })
	for _, c := range byStart {
		if len(out) == 0 || out[len(out)-1].isOver(c.Start) {
			out = append(out, episode{from: c.Start, to: c.Start})
		}
		e := &out[len(out)-1]
		e.conns = append(e.conns, c)
		if c.End.After(e.to) {
			e.to = c.End
		}
	}
	return out
}

// isOver tells whether what begins at a time is another episode.
func (e *episode) isOver(at time.Time) bool {
	return at.Sub(e.to) > max(minIdle, idleShare*e.to.Sub(e.from))
}

// saidOn finds the times of the messages on each connection.
func (w *writer) saidOn() map[string][]time.Time {
	out := map[string][]time.Time{}
	for _, m := range w.Story.Messages {
		for _, r := range m.Records {
			if len(out[r.Conn]) < maxMarks {
				out[r.Conn] = append(out[r.Conn], m.Time)
			}
		}
	}
	return out
}

// lay works out where everything of an episode stands.
func (w *writer) lay(e *episode, said map[string][]time.Time) {
	e.Name = exact(e.from)[:len("2006-01-02 15:04:05")] + " to " + clockOf(e.to, e.from)
	for i := range 5 {
		at := e.from.Add(e.to.Sub(e.from) * time.Duration(i) / 4)
		anchor := [...]string{"start", "middle", "middle", "middle", "end"}[i]
		e.Ticks = append(e.Ticks, tick{e.x(at), anchor, clockOf(at, e.from), i%2 == 1})
	}
	slices.SortStableFunc(e.conns, func(a, b *story.Connection) int { return a.Session.Start.Compare(b.Session.Start) })
	e.MoreBars = max(0, len(e.conns)-maxBars)
	for i, c := range e.conns[:len(e.conns)-e.MoreBars] {
		e.Bars = append(e.Bars, w.bar(e, c, i, said[c.ID]))
	}
	if w.has("presence", "sessions") {
		w.layMoods(e)
	}
}

// Height is that of the picture.
func (e episode) Height() int { return e.Foot() + axisHeight }

// Foot is where the rows end.
func (e episode) Foot() int { return rowHeight*(len(e.Bars)+len(e.Moods)) + 4 }

// x is where a time stands on the axis.
func (e *episode) x(t time.Time) string { return percent(e.share(e.from, t)) }

// share is the part of the axis between two times.
func (e *episode) share(from, to time.Time) float64 {
	whole := max(e.to.Sub(e.from), time.Millisecond)
	return min(max(float64(to.Sub(from))/float64(whole), 0), 1)
}

func percent(share float64) string { return fmt.Sprintf("%.2f%%", 100*share) }

// clockOf is a time of day, with its date if that is another than from's.
func clockOf(t, from time.Time) string {
	if t.UTC().Format(time.DateOnly) != from.UTC().Format(time.DateOnly) {
		return t.UTC().Format("01-02 15:04:05")
	}
	return t.UTC().Format(time.TimeOnly)
}

func (w *writer) bar(e *episode, c *story.Connection, row int, said []time.Time) bar {
	kind := cmp.Or(c.Server.String(), "server not known")
	b := bar{
		X: e.x(c.Start), W: percent(e.share(c.Start, c.End)), Kind: kindClass(c), Target: w.sessionTarget(c.Session),
		LabelY: rowHeight*row + 14, BarY: rowHeight*row + 20, BarEnd: rowHeight*row + 30,
		Label: fmt.Sprintf("%s %s, %s: %s", display.Harmless(c.Session.ID), display.Harmless(c.ID), kind, cmp.Or(display.Harmless(c.Account), "account not known")),
	}
	b.Title = fmt.Sprintf("%s %s, %s to %s, %s to %s", b.Label, c.Dialect, display.Harmless(c.Client), display.Harmless(c.ServerAddr), clockOf(c.Start, e.from), clockOf(c.End, e.from))
	for _, at := range said {
		b.Said = append(b.Said, e.x(at))
	}
	b.Said = slices.Compact(b.Said)
	return b
}

// kindClass is the class of a connection's server.
func kindClass(c *story.Connection) string {
	switch c.Server {
	case decode.DS:
		return "ds"
	case decode.NS:
		return "ns"
	case decode.SB:
		return "sb"
	}
	return "other"
}

// sessionTarget is where a session is told at length.
func (w *writer) sessionTarget(s *story.Session) string {
	for i := range w.diagrams {
		if w.diagrams[i].session == s {
			return w.diagrams[i].Target
		}
	}
	for _, name := range []string{"sessions", "connections"} {
		if w.has(name) {
			return "t-" + name
		}
	}
	return "timeline"
}
