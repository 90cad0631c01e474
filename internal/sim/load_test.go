package sim

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"strings"
	"testing"

	"msnproxy/captures"
	"msnproxy/decode"
)

// loadFile is a capture of a load, and how many commands are in it.
func loadFile(t *testing.T, l Load) (file []byte, commands int64) {
	t.Helper()
	file = build(t, func(w *captures.Writer) (err error) {
		commands, err = l.Write(w)
		return err
	})
	return file, commands
}

func dirty(t *testing.T, clean []byte) []byte {
	t.Helper()
	var file bytes.Buffer
	if err := Dirty(&file, bytes.NewReader(clean)); err != nil {
		t.Fatal(err)
	}
	return file.Bytes()
}

// linesOf decodes a capture: what was said, by connection and direction, and
// how much of it is doubtful.
func linesOf(t *testing.T, file []byte) (said map[string]string, commands int64, doubts []string) {
	t.Helper()
	lines := map[string]*strings.Builder{}
	d := captures.NewDecoder(captures.Options{Emit: func(r *decode.Record) {
		if r.Kind == decode.KindOpaque || r.Note(decode.NoteIssue) != nil || r.Note(decode.NoteGap) != nil {
			doubts = append(doubts, fmt.Sprintf("%s %d: %v", r.Conn, r.Seq, r.Notes))
		}
		if r.Kind != decode.KindCommand {
			return
		}
		commands++
		key := r.Conn + " " + r.Dir.String()
		if lines[key] == nil {
			lines[key] = &strings.Builder{}
		}
		fmt.Fprintf(lines[key], "%s\n%x\n", r.Line, r.Payload)
	}})
	if err := d.File(context.Background(), "load", bytes.NewReader(file)); err != nil {
		t.Fatal(err)
	}
	d.Close()
	said = map[string]string{}
	for key, b := range lines {
		said[key] = b.String()
	}
	return said, commands, doubts
}

// TestDirtyCapturesLackNothing: each command of a dirty capture is decoded as
// from the clean one, and nothing about it is doubtful.
func TestDirtyCapturesLackNothing(t *testing.T) {
	clean, meant := loadFile(t, Load{Size: 2 << 20, OldRoll: true})
	soiled := dirty(t, clean)
	if len(soiled) <= len(clean) || bytes.Equal(soiled[:len(clean)], clean) {
		t.Fatalf("%d bytes of %d: nothing is dirty", len(soiled), len(clean))
	}
	if !bytes.Equal(soiled, dirty(t, clean)) {
		t.Error("two copies differ")
	}
	want, commands, doubts := linesOf(t, clean)
	if commands != meant || len(doubts) > 0 {
		t.Fatalf("clean: %d commands of %d, doubts %v", commands, meant, doubts)
	}
	got, commands, doubts := linesOf(t, soiled)
	if commands != meant || len(doubts) > 0 {
		t.Fatalf("dirty: %d commands of %d, doubts %v", commands, meant, doubts)
	}
	for key := range want {
		if got[key] != want[key] {
			t.Errorf("%s was told otherwise", key)
		}
	}
}

func TestDirtyRefusesWhatIsNoCapture(t *testing.T) {
	for _, bad := range []string{"no capture at all, but long enough", "\x06\x00\x00\x00\x40\x00\x00\x00cut"} {
		if err := Dirty(io.Discard, strings.NewReader(bad)); err == nil {
			t.Errorf("%q: no error", bad)
		}
	}
}

// TestOtherTraffic: the share of it is as asked for, and none of it is taken
// for MSNP.
func TestOtherTraffic(t *testing.T) {
	file, meant := loadFile(t, Load{Size: 4 << 20, Other: 80})
	_, commands, doubts := linesOf(t, file)
	if commands != meant || len(doubts) > 0 {
		t.Fatalf("%d commands of %d, doubts %v", commands, meant, doubts)
	}
	pure, of := loadFile(t, Load{Size: 4 << 20})
	share := 100 - 100*float64(meant)/float64(of)
	if share < 70 || share > 90 {
		t.Errorf("%.0f %% of the commands gave way in %d and %d bytes, wanted about 80 %%", share, len(file), len(pure))
	}
}
