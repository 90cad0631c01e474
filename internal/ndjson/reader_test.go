package ndjson

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"msnproxy/captures"
	"msnproxy/decode"
)

// sampleLines are the records of a sample capture as lines.
func sampleLines(t testing.TB, file string, opts Options) string {
	t.Helper()
	f, err := os.Open(filepath.Join("../../captures/samples", file))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var out bytes.Buffer
	sink, masker := New(&out, opts), decode.NewMasker()
	emit := func(r *decode.Record) {
		masker.Mask(r)
		if err := sink.Record(r); err != nil {
			t.Fatal(err)
		}
	}
	decoder := captures.NewDecoder(captures.Options{Emit: emit})
	if err := decoder.File(context.Background(), file, f); err != nil {
		t.Fatal(err)
	}
	decoder.Close()
	return out.String()
}

// readAll reads lines, and returns what they are when they are written again.
func readAll(t testing.TB, text string, opts Options) (again string, last error) {
	t.Helper()
	var out bytes.Buffer
	sink, in, masker := New(&out, opts), NewReader(strings.NewReader(text)), decode.NewMasker()
	for {
		rec, err := in.Next()
		if err != nil {
			return out.String(), err
		}
		masker.Mask(rec)
		if err := sink.Record(rec); err != nil {
			t.Fatal(err)
		}
	}
}

func TestRecordsReadBackAreTheSame(t *testing.T) {
	for _, file := range []string{"msnp8.pcapng", "msnp15.pcapng"} {
		for name, opts := range map[string]Options{"what payloads say": {}, "their bytes too": {Payload: true}} {
			t.Run(file+" "+name, func(t *testing.T) {
				want := sampleLines(t, file, opts)
				got, err := readAll(t, want, opts)
				if err != io.EOF {
					t.Fatal(err)
				}
				if got != want {
					t.Errorf("%s", firstDifference(got, want))
				}
			})
		}
	}
}

func firstDifference(got, want string) string {
	g, w := strings.Split(got, "\n"), strings.Split(want, "\n")
	for i := range min(len(g), len(w)) {
		if g[i] != w[i] {
			return "got\n" + g[i] + "\nwant\n" + w[i]
		}
	}
	return "one is longer"
}

func TestArgumentsKeepTheirBytes(t *testing.T) {
	rec := readOne(t, `{"time":"2005-01-01T00:00:00Z","conn":"c1","seq":1,"kind":"command","dir":"s2c","server":"NS","dialect":"MSNP8","verb":"LST","args":{"handle":"a@b.c","name":"100% free","lists":"4"},"line":"LST a@b.c 100%25%20free 4"}`)
	if got := string(rec.Arg("name")); got != "100%25%20free" {
		t.Errorf("the name is %q, not as on the wire", got)
	}
	if rec.Spec == nil || rec.Spec.Verb != "LST" {
		t.Errorf("its row of the command table is %v", rec.Spec)
	}
}

