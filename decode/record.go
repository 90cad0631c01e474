package decode

import (
	"slices"
	"time"
)

// Kind is the kind of a record.
type Kind uint8

// The kinds of records.
const (
	KindOpen    Kind = iota + 1 // a connection that turned out to speak MSNP
	KindCommand                 // a command, with its payload
	KindOpaque                  // bytes that are no command
	KindGap                     // bytes that the capture does not have
	KindClose                   // the end of a connection
	KindHTTP                    // an exchange of HTTP that carries no MSNP but belongs to it
	KindOverdue                 // nothing came: what was waited for is overdue
)

var kindNames = [...]string{KindOpen: "open", KindCommand: "command", KindOpaque: "opaque", KindGap: "gap", KindClose: "close", KindHTTP: "http", KindOverdue: "overdue"}

// String returns the name that stands in records.
func (k Kind) String() string {
	if int(k) < len(kindNames) {
		return kindNames[k]
	}
	return ""
}

// DialectSource tells how the dialect of a connection came to be known.
type DialectSource uint8

// The sources of a dialect, from the weakest to the strongest.
const (
	DialectUnknown    DialectSource = iota
	DialectInferred                 // from commands that only some dialects have
	DialectInherited                // from the connection that referred the client here
	DialectNegotiated               // from the server's answer to VER
)

var dialectSourceNames = [...]string{"", "inferred", "inherited", "negotiated"}

// String returns the name that stands in records.
func (s DialectSource) String() string { return dialectSourceNames[s] }

// Arg is an argument of a command with the name that the command table gives it.
type Arg struct {
	Name   string
	Value  []byte // as on the wire, without a prefix such as N=
	Pos    int    // where Value stands in the record's Line
	Secret bool
}

// Stamp is when, and offline in which packet, bytes were seen.
type Stamp struct {
	Time   time.Time
	Packet int64 // 1-based number of the packet in its capture; 0 when live
	Input  int32 // offline, which of the run's captures that is, from 0
	// Injected tells that the proxy said it, in the server's place.
	Injected bool
}

// Ref names a record of another connection.
type Ref struct {
	Conn string
	Seq  int64
}

// Carrier is a TCP connection of HTTP that carries a connection of MSNP: one of
// the sessions of a gateway, or what is in a tunnel.
type Carrier struct {
	Conn string // its id
	Addr string // host:port of its server: the gateway, or a proxy
}

// Record is what happened on a connection at one point: one line of the
// output. The bytes of a record that a Session emits are those that it was fed,
// or its own, and valid only during the call; Keep makes the record hold them.
// The record itself is used again for the next one, unless Config.New brings
// others. Clone makes a record that lasts in any case.
type Record struct {
	Stamp                     // of the read or packet in which the record begins
	File        string        // the capture that Packet counts in, where a run has several
	Conn        string        // id of the connection
	Seq         int64         // order within the connection, from 1
	Kind        Kind          //
	Dir         Direction     // zero for open and close
	Server      Server        // zero while not known
	Dialect     Dialect       // zero while not known
	DialectFrom DialectSource //

	Verb       string   // three characters as on the wire
	Spec       *Command // the row of the command table; nil for unknown verbs
	TrID       uint32   // transaction id
	HasTrID    bool     //
	Args       []Arg    // the other arguments
	Raw        []byte   // all its bytes as they came in; gone once secrets are masked
	Line       []byte   // the command line, without its line end
	Bytes      int64    // on the wire, line end, payload and lost bytes included
	HasPayload bool     //
	Payload    []byte   // what is there of the payload
	// PayloadBytes is the payload's size on the wire: more than len(Payload)
	// where a gap in it was bridged.
	PayloadBytes int64
	Offset       int64 // of the first byte, in its direction of the connection
	Notes        []Note

	// Said is what the payload says, on a record that was read back from an
	// output that told that and not the bytes; else nil. See DecodePayload.
	Said *Payload
	// Size is how many bytes such a record had there.
	Size int

	// Joined is, on the last chunk of a chunked message, the whole text.
	Joined *JoinedMessage

	// HTTP is what a record of KindHTTP tells; its Conn is a TCP connection.
	HTTP *HTTP

	Client, ServerAddr string  // open, http: host:port of the two ends
	Via                Ref     // open: the XFR or RNG that announced the connection
	Carrier            Carrier // open: what the connection is carried by, if it is not TCP alone
	Reason             string  // close
	BytesC2S, BytesS2C int64   // close: bytes seen in each direction

	memory []byte // of what Keep has kept
}

// Arg returns the value of the argument of that name, or nil.
func (r *Record) Arg(name string) []byte {
	for i := range r.Args {
		if r.Args[i].Name == name {
			return r.Args[i].Value
		}
	}
	return nil
}

