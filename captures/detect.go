package captures

import (
	"bytes"
	"slices"
	"strings"

	"msnproxy/decode"
)

// Which connections are MSNP is told by what they say. The port does not tell:
// switchboards had any, and clients drew 1863 for their own. It only counts as
// one more piece of evidence.
//
// A line is evidence where the command table has it, arguments of the right
// form and all. Where the beginning of a connection was captured, its first
// line must be such a line. Elsewhere the beginning may be the rest of a
// payload, and what counts is a run of such lines; a payload whose length its
// line tells is not looked into.

const (
	// enough is the evidence that decides: a strong line, or two weak ones.
	enough = 2
	// enoughAgainstPort is what it takes where the ports say that the server
	// is the other end: a message quoted in a chat can be a strong line.
	enoughAgainstPort = 4
)

// strength is what a line says about its connection.
type strength uint8

const (
	implausible strength = iota // no line of MSNP
	possible                    // a line that other protocols have as well
	weak                        // a line that something else has by chance only
	strong                      // a line that nothing else has
)

// weight is a strength as evidence.
var weight = [...]int{weak: 1, strong: 2}

// strengthOf tells what a line says, and the size of the payload behind it.
func strengthOf(line []byte, dir decode.Direction) (s strength, payload int64) {
	if !decode.Plausible(line, dir) {
		return implausible, 0
	}
	var words [][]byte
	if len(line) > 4 {
		words = decode.Words(nil, line[4:])
	}
	row, args := decode.Lookup(nil, line, words, dir, 0, 0)
	switch {
	case row.Verb == decode.ErrorVerb:
		return possible, 0 // "220 host ready" is one by its form
	case row.Verb == "VER":
		return versionStrength(words), 0
	}
	return argStrength(row, args), payloadOf(args)
}

// versionStrength is strong for a VER line that names a dialect.
func versionStrength(words [][]byte) strength {
	for _, w := range words {
		if _, ok := decode.ParseDialect(w); ok {
			return strong
		}
	}
	return weak
}

// argStrength is strong for a line with an account or a keyword. What passes
// for an account in the command table may be the address of another protocol:
// "BYE sip:bob@example.com". A line with arguments to spare is little evidence.
func argStrength(row *decode.Command, args []decode.Arg) strength {
	s := weak
	if len(args) > len(strings.Fields(row.Args)) {
		s = possible
	}
	for _, a := range args {
		switch {
		case a.Name == "handle" || a.Name == "recipient":
			if !isAccount(a.Value) {
				return implausible
			}
			s = strong
		case isKeyword(row, a.Name):
			s = strong
		}
	}
	return s
}

// isKeyword tells whether an argument is one of a few words, by the notation
// of the command table.
func isKeyword(row *decode.Command, name string) bool {
	return strings.HasPrefix(row.Args, name+":") || strings.Contains(row.Args, " "+name+":")
}

// isAccount tells whether a handle is the mail address of an account, perhaps
// with a network before it and an endpoint behind it (1:a@b.c;{guid}), or a
// telephone number.
func isAccount(handle []byte) bool {
	if number, ok := bytes.CutPrefix(handle, []byte("tel:")); ok {
		return len(number) > 0 && len(bytes.Trim(number, "+0123456789")) == 0
	}
	name, domain, ok := bytes.Cut(handle, []byte("@"))
	if network, rest, has := bytes.Cut(name, []byte(":")); has {
		if len(bytes.Trim(network, "0123456789")) > 0 {
			return false
		}
		name = rest
	}
	domain, _, _ = bytes.Cut(domain, []byte(";"))
	return ok && len(name) > 0 && len(domain) > 0 &&
		!bytes.ContainsAny(name, "\"(),:;<>[\\]\t") && bytes.IndexFunc(domain, notInDomain) < 0
}

func notInDomain(r rune) bool {
	return r != '.' && r != '-' && (r < '0' || r > '9') && (r < 'a' || r > 'z') && (r < 'A' || r > 'Z')
}

// payloadOf is the size that the last argument tells, if it does.
func payloadOf(args []decode.Arg) (n int64) {
	if len(args) == 0 || args[len(args)-1].Name != "length" {
		return 0
	}
	for _, c := range args[len(args)-1].Value {
		if n = n*10 + int64(c-'0'); n > decode.MaxPayload {
			return 0
		}
	}
	return n
}

