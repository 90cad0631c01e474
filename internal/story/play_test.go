package story

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"msnproxy/decode"
	"msnproxy/internal/journal"
)

// play is a run, told like a script: connections, and the lines on them.
type play struct {
	t      *testing.T
	teller *Teller
	out    *journal.Journal
	book   *decode.Book
	now    time.Time
	packet int64
	conns  map[string]*decode.Session
}

// sink hands records to a Teller.
type sink struct{ *Teller }

func (s sink) Record(r *decode.Record) error { s.Teller.Record(r); return nil }
func (s sink) Close() error                  { return nil }

func newPlay(t *testing.T) *play {
	teller := NewTeller()
	return &play{t: t, teller: teller, out: journal.New(false, sink{teller}), book: &decode.Book{},
		now: time.Date(2005, 4, 1, 12, 0, 0, 0, time.UTC), conns: map[string]*decode.Session{}}
}

// stamp is the time of what happens next: a second after what was before.
func (p *play) stamp() decode.Stamp {
	p.now = p.now.Add(time.Second)
	p.packet++
	return decode.Stamp{Time: p.now, Packet: p.packet}
}

func (p *play) open(conn, client, server string) { p.begin(conn, client, server, p.book, false) }

// midway opens a connection whose beginning the capture does not have.
func (p *play) midway(conn, client, server string) { p.begin(conn, client, server, p.book, true) }

func (p *play) begin(conn, client, server string, book decode.Referrals, midway bool) {
	cfg := decode.Config{Conn: conn, Client: client, Server: server, Opened: p.stamp(), MidStream: midway, Emit: p.out.Emit}
	if book != nil {
		cfg.Book = book
	}
	p.conns[conn] = decode.NewSession(cfg)
}

// c has the client send lines, s the server.
func (p *play) c(conn string, lines ...string) { p.feed(conn, decode.ClientToServer, lines) }
func (p *play) s(conn string, lines ...string) { p.feed(conn, decode.ServerToClient, lines) }

func (p *play) feed(conn string, dir decode.Direction, lines []string) {
	for _, l := range lines {
		if line, payload, ok := strings.Cut(l, "\n"); ok {
			l = fmt.Sprintf("%s %d\r\n%s", line, len(payload), payload)
		} else {
			l += "\r\n"
		}
		p.conns[conn].Feed(dir, []byte(l), p.stamp())
	}
}

// misses leaves out bytes of the server.
func (p *play) misses(conn string, bytes int64) {
	p.conns[conn].Gap(decode.ServerToClient, bytes, p.stamp())
}

func (p *play) close(conn, reason string) { p.conns[conn].Close(reason, p.stamp()) }

// signIn plays a sign-in on a notification server.
func (p *play) signIn(conn, account string) {
	p.c(conn, "VER 1 MSNP8 CVR0")
	p.s(conn, "VER 1 MSNP8")
	p.c(conn, "CVR 2 0x0409 winnt 5.1 i386 MSMSGS 6.2.0137 MSMSGS "+account, "USR 3 TWN I "+account)
	p.s(conn, "USR 3 TWN S lc=1033")
	p.c(conn, "USR 4 TWN S t=secret&p=secret")
	p.s(conn, "USR 4 OK "+account+" Name 1 0")
}

// calls plays a switchboard that an account opens.
func (p *play) calls(ns, sb, client, server, account, cookie, whom, session string) {
	p.c(ns, "XFR 10 SB")
	p.s(ns, "XFR 10 SB "+server+" CKI "+cookie)
	p.open(sb, client, server)
	p.c(sb, "USR 1 "+account+" "+cookie)
	p.s(sb, "USR 1 OK "+account+" Name")
	p.c(sb, "CAL 2 "+whom)
	p.s(sb, "CAL 2 RINGING "+session)
}

// answers plays a switchboard that an account is called to.
func (p *play) answers(ns, sb, client, server, account, cookie, caller, session string) {
	p.s(ns, "RNG "+session+" "+server+" CKI "+cookie+" "+caller+" Name")
	p.open(sb, client, server)
	p.c(sb, "ANS 1 "+account+" "+cookie+" "+session)
	p.s(sb, "IRO 1 1 1 "+caller+" Name", "ANS 1 OK")
}

const textHeader = "MIME-Version: 1.0\r\nContent-Type: text/plain; charset=UTF-8\r\n\r\n"

func (p *play) writes(sb, text string) { p.c(sb, "MSG 5 N\n"+textHeader+text) }

func (p *play) gets(sb, from, text string) { p.s(sb, "MSG "+from+" Name\n"+textHeader+text) }

func ids(list []*Connection) string {
	var out []string
	for _, c := range list {
		out = append(out, c.ID)
	}
	return strings.Join(out, " ")
}

// lines checks lines against what is wanted.
func lines(t *testing.T, what string, got []string, want ...string) {
	t.Helper()
	if g, w := strings.Join(got, "\n"), strings.Join(want, "\n"); g != w {
		t.Errorf("%s:\n%s\nwant\n%s", what, g, w)
	}
}

func sessionLines(s *Story) (out []string) {
	for _, x := range s.Sessions {
		out = append(out, fmt.Sprintf("%s %s: %s: %s", x.ID, x.Account, ids(x.Connections), x.Outcome))
	}
	return out
}

func contactLines(s *Story) (out []string) {
	for _, x := range s.Contacts {
		out = append(out, fmt.Sprintf("%s: %s %q %s [%s] %s", x.Account, x.Handle, x.Name,
			strings.Join(decode.ListNames(x.Lists), "+"), strings.Join(x.Groups, ", "), x.Status))
	}
	return out
}

func conversationLines(s *Story) (out []string) {
	for _, x := range s.Conversations {
		out = append(out, fmt.Sprintf("%s: %s: %d texts, %d typing, %d other", ids(x.Connections), strings.Join(x.Participants, " "), x.Count, x.Typing, x.Other))
	}
	return out
}

func messageLines(s *Story) (out []string) {
	for _, x := range s.Messages {
		var where []string
		for _, r := range x.Records {
			where = append(where, r.Conn)
		}
		out = append(out, fmt.Sprintf("%s > %s: %q on %s", x.From, strings.Join(x.To, " "), x.Text, strings.Join(where, " ")))
	}
	return out
}
