package decode

import (
	"bytes"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// word is one compiled word of a row's Args.
type word struct {
	name     string
	prefix   string   // stands before the value, as in N=a@b.c
	keywords []string // one of these must stand here
	from, to Dialect  // the dialects that have this word
	optional bool
	secret   bool
	rest     bool // takes the rest of the line
	guess    bool // length~: perhaps a length
	valid    func([]byte) bool
}

// pattern is a compiled Args.
type pattern []word

// wordKinds tells what an argument of a given name must look like. An
// optional word is skipped where the argument does not look like it, and a
// line is taken as a sign of MSNP only where all its arguments do.
var wordKinds = map[string]func([]byte) bool{
	"trid":            func(b []byte) bool { _, ok := parseTrID(b); return ok },
	"length":          isLength,
	"version":         isDecimal,
	"index":           isDecimal,
	"total":           isDecimal,
	"contact_count":   isDecimal,
	"group_count":     isDecimal,
	"lists":           isDecimal,
	"netid":           isNetID,
	"recipient_netid": isNetID,
	"list":            isList,
	"dialects":        isDialects,
	"mode":            isMode,
	"minutes":         isDecimal,
	"seconds":         isDecimal,
	"verified":        isDecimal,
	"restricted":      isDecimal,
	"handle":          isHandle,
	"recipient":       func(b []byte) bool { return isHandle(b) || isDecimal(b) }, // of SND: the number of a FND hit
	"status":          isUpper3,
	"key":             isUpper3,
	"group":           func(b []byte) bool { return isDecimal(b) || isGUID(b) },
	"group_guid":      isGUID,
	"guid":            isGUID,
	"caps":            isCaps,
	"address":         isAddress,
	"current":         isAddress,
	"reserved":        isDecimal,
	"method":          isMethod,
	"stage":           func(b []byte) bool { return len(b) == 1 },
	"challenge":       isDecimalDigits,
	"reason":          isCode,
}

func isDecimal(b []byte) bool { _, ok := parseDecimal(b); return ok }

func isLength(b []byte) bool { n, ok := parseDecimal(b); return ok && n <= MaxPayload }

// isDecimalDigits is isDecimal for numbers of any length.
func isDecimalDigits(b []byte) bool {
	for _, c := range b {
		if c < '0' || c > '9' {
			return false
		}
	}
	return len(b) > 0
}

// isHandle accepts accounts and telephone contacts, with a network id in front
// or an endpoint behind them. N=a@b.c is the form of other rows.
func isHandle(b []byte) bool {
	return isAccount(b) || bytes.HasPrefix(withoutNetwork(b), []byte("tel:"))
}

// isAccount accepts a mail address, with a network id in front or an endpoint
// behind it, and nothing that only contains one, such as sip:a@b.c.
func isAccount(b []byte) bool {
	b = withoutNetwork(b)
	at := -1
	for i, c := range b {
		switch {
		case c == ';':
			return at > 0 && at < i-1
		case c == '@' && at < 0:
			at = i
		case c <= ' ' || c == ':' || c == '<' || c == '>' || c == '"' || c == ',' || c == '=':
			return false
		}
	}
	return at > 0 && at < len(b)-1
}

// withoutNetwork takes the network id off a handle such as 1:a@b.c.
func withoutNetwork(b []byte) []byte {
	for i, c := range b {
		switch {
		case c == ':' && i > 0 && i <= 18:
			return b[i+1:]
		case !isDigit(c):
			return b
		}
	}
	return b
}

func isUpper3(b []byte) bool {
	return len(b) == 3 && isUpper(b[0]) && isUpper(b[1]) && isUpper(b[2])
}

// isNetID accepts numbers such as those of networks, which are small: a name
// can be a number as well.
func isNetID(b []byte) bool {
	n, ok := parseTrID(b)
	return ok && n < 256 && (b[0] != '0' || len(b) == 1)
}

func isList(b []byte) bool {
	return len(b) == 2 && b[1] == 'L' && bytes.IndexByte([]byte("FABRP"), b[0]) >= 0
}

// isDialects accepts the list of VER, and the 0 that refuses one.
func isDialects(b []byte) bool {
	const prefix = "MSNP"
	return len(b) > 0 && b[0] == '0' || len(b) > len(prefix) && equalFold(b[:len(prefix)], prefix) || bytes.HasPrefix(b, []byte("CVR"))
}

// isMode accepts U for a server and G for an HTTP gateway.
func isMode(b []byte) bool { return len(b) == 1 && (b[0] == 'U' || b[0] == 'G') }

// isCode accepts OTH, RCT, 1 and the like.
func isCode(b []byte) bool {
	for _, c := range b {
		if !isUpper(c) && !isDigit(c) {
			return false
		}
	}
	return len(b) > 0
}

// isMethod accepts MD5, TWN, CKI and the like.
func isMethod(b []byte) bool {
	return len(b) == 3 && isUpper(b[0]) && (isUpper(b[1]) || isDigit(b[1])) && (isUpper(b[2]) || isDigit(b[2]))
}

func isUpper(c byte) bool { return c >= 'A' && c <= 'Z' }
func isDigit(c byte) bool { return c >= '0' && c <= '9' }

// isGUID accepts 8-4-4-4-12 hexadecimal digits, in braces or not.
func isGUID(b []byte) bool {
	b = bytes.TrimSuffix(bytes.TrimPrefix(b, []byte("{")), []byte("}"))
	return len(b) == 36 && b[8] == '-' && b[13] == '-' && b[18] == '-' && b[23] == '-'
}

// isCaps accepts 1616756780 and, from MSNP16 on, 2416181284:00.
func isCaps(b []byte) bool {
	number, _, _ := bytes.Cut(b, []byte(":"))
	return isDecimalDigits(number)
}

// isAddress accepts host, host:port, [v6]:port and the 0 of "XFR 0 NS 0".
func isAddress(b []byte) bool {
	return len(b) == 1 && b[0] == '0' || bytes.IndexByte(b, '.') >= 0 || bytes.IndexByte(b, ':') >= 0
}

// compile fills in the patterns of a command table. A row that cannot be
// read is a mistake in this package, so it panics.
func compile(rows []Command) []Command {
	for i := range rows {
		p, err := compilePattern(rows[i].Args)
		if err != nil {
			panic(fmt.Sprintf("decode: row %s %s %q: %v", rows[i].Verb, rows[i].Dir, rows[i].Args, err))
		}
		rows[i].pattern = p
	}
	return rows
}

func compilePattern(args string) (pattern, error) {
	var p pattern
	for _, text := range strings.Fields(args) {
		w, err := compileWord(text)
		if err != nil {
			return nil, err
		}
		p = append(p, w)
	}
	return p, nil
}

// compileWord reads one word of the notation described at Commands.
func compileWord(text string) (word, error) {
	w := word{from: OldestDialect, to: NewestDialect}
	if before, after, ok := strings.Cut(text, "="); ok {
		w.prefix, text = before+"=", after
	}
	if before, after, ok := strings.Cut(text, ":"); ok {
		text, w.keywords = before, strings.Split(after, "|")
	}
	for text != "" {
		switch {
		case strings.HasSuffix(text, "?"):
			w.optional, text = true, strings.TrimSuffix(text, "?")
		case strings.HasSuffix(text, "!"):
			w.secret, text = true, strings.TrimSuffix(text, "!")
		case strings.HasSuffix(text, "~"):
			w.guess, text = true, strings.TrimSuffix(text, "~")
		case strings.HasSuffix(text, "..."):
			w.rest, text = true, strings.TrimSuffix(text, "...")
		case strings.Contains(text, "@"):
			name, dialects, _ := strings.Cut(text, "@")
			if err := w.setDialects(dialects); err != nil {
				return w, err
			}
			text = name
		default:
			w.name, w.valid = text, wordKinds[text]
			return w, nil
		}
	}
	return w, fmt.Errorf("a word has no name")
}

// setDialects reads 8 (from MSNP8 on) or 14-17.
func (w *word) setDialects(text string) error {
	from, to, ranged := strings.Cut(text, "-")
	n, ok := parseDecimal([]byte(from))
	if !ok {
		return fmt.Errorf("%q is not a dialect range", text)
	}
	w.from = Dialect(n)
	if ranged {
		if n, ok = parseDecimal([]byte(to)); !ok {
			return fmt.Errorf("%q is not a dialect range", text)
		}
		w.to = Dialect(n)
	}
	return nil
}

// in tells whether one of the dialects has the word.
func (w *word) in(d dialectRange) bool { return d.meets(w.from, w.to) }

// value takes the prefix off an argument and tells whether the argument can
// stand for the word.
func (w *word) value(arg []byte) ([]byte, bool) {
	if w.prefix != "" {
		if len(arg) < len(w.prefix) || string(arg[:len(w.prefix)]) != w.prefix {
			return nil, false
		}
		return arg[len(w.prefix):], true
	}
	if w.keywords == nil {
		return arg, true
	}
	for _, k := range w.keywords {
		if equalFold(arg, k) {
			return arg, true
		}
	}
	return nil, false
}

// looksRight tells whether a value has the form that the word's name asks for.
func (w *word) looksRight(value []byte) bool { return w.valid == nil || w.valid(value) }

// required counts the words that a line cannot do without.
func (p pattern) required(d dialectRange) int {
	n := 0
	for i := range p {
		if !p[i].optional && p[i].in(d) {
			n++
		}
	}
	return n
}

// fit is how well a line fits a row.
type fit uint8

const (
	fitNot     fit = iota // a keyword or a needed argument is missing
	fitLoose              // it fits, with arguments to spare or of an odd form
	fitExactly            // every argument has a name and the form of it
)

// assign gives the arguments of a line the names of a pattern, appends them
// to dst and tells how well they fit. Arguments to spare get the names argN,
// where N counts from 1 after the transaction id.
//
// It is one long function because it runs for every command: in four, whose state is
// a struct, decoding a session takes 6 to 14 % longer (BenchmarkSession).
func (p pattern) assign(dst []Arg, args [][]byte, d dialectRange) ([]Arg, fit) {
	result := fitExactly
	need := p.required(d)
	if len(args) < need {
		return dst, fitNot
	}
	next, pos := 0, argsStart
	tridTaken := false
	for i := range p {
		w := &p[i]
		if !w.in(d) {
			continue
		}
		left := len(args) - next
		if w.optional && left <= need || left == 0 {
			if !w.optional {
				return dst, fitNot
			}
			continue
		}
		value, ok := w.value(args[next])
		right := ok && w.looksRight(value)
		switch {
		case w.optional && !right && (!ok || w.prefix == ""): // a prefix tells by itself
			continue
		case !ok:
			return dst, fitNot
		case !right:
			result = fitLoose
		}
		if !w.optional {
			need--
		}
		arg := Arg{Name: w.argName(next, tridTaken), Value: value, Pos: pos + len(w.prefix), Secret: w.secret}
		if w.rest {
			arg.Value = joined(args[next:])
			return append(dst, arg), result
		}
		tridTaken = tridTaken || w.name == "trid"
		dst = append(dst, arg)
		pos += len(args[next]) + 1
		next++
	}
	dst = slices.Grow(dst, len(args)-next)
	for ; next < len(args); next++ {
		result = fitLoose
		dst = append(dst, Arg{Name: argN(next, tridTaken), Value: args[next], Pos: pos})
		pos += len(args[next]) + 1
	}
	return dst, result
}

// argsStart is where the arguments begin in a line: behind the verb and a space.
const argsStart = 4

// argName is the word's name, or argN for the unnamed word "_".
func (w *word) argName(i int, tridTaken bool) string {
	if w.name != "_" {
		return w.name
	}
	return argN(i, tridTaken)
}

// joined returns the last words of a line as one value: they are slices of
// the line, with single spaces between them.
func joined(words [][]byte) []byte {
	n := len(words) - 1
	for _, w := range words {
		n += len(w)
	}
	return words[0][:n:n]
}

// argNames are the names of arguments without one, made once.
var argNames = func() (names [32]string) {
	for i := range names {
		names[i] = fmt.Sprintf("arg%d", i+1)
	}
	return names
}()

// argN names the argument at index i of a line; with a transaction id before
// it, counting starts behind that.
func argN(i int, afterTrID bool) string {
	if afterTrID && i > 0 {
		i--
	}
	if i < len(argNames) {
		return argNames[i]
	}
	return "arg" + strconv.Itoa(i+1)
}

// Syntax shows the form for a reader: keywords as they stand, optional words
// in brackets, dialects behind words that not all of them have.
func (c *Command) Syntax() string {
	parts := []string{c.Verb}
	for i := range c.pattern {
		parts = append(parts, c.pattern[i].syntax(c.From, c.To))
	}
	return strings.Join(parts, " ")
}

// syntax shows one word of a row that has the dialects of from to to.
func (w *word) syntax(from, to Dialect) string {
	text := strings.ReplaceAll(w.name, "_", "-")
	switch {
	case w.name == "_":
		text = "?"
	case w.keywords != nil:
		text = strings.Join(w.keywords, "|")
	}
	text = w.prefix + text
	if w.rest {
		text += "..."
	}
	text += w.dialects(from, to)
	if w.optional || w.guess {
		text = "[" + text + "]"
	}
	return text
}

// dialects shows the dialects of a word, where the row has others as well.
func (w *word) dialects(from, to Dialect) string {
	switch {
	case w.from <= from && w.to >= to:
		return ""
	case w.to >= to:
		return fmt.Sprintf(" ≥%d", w.from)
	case w.from <= from:
		return fmt.Sprintf(" ≤%d", w.to)
	}
	return fmt.Sprintf(" %d-%d", w.from, w.to)
}

// PayloadRule says in words how the payload of the verb is told.
func (c *Command) PayloadRule() string {
	e := &errorEntry
	if c.Verb != ErrorVerb {
		e = entryOf([]byte(c.Verb), c.Dir)
	}
	hasLength := len(c.pattern) > 0 && c.pattern[len(c.pattern)-1].name == "length"
	switch {
	case e.rule == payloadGuess:
		return "perhaps"
	case hasLength:
		return "yes"
	}
	return "no"
}

// Secrets returns the names of the arguments that are masked in every output.
func (c *Command) Secrets() []string {
	var names []string
	for i := range c.pattern {
		if c.pattern[i].secret {
			names = append(names, c.pattern[i].name)
		}
	}
	return names
}
