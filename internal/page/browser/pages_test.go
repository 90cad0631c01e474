package browser

import (
	"bytes"
	"context"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"msnproxy/captures"
	"msnproxy/decode"
	"msnproxy/internal/journal"
	"msnproxy/internal/report"
	"msnproxy/internal/sim"
)

const (
	samples      = "../../../captures/samples"
	realCaptures = "../../../../shared/captures" // of real clients, if they are there
)

// newReport returns an empty report for a page.
func newReport(t testing.TB) *report.Report {
	t.Helper()
	format, err := report.FormatNamed("html")
	if err != nil {
		t.Fatal(err)
	}
	return report.NewFor(format)
}

// save writes a report as a page, and returns the file.
func save(t testing.TB, rep *report.Report) string {
	t.Helper()
	var out bytes.Buffer
	if err := rep.WriteHTML(&out, report.Options{}); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "report.html")
	if err := os.WriteFile(file, out.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// kept is a sink that counts records.
type kept struct{ commands, all int }

func (k *kept) Record(r *decode.Record) error {
	k.all++
	if r.Verb == "MSG" {
		k.commands++
	}
	return nil
}

func (k *kept) Close() error { return nil }

// read makes the report of a capture, and counts its records.
func read(t testing.TB, name string, capture io.Reader) (rep *report.Report, counted kept) {
	t.Helper()
	rep = newReport(t)
	j := journal.New(false, rep, &counted)
	d := captures.NewDecoder(captures.Options{Emit: j.Emit})
	if err := d.File(context.Background(), name, capture); err != nil {
		t.Fatal(err)
	}
	for _, s := range d.Close() {
		rep.AddCapture(report.CaptureRow{File: s.File, Kind: s.Kind, Packets: s.Packets, Bytes: s.Bytes, First: s.First, Last: s.Last, Connections: s.Connections})
	}
	return rep, counted
}

// pageOf makes the page of a capture file.
func pageOf(t testing.TB, capture string) (file string, counted kept) {
	t.Helper()
	data, err := os.ReadFile(capture)
	if err != nil {
		t.Fatal(err)
	}
	rep, counted := read(t, filepath.Base(capture), bytes.NewReader(data))
	return save(t, rep), counted
}

// sample is the page of a sample capture.
func sample(t testing.TB) (file string, counted kept) {
	return pageOf(t, filepath.Join(samples, "msnp15.pcapng"))
}

// everyCapture runs a test for the samples, and for the captures of real
// clients where they are.
func everyCapture(t *testing.T, test func(t *testing.T, file string)) {
	here, _ := filepath.Glob(filepath.Join(samples, "*.pcapng"))
	real, _ := filepath.Glob(filepath.Join(realCaptures, "*.pcap"))
	if len(here) == 0 {
		t.Fatal("there are no samples")
	}
	if len(real) == 0 {
		t.Log("the captures of real clients are not here")
	}
	for _, capture := range append(here, real...) {
		t.Run(filepath.Base(capture), func(t *testing.T) {
			file, _ := pageOf(t, capture)
			test(t, file)
		})
	}
}

// talk plays a switchboard on which somebody of that name says texts.
func talk(rep *report.Report, name string, texts ...string) {
	at := time.Date(2004, 5, 17, 12, 0, 0, 0, time.UTC)
	var seq int64
	send := func(r *decode.Record) {
		seq++
		at = at.Add(20 * time.Millisecond)
		r.Time, r.Conn, r.Seq, r.Server = at, "c1", seq, decode.SB
		if err := rep.Record(r); err != nil {
			panic(err)
		}
	}
	send(&decode.Record{Kind: decode.KindOpen, Client: "192.0.2.1:1030", ServerAddr: "192.0.2.9:1863"})
	send(command(decode.ClientToServer, "USR 1 alice@example.com ***1", "trid handle cookie"))
	send(command(decode.ServerToClient, "JOI "+name+" x", "handle name"))
	for _, text := range texts {
		r := command(decode.ServerToClient, "MSG "+name+" "+strings.ReplaceAll(name, " ", "%20")+" 100", "handle name length")
		r.HasPayload, r.PayloadBytes, r.Payload = true, int64(len(text)), []byte(text)
		r.Said = &decode.Payload{Type: "text/plain", Fields: []decode.Field{{Name: "text", Value: text}}}
		r.Notes = []decode.Note{{Kind: decode.NoteIssue, Text: text}}
		send(r)
	}
}

func command(dir decode.Direction, line, names string) *decode.Record {
	words := strings.Split(line, " ")
	r := &decode.Record{Kind: decode.KindCommand, Dir: dir, Dialect: 12, Verb: words[0], Line: []byte(line), Bytes: int64(len(line)) + 2}
	for i, n := range strings.Fields(names) {
		r.Args = append(r.Args, decode.Arg{Name: n, Value: []byte(words[i+1])})
	}
	return r
}

// busy is the report of a long evening with many conversations.
func busy(t testing.TB) (rep *report.Report, counted kept) {
	t.Helper()
	const size = 40 << 20 // of the capture: more than a hundred thousand records
	var capture bytes.Buffer
	w, err := captures.NewWriter(&capture)
	if err != nil {
		t.Fatal(err)
	}
	if err := sim.Chat(w, size); err != nil {
		t.Fatal(err)
	}
	return read(t, "busy", &capture)
}
