package proxy

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"msnproxy/decode"
	"msnproxy/internal/sim/peers"
)

func TestFaultsAreRead(t *testing.T) {
	for text, want := range map[string]Fault{
		"slice=3":                {kind: slice, number: 3},
		"slice=1@MSG":            {kind: slice, number: 1, verb: "MSG"},
		"delay=200ms":            {kind: delay, time: 200 * time.Millisecond},
		"delay=1m@XFR":           {kind: delay, time: time.Minute, verb: "XFR"},
		"cut=10@RNG":             {kind: cutOff, number: 10, verb: "RNG"},
		"error=800@CHG":          {kind: errorReply, number: 800, verb: "CHG"},
		"drop-switchboard=30s":   {kind: dropSwitchboard, time: 30 * time.Second},
		"drop-switchboard=5":     {kind: dropSwitchboard, number: 5},
		"drop-switchboard=300ms": {kind: dropSwitchboard, time: 300 * time.Millisecond},
	} {
		got, err := ParseFault(text)
		want.text = text
		if err != nil || got != want {
			t.Errorf("%s is %+v, %v; want %+v", text, got, err, want)
		}
	}
}

func TestFaultsThatAreWrongSayWhatToDo(t *testing.T) {
	for text, want := range map[string]string{
		"":                       "there are cut, delay, drop-switchboard, error, slice",
		"latency=3":              "there is no such fault",
		"slice":                  "it has no value; an example is slice=3",
		"slice=":                 "it has no value",
		"slice=0":                "not a number of bytes from 1 to 1048576; an example is slice=3",
		"slice=-1":               "not a number of bytes",
		"slice=3@":               "no command after the @",
		"slice=3@QRZ":            `the server sends no QRZ; "msnproxy commands" lists`,
		"slice=3@msg":            "the server sends no msg",
		"delay=5":                "not a time of up to 1h0m0s, with its unit; an example is delay=200ms",
		"delay=-5s":              "not a time",
		"delay=2h":               "not a time of up to 1h",
		"cut=10":                 "it needs a command; an example is cut=10@MSG",
		"cut=10@PNG":             "the server sends no PNG",
		"error=800":              "it needs a command",
		"error=99@CHG":           "three digits",
		"error=1000@CHG":         "three digits",
		"error=-10@CHG":          "three digits",
		"error=OUT@CHG":          "three digits",
		"error=800@PNG":          "the client sends no PNG that has a transaction id",
		"error=800@RNG":          "the client sends no RNG",
		"drop-switchboard":       "it has no value",
		"drop-switchboard=0":     "neither a time with its unit nor a number of messages",
		"drop-switchboard=5@MSG": "leave @MSG out",
	} {
		if _, err := ParseFault(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v; want %q", text, err, want)
		}
	}
}

func TestFaultsThatContradictEachOther(t *testing.T) {
	for text, want := range map[string]string{
		"slice=3 slice=4":                           "slice=3 and slice=4 contradict each other",
		"error=800@CHG error=500@CHG":               "contradict",
		"slice=3 slice=4@MSG slice=5@RNG delay=1ms": "",
	} {
		err := CheckFaults(faults(t, strings.Fields(text)...))
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%s: %v; want %q", text, err, want)
		}
	}
}

// faults reads faults.
func faults(t *testing.T, texts ...string) (all []Fault) {
	t.Helper()
	for _, text := range texts {
		f, err := ParseFault(text)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, f)
	}
	return all
}

// startFaulty starts a proxy with faults, whose run is also captured.
func startFaulty(t *testing.T, texts ...string) (*harness, *bytes.Buffer) {
	t.Helper()
	return startTapped(t, func(cfg *Config) { cfg.Faults = faults(t, texts...) })
}

// faultNotes counts the notes of faults by the record's name and their text.
func faultNotes(records []*decode.Record) map[string]int {
	counts := map[string]int{}
	for _, r := range records {
		name := r.Verb
		if r.Kind != decode.KindCommand {
			name = r.Kind.String()
		}
		for _, n := range r.Notes {
			if n.Kind == decode.NoteFault {
				counts[name+": "+n.Text]++
			}
		}
	}
	return counts
}

// wantNotes checks which faults are told of a run, and that it equals its
// capture but for them.
func (h *harness) wantNotes(capture *bytes.Buffer, want ...string) {
	h.t.Helper()
	h.stop()
	counts := faultNotes(h.recorder.records)
	for _, w := range want {
		if counts[w] == 0 {
			h.t.Errorf("no record has the fault %q: %v", w, counts)
		}
		delete(counts, w)
	}
	if len(counts) > 0 {
		h.t.Errorf("records tell of other faults: %v", counts)
	}
	wantParity(h.t, h.recorder.records, capture.Bytes())
}