// scan looks at what one side has sent, as if that went in one direction.
type scan struct {
	dir   decode.Direction
	pos   int   // what stands before has been looked at
	seen  int   // no line ends between pos and here
	skip  int64 // rest of a payload at pos
	lines int
	first strength // of the first line
	score int      // evidence of the lines since the last implausible one
	verbs []string // of the weak ones among them, each of which counts once
	other bool     // a line of HTTP or SIP was there
}

// look takes a side's bytes so far: those of the call before, and more.
func (s *scan) look(data []byte) {
	for {
		if s.skip > 0 {
			n := min(s.skip, int64(len(data)-s.pos))
			s.pos, s.skip = s.pos+int(n), s.skip-n
		}
		if s.skip > 0 {
			return
		}
		s.seen = max(s.seen, s.pos)
		end := bytes.IndexByte(data[s.seen:], '\n')
		if end < 0 {
			s.seen = len(data)
			break
		}
		s.line(bytes.TrimSuffix(data[s.pos:s.seen+end], []byte("\r")))
		s.pos = s.seen + end + 1
	}
	s.beginning(data[s.pos:])
}

// line counts a line as evidence.
func (s *scan) line(line []byte) {
	strength, payload := strengthOf(line, s.dir)
	s.skip = payload
	s.count(strength)
	switch strength {
	case implausible:
		s.takeBack()
		s.other = s.other || isOtherProtocol(line)
	case weak:
		verb := string(line[:3])
		if slices.Contains(s.verbs, verb) {
			return
		}
		s.verbs = append(s.verbs, verb)
	}
	s.score += weight[strength]
}

// count counts a line.
func (s *scan) count(line strength) {
	if s.lines == 0 {
		s.first = line
	}
	s.lines++
}

// takeBack forgets the evidence so far.
func (s *scan) takeBack() { s.score, s.verbs = 0, nil }

// beginning looks at the line that has not ended yet. Behind a line of MSNP
// comes another one, or nothing: this tells a connection from a text about it.
func (s *scan) beginning(rest []byte) {
	if !mayBegin(rest) {
		s.takeBack()
		if s.lines == 0 {
			s.count(implausible)
		}
	}
}

// mayBegin tells whether a line of MSNP can begin with some bytes.
func mayBegin(rest []byte) bool {
	for i, c := range rest[:min(len(rest), 4)] {
		letter := c >= 'A' && c <= 'Z' || c >= '0' && c <= '9'
		end := c == ' ' || c == '\r'
		if i < 3 && !letter || i == 3 && !end {
			return false
		}
	}
	return true
}

// gap tells that bytes are missing behind those so far. What follows may be
// the middle of anything.
func (s *scan) gap(data []byte) {
	s.look(data)
	s.pos, s.skip = len(data), 0
	if s.lines == 0 {
		s.count(possible)
	}
}

// wrong tells whether the first line is none of MSNP.
func (s *scan) wrong() bool { return s.lines > 0 && s.first == implausible }

// isOtherProtocol recognises the first line of a request or an answer of HTTP
// and of those that copied it. The bodies of HTTP can be full of MSNP without
// being from the gateway of Messenger, which detectHTTP recognises.
func isOtherProtocol(line []byte) bool {
	for _, name := range []string{"HTTP/1.", "SIP/2.", "RTSP/1."} {
		version := len(name) + 1
		if bytes.HasPrefix(line, []byte(name)) {
			return true
		}
		if i := bytes.LastIndex(line, []byte(" "+name)); i >= 0 && i+1+version == len(line) {
			return true
		}
	}
	return false
}

// detector decides whether a connection speaks MSNP, and which side is the
// client.
type detector struct {
	scans [2][2]scan // by side and direction
}

// situation is what is known of a connection besides its bytes.
type situation struct {
	client  int     // the side that is, or unknown
	exact   [2]bool // by side: its first byte is the first one that it sent
	ports   [2]uint16
	service [2]bool // by side: its port is one of servers
	final   bool    // nothing more comes
}

// verdict is what a detector finds.
type verdict uint8

const (
	undecided verdict = iota
	isMSNP
	isHTTP // MSNP may be within it, or what belongs to it
	isOther
)

