package decode

import (
	"bytes"
	"slices"
)

// payloadRule says how the length of a command's payload is told.
type payloadRule uint8

const (
	payloadNever    payloadRule = iota // there is none, whatever the last argument looks like
	payloadAlways                      // the last argument is the length
	payloadIfNumber                    // the last argument is the length if it is a number
	payloadGuess                       // perhaps: what follows the line decides
)

// verbEntry is what framing and naming need to know of one verb in one
// direction: its rows, and the payload rule that follows from them.
type verbEntry struct {
	rows    []*Command
	rule    payloadRule
	minArgs int  // a line with fewer arguments has no length
	secret  bool // a form of the verb, in either direction, carries a secret
}

// verbTable finds the entry of a verb without hashing: letters index it
// directly. Verbs that are not in the command table have entry 0.
type verbTable struct {
	entries []verbEntry
	byVerb  [26 * 26 * 26]uint8
}

// verbs holds the command table by direction.
var verbs = [2]verbTable{buildVerbTable(ClientToServer), buildVerbTable(ServerToClient)}

// errorEntry holds the rows of error replies.
var errorEntry = buildEntry(ErrorVerb, ServerToClient)

func buildVerbTable(dir Direction) verbTable {
	t := verbTable{entries: []verbEntry{{}}}
	for i := range Commands {
		c := &Commands[i]
		if c.Dir != dir || c.Verb == ErrorVerb || t.byVerb[verbIndex(c.Verb)] != 0 {
			continue
		}
		t.byVerb[verbIndex(c.Verb)] = uint8(len(t.entries))
		t.entries = append(t.entries, buildEntry(c.Verb, dir))
	}
	return t
}

// buildEntry collects the rows of a verb and derives its payload rule: always
// a payload where every form ends in a length, never where none does.
func buildEntry(verb string, dir Direction) verbEntry {
	var e verbEntry
	with, guess := 0, false
	for i := range Commands {
		c := &Commands[i]
		e.secret = e.secret || c.Verb == verb && len(c.Secrets()) > 0
		if c.Verb != verb || c.Dir != dir {
			continue
		}
		e.rows = append(e.rows, c)
		if len(c.pattern) == 0 {
			continue
		}
		last := &c.pattern[len(c.pattern)-1]
		if last.name != "length" {
			continue
		}
		with++
		guess = guess || last.guess
		if n := c.pattern.required(exactly(0)); e.minArgs == 0 || n < e.minArgs {
			e.minArgs = n
		}
	}
	switch {
	case guess:
		e.rule = payloadGuess
	case with == 0:
		e.rule = payloadNever
	case with == len(e.rows):
		e.rule = payloadAlways
	default:
		e.rule = payloadIfNumber
	}
	return e
}

// verbIndex maps three capital letters to a place in verbTable.byVerb.
func verbIndex[S string | []byte](v S) int {
	return (int(v[0]-'A')*26+int(v[1]-'A'))*26 + int(v[2]-'A')
}

// entryOf finds the entry of a line's verb, or nil if the verb is not known
// in that direction.
func entryOf(line []byte, dir Direction) *verbEntry {
	if len(line) < 3 {
		return nil
	}
	if isUpper3(line[:3]) {
		t := &verbs[dir.index()]
		if i := t.byVerb[verbIndex(line)]; i != 0 {
			return &t.entries[i]
		}
		return nil
	}
	if dir == ServerToClient && isErrorVerb(line) {
		return &errorEntry
	}
	return nil
}

// isErrorVerb tells whether a line begins with three digits.
func isErrorVerb(line []byte) bool {
	return len(line) >= 3 && isDigit(line[0]) && isDigit(line[1]) && isDigit(line[2])
}

// Lookup returns the row for a command in a given dialect and on a given kind
// of server, each zero if not known, and appends its arguments, named, to dst.
// Words are the line's arguments (see Words). Where no row fits, it takes the
// likeliest. The row is nil for a verb that is not in the table; its arguments
// are named arg1, arg2, and so on, but for a transaction id.
func Lookup(dst []Arg, line []byte, words [][]byte, dir Direction, d Dialect, on Server) (*Command, []Arg) {
	return entryOf(line, dir).lookup(dst, words, exactly(d), on)
}

