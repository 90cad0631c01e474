package page

import (
	"fmt"
	"strings"
	"time"

	"msnproxy/internal/display"
	"msnproxy/internal/story"
)

// maxSignIns is how many sign-ins the summary names.
const maxSignIns = 12

// tile is a number that the summary tells.
type tile struct {
	N      int64
	Text   string
	Target string // "" where there is nothing to look at
	Grave  bool
}

// signIn is a sign-in as the summary tells it.
type signIn struct {
	Target, Account, Software, Dialect, Outcome string
	Start                                       time.Time
	Texts                                       int
}

func (w *writer) summary() error {
	start, end := w.span()
	list, more := w.signIns()
	return w.put("summary", map[string]any{
		"Start": start, "End": end, "Lasted": lasted(start, end), "Tiles": w.tiles(), "SignIns": list, "More": more, "Files": len(w.Files),
	})
}

// span is when the first and the last connection were.
func (w *writer) span() (start, end time.Time) {
	if w.Story == nil {
		return start, end
	}
	for _, c := range w.Story.Connections {
		if start.IsZero() || c.Start.Before(start) {
			start = c.Start
		}
		if c.End.After(end) {
			end = c.End
		}
	}
	return start, end
}

// lasted tells how long something took, in the units that matter.
func lasted(start, end time.Time) string {
	d := end.Sub(start)
	switch {
	case d >= time.Hour:
		return strings.TrimSuffix(d.Round(time.Minute).String(), "0s")
	case d >= 10*time.Second:
		return d.Round(time.Second).String()
	}
	return d.Round(time.Millisecond).String()
}

// units are what the rows of the tables are, of which the summary tells how
// many there are.
var units = map[string][2]string{
	"captures":      {"file", "files"},
	"sessions":      {"sign-in", "sign-ins"},
	"connections":   {"connection", "connections"},
	"challenges":    {"challenge", "challenges"},
	"contacts":      {"contact", "contacts"},
	"presence":      {"change of presence", "changes of presence"},
	"conversations": {"conversation", "conversations"},
	"messages":      {"chat message", "chat messages"},
	"errors":        {"error", "errors"},
	"issues":        {"issue", "issues"},
}

// tiles are the numbers of what there is.
func (w *writer) tiles() (out []tile) {
	for _, t := range w.Tables {
		if unit, ok := units[t.Name]; ok {
			n := int64(t.Len) + t.More
			one := newTile(n, unit, "t-"+t.Name, t.Wrong > 0 || t.Name == "errors" || t.Name == "issues")
			if t.Wrong > 0 {
				one.Text += fmt.Sprintf(", %d wrong", t.Wrong)
			}
			out = append(out, one)
		}
	}
	if w.Records != nil {
		n := int64(len(w.Records.list)) + w.Records.more
		out = append(out, newTile(n, [2]string{"record", "records"}, "records", false))
	}
	return out
}

func newTile(n int64, unit [2]string, target string, grave bool) tile {
	one := tile{N: n, Text: unit[1], Target: target, Grave: grave && n > 0}
	if n == 1 {
		one.Text = unit[0]
	}
	if n == 0 {
		one.Target = ""
	}
	return one
}

// signIns are the first sign-ins, if the page is of them.
func (w *writer) signIns() (out []signIn, more int) {
	if w.Story == nil || !w.has("sessions") {
		return nil, 0
	}
	said := w.texts()
	for _, s := range w.Story.Sessions {
		if len(out) == maxSignIns {
			return out, len(w.Story.Sessions) - maxSignIns
		}
		out = append(out, signIn{
			Target: w.sessionTarget(s), Account: display.Harmless(s.Account), Software: display.Harmless(s.Software),
			Dialect: s.Dialect.String(), Outcome: display.Harmless(s.Outcome), Start: s.Start, Texts: said[s],
		})
	}
	return out, 0
}

// texts counts the chat messages that each session saw.
func (w *writer) texts() map[*story.Session]int {
	sessionOf := map[string]*story.Session{}
	for _, c := range w.Story.Connections {
		sessionOf[c.ID] = c.Session
	}
	out := map[*story.Session]int{}
	for _, m := range w.Story.Messages {
		for _, r := range m.Records {
			out[sessionOf[r.Conn]]++
		}
	}
	return out
}
