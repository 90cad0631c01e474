// Package rewrite tells which bytes of a command change so that a client's
// next connection stays proxied, and to what: the address tokens of XFR and
// RNG, and the few other places where a server tells an address that a client
// may connect to. Every other byte stays as it is, and nothing inside chat
// text is ever touched.
package rewrite

import (
	"bytes"
	"slices"
	"strconv"

	"msnproxy/decode"
)

// Place is where in a command an address stands.
type Place string

// The places (MSNP.md §8).
const (
	NotificationServer Place = "XFR NS"         // the server to sign in on next
	CurrentServer      Place = "XFR NS current" // MSNP3 to 12: the server that refers the client
	Switchboard        Place = "XFR SB"         // a switchboard for the client to open
	Invitation         Place = "RNG"            // a switchboard to join
	ClosedConversation Place = "UBN 5"          // the switchboard of a closed conversation
	Roster             Place = "Roster"         // a switchboard, in a header of a message
	RouteInfo          Place = "RouteInfo"      // the notification server, in the profile
)

// IsReferral tells whether a server sends the client there, and not somebody
// else who only mentions an address.
func (p Place) IsReferral() bool {
	return p == NotificationServer || p == CurrentServer || p == Switchboard || p == Invitation
}

// Address is an address that a command tells the client.
type Address struct {
	Place Place
	// Text is the address as it stands on the wire: host:port, [v6]:port,
	// or a host alone, which means port 1863.
	Text string
	// Gateway tells that the address is an HTTP gateway's (mode G).
	Gateway bool
	// Cookie is the key to show there, where one is told.
	Cookie string
}

// Change is an address that was replaced by another.
type Change struct {
	Address
	To string
}

// Translate returns what the client is to be told instead of an address, or
// false to leave it as it is.
type Translate func(Address) (string, bool)

// token is an address and where it stands in the raw bytes of a command.
type token struct {
	Address
	from, to int
}

// Command returns the raw bytes of a command with its addresses translated,
// and what was changed: raw itself if nothing was. The record is the one that
// decode made of raw, not masked.
func Command(r *decode.Record, raw []byte, translate Translate) ([]byte, []Change) {
	tokens := find(r, raw)
	if len(tokens) == 0 {
		return raw, nil
	}
	e := editor{raw: raw}
	var changes []Change
	for _, t := range tokens {
		to, ok := translate(t.Address)
		if !ok || to == t.Text {
			continue
		}
		e.replace(t.from, t.to, to)
		changes = append(changes, Change{t.Address, to})
	}
	if len(changes) == 0 {
		return raw, nil
	}
	return e.finish(r), changes
}

// find returns the addresses of a command, in the order in which they stand.
// A command whose payload is not whole keeps its bytes.
func find(r *decode.Record, raw []byte) []token {
	if r.Dir != decode.ServerToClient || r.Kind != decode.KindCommand || r.Bytes != int64(len(raw)) {
		return nil
	}
	switch r.Verb {
	case "XFR":
		return referral(r)
	case "RNG":
		return lineTokens(r, []lineToken{{"address", Invitation}})
	case "UBN", "UUN":
		return closedConversation(r, raw)
	case "MSG":
		return message(r, raw)
	}
	return nil
}

// lineToken is an argument that is an address.
type lineToken struct {
	arg   string
	place Place
}

func referral(r *decode.Record) []token {
	if bytes.EqualFold(r.Arg("type"), []byte("SB")) {
		return lineTokens(r, []lineToken{{"address", Switchboard}})
	}
	return lineTokens(r, []lineToken{{"address", NotificationServer}, {"current", CurrentServer}})
}

// lineTokens finds the arguments of those names. The address 0 of XFR NS
// means the same server, and is none.
func lineTokens(r *decode.Record, names []lineToken) []token {
	gateway := bytes.EqualFold(r.Arg("mode"), []byte("G"))
	var tokens []token
	for _, a := range r.Args {
		for _, n := range names {
			if a.Name == n.arg && len(a.Value) > 1 {
				tokens = append(tokens, token{
					Address: Address{n.place, string(a.Value), gateway, string(r.Arg("cookie"))},
					from:    a.Pos, to: a.Pos + len(a.Value),
				})
			}
		}
	}
	return tokens
}