// lookup is Lookup for a line whose verb has been found already; nil stands for
// an unknown one.
func (e *verbEntry) lookup(dst []Arg, words [][]byte, d dialectRange, on Server) (*Command, []Arg) {
	if e == nil {
		named := assignUnknown(dst, words)
		markTickets(named)
		return nil, named
	}
	if n := len(words); n > 0 && len(words[n-1]) == 0 && e.rule != payloadNever {
		words = words[:n-1] // the space that framing takes off, too
	}
	best, bestScore := e.rows[0], -1
	for _, c := range e.rows {
		args, f := c.pattern.assign(dst, words, d)
		score := c.score(f, d, on)
		if score == bestPossible {
			return c, args
		}
		if score > bestScore {
			best, bestScore = c, score
		}
	}
	named, f := best.pattern.assign(dst, words, d)
	if f == fitNot {
		named = assignUnknown(dst, words)
	}
	if f != fitExactly && e.secret {
		markSecrets(named)
	}
	return best, named
}

// markSecrets takes for a secret what is not plainly something else: a line
// that fits no form of its verb may have its secret anywhere.
func markSecrets(named []Arg) {
	for i := range named {
		a := &named[i]
		if a.Name != "trid" && !isKeyword(a.Value) && !isAccount(a.Value) && !isPlainAddress(a.Value) {
			a.Secret = true
		}
	}
}

// markTickets takes t=... for a Passport ticket in commands nobody knows.
func markTickets(named []Arg) {
	for i := range named {
		named[i].Secret = named[i].Secret || bytes.HasPrefix(named[i].Value, []byte("t="))
	}
}

// isKeyword accepts SB, CKI, OK, U and the like: nobody's secret is that short.
func isKeyword(b []byte) bool { return len(b) <= 3 && (len(b) == 0 || isCode(b)) }

// isPlainAddress accepts what can only be an address: digits, dots, colons and
// brackets.
func isPlainAddress(b []byte) bool {
	for _, c := range b {
		if !isDigit(c) && c != '.' && c != ':' && c != '[' && c != ']' {
			return false
		}
	}
	return bytes.IndexByte(b, '.') > 0 || bytes.IndexByte(b, ':') > 0
}

// Summary says what a verb is for, whichever of its forms it has; "" for a
// verb that is not known.
func Summary(verb string, dir Direction) string {
	e := entryOf([]byte(verb), dir)
	switch {
	case e == nil:
		return ""
	case e.rows[0].Summary != "":
		return e.rows[0].Summary
	}
	return e.rows[0].Meaning
}

// bestPossible is the score of a row that fits in every way.
const bestPossible = int(fitExactly)*4 + 2 + 1

// score ranks the rows of a verb for a line: how well it fits counts before
// the dialect, the dialect before the kind of server.
func (c *Command) score(f fit, d dialectRange, on Server) int {
	score := int(f) * 4
	if d.meets(c.From, c.To) {
		score += 2
	}
	if on == 0 || c.On&on != 0 {
		score++
	}
	return score
}

// has tells whether the row belongs to dialect d.
func (c *Command) has(d Dialect) bool { return c.From <= d && d <= c.To }

// has tells whether the verb belongs to dialect d.
func (e *verbEntry) has(d Dialect) bool {
	for _, c := range e.rows {
		if c.has(d) {
			return true
		}
	}
	return false
}

// assignUnknown names the arguments of a line that fits no row.
func assignUnknown(dst []Arg, words [][]byte) []Arg {
	dst = slices.Grow(dst, len(words))
	hasTrID := false
	pos := argsStart
	for i, w := range words {
		if i == 0 {
			_, hasTrID = parseTrID(w)
		}
		name := argN(i, hasTrID)
		if i == 0 && hasTrID {
			name = "trid"
		}
		dst = append(dst, Arg{Name: name, Value: w, Pos: pos})
		pos += len(w) + 1
	}
	return dst
}
