package page

import (
	"fmt"
	"strings"
	"time"

	"msnproxy/decode"
	"msnproxy/internal/display"
	"msnproxy/internal/story"
)

// pair is somebody whose status an account was told.
type pair struct{ account, contact string }

// layMoods adds the rows of presence to an episode.
func (w *writer) layMoods(e *episode) {
	changes, ends := map[pair][]story.Presence{}, w.notifications()
	var order []pair
	for _, p := range w.Story.Presence {
		if p.Time.Before(e.from) || p.Time.After(e.to) {
			continue
		}
		who := pair{p.Account, p.Contact}
		if changes[who] == nil {
			order = append(order, who)
		}
		changes[who] = append(changes[who], p)
	}
	e.MoreMoods = max(0, len(order)-maxMoods)
	for _, who := range order[:len(order)-e.MoreMoods] {
		row := len(e.Bars) + len(e.Moods)
		m := mood{LabelY: rowHeight*row + 14, Label: moodLabel(who)}
		m.Spells = e.spells(changes[who], rowHeight*row+18, ends[who.account])
		e.Moods = append(e.Moods, m)
	}
}

func moodLabel(who pair) string {
	contact, account := display.Harmless(who.contact), display.Harmless(who.account)
	switch {
	case strings.EqualFold(contact, account):
		return account + ", own status"
	case account == "":
		return contact
	}
	return contact + ", as told to " + account
}

// notifications are the connections by which each account is told of presence.
func (w *writer) notifications() map[string][]*story.Connection {
	of := map[string][]*story.Connection{}
	for _, c := range w.Story.Connections {
		if c.Server == decode.NS {
			of[c.Account] = append(of[c.Account], c)
		}
	}
	return of
}

// spells are the times between changes of status; offline is none.
func (e *episode) spells(changes []story.Presence, y int, by []*story.Connection) (out []spell) {
	const offline = "FLN"
	for i, p := range changes {
		if p.Status == offline {
			continue
		}
		if len(out) == maxMarks {
			return out
		}
		until := e.endOf(p.Time, by)
		if i+1 < len(changes) && changes[i+1].Time.Before(until) {
			until = changes[i+1].Time
		}
		name := display.Harmless(story.StatusName(p.Status))
		out = append(out, spell{X: e.x(p.Time), W: percent(e.share(p.Time, until)), Y: y, Kind: moodClass(p.Status), Text: name,
			Title: fmt.Sprintf("%s from %s to %s", name, clockOf(p.Time, e.from), clockOf(until, e.from))})
	}
	return out
}

// endOf is the end of the connection that was open at a time.
func (e *episode) endOf(at time.Time, list []*story.Connection) time.Time {
	for _, c := range list {
		if !c.Start.After(at) && !c.End.Before(at) {
			return c.End
		}
	}
	return e.to
}

// moodClass is the class of a status.
func moodClass(status string) string {
	switch status {
	case "NLN":
		return "online"
	case "BSY", "PHN":
		return "busy"
	case "HDN":
		return "hidden"
	}
	return "away"
}