func TestArgumentsOfSamplesAreThoseOfTheirLines(t *testing.T) {
	in := NewReader(strings.NewReader(sampleLines(t, "msnp15.pcapng", Options{})))
	for {
		rec, err := in.Next()
		if err == io.EOF {
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		for _, a := range rec.Args {
			if at := rec.Line[a.Pos:]; a.Pos == 0 || !bytes.HasPrefix(at, a.Value) {
				t.Errorf("%s is not at %d of %q", a.Name, a.Pos, rec.Line)
			}
		}
	}
}

func TestArgumentsThatTheTableNamesOtherwise(t *testing.T) {
	rec := readOne(t, `{"time":"2005-01-01T00:00:00Z","conn":"c1","seq":1,"kind":"command","dir":"c2s","server":"SB","verb":"USR","trid":1,"args":{"who":"100% a","cookie":"17.1"},"line":"USR 1 a@b.c 17.2"}`)
	if got := decode.PercentDecode(rec.Arg("who")); got != "100% a" {
		t.Errorf("who reads %q", got)
	}
	decode.NewMasker().Mask(rec)
	if text := string(rec.Line) + string(rec.Arg("cookie")); strings.Contains(text, "17.") {
		t.Errorf("the cookie shows in %q", text)
	}
}

func TestSecretsOfARecordThatShowsThemAreMasked(t *testing.T) {
	rec := readOne(t, `{"time":"2005-01-01T00:00:00Z","conn":"c1","seq":1,"kind":"command","dir":"s2c","server":"NS","dialect":"MSNP8","verb":"MSG","args":{"source":"Hotmail","name":"Hotmail","length":"40"},"line":"MSG Hotmail Hotmail 40","payload_bytes":40,"payload":{"type":"text/x-msmsgsprofile","headers":{"MSPAuth":"5ecret","lang":"1033"}}}`)
	decode.NewMasker().Mask(rec)
	var out bytes.Buffer
	_ = New(&out, Options{}).Record(rec)
	if want := `"headers":{"MSPAuth":"***1","lang":"1033"}`; !strings.Contains(out.String(), want) {
		t.Errorf("no %s in %s", want, out.String())
	}
}

func readOne(t *testing.T, line string) *decode.Record {
	t.Helper()
	rec, err := NewReader(strings.NewReader(line + "\n")).Next()
	if err != nil {
		t.Fatal(err)
	}
	return rec
}

func TestLinesThatAreNoRecords(t *testing.T) {
	const good = `{"time":"2005-01-01T00:00:00Z","conn":"c1","seq":1,"kind":"open"}` + "\n"
	for name, c := range map[string]struct{ line, why string }{
		"no JSON":            {"VER 1 MSNP8", "not the JSON of one"},
		"another object":     {`{"level":"info","time":"2005-01-01T00:00:00Z"}`, `there is no kind ""`},
		"unknown kind":       {`{"time":"2005-01-01T00:00:00Z","kind":"song"}`, `there is no kind "song"`},
		"no time":            {`{"conn":"c1","kind":"open"}`, "it has no time"},
		"a time that is not": {`{"time":"noon","kind":"open"}`, "not the JSON of one"},
		"no direction":       {`{"time":"2005-01-01T00:00:00Z","kind":"command","verb":"VER"}`, "a command has a dir"},
		"no verb":            {`{"time":"2005-01-01T00:00:00Z","kind":"command","dir":"c2s"}`, "a verb of three characters"},
		"args of a list":     {`{"time":"2005-01-01T00:00:00Z","kind":"command","dir":"c2s","verb":"VER","args":[1]}`, "its args: not an object"},
		"payload too deep":   {`{"time":"2005-01-01T00:00:00Z","kind":"gap","payload":` + strings.Repeat(`{"a":`, 99) + "1" + strings.Repeat("}", 99) + `}`, "nested too deep"},
		"a fraction":         {`{"time":"2005-01-01T00:00:00Z","kind":"gap","payload":{"n":1.5}}`, "1.5 is no whole number"},
		"base64 that is not": {`{"time":"2005-01-01T00:00:00Z","kind":"gap","payload":{"base64":"%"}}`, "its payload: illegal base64"},
		"much too long":      {strings.Repeat("x", maxLine+1), "it has more than"},
	} {
		t.Run(name, func(t *testing.T) {
			in := NewReader(strings.NewReader(good + c.line + "\n" + "\n" + good))
			if _, err := in.Next(); err != nil {
				t.Fatal(err)
			}
			_, err := in.Next()
			var bad *LineError
			if !errors.As(err, &bad) || bad.Line != 2 || !strings.Contains(err.Error(), c.why) {
				t.Errorf("got %v, want line 2: %s", err, c.why)
			}
			if _, err := in.Next(); err != nil {
				t.Errorf("the line behind it: %v", err)
			}
			if _, err := in.Next(); err != io.EOF {
				t.Errorf("at the end: %v", err)
			}
		})
	}
}

func TestLastLineThatIsCutOff(t *testing.T) {
	whole := sampleLines(t, "msnp8.pcapng", Options{})
	if again, err := readAll(t, whole[:len(whole)-30], Options{}); err != ErrCut || !strings.HasPrefix(whole, again) || len(again) < len(whole)-2000 {
		t.Errorf("%v, %d bytes of %d", err, len(again), len(whole))
	}
	if again, err := readAll(t, strings.TrimSuffix(whole, "\n"), Options{}); err != io.EOF || again != whole {
		t.Errorf("without its line end only: %v", err)
	}
}

// TestArgumentsThatAreNoUTF8ReadBackAreTheSame: their bytes are in the line.
func TestArgumentsThatAreNoUTF8ReadBackAreTheSame(t *testing.T) {
	for _, name := range []string{"a\xab\xab\xab.com", "\xff", "\xe2\x80%41\xc3"} {
		var out bytes.Buffer
		sink := New(&out, Options{})
		s := decode.NewSession(decode.Config{Conn: "c1", Opened: decode.Stamp{Time: noon}, Emit: func(r *decode.Record) { _ = sink.Record(r) }})
		s.Feed(decode.ServerToClient, []byte("NLN NLN a@b.c "+name+"\r\n"), decode.Stamp{Time: noon})
		if again, err := readAll(t, out.String(), Options{}); err != io.EOF || again != out.String() {
			t.Errorf("%q: %v %s", name, err, firstDifference(again, out.String()))
		}
	}
}

// recordWith is a line with a command, and something more in it.
func recordWith(line, more string) string {
	return `{"time":"2004-05-17T12:00:00Z","conn":"c1","seq":1,"kind":"command","dir":"c2s","verb":"PNG","line":"` + line + `"` + more + "}\n"
}

func TestARecordTellsHowLargeItWas(t *testing.T) {
	line := recordWith("PNG", "")
	if rec, err := NewReader(strings.NewReader(line)).Next(); err != nil || rec.Size != len(line) {
		t.Errorf("of %d bytes, it tells %d: %v", len(line), rec.Size, err)
	}
}

func TestWhatALineMayHoldIsBounded(t *testing.T) {
	list := func(n int, one string) string { return strings.TrimSuffix(strings.Repeat(one+",", n), ",") }
	nested := func(n int) string { return strings.Repeat(`{"a":`, n) + "1" + strings.Repeat("}", n) }
	empty := recordWith("PNG", "")
	for name, c := range map[string]struct{ fits, over, reason string }{
		"notes": {recordWith("PNG", `,"notes":[`+list(maxNotes, "{}")+"]"), recordWith("PNG", `,"notes":[`+list(maxNotes+1, "{}")+"]"), "more than 256 notes"},
		"the line of a command": {recordWith("PNG"+strings.Repeat(" ", maxCommand-3), ""), recordWith("PNG"+strings.Repeat(" ", maxCommand-2), ""),
			"its line has more than 131072 bytes"},
		"arguments": {recordWith("PNG", `,"args":{"a":"`+strings.Repeat("x", maxArgs-8)+`"}`), recordWith("PNG", `,"args":{"a":"`+strings.Repeat("x", maxArgs-7)+`"}`),
			"its args have more than 524288 bytes"},
		"values of a payload": {recordWith("PNG", `,"payload":{"a":[`+list(maxValues-2, "1")+"]}"), recordWith("PNG", `,"payload":{"a":[`+list(maxValues-1, "1")+"]}"), "more than 262144 values"},
		"depth of a payload":  {recordWith("PNG", `,"payload":`+nested(maxDepth-1)), recordWith("PNG", `,"payload":`+nested(maxDepth)), "nested too deep"},
		"all of it": {strings.TrimSuffix(empty, "\n") + strings.Repeat(" ", maxLine-len(empty)) + "\n", strings.TrimSuffix(empty, "\n") + strings.Repeat(" ", maxLine+1-len(empty)) + "\n",
			"it has more than 16777216 bytes"},
	} {
		if _, err := NewReader(strings.NewReader(c.fits)).Next(); err != nil {
			t.Errorf("%s, as much as may be: %v", name, err)
		}
		in := NewReader(strings.NewReader(c.over + empty))
		if _, err := in.Next(); err == nil || !strings.Contains(err.Error(), c.reason) {
			t.Errorf("%s, one more: %v", name, err)
		}
		if _, err := in.Next(); err != nil {
			t.Errorf("%s: the line behind it: %v", name, err)
		}
	}
}

// TestALineOfNothingButNotesTakesLittleMemory: 16 MiB of them used to take
// gigabytes.
func TestALineOfNothingButNotesTakesLittleMemory(t *testing.T) {
	line := recordWith("PNG", `,"notes":[`+strings.Repeat("{},", maxLine/3-100)+"{}]")
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	if _, err := NewReader(strings.NewReader(line)).Next(); err == nil {
		t.Error("it is taken for a record")
	}
	runtime.ReadMemStats(&after)
	if took := after.TotalAlloc - before.TotalAlloc; took > 16*maxLine {
		t.Errorf("%d MiB were allocated for a line of %d", took>>20, len(line)>>20)
	}
}

func FuzzReader(f *testing.F) {
	for _, l := range strings.SplitAfterN(sampleLines(f, "msnp15.pcapng", Options{}), "\n", 60) {
		if len(l) < 4000 {
			f.Add([]byte(l))
		}
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		in := NewReader(bytes.NewReader(text))
		masker := decode.NewMasker()
		var out bytes.Buffer
		sink := New(&out, Options{Payload: true})
		for {
			rec, err := in.Next()
			var bad *LineError
			if errors.As(err, &bad) {
				continue
			}
			if err != nil {
				break
			}
			masker.Mask(rec)
			if err := sink.Record(rec); err != nil {
				t.Fatal(err)
			}
		}
		once := out.String()
		for _, line := range strings.SplitAfter(once, "\n") {
			if line = strings.TrimSuffix(line, "\n"); line != "" {
				checkLine(t, line)
			}
		}
		if again, err := readAll(t, once, Options{Payload: true}); err != io.EOF || again != once {
			t.Errorf("%v: written again, it is different: %s", err, firstDifference(again, once))
		}
	})
}

