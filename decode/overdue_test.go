package decode

import (
	"os"
	"path/filepath"
	"testing"
	"time"
)

// challenged is a session whose client was asked a challenge at a time, and what
// it tells of that from then on.
func challenged(t *testing.T) (s *Session, asked time.Time, told *[]*Record) {
	t.Helper()
	told = new([]*Record)
	s = NewSession(Config{Conn: "c1", Emit: func(r *Record) { *told = append(*told, r.Clone()) }})
	asked = time.Date(2008, 7, 1, 12, 0, 0, 0, time.UTC)
	s.Feed(ClientToServer, []byte("VER 1 MSNP15 CVR0\r\n"), Stamp{Time: asked})
	s.Feed(ServerToClient, []byte("VER 1 MSNP15\r\nCHL 0 22210219642164014968\r\n"), Stamp{Time: asked})
	*told = nil
	return s, asked, told
}

func TestAnAnswerThatDoesNotComeIsToldWithoutAnyTraffic(t *testing.T) {
	s, asked, told := challenged(t)
	if s.Tick(Stamp{Time: asked.Add(50*time.Second - 1)}) || len(*told) != 0 || !s.Waits() {
		t.Fatalf("too early, %d records are told", len(*told))
	}
	if !s.Tick(Stamp{Time: asked.Add(51 * time.Second), Input: 3}) || len(*told) != 1 || s.Waits() {
		t.Fatalf("%d records are told of one answer that is overdue", len(*told))
	}
	r := (*told)[0]
	if r.Kind != KindOverdue || !r.Time.Equal(asked.Add(50*time.Second)) || r.Input != 3 || r.Seq != 5 || r.Dialect.String() != "MSNP15" {
		t.Errorf("told %+v", r)
	}
	if n := r.Note(NoteChallenge); n == nil || n.Challenge.Verdict != VerdictUnanswered || n.Challenge.Asked != 4 {
		t.Errorf("the record has the notes %+v", r.Notes)
	}
	if s.Tick(Stamp{Time: asked.Add(time.Hour)}) || len(*told) != 1 {
		t.Error("it is told twice")
	}
}

func TestAServerThatSaysNothingToAnAnswerIsToldWithoutAnyTraffic(t *testing.T) {
	s, asked, told := challenged(t)
	s.Feed(ClientToServer, []byte("QRY 2 PROD0090YUAUV{2B 32\r\n85ecb0db8f32113df79ce0892b9a102c"), Stamp{Time: asked.Add(time.Second)})
	*told = nil
	if s.Tick(Stamp{Time: asked.Add(50 * time.Second)}); len(*told) != 0 {
		t.Fatalf("too early, %d records are told", len(*told))
	}
	s.Tick(Stamp{Time: asked.Add(51 * time.Second)})
	if len(*told) != 1 || (*told)[0].Note(NoteChallenge).Challenge.ServerVerdict != ServerSilent {
		t.Errorf("told %+v", *told)
	}
}

// The server's end counts, not that of the connection, where the client lingers.
func TestAServerThatEndsRightAfterAnAnswerRejectsIt(t *testing.T) {
	for ended, want := range map[time.Duration]ServerVerdict{2 * time.Second: ServerRejected, 20 * time.Second: ServerSilent} {
		s, asked, told := challenged(t)
		s.Feed(ClientToServer, []byte("QRY 2 PROD0090YUAUV{2B 32\r\n85ecb0db8f32113df79ce0892b9a102d"), Stamp{Time: asked.Add(time.Second)})
		s.End(ServerToClient, Stamp{Time: asked.Add(ended)})
		s.Close("server closed", Stamp{Time: asked.Add(21 * time.Second)})
		if r := (*told)[len(*told)-1]; r.Note(NoteChallenge) == nil || r.Note(NoteChallenge).Challenge.ServerVerdict != want {
			t.Errorf("a server that ends %v after it asked: told %+v, want %s", ended, r.Notes, want)
		}
	}
}

// What is overdue has the same place among the records, whether somebody tells
// the time or the next input does.
func TestTellingTheTimeChangesNoRecords(t *testing.T) {
	scripts, err := filepath.Glob("testdata/dialogues/*.txt")
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range scripts {
		script, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		want, err := os.ReadFile(path[:len(path)-len("txt")] + "golden")
		if err != nil {
			t.Fatal(err)
		}
		p := newPlayer(t)
		p.ticks = true
		if got := p.play(string(script)); got != string(want) {
			t.Errorf("%s: %s", path, firstDifference(got, string(want)))
		}
	}
}
