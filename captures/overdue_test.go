package captures

import (
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
