package captures

import (
	"bytes"
	"slices"
	"testing"
	"time"

	"msnproxy/decode"
)

func TestAnAnswerThatDoesNotComeIsToldWhereItsTimeIs(t *testing.T) {
	asked := newTalk("10.0.0.1:2048", "10.0.0.2:1863").open().signIn().s("CHL 0 15570131571988941333\r\n")
	other := newTalk("10.0.0.3:2048", "10.0.0.2:1863").open().signIn()
	for range 8 {
		other.wait(10 * time.Second).c("PNG\r\n").s("QNG 43\r\n")
	}
	var overdue *decode.Record
	last := decode.Record{}
	records := decodeTalks(t, asked, other).records
	for _, r := range records {
		if r.Kind == decode.KindOverdue {
			overdue = r
			if gap := r.Time.Sub(last.Time); last.Verb != "QNG" && last.Verb != "PNG" || gap < 0 || gap > 10*time.Second {
				t.Errorf("it stands %v behind %s %s", gap, last.Kind, last.Verb)
			}
		}
		last = *r
	}
	if overdue == nil {
		t.Fatal("nothing is told to be overdue")
	}
	if n := overdue.Note(decode.NoteChallenge); n == nil || n.Challenge.Verdict != decode.VerdictUnanswered {
		t.Errorf("the notes are %+v", overdue.Notes)
	}
}

// A capture's clocks may jump; the connection whose time comes first is the one that
// is looked at, whenever it began to wait, and the others cost nothing.
func TestTheConnectionWhoseTimeComesFirstIsLookedAtFirst(t *testing.T) {
	var o overdue
	list := make([]connection, 8)
	for i, minutes := range [...]int{5, 3, 8, 1, 7, 2, 6, 4} {
		o.set(&list[i], talkStart.Add(time.Duration(minutes)*time.Minute))
	}
	o.set(&list[3], talkStart.Add(9*time.Minute)) // it waits for something else now
	o.set(&list[1], time.Time{})                  // and this one for nothing
	var minutes []int
	for len(o) > 0 {
		c := o[0]
		minutes = append(minutes, int(c.due.Sub(talkStart)/time.Minute))
		o.set(c, time.Time{})
	}
	if want := []int{2, 4, 5, 6, 7, 8, 9}; !slices.Equal(minutes, want) {
		t.Errorf("they come in the order %v, want %v", minutes, want)
	}
}

func TestAConnectionThatHasEndedIsNotLookedAt(t *testing.T) {
	asked := newTalk("10.0.0.1:2048", "10.0.0.2:1863").open().signIn().s("CHL 0 15570131571988941333\r\n")
	ended := newTalk("10.0.0.1:2048", "10.0.0.2:1863").open().signIn().s("CHL 0 15570131571988941333\r\n").close()
	for waits, k := range map[int]*talk{1: asked, 0: ended} {
		d := NewDecoder(Options{})
		if err := d.File(t.Context(), "x", bytes.NewReader(pcapFile(linkRaw, packets(t, linkRaw, k)))); err != nil {
			t.Fatal(err)
		}
		if n := len(d.table.overdue); n != waits {
			t.Errorf("%d connections are waited for, want %d", n, waits)
		}
	}
}