var directions = [...]decode.Direction{decode.ClientToServer, decode.ServerToClient}

// look takes the bytes of a side so far. Where the client is known, only what
// that makes of the side is looked at.
func (d *detector) look(side int, data []byte, client int) {
	for i, dir := range directions {
		if client == unknown || (side == client) == (dir == decode.ClientToServer) {
			s := &d.scans[side][i]
			s.dir = dir
			s.look(data)
		}
	}
}

// gap tells that bytes of a side are missing behind those so far.
func (d *detector) gap(side int, data []byte) {
	for i, dir := range directions {
		s := &d.scans[side][i]
		s.dir = dir
		s.gap(data)
	}
}

// decide tells whether the evidence decides, and who the client is then.
func (d *detector) decide(in situation) (verdict, int) {
	if d.rejects(in) {
		return isOther, unknown
	}
	if d.accepts(in) {
		return isMSNP, in.client
	}
	best, tie := d.compare(in)
	switch {
	case best != unknown && (!tie || in.final):
		return isMSNP, best
	case in.final:
		return isOther, unknown
	}
	return undecided, unknown
}

// rejects tells whether something was said that MSNP does not say.
func (d *detector) rejects(in situation) bool {
	for side := range d.scans {
		if d.scans[side][0].other && d.scans[side][1].other {
			return true
		}
		if s := d.scanOf(side, in); in.client != unknown && s.other || in.exact[side] && s.wrong() {
			return true
		}
	}
	return false
}

// scanOf returns the look at a side in its direction, where that is known.
func (d *detector) scanOf(side int, in situation) *scan {
	if side == in.client {
		return &d.scans[side][0]
	}
	return &d.scans[side][1]
}

// accepts tells whether a side began with a line that leaves no doubt.
func (d *detector) accepts(in situation) bool {
	for side := range d.scans {
		if in.exact[side] && d.scanOf(side, in).first == strong {
			return true
		}
	}
	return false
}

// compare returns the side that is the client by the evidence, or unknown
// where there is not enough of it. A tie is decided by the ports.
func (d *detector) compare(in situation) (client int, tie bool) {
	if in.client != unknown {
		if d.score(in.client, in) >= enough {
			return in.client, false
		}
		return unknown, false
	}
	score := [2]int{d.score(0, in), d.score(1, in)}
	better := 0
	if score[1] > score[0] || score[1] == score[0] && in.ports[0] < in.ports[1] {
		better = 1 // the lower port is the server's
	}
	need := enough
	if !in.final && in.serverPort(better) {
		need = enoughAgainstPort
	}
	if score[better] < need {
		return unknown, false
	}
	return better, score[0] == score[1]
}

// score is the evidence for a side being the client. The port counts as a
// weak line, where there is a line at all. On a port of HTTP both sides must
// have given evidence: a capture may begin within a body of the gateway, but
// then the other side begins with a line of HTTP.
func (d *detector) score(client int, in situation) int {
	request, reply := d.scans[client][0].score, d.scans[1-client][1].score
	n := request + reply
	switch {
	case (request == 0 || reply == 0) && in.onWebPort():
		return 0
	case n > 0 && in.service[1-client]:
		n++
	}
	return n
}

// onWebPort tells whether a side has a port of HTTP servers or proxies.
func (in situation) onWebPort() bool {
	for side, port := range in.ports {
		switch port {
		case 80, 3128, 8000, 8080, 8888:
			return !in.service[side]
		}
	}
	return false
}

// serverPort tells whether, of the two sides, only this one has the port of
// the service.
func (in situation) serverPort(side int) bool {
	return in.service[side] && !in.service[1-side]
}

// detect decides about a connection by what it holds.
func (c *connection) detect(final bool, o *Options) (verdict, int) {
	if c.behindSOCKS() && !final {
		return undecided, unknown
	}
	in := situation{client: c.client, final: final}
	h := c.live.held
	for side := range c.ends {
		h.detector.look(side, h.data[side], c.client)
		in.exact[side] = c.exact(side)
		in.ports[side] = c.port(side)
		in.service[side] = o.isService(in.ports[side])
	}
	found, side := h.detector.decide(in)
	if found == isMSNP {
		return found, side
	}
	if within, client := c.detectHTTP(final); within != isOther {
		return within, client
	}
	return found, side
}