// TestAnEveningWithFaultsThatLoseNothing has commands sliced and late: the
// strict peers see that all bytes are right all the same.
func TestAnEveningWithFaultsThatLoseNothing(t *testing.T) {
	for _, texts := range [][]string{
		{"slice=100"},
		{"slice=7@MSG", "slice=1@RNG", "slice=2@XFR", "delay=3ms@XFR"},
		{"delay=2ms"},
		{"delay=1ms", "slice=200", "slice=50@MSG"},
	} {
		t.Run(strings.Join(texts, ","), func(t *testing.T) {
			records, capture := evening(t, [2]decode.Dialect{18, 8}, peers.ServerConfig{}, func(cfg *Config) { cfg.Faults = faults(t, texts...) })
			wantParity(t, records, capture)
			if len(faultNotes(records)) == 0 {
				t.Error("no record tells of a fault")
			}
		})
	}
}

// writes is what was written to a client, each time in one piece, and when.
type writes struct {
	net.Conn
	mu    sync.Mutex
	texts []string
	times []time.Time
}

func (w *writes) Write(p []byte) (int, error) {
	w.mu.Lock()
	w.texts, w.times = append(w.texts, string(p)), append(w.times, time.Now())
	w.mu.Unlock()
	return w.Conn.Write(p)
}

// take returns what was written since it was called last.
func (w *writes) take() (texts []string, times []time.Time) {
	w.mu.Lock()
	defer w.mu.Unlock()
	texts, times = w.texts, w.times
	w.texts, w.times = nil, nil
	return texts, times
}

// written has the proxy relay a client to which it is seen to write.
func (h *harness) written() (client, server *net.TCPConn, to *writes) {
	h.t.Helper()
	client, server = h.relayed(func(c net.Conn) net.Conn {
		to = &writes{Conn: c}
		return to
	})
	return client, server, to
}

func TestSlicesComeOneByOne(t *testing.T) {
	h, capture := startFaulty(t, "slice=4", "slice=9@MSG")
	client, server, to := h.written()
	send(t, client, "VER 1 MSNP8 CVR0\r\n")
	expect(t, server, "VER 1 MSNP8 CVR0\r\n") // whole
	send(t, server, "VER 1 MSNP8\r\n")
	expect(t, client, "VER 1 MSNP8\r\n")
	to.wantSlices(t, "VER ", "1 MS", "NP8\r", "\n")
	send(t, server, "MSG a@b.c Zoë 5\r\nhello")
	expect(t, client, "MSG a@b.c Zoë 5\r\nhello")
	to.wantSlices(t, "MSG a@b.c", " Zo\xc3\xab 5\r\n", "hello")
	h.wantNotes(capture, "VER: slice=4", "QNG: slice=4", "MSG: slice=9@MSG")
}

// wantSlices checks what was written in one piece each, and that a client may
// read it so: with pauses in between.
func (w *writes) wantSlices(t *testing.T, want ...string) {
	t.Helper()
	texts, times := w.take()
	if !slices.Equal(texts, want) {
		t.Errorf("written was %q, want %q", texts, want)
	}
	for i := range len(times) - 1 {
		if pause := times[i+1].Sub(times[i]); pause < slicePause {
			t.Errorf("%q came %v after %q", texts[i+1], pause, texts[i])
		}
	}
}

func TestADelayKeepsTheOrderAndAddsNothingUp(t *testing.T) {
	const late, commands = 100 * time.Millisecond, 300
	h, capture := startFaulty(t, "delay=100ms")
	client, server := h.connect()
	send(t, client, "VER 1 MSNP8 CVR0\r\n")
	began := time.Now()
	go func() {
		io.WriteString(server, "VER 1 MSNP8\r\n")
		for range commands {
			time.Sleep(time.Millisecond)
			io.WriteString(server, "QNG 5\r\n")
		}
		server.CloseWrite()
	}()
	expect(t, client, "VER 1 MSNP8\r\n")
	if took := time.Since(began); took < late {
		t.Errorf("the first command took %v", took)
	}
	expect(t, client, strings.Repeat("QNG 5\r\n", commands))
	if rest, err := io.ReadAll(client); err != nil || len(rest) > 0 {
		t.Errorf("at the end: %q, %v", rest, err)
	}
	// One after the other, each held up by itself, they would take half a minute.
	if took := time.Since(began); took > commands*late/2 {
		t.Errorf("all commands took %v", took)
	}
	client.CloseWrite()
	h.wantNotes(capture, "VER: delay=100ms", "QNG: delay=100ms")
}