// Note returns the record's first note of a kind, or nil.
func (r *Record) Note(kind NoteKind) *Note {
	for i := range r.Notes {
		if r.Notes[i].Kind == kind {
			return &r.Notes[i]
		}
	}
	return nil
}

// Clone returns a copy of the record that stays valid.
func (r *Record) Clone() *Record {
	c := *r
	c.memory = nil
	c.Args, c.Notes = slices.Clone(r.Args), slices.Clone(r.Notes)
	c.Keep()
	return &c
}

// Keep copies the bytes that the record points to into memory of its own, so
// that it stays as it is when those change.
func (r *Record) Keep() {
	raw, line := r.Raw, r.Line
	memory, kept := keep(r.memory[:0], raw)
	r.Raw = kept
	memory, r.Line = keepPart(memory, line, raw, r.Raw, 0)
	memory, r.Payload = keepPart(memory, r.Payload, raw, r.Raw, len(raw)-len(r.Payload))
	r.memory = memory
	for i := range r.Args {
		a := &r.Args[i]
		_, a.Value = keepPart(nil, a.Value, line, r.Line, a.Pos)
	}
}

// argBytes is what an argument takes beside its bytes on the wire, of which there
// may be two.
const argBytes = 64

// saidBytes is what a byte of a body of HTTP may take once it is decoded: an element
// of XML is a name and a value in a field of its own.
const saidBytes = 4

// Held is about how many bytes a record holds that is kept.
func (r *Record) Held() int64 {
	n := max(r.Bytes, int64(r.Size)) + argBytes*int64(len(r.Args))
	if r.HTTP != nil && r.Size == 0 { // of one that was read back, Size is all of it
		n += saidBytes * (r.HTTP.RequestBytes + r.HTTP.ResponseBytes)
	}
	return n
}

// What a record that is used again keeps for the next: few need more.
const (
	spareBytes = 1 << 10
	spareArgs  = 16
)

// Trim lets go of what the record points to, but for room that the next one is
// likely to need.
func (r *Record) Trim() {
	r.Raw, r.Line, r.Payload = nil, nil, nil
	r.Said, r.Joined, r.HTTP = nil, nil, nil
	if cap(r.memory) > spareBytes {
		r.memory = nil
	}
	if cap(r.Args) > spareArgs {
		r.Args = nil
	}
}

// keepPart returns the copy of a part of something whose copy is there already,
// if the part stands at a position of it, and else makes one in memory.
func keepPart(memory, part, whole, copied []byte, at int) (grown, kept []byte) {
	if n := len(part); n > 0 && at >= 0 && at+n <= len(whole) && &whole[at] == &part[0] {
		return memory, copied[at : at+n : at+n]
	}
	return keep(memory, part)
}

// keep makes a copy of bytes in memory. When that grows, earlier copies stay
// where they are.
func keep(memory, b []byte) (grown, kept []byte) {
	if len(b) == 0 {
		return memory, b[:0:0]
	}
	from := len(memory)
	memory = append(memory, b...)
	return memory, memory[from:len(memory):len(memory)]
}

// NoteKind is the kind of a note.
type NoteKind uint8

// The kinds of notes.
const (
	NoteReply     NoteKind = iota + 1 // the record answers a request
	NoteError                         // the record is an error reply
	NoteIssue                         // something is irregular
	NoteGap                           // bytes are missing inside the record
	NoteRewrite                       // the proxy told the client another address
	NoteChallenge                     // what became of a challenge
	NoteSignIn                        // whether the proof of a password is right
	NoteFault                         // something is done on purpose, to test the client
)

var noteNames = [...]string{NoteReply: "reply", NoteError: "error", NoteIssue: "issue", NoteGap: "gap", NoteRewrite: "rewrite", NoteChallenge: "challenge", NoteSignIn: "sign-in", NoteFault: "fault"}

// String returns the name that stands in records.
func (k NoteKind) String() string {
	if int(k) < len(noteNames) {
		return noteNames[k]
	}
	return ""
}

// Note is something worth saying about a record. Which fields it has depends
// on its kind.
type Note struct {
	Kind NoteKind

	// Of a reply: the request's Seq and verb, and the time between the two.
	ToSeq   int64
	Request string
	Latency time.Duration

	// Of an error: its number and meaning; "" where the number is unknown.
	Code    int
	Meaning string

	// Of an issue, and of a proof that is wrong: why. Of a fault: what.
	Text string

	// Of a gap: how many bytes are missing.
	Bytes int64

	// Of a rewrite: the address that the server sent, and the one that the
	// client got.
	From, To string

	// Of a proof of a password: MD5 or SSO, whose it is, and what we think.
	Method, Account string
	Verdict         Verdict

	// Of a challenge. It does not change once the note is made.
	Challenge *Challenge
}
