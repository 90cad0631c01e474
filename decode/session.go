package decode

import (
	"bytes"
	"time"
)

// Config is what a Session is told about its connection.
type Config struct {
	// Conn is the connection's id, unique within the run.
	Conn string
	// Client and Server are host:port of the two ends.
	Client, Server string
	// Carrier is the TCP connection that brings the bytes, if it is not the
	// connection itself.
	Carrier Carrier
	// Opened is when the connection began, or was first seen.
	Opened Stamp
	// MidStream tells that the beginning of the connection is missing.
	MidStream bool
	// Book is shared by the sessions of a run; nil does without.
	Book Referrals
	// Checks is what the client's proofs are checked with; nil knows the
	// published product keys.
	Checks *Checks
	// Effort is shared by the sessions of a run; nil bounds each by itself.
	Effort *Effort
	// Emit is called with each record, which is valid only during the call.
	Emit func(*Record)
	// New brings the record that is made next, which nobody uses, whatever is in
	// it; it belongs to whom Emit hands it to. Without it, the session uses one
	// of its own for all but the open record.
	New func() *Record
}

// Session turns the two byte streams of a connection into records. The caller
// serialises all calls, and feeds both directions in the order in which the
// bytes were seen.
type Session struct {
	cfg     Config
	sides   [2]side
	servers Server // what kinds of server it can still be
	dialect Dialect
	source  DialectSource
	seq     int64
	opened  bool
	now     time.Time // of the last input, or what Tick told
	via     Ref
	account string // who signed in, as far as is known
	nonce   string // what the client's proof of its password is about

	signedIn bool // to a notification server

	pending transactions
	chunks  chunkStore
	lock    *lockAndKey // nil before the first challenge

	ownRecord bool     // one is used for all; see Config.New
	words     [][]byte // reused for each line
}

// side is one direction of a session.
type side struct {
	framer *Framer
	marks  marks
	bytes  int64
	lost   bool      // some of it is missing
	ended  time.Time // when it did, or zero
}

// mark notes when the next input came.
func (s *side) mark(at Stamp) { s.marks.add(s.framer.offset, s.framer.inputOffset(), at) }

// NewSession returns a session for a connection.
func NewSession(cfg Config) *Session {
	s := &Session{cfg: cfg, servers: DS | NS | SB}
	if s.cfg.New == nil {
		own := &Record{}
		s.ownRecord = true
		s.cfg.New = func() *Record { return own }
	}
	for _, dir := range [...]Direction{ClientToServer, ServerToClient} {
		s.sides[dir.index()].framer = NewFramer(dir, cfg.MidStream)
	}
	return s
}

// Server returns the kind of server, or zero while it is not known.
func (s *Session) Server() Server {
	if s.servers.single() {
		return s.servers
	}
	return 0
}

// Feed takes bytes that one end sent. They must not change during the call.
func (s *Session) Feed(dir Direction, p []byte, at Stamp) {
	if len(p) == 0 {
		return
	}
	s.Tick(at)
	side := &s.sides[dir.index()]
	side.mark(at)
	side.bytes += int64(len(p))
	side.framer.Feed(p)
	s.drain(dir)
}

// Gap tells that n bytes of a direction are missing.
func (s *Session) Gap(dir Direction, n int64, at Stamp) {
	if n <= 0 {
		return
	}
	s.Tick(at)
	side := &s.sides[dir.index()]
	side.mark(at)
	side.lost = true
	if s.lock != nil && dir == ServerToClient {
		s.lock.doubt()
	}
	side.framer.Gap(n)
	s.drain(dir)
}

// Pending returns the bytes of a direction that are not part of a record yet:
// the beginning of a command, as a rule. They are valid until the next call.
func (s *Session) Pending(dir Direction) []byte { return s.sides[dir.index()].framer.Pending() }

// Held is how many bytes the session holds of what is not complete: commands,
// chunked messages, requests without replies. It is about right.
func (s *Session) Held() int64 {
	n := s.chunks.held() + s.pending.held()
	for i := range s.sides {
		n += cap(s.sides[i].framer.own)
	}
	return int64(n)
}

// End tells that a direction has ended: nothing more comes from that end.
func (s *Session) End(dir Direction, at Stamp) {
	side := &s.sides[dir.index()]
	if side.ended.IsZero() {
		side.ended = at.Time
	}
	side.framer.End()
	s.drain(dir)
}

// Close ends the session, for a reason in words.
func (s *Session) Close(reason string, at Stamp) {
	s.Tick(at)
	s.End(ClientToServer, at)
	s.End(ServerToClient, at)
	rec := s.begin(KindClose, 0, at)
	rec.Reason = reason
	rec.BytesC2S = s.sides[ClientToServer.index()].bytes
	rec.BytesS2C = s.sides[ServerToClient.index()].bytes
	if s.lock != nil {
		s.endChallenges(rec)
	}
	s.emit(rec)
}

