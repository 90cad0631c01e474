package decode

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

var update = flag.Bool("update", false, "rewrite the golden files with what comes out now; read them before you commit")

// TestDialogues plays the scripts in testdata/dialogues and compares the
// records with the golden files beside them. A script is made of lines:
//
//	conn c1 CLIENT SERVER [midstream]   the connection that the next lines are about
//	> VER 1 MSNP8 CVR0                  a line from the client; CRLF is added
//	< VER 1 MSNP8                       a line from the server
//	>| text\r\n   <| text               bytes, with the escapes of a Go string
//	gap < 12                            bytes that are missing
//	close client closed                 the end of the connection, and why
//	wait 20ms                           time passes
//	injected < CHL 0 123                a line that the proxy says in the server's place
//	check alice@example.com password    what proofs of passwords are checked with
//	environment test                    what product ids should be issued for
//	# ...                               a comment
func TestDialogues(t *testing.T) {
	scripts, err := filepath.Glob("testdata/dialogues/*.txt")
	if err != nil || len(scripts) == 0 {
		t.Fatalf("no scripts: %v", err)
	}
	for _, path := range scripts {
		t.Run(strings.TrimSuffix(filepath.Base(path), ".txt"), func(t *testing.T) {
			script, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			got := play(t, string(script))
			golden := strings.TrimSuffix(path, ".txt") + ".golden"
			if *update {
				if err := os.WriteFile(golden, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if got != string(want) {
				t.Errorf("records differ from %s:\n%s", golden, firstDifference(got, string(want)))
			}
		})
	}
}

// firstDifference shows the first line in which two texts differ.
func firstDifference(got, want string) string {
	g, w := strings.Split(got, "\n"), strings.Split(want, "\n")
	for i := range min(len(g), len(w)) {
		if g[i] != w[i] {
			return fmt.Sprintf("line %d:\n got %s\nwant %s", i+1, g[i], w[i])
		}
	}
	return fmt.Sprintf("got %d lines, want %d", len(g), len(w))
}

// player plays a script into sessions that share a book.
type player struct {
	t        *testing.T
	book     Book
	sessions map[string]*Session
	current  *Session
	now      Stamp
	masker   *Masker
	checks   *Checks
	out      strings.Builder
	ticks    bool // while time passes, the session at hand is told so, second by second
}

func play(t *testing.T, script string) string { return newPlayer(t).play(script) }

func newPlayer(t *testing.T) *player {
	p := &player{t: t, sessions: map[string]*Session{}, masker: NewMasker()}
	p.checks = &Checks{Passwords: map[string]string{}, Secrets: map[string]string{}}
	p.now = Stamp{Time: time.Date(2003, 7, 1, 12, 0, 0, 0, time.UTC), Packet: 0}
	return p
}

func (p *player) play(script string) string {
	for line := range strings.Lines(script) {
		line = strings.TrimSuffix(line, "\n")
		if line != "" && line[0] != '#' {
			p.step(line)
		}
	}
	return p.out.String()
}

func (p *player) step(line string) {
	p.now.Packet++
	verb, rest, _ := strings.Cut(line, " ")
	switch verb {
	case "conn":
		p.connect(strings.Fields(rest))
	case ">", "<":
		p.current.Feed(p.dir(verb), []byte(rest+"\r\n"), p.now)
	case ">|", "<|":
		text, err := strconv.Unquote(`"` + rest + `"`)
		if err != nil {
			p.t.Fatalf("%s: %v", line, err)
		}
		p.current.Feed(p.dir(verb[:1]), []byte(text), p.now)
	case "gap":
		dir, n, _ := strings.Cut(rest, " ")
		size, err := strconv.Atoi(n)
		if err != nil {
			p.t.Fatalf("%s: %v", line, err)
		}
		p.current.Gap(p.dir(dir), int64(size), p.now)
	case "wait":
		d, err := time.ParseDuration(rest)
		if err != nil {
			p.t.Fatalf("%s: %v", line, err)
		}
		p.wait(d)
	case "injected":
		dir, text, _ := strings.Cut(rest, " ")
		at := p.now
		at.Injected = true
		p.current.Feed(p.dir(dir), []byte(text+"\r\n"), at)
	case "check":
		account, secret, _ := strings.Cut(rest, " ")
		p.checks.Passwords[account], p.checks.Secrets[account] = secret, secret
	case "environment":
		p.checks.Environment = Environment(rest)
	case "close":
		p.current.Close(rest, p.now)
	default:
		p.t.Fatalf("%q is not a step of a script", line)
	}
}

func (p *player) wait(d time.Duration) {
	until := p.now.Time.Add(d)
	for p.ticks && p.now.Time.Before(until.Add(-time.Second)) {
		p.now.Time = p.now.Time.Add(time.Second)
		p.current.Tick(p.now)
	}
	p.now.Time = until
}

func (p *player) dir(mark string) Direction {
	if mark == ">" {
		return ClientToServer
	}
	return ServerToClient
}

func (p *player) connect(words []string) {
	if s := p.sessions[words[0]]; s != nil {
		p.current = s
		return
	}
	p.current = NewSession(Config{
		Conn: words[0], Client: words[1], Server: words[2], Opened: p.now,
		MidStream: len(words) > 3, Book: &p.book, Checks: p.checks, Emit: p.record,
	})
	p.sessions[words[0]] = p.current
}

// record prints a record as a few lines of text.
func (p *player) record(r *Record) {
	p.masker.Mask(r)
	fmt.Fprintf(&p.out, "%s %d %s", r.Conn, r.Seq, r.Kind)
	for _, word := range []string{r.Dir.String(), r.Server.String(), r.Dialect.String(), r.DialectFrom.String()} {
		if word != "" {
			fmt.Fprintf(&p.out, " %s", word)
		}
	}
	fmt.Fprintf(&p.out, " at %d packet %d bytes %d\n", r.Offset, r.Packet, r.Bytes)
	switch r.Kind {
	case KindOpen:
		fmt.Fprintf(&p.out, "\t%s -> %s via %v\n", r.Client, r.ServerAddr, r.Via)
	case KindClose:
		fmt.Fprintf(&p.out, "\t%s, %d c2s, %d s2c\n", r.Reason, r.BytesC2S, r.BytesS2C)
	case KindCommand:
		p.command(r)
	case KindOpaque:
		fmt.Fprintf(&p.out, "\t%q\n", r.Payload)
	}
	for _, n := range r.Notes {
		fmt.Fprintf(&p.out, "\tnote %s\n", noteText(n))
	}
}

func (p *player) command(r *Record) {
	fmt.Fprintf(&p.out, "\t%q", r.Line)
	if r.HasTrID {
		fmt.Fprintf(&p.out, " trid %d", r.TrID)
	}
	if r.HasPayload {
		fmt.Fprintf(&p.out, " payload %d %q", r.PayloadBytes, r.Payload)
	}
	p.out.WriteString("\n")
	if len(r.Args) > 0 {
		p.out.WriteString("\t")
		for _, a := range r.Args {
			fmt.Fprintf(&p.out, " %s=%q", a.Name, a.Value)
		}
		p.out.WriteString("\n")
	}
}

func noteText(n Note) string {
	switch n.Kind {
	case NoteReply:
		return fmt.Sprintf("reply to %d (%s) after %v", n.ToSeq, n.Request, n.Latency)
	case NoteError:
		return fmt.Sprintf("error %d %s", n.Code, n.Meaning)
	case NoteGap:
		return fmt.Sprintf("gap of %d bytes", n.Bytes)
	case NoteSignIn:
		return fmt.Sprintf("%s of %s %s: %s", n.Method, n.Account, n.Verdict, n.Text)
	case NoteChallenge:
		return challengeText(n.Challenge)
	}
	return fmt.Sprintf("issue: %s", n.Text)
}

// challengeText shows what is known of a challenge, by name.
func challengeText(c *Challenge) string {
	text := "challenge"
	for _, f := range []struct {
		name  string
		value any
	}{
		{"of", c.Challenge}, {"for", c.ProductID}, {"client", c.Client}, {"environment", string(c.Environment)},
		{"algorithm", c.Algorithm.String()}, {"expected", c.Expected}, {"got", c.Got}, {"verdict", string(c.Verdict)},
		{"server", string(c.ServerVerdict)}, {"because", c.Explanation},
	} {
		if f.value != "" {
			text += fmt.Sprintf(" %s=%q", f.name, f.value)
		}
	}
	return text + fmt.Sprintf(" injected=%t requested=%t after %v, CHL %d, QRY %d", c.Injected, c.Requested, c.Latency, c.Asked, c.Answer)
}