func TestADelayOfOneCommandHoldsUpTheFollowing(t *testing.T) {
	const late = 200 * time.Millisecond
	h, capture := startFaulty(t, "delay=200ms@QNG")
	client, server, to := h.written()
	send(t, client, "VER 1 MSNP8 CVR0\r\n")
	expect(t, server, "VER 1 MSNP8 CVR0\r\n")
	send(t, server, "VER 1 MSNP8\r\nQNG 5\r\nNLN NLN a@b.c Al 0\r\n")
	expect(t, client, "VER 1 MSNP8\r\nQNG 5\r\nNLN NLN a@b.c Al 0\r\n")
	texts, times := to.take()
	if want := []string{"VER 1 MSNP8\r\n", "QNG 5\r\n", "NLN NLN a@b.c Al 0\r\n"}; !slices.Equal(texts, want) {
		t.Fatalf("written was %q, want %q", texts, want)
	}
	if pause := times[1].Sub(times[0]); pause < late {
		t.Errorf("QNG came %v after VER", pause)
	}
	h.wantNotes(capture, "QNG: delay=200ms@QNG")
}

func TestALongDelayHoldsUpNoEnd(t *testing.T) {
	for _, fault := range []string{"delay=1h", "delay=1h@QNG"} {
		h, _ := startFaulty(t, fault)
		_, server := h.connect()
		send(t, server, strings.Repeat("QNG 5\r\n", 1000))
		leaving, other := h.connect()
		send(t, other, "QNG 5\r\n")
		time.Sleep(10 * time.Millisecond) // it is under way
		leaving.SetLinger(0)
		leaving.Close()
		if _, err := io.Copy(io.Discard, other); err == nil {
			t.Errorf("%s: the server was closed in peace, want a reset", fault)
		}
		await(t, fault+": the connection is gone", func() bool { return len(h.proxy.connections()) <= 1 })
		h.stop() // and no goroutine is left
	}
}

func TestACommandIsCutOff(t *testing.T) {
	for cut, want := range map[string]string{
		"cut=1@MSG":    "M",
		"cut=23@MSG":   "MSG a@b.c Zo%C3%AB 5\r\nh",
		"cut=1000@MSG": "MSG a@b.c Zo%C3%AB 5\r\nhello",
	} {
		h, capture := startFaulty(t, cut)
		client, server := h.connect()
		send(t, client, "VER 1 MSNP8 CVR0\r\n")
		expect(t, server, "VER 1 MSNP8 CVR0\r\n")
		send(t, server, "VER 1 MSNP8\r\nMSG a@b.c Zo%C3%AB 5\r\nhello")
		got, err := io.ReadAll(client)
		if err == nil || string(got) != "VER 1 MSNP8\r\n"+want {
			t.Errorf("%s: the client got %q, %v; want %q and a reset", cut, got, err, want)
		}
		if _, err := server.Read(make([]byte, 1)); err == nil || errors.Is(err, io.EOF) {
			t.Errorf("%s: the server got %v, want a reset", cut, err)
		}
		h.wantNotes(capture, "MSG: "+cut, "close: "+cut)
		h.wantOneLine("on purpose")
	}
}

func TestARequestIsAnsweredWithAnError(t *testing.T) {
	h, capture := startFaulty(t, "error=800@CHG", "error=913@XFR")
	client, server := h.connect()
	send(t, client, "VER 1 MSNP8 CVR0\r\n")
	expect(t, server, "VER 1 MSNP8 CVR0\r\n")
	send(t, server, "VER 1 MSNP8\r\n")
	expect(t, client, "VER 1 MSNP8\r\n")
	send(t, client, "CHG 2 NLN 0\r\nPNG\r\nXF")
	expect(t, client, "800 2\r\n")
	expect(t, server, "PNG\r\n")
	send(t, client, "R 3 SB\r\nREM 4 FL a@b.c\r\n")
	expect(t, client, "913 3\r\n")
	expect(t, server, "REM 4 FL a@b.c\r\n")
	// In the midst of a command of the server's nothing is said.
	send(t, server, "MSG a@b.c Al 5\r\nhe")
	expect(t, client, "MSG a@b.c Al 5\r\nhe")
	send(t, client, "CHG 5 BSY 0\r\nPNG\r\n")
	expect(t, server, "PNG\r\n")
	send(t, server, "llo")
	expect(t, client, "llo800 5\r\n")
	const ours = "said by the proxy, not by the server"
	h.wantNotes(capture, "CHG: error=800@CHG", "XFR: error=913@XFR", "800: "+ours, "913: "+ours)
	if got := faultNotes(decoded(t, capture.Bytes())); got["800: "+ours] != 2 || got["913: "+ours] != 1 {
		t.Errorf("the capture tells of %v", got)
	}
}