// drain makes a record of each frame that a direction has ready.
func (s *Session) drain(dir Direction) {
	side := &s.sides[dir.index()]
	for {
		frame, ok := side.framer.Next()
		if !ok {
			return
		}
		at := side.marks.at(frame.Offset)
		switch frame.Kind {
		case FrameCommand:
			s.command(dir, frame, at)
		case FrameOpaque:
			s.opaque(dir, frame, at)
		case FrameGap:
			s.gap(dir, frame, at)
		}
	}
}

// begin starts the next record, with what holds for every kind. The first of
// a connection is preceded by its open record.
func (s *Session) begin(kind Kind, dir Direction, at Stamp) *Record {
	r := s.cfg.New()
	*r = Record{Stamp: at, Conn: s.cfg.Conn, Kind: kind, Dir: dir, Args: r.Args[:0], Notes: r.Notes[:0], memory: r.memory}
	return r
}

// emit completes a record with what the session knows by now, and hands it out.
func (s *Session) emit(r *Record) {
	if !s.opened {
		s.open()
	}
	s.seq++
	r.Seq = s.seq
	r.Server = s.Server()
	r.Dialect, r.DialectFrom = s.dialect, s.source
	s.cfg.Emit(r)
}

// open emits the open record. It waits for the first other record, because
// that may tell (by its cookie) which referral led here.
func (s *Session) open() {
	s.opened = true
	s.seq++
	r := &Record{} // the session's own is in the making
	if !s.ownRecord {
		r = s.cfg.New()
	}
	*r = Record{
		Stamp: s.cfg.Opened, Conn: s.cfg.Conn, Seq: s.seq, Kind: KindOpen,
		Client: s.cfg.Client, ServerAddr: s.cfg.Server, Via: s.announcedBy(), Carrier: s.cfg.Carrier,
		Args: r.Args[:0], Notes: r.Notes[:0], memory: r.memory,
	}
	s.cfg.Emit(r)
}

// announcedBy finds the XFR or RNG that led to the connection: by the cookie
// if one was shown, else by the address.
func (s *Session) announcedBy() Ref {
	if s.via != (Ref{}) || s.cfg.Book == nil {
		return s.via
	}
	if r, ok := s.cfg.Book.ByAddress(s.cfg.Client, s.cfg.Server, s.servers, s.cfg.Opened.Time); ok {
		return r.From
	}
	return Ref{}
}

func (s *Session) opaque(dir Direction, frame *Frame, at Stamp) {
	rec := s.begin(KindOpaque, dir, at)
	rec.Raw, rec.Payload = frame.Raw, frame.Raw
	rec.Bytes, rec.Offset = frame.Size(), frame.Offset
	rec.issue(frame.Reason.String())
	s.emit(rec)
}

func (s *Session) gap(dir Direction, frame *Frame, at Stamp) {
	rec := s.begin(KindGap, dir, at)
	rec.Bytes, rec.Offset = frame.Size(), frame.Offset
	rec.Notes = append(rec.Notes, Note{Kind: NoteGap, Bytes: frame.Lost})
	s.emit(rec)
}

// command makes the record of a command, learning from it on the way: what a
// command tells about the connection holds for that command already.
func (s *Session) command(dir Direction, frame *Frame, at Stamp) {
	rec := s.begin(KindCommand, dir, at)
	rec.Raw = frame.Raw
	rec.Line, rec.Offset, rec.Bytes = frame.Line, frame.Offset, frame.Size()
	if frame.HasPayload {
		rec.HasPayload, rec.Payload = true, frame.Payload
		rec.PayloadBytes = int64(len(frame.Payload)) + frame.Lost
	}
	s.words = lineArgs(s.words[:0], frame.Line)
	s.learnBefore(dir, frame.Line)
	s.name(rec, frame.entry)
	if s.learnFrom(rec) {
		s.name(rec, frame.entry) // by the newer dialect that it shows
	}
	s.pair(rec)
	s.frameNotes(rec, frame)
	if rec.Injected && rec.Spec != nil && rec.Spec.Verb == ErrorVerb {
		rec.Notes = append(rec.Notes, Note{Kind: NoteFault, Text: "said by the proxy, not by the server"})
	}
	s.challenges(rec)
	if carriesMessage(rec.Verb) {
		rec.Joined = s.chunks.add(rec)
	}
	s.emit(rec)
}

// name finds the record's row of the command table and names its arguments.
func (s *Session) name(rec *Record, entry *verbEntry) {
	rec.Spec, rec.Args = entry.lookup(rec.Args[:0], s.words, s.dialects(), s.servers)
	if rec.Spec != nil && rec.Spec.Verb != ErrorVerb {
		rec.Verb = rec.Spec.Verb
	} else {
		rec.Verb = string(rec.Line[:3])
	}
	if len(rec.Args) > 0 && rec.Args[0].Name == "trid" {
		if rec.TrID, rec.HasTrID = parseTrID(rec.Args[0].Value); rec.HasTrID {
			rec.Args = append(rec.Args[:0], rec.Args[1:]...)
		}
	}
}

