package story

import (
	"strings"
	"time"

	"msnproxy/decode"
)

// Referral is an XFR or RNG: the server names another server to the client.
type Referral struct {
	decode.Ref
	Time        time.Time
	Type        string // "XFR NS", "XFR SB" or "RNG"
	Address     string // as on the wire
	RewrittenTo string // the address that the proxy told the client instead; "" if it did not
	FollowedBy  string // the connection that followed it; "" if none did

	cookie, session string
}

// refer takes note of a referral.
func (t *Teller) refer(c *conn, r *decode.Record) {
	if r.Dir != decode.ServerToClient || r.Verb != "XFR" && r.Verb != "RNG" || r.Arg("address") == nil {
		return
	}
	f := &Referral{Ref: decode.Ref{Conn: c.ID, Seq: r.Seq}, Time: r.Time, Type: r.Verb,
		Address: clip(string(r.Arg("address"))), cookie: clip(string(r.Arg("cookie"))), session: clip(string(r.Arg("session_id")))}
	if r.Verb == "XFR" {
		f.Type += " " + strings.ToUpper(clip(string(r.Arg("type"))))
	}
	if n := r.Note(decode.NoteRewrite); n != nil {
		f.RewrittenTo = clip(n.To)
	}
	if t.budgets.referrals.take(len(f.Address) + len(f.cookie) + len(f.session) + len(f.RewrittenTo)) {
		t.referrals = append(t.referrals, f)
	}
}

// toSwitchboard tells whether a referral leads to a switchboard.
func (f *Referral) toSwitchboard() bool { return f.Type != "XFR NS" }

// names tells whether a referral names a server.
func (f *Referral) names(server string) bool {
	return decode.WithPort(f.Address) == decode.WithPort(server)
}