// closedConversation finds the address in a notification of type 5, whose
// payload is "session id;host:port".
func closedConversation(r *decode.Record, raw []byte) []token {
	id, address, ok := bytes.Cut(r.Payload, []byte(";"))
	if string(r.Arg("type")) != "5" || !ok || !isHostPort(address) {
		return nil
	}
	from := len(raw) - len(r.Payload) + len(id) + 1
	return []token{{Address{Place: ClosedConversation, Text: string(address)}, from, from + len(address)}}
}

// message finds the addresses in the headers of a message: RouteInfo in what
// the service itself sends, Roster in what people send. Its body is theirs.
func message(r *decode.Record, raw []byte) []token {
	var tokens []token
	at := len(raw) - len(r.Payload)
	for rest := r.Payload; len(rest) > 0; {
		line, after, more := bytes.Cut(rest, []byte("\n"))
		text := bytes.TrimSuffix(line, []byte("\r"))
		if len(text) == 0 || !more {
			break
		}
		if t, ok := headerToken(r, text); ok {
			t.from += at
			t.to += at
			tokens = append(tokens, t)
		}
		at += len(line) + 1
		rest = after
	}
	return tokens
}

// headerToken finds the address in one header line, which is not empty; its
// place is counted from the line's start.
func headerToken(r *decode.Record, line []byte) (token, bool) {
	if line[0]|0x20 != 'r' { // neither RouteInfo nor Roster: nearly every line of all chat
		return token{}, false
	}
	name, value, ok := bytes.Cut(line, []byte(":"))
	if !ok {
		return token{}, false
	}
	value = bytes.TrimLeft(value, " ")
	from := len(line) - len(value) // it is the rest of the line
	fromService := r.Arg("source") != nil
	switch {
	case fromService && bytes.EqualFold(name, []byte("RouteInfo")):
		return routeInfo(value, from)
	case !fromService && bytes.EqualFold(name, []byte("Roster")):
		return roster(value, from)
	}
	return token{}, false
}

// routeInfo reads "msnp://1.2.3.4/013557A5".
func routeInfo(value []byte, from int) (token, bool) {
	const scheme = "msnp://"
	if !bytes.HasPrefix(value, []byte(scheme)) {
		return token{}, false
	}
	host, _, _ := bytes.Cut(value[len(scheme):], []byte("/"))
	if len(host) == 0 {
		return token{}, false
	}
	from += len(scheme)
	return token{Address{Place: RouteInfo, Text: string(host)}, from, from + len(host)}, true
}

// roster reads "session id;host:port".
func roster(value []byte, from int) (token, bool) {
	id, address, ok := bytes.Cut(value, []byte(";"))
	address = bytes.TrimRight(address, " ")
	if !ok || !isHostPort(address) {
		return token{}, false
	}
	from += len(id) + 1
	return token{Address{Place: Roster, Text: string(address)}, from, from + len(address)}, true
}

// isHostPort tells whether text is host:port or [v6]:port, and nothing else.
func isHostPort(text []byte) bool {
	i := bytes.LastIndexByte(text, ':')
	if i <= 0 || bytes.ContainsAny(text, " ;<>/\r\n") {
		return false
	}
	port, err := strconv.ParseUint(string(text[i+1:]), 10, 16)
	return err == nil && port > 0
}

// editor replaces parts of a command, from left to right.
type editor struct {
	raw  []byte
	out  []byte
	done int // how much of raw is in out
}

func (e *editor) replace(from, to int, by string) {
	e.out = append(append(e.out, e.raw[e.done:from]...), by...)
	e.done = to
}

// finish adds what is left of the command. Where the payload has grown or
// shrunk, its length in the line changes with it.
func (e *editor) finish(r *decode.Record) []byte {
	e.out = append(e.out, e.raw[e.done:]...)
	grown := len(e.out) - len(e.raw)
	length := r.Args[len(r.Args)-1]
	if !r.HasPayload || grown == 0 || length.Name != "length" {
		return e.out
	}
	to := strconv.Itoa(len(r.Payload) + grown)
	return slices.Replace(e.out, length.Pos, length.Pos+len(length.Value), []byte(to)...)
}