// dialects are those that the connection may speak.
func (s *Session) dialects() dialectRange {
	if s.source == DialectInferred {
		return atLeast(s.dialect)
	}
	return exactly(s.dialect)
}

// frameNotes tells what is irregular about a command: its framing, or that
// the connection's dialect does not have it.
func (s *Session) frameNotes(rec *Record, frame *Frame) {
	if s.source > DialectInferred && rec.Spec != nil && !rec.Spec.has(s.dialect) && !frame.entry.has(s.dialect) {
		rec.issue(rec.Verb + " does not belong to " + s.dialect.String())
	}
	if frame.Lost > 0 {
		rec.Notes = append(rec.Notes, Note{Kind: NoteGap, Bytes: frame.Lost})
	}
	switch {
	case rec.Spec == nil:
		rec.issue("unknown command; " + frame.Reason.String())
	case frame.Reason != ReasonNone:
		rec.issue(frame.Reason.String())
	}
}

// issue adds a note about something irregular.
func (r *Record) issue(text string) {
	r.Notes = append(r.Notes, Note{Kind: NoteIssue, Text: readable(text)})
}

// narrow takes note of the servers that a command can be exchanged with.
func (s *Session) narrow(to Server) {
	if left := s.servers & to; left != 0 {
		s.servers = left
	}
}

// learnFrom takes what a command tells about the connection: its kind of
// server, its dialect, who signed in, and the referrals it carries. It reports
// whether an inferred dialect has become newer.
func (s *Session) learnFrom(rec *Record) bool {
	if rec.Spec == nil {
		return false
	}
	s.narrow(rec.Spec.On)
	switch rec.Verb {
	case "VER":
		s.negotiate(rec)
	case "USR", "ANS":
		s.signIn(rec)
		s.prove(rec)
	case "XFR", "RNG":
		s.refer(rec)
	}
	return s.infer(rec)
}

// negotiate takes the dialect from the server's answer to VER.
func (s *Session) negotiate(rec *Record) {
	if rec.Dir != ServerToClient {
		return
	}
	first, _, _ := bytes.Cut(rec.Arg("dialects"), spaceByte)
	if d, ok := ParseDialect(first); ok {
		s.setDialect(d, DialectNegotiated)
	}
}

// signIn remembers the account from the request or the confirmation.
func (s *Session) signIn(rec *Record) {
	if handle := Account(rec.Arg("handle")); len(handle) > 0 {
		s.account = string(handle)
	}
	if rec.Dir == ServerToClient && s.Server() == NS && equalFold(rec.Arg("result"), "OK") {
		s.signedIn = true
	}
}

// Account takes the endpoint (;{guid}) off a handle.
func Account(handle []byte) []byte {
	name, _, _ := bytes.Cut(handle, []byte(";"))
	return name
}

// learnBefore recognises the cookie of a referral at the start of a
// switchboard connection, so that the dialect is known when the command's own
// arguments are named.
func (s *Session) learnBefore(dir Direction, line []byte) {
	if dir != ClientToServer || s.cfg.Book == nil || s.source >= DialectInherited || len(s.words) < 3 {
		return
	}
	isUSR, isANS := bytes.HasPrefix(line, []byte("USR ")), bytes.HasPrefix(line, []byte("ANS "))
	if !isUSR && !isANS {
		return
	}
	r, ok := s.cfg.Book.ByCookie(s.words[2])
	if !ok {
		return
	}
	s.narrow(SB)
	s.via = r.From
	if r.Dialect != 0 {
		s.setDialect(r.Dialect, DialectInherited)
	}
}

// refer writes a referral into the book. A server that refers the client on
// before it has signed in is a dispatch server.
func (s *Session) refer(rec *Record) {
	if rec.Dir != ServerToClient {
		return
	}
	address := rec.Arg("address")
	if equalFold(rec.Arg("type"), "NS") && rec.TrID != 0 && len(address) > 1 {
		s.narrow(DS)
	}
	if s.cfg.Book == nil || len(address) < 2 {
		return
	}
	s.cfg.Book.Add(Referral{
		From: Ref{Conn: s.cfg.Conn, Seq: s.nextSeq()}, At: rec.Time, Client: HostOf(s.cfg.Client),
		Address: string(address), Cookie: string(rec.Arg("cookie")),
		Dialect: s.dialect, Account: s.account,
	})
}

// nextSeq is the number that the record in the making will get.
func (s *Session) nextSeq() int64 {
	if !s.opened {
		return s.seq + 2 // the open record comes first
	}
	return s.seq + 1
}

// setDialect takes a dialect from a source that is at least as good as the
// one so far.
func (s *Session) setDialect(d Dialect, from DialectSource) {
	if from < s.source {
		return
	}
	s.dialect, s.source = d, from
	if from > DialectInferred {
		for i := range s.sides {
			s.sides[i].framer.SetDialect(d)
		}
	}
}
