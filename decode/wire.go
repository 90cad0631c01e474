package decode

import "strconv"

// Direction tells which of its two ends sent the bytes.
type Direction uint8

// The two directions of a connection. The zero Direction stands on records
// that belong to the connection as a whole (open, close).
const (
	ClientToServer Direction = iota + 1
	ServerToClient
)

// String returns "c2s", "s2c" or "".
func (d Direction) String() string {
	switch d {
	case ClientToServer:
		return "c2s"
	case ServerToClient:
		return "s2c"
	}
	return ""
}

// Opposite returns the other direction.
func (d Direction) Opposite() Direction { return ClientToServer + ServerToClient - d }

// index maps the two directions to 0 and 1, for arrays.
func (d Direction) index() int { return int(d - ClientToServer) }

// Server is a set of server kinds. A connection has one of them, or none
// while it is not known; a row of the command table may allow several.
type Server uint8

// The kinds of server of the MSN Messenger service.
const (
	DS Server = 1 << iota // dispatch server: sends the client on to its notification server
	NS                    // notification server: sign-in, contact list, presence
	SB                    // switchboard: one conversation
)

// String returns the kinds joined by a slash, such as "NS" or "DS/NS".
func (s Server) String() string {
	var out string
	for _, k := range [...]struct {
		bit  Server
		name string
	}{{DS, "DS"}, {NS, "NS"}, {SB, "SB"}} {
		if s&k.bit == 0 {
			continue
		}
		if out != "" {
			out += "/"
		}
		out += k.name
	}
	return out
}

// single tells whether s is exactly one kind of server.
func (s Server) single() bool { return s != 0 && s&(s-1) == 0 }

// Dialect is a version of the protocol: 8 is MSNP8. Zero is not known.
type Dialect uint8

// The dialects that the command table covers. No client of MSNP1 was ever
// released, and the service ended with MSNP21.
const (
	OldestDialect Dialect = 2
	NewestDialect Dialect = 21
)

// String returns "MSNP8", or "" for the zero Dialect.
func (d Dialect) String() string {
	if d == 0 {
		return ""
	}
	return "MSNP" + strconv.Itoa(int(d))
}

// dialectRange is what is known of a connection's dialect: exactly one where
// it was negotiated or inherited, the inferred one and all newer ones, or all.
type dialectRange struct{ from, to Dialect }

// exactly is the range of one dialect; of all, if it is not known.
func exactly(d Dialect) dialectRange {
	if d == 0 {
		return atLeast(OldestDialect)
	}
	return dialectRange{d, d}
}

func atLeast(d Dialect) dialectRange { return dialectRange{d, NewestDialect} }

// meets tells whether the range has a dialect of from to to.
func (r dialectRange) meets(from, to Dialect) bool { return from <= r.to && r.from <= to }

// ParseDialect reads a name such as "MSNP8". Names are not case-sensitive
// (draft-movva-msn-messenger-protocol-00). It reports false for anything
// that is not a dialect this package covers, "CVR0" among them.
func ParseDialect(name []byte) (Dialect, bool) {
	const prefix = "MSNP"
	if len(name) <= len(prefix) || !equalFold(name[:len(prefix)], prefix) {
		return 0, false
	}
	n, ok := parseDecimal(name[len(prefix):])
	if !ok || n < int64(OldestDialect) || n > int64(NewestDialect) {
		return 0, false
	}
	return Dialect(n), true
}

// maxTrID is the largest transaction id: 2^32-1 (draft-movva, MSNP.md §1.1).
const maxTrID = 1<<32 - 1

// parseTrID reads a transaction id.
func parseTrID(word []byte) (uint32, bool) {
	n, ok := parseDecimal(word)
	if !ok || n > maxTrID {
		return 0, false
	}
	return uint32(n), true
}

// parseDecimal reads an unsigned decimal number of at most 18 digits. Signs,
// spaces and an empty word are not numbers.
func parseDecimal(word []byte) (int64, bool) {
	if len(word) == 0 || len(word) > 18 {
		return 0, false
	}
	var n int64
	for _, c := range word {
		if c < '0' || c > '9' {
			return 0, false
		}
		n = n*10 + int64(c-'0')
	}
	return n, true
}

// equalFold compares a word with a name of ASCII letters, ignoring their case.
func equalFold(word []byte, name string) bool {
	if len(word) != len(name) {
		return false
	}
	for i, c := range word {
		if c >= 'a' && c <= 'z' {
			c -= 'a' - 'A'
		}
		n := name[i]
		if n >= 'a' && n <= 'z' {
			n -= 'a' - 'A'
		}
		if c != n {
			return false
		}
	}
	return true
}

// Words splits a command line at single spaces and appends its words to dst.
// It never splits at other white space, because friendly names are raw UTF-8,
// and it keeps the empty words between double spaces, because empty arguments
// exist (MSNP.md §1.1, §1.6).
func Words(dst [][]byte, line []byte) [][]byte {
	for {
		i := indexSpace(line)
		if i < 0 {
			return append(dst, line)
		}
		dst = append(dst, line[:i])
		line = line[i+1:]
	}
}

// indexSpace is bytes.IndexByte for the short words of a line, where a plain
// loop beats the call.
func indexSpace(b []byte) int {
	for i, c := range b {
		if c == ' ' {
			return i
		}
	}
	return -1
}