func BenchmarkReader(b *testing.B) {
	text := sampleLines(b, "msnp15.pcapng", Options{})
	b.SetBytes(int64(len(text)))
	b.ReportAllocs()
	for b.Loop() {
		in := NewReader(strings.NewReader(text))
		for {
			if _, err := in.Next(); err != nil {
				break
			}
		}
	}
}

func TestExchangesOfHTTPReadBackAreTheSame(t *testing.T) {
	const lines = `{"time":"2004-05-17T12:00:00.123456Z","conn":"c2","seq":1,"kind":"open","packet":7,"client":"a:1","server_addr":"b:2","via":{"http":"h1","gateway":"g:80"}}
{"time":"2004-05-17T12:00:00.123456Z","conn":"h1","seq":2,"kind":"http","method":"GET","url":"http://x/?t=***1","action":"nexus","status":200,"latency_ms":1.500,"request_bytes":1,"response_bytes":2,"payload":{"type":"passport-nexus","login_url":"y"},"notes":[{"kind":"issue","text":"odd"}],"packet":7,"client":"a:1","server_addr":"b:80"}
`
	if got, err := readAll(t, lines, Options{}); err != io.EOF || got != lines {
		t.Errorf("%v\n%s", err, firstDifference(got, lines))
	}
}

func TestDurationsAreReadToTheMicrosecondUpToALimit(t *testing.T) {
	for ms, want := range map[milliseconds]time.Duration{
		0: 0, 95: 95 * time.Millisecond, 0.001: time.Microsecond, -1.5: -1500 * time.Microsecond,
		2251799813685.247: maxDuration - time.Microsecond, 2251799813685.248: maxDuration, -2251799813685.248: -maxDuration,
		2251799813685.249: maxDuration, -6678164812990.351: -maxDuration, 1e300: maxDuration,
	} {
		if got := ms.duration(); got != want {
			t.Errorf("%f ms: %d, want %d", ms, got, want)
		}
		wantMilliseconds(t, want, float64(want)/1e6)
	}
	wantMilliseconds(t, maxDuration+time.Millisecond, float64(maxDuration)/1e6)
	wantMilliseconds(t, math.MinInt64, -float64(maxDuration)/1e6)
}

func wantMilliseconds(t *testing.T, d time.Duration, want float64) {
	t.Helper()
	line := string(NewEncoder(Options{}).Append(nil, &decode.Record{Kind: decode.KindCommand, Notes: []decode.Note{{Kind: decode.NoteReply, Latency: d}}}))
	if !strings.Contains(line, fmt.Sprintf(`"latency_ms":%.3f`, want)) {
		t.Errorf("%d is written as %s", d, line)
	}
}
