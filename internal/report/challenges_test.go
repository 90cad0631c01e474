package report

import (
	"strings"
	"testing"
	"time"

	"msnproxy/decode"
)

// challengeRows feeds a report the notes of a dialogue, a second apart, and
// returns the rows as text.
func challengeRows(t *testing.T, notes ...decode.Challenge) (rows []string, counts string) {
	t.Helper()
	rep := New()
	for i := range notes {
		rec := &decode.Record{Conn: "c1", Seq: int64(i + 1), Kind: decode.KindCommand, Dir: decode.ClientToServer, Verb: "QRY"}
		rec.Time = time.Date(2003, 7, 1, 12, 0, i, 0, time.UTC)
		rec.Notes = []decode.Note{{Kind: decode.NoteChallenge, Challenge: &notes[i]}}
		rep.Record(rec)
	}
	sections, err := rep.Sections([]string{"challenges"})
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range sections[0].Rows {
		var cells []string
		for _, c := range row {
			if s := text(c); s != "" {
				cells = append(cells, s)
			}
		}
		rows = append(rows, strings.Join(cells, " "))
	}
	return rows, sections[0].Counts.String()
}

func TestChallengesAreARowEachWithBothVerdicts(t *testing.T) {
	first := decode.Challenge{Challenge: "111", ProductID: "P", Got: "x", Verdict: decode.VerdictCorrect, Asked: 1, Answer: 2, Latency: 1500 * time.Microsecond}
	accepted := first
	accepted.ServerVerdict = decode.ServerAccepted
	late := decode.Challenge{Challenge: "222", Verdict: decode.VerdictUnanswered, Asked: 4}
	wrong := decode.Challenge{Challenge: "222", Got: "y", Expected: "z", Verdict: decode.VerdictWrong, Explanation: "why", Asked: 4, Answer: 9}
	second := decode.Challenge{Challenge: "111", Got: "x", Verdict: decode.VerdictUnsolicited, Answer: 12}
	reply := decode.Challenge{Injected: true} // the proxy's own QRY: not a challenge
	// 222 was somebody else's: a later answer is right, and the earlier one is to 333.
	right := decode.Challenge{Challenge: "222", Got: "z", Verdict: decode.VerdictCorrect, Asked: 4, Answer: 15}
	moved := wrong
	moved.Challenge, moved.Asked = "333", 5
	rows, counts := challengeRows(t, first, accepted, late, wrong, second, reply, right, moved)
	want := []string{
		"c1 2003-07-01 12:00:00 correct accepted 111 P x 1.500",
		"c1 2003-07-01 12:00:02 wrong 333 y z why 0.000",
		"c1 2003-07-01 12:00:04 unsolicited 111 x",
		"c1 2003-07-01 12:00:06 correct 222 z 0.000",
	}
	if got := strings.Join(rows, "\n"); got != strings.Join(want, "\n") {
		t.Errorf("rows\n%s\nwant\n%s", got, strings.Join(want, "\n"))
	}
	if counts != "2 correct, 1 unsolicited, 1 wrong" {
		t.Errorf("counted %s", counts)
	}
}

func TestTheTimeOfAChallengeIsWhenItWasAsked(t *testing.T) {
	rep := New()
	say := func(second int, r decode.Record, note *decode.Challenge) {
		r.Conn, r.Time = "c1", time.Date(2003, 7, 1, 12, 0, second, 0, time.UTC)
		if note != nil {
			r.Notes = []decode.Note{{Kind: decode.NoteChallenge, Challenge: note}}
		}
		rep.Record(&r)
	}
	chl := decode.Record{Kind: decode.KindCommand, Dir: decode.ServerToClient, Verb: "CHL"}
	qry := decode.Record{Kind: decode.KindCommand, Dir: decode.ClientToServer, Verb: "QRY"}
	for seq := range int64(3) {
		chl.Seq = seq + 1
		say(int(seq), chl, nil)
	}
	say(10, qry, &decode.Challenge{Challenge: "first", Verdict: decode.VerdictWrong, Asked: 1, Answer: 4})
	say(11, qry, &decode.Challenge{Challenge: "first", Verdict: decode.VerdictCorrect, Asked: 1, Answer: 5})
	say(11, qry, &decode.Challenge{Challenge: "second", Verdict: decode.VerdictWrong, Asked: 2, Answer: 4})
	say(12, qry, &decode.Challenge{Verdict: decode.VerdictUnsolicited, Answer: 6})
	say(52, decode.Record{Kind: decode.KindOverdue}, &decode.Challenge{Challenge: "third", Verdict: decode.VerdictUnanswered, Asked: 3})
	say(53, decode.Record{Kind: decode.KindClose}, nil)
	var got []string
	for _, row := range rowsOf(t, rep, "challenges") {
		got = append(got, text(row[4])+" "+text(row[timeColumn])[len("2003-07-01 "):])
	}
	if got, want := strings.Join(got, ", "), "second 12:00:01, first 12:00:00,  12:00:12, third 12:00:02"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestAReportWithoutTheSectionTellsHowManyAnswersAreWrong(t *testing.T) {
	rep := New()
	for n := range int64(3) {
		note := &decode.Challenge{Challenge: "111", Verdict: decode.VerdictWrong, Answer: n + 1}
		if n == 0 {
			note.Verdict = decode.VerdictCorrect
		}
		rep.Record(&decode.Record{Conn: "c1", Seq: n + 1, Kind: decode.KindCommand, Notes: []decode.Note{{Kind: decode.NoteChallenge, Challenge: note}}})
	}
	if text := write(t, (*Report).WriteTables, rep, Options{}); !strings.Contains(text, "challenges (2 wrong, 1 correct)") {
		t.Errorf("not told in\n%s", text)
	}
	if text := write(t, (*Report).WriteHTML, rep, Options{}); !strings.Contains(text, "<b>3</b> challenges, 2 wrong") {
		t.Error("not told in the HTML report")
	}
}

func TestAWrongProofOfAPasswordIsAnIssue(t *testing.T) {
	rep := New()
	for n, verdict := range []decode.Verdict{decode.VerdictCorrect, decode.VerdictWrong} {
		note := decode.Note{Kind: decode.NoteSignIn, Method: "MD5", Account: "alice@example.com", Verdict: verdict, Text: "the hash is of the password alone"}
		rep.Record(&decode.Record{Conn: "c1", Seq: int64(n + 1), Kind: decode.KindCommand, Dir: decode.ClientToServer, Verb: "USR", Notes: []decode.Note{note}})
	}
	rows := rowsOf(t, rep, "issues")
	if len(rows) != 1 || text(rows[0][4]) != "the MD5 proof of alice@example.com's password is wrong: the hash is of the password alone" {
		t.Errorf("the issues are %v", rows)
	}
}
