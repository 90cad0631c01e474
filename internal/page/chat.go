package page

import (
	"slices"
	"strings"
	"time"

	"msnproxy/internal/display"
	"msnproxy/internal/story"
)

// chat is a conversation with what was said in it.
type chat struct {
	Name   string
	Conns  string
	Start  time.Time
	Beside string // what else was there: typing notices and the like
	Said   []said
	More   int64
}

// said is a message.
type said struct {
	number int // of its record; 0 where that was not kept
	Target string
	Time   time.Time
	From   string
	To     string // where it is not all others
	Text   string
	Voice  int  // tells the people apart
	Own    bool // by the first of them
	Lost   bool // the server could not deliver it
}

// maxNames is how many people of a conversation are named.
const maxNames = 12

// voices is how many people look different. Their names tell them apart too.
const voices = 6

// tellChats tells the conversations in which something was said, and how many
// messages are left out.
func (w *writer) tellChats() (out []chat, more int64) {
	room := maxAllSaid
	for _, c := range w.Story.Conversations {
		if len(c.Messages) == 0 {
			continue
		}
		if room == 0 {
			more += int64(len(c.Messages))
			continue
		}
		one := w.chat(c, min(room, maxSaid))
		room -= len(one.Said)
		out = append(out, one)
	}
	return out, more
}

func (w *writer) chat(c *story.Conversation, most int) chat {
	out := chat{Name: some(c.Participants, maxNames), Start: c.Start, Beside: beside(c)}
	var ids []string
	for _, one := range c.Connections {
		ids = append(ids, one.ID)
	}
	out.Conns = some(ids, maxIDs)
	voice := map[string]int{}
	for i, p := range c.Participants {
		voice[strings.ToLower(p)] = i
	}
	for _, m := range c.Messages[:min(len(c.Messages), most)] {
		s := said{Time: m.Time, From: display.Harmless(m.From), Text: clip(strings.Join(display.Lines(m.Text), "\n"), maxPayload), Lost: m.Undelivered}
		n, known := voice[strings.ToLower(m.From)]
		s.Voice, s.Own = n%voices, known && n == 0
		if len(m.To) != len(c.Participants)-1 {
			s.To = some(m.To, maxNames)
		}
		for _, r := range m.Records {
			if s.number = w.numbers[r]; s.number > 0 {
				s.Target = target(s.number)
				break
			}
		}
		out.Said = append(out.Said, s)
	}
	out.More = max(c.Count, int64(len(c.Messages))) - int64(len(out.Said))
	return out
}

// beside tells what else was sent in a conversation.
func beside(c *story.Conversation) string {
	var parts []string
	if c.Typing > 0 {
		parts = append(parts, display.Plural(c.Typing, "typing notice", "typing notices"))
	}
	if c.Other > 0 {
		parts = append(parts, display.Plural(c.Other, "other message", "other messages"))
	}
	return strings.Join(parts, ", ")
}

// conversations writes the conversations: as a table, and as chats.
func (w *writer) conversations() error {
	if t := w.table("conversations"); t != nil {
		if err := w.putTable(t); err != nil {
			return err
		}
		if err := w.putChats(); err != nil {
			return err
		}
		return w.put("section-end", nil)
	}
	return nil
}

// putChats writes the chats.
func (w *writer) putChats() error {
	if len(w.chats) == 0 {
		return nil
	}
	for i := range w.chats {
		for j := range w.chats[i].Said {
			if s := &w.chats[i].Said[j]; !w.static.has(s.number) {
				s.Target = ""
			}
		}
	}
	n, err := putWithin(w, "chat", slices.Values(w.chats), maxChatBytes)
	if err != nil {
		return err
	}
	more := w.chatMore
	for _, c := range w.chats[n:] {
		more += int64(len(c.Said)) + c.More
	}
	return w.put("chats-end", map[string]any{"More": more})
}
