package sim

import (
	"bytes"
	"crypto/md5"
	"encoding/hex"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"msnproxy/captures"
	"msnproxy/decode"
)

const samplesDir = "../../captures/samples"

// build plays a dialogue into a file.
func build(t *testing.T, play func(*captures.Writer) error) []byte {
	t.Helper()
	var file bytes.Buffer
	w, err := captures.NewWriter(&file)
	if err == nil {
		err = play(w)
	}
	if err != nil {
		t.Fatal(err)
	}
	return file.Bytes()
}

// The sample captures are what the scripts make, and small enough to read.
func TestSamplesMatchScripts(t *testing.T) {
	const limit = 60 << 10
	for _, d := range Samples() {
		made := build(t, d.Play)
		kept, err := os.ReadFile(filepath.Join(samplesDir, d.Name+".pcapng"))
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(made, kept) {
			t.Errorf("%s.pcapng is not what its script makes; run go generate ./internal/sim", d.Name)
		}
		if len(kept) > limit {
			t.Errorf("%s.pcapng has %d bytes", d.Name, len(kept))
		}
	}
}

// The README of the samples tells how many commands are in each.
func TestSamplesReadme(t *testing.T) {
	readme, err := os.ReadFile(filepath.Join(samplesDir, "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range Samples() {
		for _, dir := range []decode.Direction{decode.ClientToServer, decode.ServerToClient} {
			if want := countLine(d, dir); !strings.Contains(string(readme), want) {
				t.Errorf("README.md lacks this line about %s:\n%s", d.Name, want)
			}
		}
	}
}

// countLine says what the README says about one direction of a dialogue.
func countLine(d *Dialogue, dir decode.Direction) string {
	var verbs []string
	commands, payload := 0, 0
	for _, n := range d.Counts() {
		if n.Dir == dir {
			verbs = append(verbs, fmt.Sprintf("%s %d", n.Verb, n.Commands))
			commands += n.Commands
			payload += n.PayloadBytes
		}
	}
	return fmt.Sprintf("%v: %d commands, %d payload bytes: %s", dir, commands, payload, strings.Join(verbs, ", "))
}

// stream is one direction of a connection.
type stream struct {
	conn *Conn
	dir  decode.Direction
}

// Every connection is opened once, before it is used, and ended; the bytes of
// a direction are its commands and nothing else; time goes on.
func TestScriptsAreSound(t *testing.T) {
	for _, d := range Samples() {
		ended := map[stream]bool{}
		open := map[*Conn]bool{}
		sent, meant := map[stream]string{}, map[stream]string{}
		for i, s := range d.Steps {
			if s.After <= 0 {
				t.Errorf("%s: step %d has no delay", d.Name, i+1)
			}
			if (s.Do == Open) == open[s.Conn] {
				t.Errorf("%s: step %d: %s is open: %v", d.Name, i+1, s.Conn.ID, open[s.Conn])
			}
			open[s.Conn] = true
			key := stream{s.Conn, s.Dir}
			switch s.Do {
			case Send:
				sent[key] += string(s.Bytes)
				for _, c := range s.Commands {
					meant[key] += string(c.Bytes())
				}
			case End, Reset:
				ended[key] = true
			}
		}
		for key := range sent {
			if sent[key] != meant[key] {
				t.Errorf("%s: %s %v: the steps' bytes are not their commands", d.Name, key.conn.ID, key.dir)
			}
		}
		for conn := range open {
			if !ended[stream{conn, decode.ClientToServer}] && !ended[stream{conn, decode.ServerToClient}] {
				t.Errorf("%s: %s never ends", d.Name, conn.ID)
			}
		}
	}
}

// decodeSteps plays steps into sessions and returns the records by stream.
func decodeSteps(d *Dialogue) map[stream][]*decode.Record {
	records := map[stream][]*decode.Record{}
	sessions := map[*Conn]*decode.Session{}
	book, now := &decode.Book{}, d.Start
	for _, s := range d.Steps {
		now = now.Add(s.After)
		at, conn := decode.Stamp{Time: now}, s.Conn
		switch s.Do {
		case Open:
			sessions[conn] = decode.NewSession(decode.Config{
				Conn: conn.ID, Client: conn.Client.String(), Server: conn.Server.String(), Opened: at, Book: book,
				Emit: func(r *decode.Record) {
					if r.Dir != 0 {
						records[stream{conn, r.Dir}] = append(records[stream{conn, r.Dir}], r.Clone())
					}
				},
			})
		case Send:
			sessions[conn].Feed(s.Dir, s.Bytes, at)
		case End:
			sessions[conn].End(s.Dir, at)
		}
	}
	return records
}

// What the decoder makes of the bytes is what the script meant, with nothing
// irregular about it: every command is in the command table, in its dialect,
// with a name for each argument, on the right kind of server.
func TestScriptsDecode(t *testing.T) {
	for _, d := range Samples() {
		records := decodeSteps(d)
		dialect := strings.ToUpper(d.Name)
		for _, s := range d.Steps {
			for _, c := range s.Commands {
				key := stream{s.Conn, s.Dir}
				if len(records[key]) == 0 {
					t.Fatalf("%s: %s: no record of %q", d.Name, s.Conn.ID, c.Line)
				}
				r := records[key][0]
				records[key] = records[key][1:]
				for _, wrong := range compare(c, r, s.Conn.Kind, dialect) {
					t.Errorf("%s: %s %v: %q: %s", d.Name, s.Conn.ID, s.Dir, c.Line, wrong)
				}
			}
		}
		for key, rest := range records {
			if len(rest) > 0 {
				t.Errorf("%s: %s %v: %d records too many", d.Name, key.conn.ID, key.dir, len(rest))
			}
		}
	}
}

// argN is how the decoder calls arguments that it has no name for.
var argN = regexp.MustCompile(`^arg\d+$`)

// compare tells what of a record differs from the command that it is of.
func compare(c Command, r *decode.Record, kind decode.Server, dialect string) (wrong []string) {
	complain := func(bad bool, format string, args ...any) {
		if bad {
			wrong = append(wrong, fmt.Sprintf(format, args...))
		}
	}
	complain(r.Kind != decode.KindCommand, "it is %v", r.Kind)
	complain(string(r.Line) != c.Line, "the line is %q", r.Line)
	complain(r.HasPayload != (c.Payload != nil), "payload: %v", r.HasPayload)
	complain(!bytes.Equal(r.Payload, c.Payload), "the payload is %q", r.Payload)
	complain(r.Spec == nil, "it is not in the command table")
	// What was said before VER is understood came without a dialect.
	before := c.Verb() == "VER" && r.Dir == decode.ClientToServer
	complain(!before && r.Dialect.String() != dialect, "the dialect is %v", r.Dialect)
	complain(r.Server != 0 && r.Server != kind, "the server is %v", r.Server)
	for _, n := range r.Notes {
		complain(n.Kind == decode.NoteIssue, "issue: %s", n.Text)
	}
	// A row's "_" is an argument whose name nobody knows.
	nameless := r.Spec != nil && strings.Contains(" "+r.Spec.Args, " _")
	for _, a := range r.Args {
		complain(argN.MatchString(a.Name) && !nameless, "argument %q has no name", a.Value)
	}
	return wrong
}

// Nothing in the scripts belongs to anybody.
func TestScriptsAreFiction(t *testing.T) {
	ours := []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24"), netip.MustParsePrefix("198.51.100.0/24")}
	ip := regexp.MustCompile(`\b\d{1,3}(\.\d{1,3}){3}\b`)
	handle := regexp.MustCompile(`[\w.]+@[\w.]+`)
	for _, d := range Samples() {
		for _, s := range d.Steps {
			for _, text := range ip.FindAllString(string(s.Bytes), -1) {
				addr, err := netip.ParseAddr(text)
				if err != nil || !ours[0].Contains(addr) && !ours[1].Contains(addr) && text != "10.0.0.1" && text != "2.1.0173.1" {
					t.Errorf("%s: address %s", d.Name, text)
				}
			}
			for _, text := range handle.FindAllString(string(s.Bytes), -1) {
				if !strings.HasSuffix(text, "@example.com") && text != "msmsgs@msnmsgr.com" {
					t.Errorf("%s: handle %s", d.Name, text)
				}
			}
		}
	}
}

// commands returns the commands of a verb in a direction.
func commands(d *Dialogue, verb string, dir decode.Direction) (found []Command) {
	for _, s := range d.Steps {
		for _, c := range s.Commands {
			if c.Verb() == verb && s.Dir == dir {
				found = append(found, c)
			}
		}
	}
	return found
}

func TestMSNP8ChallengesAreAnswered(t *testing.T) {
	d := MSNP8()
	asked := commands(d, "CHL", decode.ServerToClient)
	answers := commands(d, "QRY", decode.ClientToServer)
	if len(asked) != 2 || len(answers) != 2 {
		t.Fatalf("%d challenges, %d answers", len(asked), len(answers))
	}
	for i := range asked {
		challenge := strings.Fields(asked[i].Line)[2]
		sum := md5.Sum([]byte(challenge + "Q1P7W2E4J9R8U3S5"))
		if want := hex.EncodeToString(sum[:]); string(answers[i].Payload) != want {
			t.Errorf("challenge %s: %s, want %s", challenge, answers[i].Payload, want)
		}
	}
}

// The session id of RINGING, RNG and ANS is the first part of the cookie that
// XFR SB gave; the cookies of XFR and RNG are the ones shown on switchboards.
func TestCookies(t *testing.T) {
	for _, d := range Samples() {
		var cookie, session string
		for _, c := range commands(d, "XFR", decode.ServerToClient) {
			if words := strings.Fields(c.Line); words[2] == "SB" {
				cookie = words[5]
			}
		}
		session, _, _ = strings.Cut(cookie, ".")
		rng := strings.Fields(commands(d, "RNG", decode.ServerToClient)[0].Line)
		ans := strings.Fields(commands(d, "ANS", decode.ClientToServer)[0].Line)
		ringing := strings.Fields(commands(d, "CAL", decode.ServerToClient)[0].Line)
		if ringing[3] != session || rng[1] != session || ans[4] != session || ans[3] != rng[4] {
			t.Errorf("%s: session %s, but %v, %v, %v", d.Name, session, ringing, rng, ans)
		}
	}
}

// A payload that reads like a referral must be in both samples, as must
// commands that are cut and segments with several commands.
func TestSamplesHaveTraps(t *testing.T) {
	for _, d := range Samples() {
		cut, several, referral := 0, 0, 0
		for _, s := range d.Steps {
			if s.Do == Send && len(s.Commands) == 0 {
				cut++
			}
			if len(s.Commands) > 1 {
				several++
			}
			for _, c := range s.Commands {
				if _, body, _ := strings.Cut(string(c.Payload), "\r\n\r\n"); strings.HasPrefix(body, "XFR 1 NS 10.0.0.1:1863") {
					referral++
				}
			}
		}
		if cut < 2 || several < 3 || referral < 2 {
			t.Errorf("%s: %d cut commands, %d segments with several, %d texts like a referral", d.Name, cut, several, referral)
		}
	}
}

func TestChat(t *testing.T) {
	const size = 2 << 20
	chat := func(w *captures.Writer) error { return Chat(w, size) }
	file := build(t, chat)
	if over := len(file) - size; over < 0 || over > 100<<10 {
		t.Errorf("%d bytes, wanted about %d", len(file), size)
	}
	if !bytes.Equal(file, build(t, chat)) {
		t.Error("two runs differ")
	}
}

// Benchmark traffic is as sound as the samples.
func TestChatDecodes(t *testing.T) {
	d := &Dialogue{Name: "msnp15", Start: chatStart}
	c := newChatter(record(d))
	c.signIn()
	for range 5_000 {
		c.turn()
	}
	c.signOut()
	records := decodeSteps(d)
	for _, s := range d.Steps {
		key := stream{s.Conn, s.Dir}
		for _, c := range s.Commands {
			if wrong := compare(c, records[key][0], s.Conn.Kind, "MSNP15"); wrong != nil {
				t.Fatalf("%s %v: %q: %v", s.Conn.ID, s.Dir, c.Line, wrong)
			}
			records[key] = records[key][1:]
		}
	}
}