// TestRepliesOfTheProxysOwnKeepTheirOrder has a request that is refused come
// together with one that the server answers at once.
func TestRepliesOfTheProxysOwnKeepTheirOrder(t *testing.T) {
	h, capture := startFaulty(t, "error=800@CHG")
	client, server := h.connect()
	send(t, client, "VER 1 MSNP8 CVR0\r\n")
	expect(t, server, "VER 1 MSNP8 CVR0\r\n")
	go func() {
		for ping := make([]byte, len("PNG\r\n")); ; {
			if _, err := io.ReadFull(server, ping); err != nil {
				return
			}
			io.WriteString(server, "QNG 5\r\n")
		}
	}()
	for range 1000 {
		send(t, client, "CHG 2 NLN 0\r\nPNG\r\n")
		expect(t, client, "800 2\r\nQNG 5\r\n")
	}
	client.Close()
	h.wantNotes(capture, "CHG: error=800@CHG", "800: said by the proxy, not by the server")
}

func TestAnErrorInsteadOfASwitchboard(t *testing.T) {
	server, err := peers.NewServer(peers.ServerConfig{SkipsTrIDs: true})
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	h := start(t, func(cfg *Config) {
		cfg.Upstream = server.Addr(decode.DS)
		cfg.Faults = faults(t, "error=713@XFR")
	})
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	alice := &peers.Client{Account: peers.Alice, Dialect: 15, Server: h.proxy.Addr().String()}
	defer alice.Close()
	if err := errors.Join(alice.SignIn(ctx), alice.SetStatus(ctx, "NLN")); err != nil {
		t.Fatal(err)
	}
	if _, err := alice.Call(ctx, peers.Bob); err == nil || !strings.Contains(err.Error(), "713 ") {
		t.Errorf("calling Bob: %v, want the error 713", err)
	}
	h.stop()
	if notes := faultNotes(h.recorder.records); notes["XFR: error=713@XFR"] != 1 {
		t.Errorf("records tell of %v", notes)
	}
	// The strict client hangs up on an error, which is a reset if it had something
	// left to read, and nothing else is wrong.
	for _, err := range server.Errors() {
		if !strings.Contains(err.Error(), "the end of the connection") && !strings.Contains(err.Error(), "connection reset") {
			t.Errorf("the server noticed: %v", err)
		}
	}
}

func TestASwitchboardIsDropped(t *testing.T) {
	for fault, messages := range map[string]int{"drop-switchboard=3": 3, "drop-switchboard=50ms": 0} {
		t.Run(fault, func(t *testing.T) {
			h, capture := startFaulty(t, fault)
			switchboard := listen(t)
			ns, server := h.follow(h.proxy.Addr().String(), h.server, "VER 1 MSNP8 CVR0\r\n")
			send(t, server, "VER 1 MSNP8\r\nXFR 2 SB "+switchboard.Addr().String()+" CKI cookie\r\n")
			expect(t, ns, "VER 1 MSNP8\r\nXFR 2 SB ")
			told := readWord(t, ns)
			expect(t, ns, "CKI cookie\r\n")
			client, sb := h.follow(told, switchboard, "USR 1 a@b.c cookie\r\n")
			for i := range messages {
				if i%2 == 0 {
					send(t, client, "MSG 2 N 5\r\nhello")
					expect(t, sb, "MSG 2 N 5\r\nhello")
				} else {
					send(t, sb, "MSG b@b.c Bob 5\r\nhello")
					expect(t, client, "MSG b@b.c Bob 5\r\nhello")
				}
			}
			for _, end := range []net.Conn{client, sb} {
				if _, err := end.Read(make([]byte, 1)); err == nil || errors.Is(err, io.EOF) {
					t.Errorf("an end got %v, want a reset", err)
				}
			}
			send(t, ns, "PNG\r\n") // the notification server stays
			expect(t, server, "PNG\r\n")
			h.wantNotes(capture, "close: "+fault)
		})
	}
}

func FuzzParseFault(f *testing.F) {
	for _, kind := range faultKinds {
		for _, example := range strings.Fields(kind.example) {
			f.Add(example)
		}
	}
	f.Fuzz(func(t *testing.T, text string) {
		one, err := ParseFault(text)
		if err != nil {
			return
		}
		if again, err := ParseFault(one.String()); err != nil || again != one {
			t.Errorf("%q is %+v, and then %+v, %v", text, one, again, err)
		}
		if one.time == 0 && one.number == 0 || one.kind.where == oneRequest && one.verb == "" {
			t.Errorf("%q is a fault that does nothing: %+v", text, one)
		}
	})
}
