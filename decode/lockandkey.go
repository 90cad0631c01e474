package decode

import (
	"fmt"
	"slices"
	"time"
)

// Limits of what is remembered of a connection's challenges.
const (
	// answerTime is how long an answer, and the server's verdict on it, may
	// take before it counts as missing. Clients answer at once.
	answerTime = 50 * time.Second
	// closeTime is how soon after an answer the end of the connection counts
	// as the server's verdict.
	closeTime = 5 * time.Second
	// maxOpen bounds the challenges that wait for an answer, and the answers
	// that wait for a verdict. Servers have one under way.
	maxOpen = 64
	// maxPast bounds the challenges remembered for what is said of later
	// answers.
	maxPast = 8
	// maxExplanations bounds the wrong answers of a connection that are looked
	// into: each costs some milliseconds.
	maxExplanations = 32
	// maxEffort bounds them over all connections of a run, to some seconds.
	maxEffort = 1024
	// maxChallenge bounds a challenge: each answer is worked out for all those
	// that wait, and is told with its own. Real ones have 20 digits.
	maxChallenge = 256
)

// Effort bounds what the sessions of a run spend together on explaining wrong
// answers. Its zero value is ready. It is not safe for concurrent use.
type Effort struct{ spent int }

// lockAndKey is the life of a connection's challenges: the client may ask for
// one, the server asks, the client answers, the server tells the result. It
// is made by the first of them.
type lockAndKey struct {
	requests  []uint32 // transaction ids with which the client asked for a challenge
	open      []asked  // challenges without an answer, in order
	waiting   []answer // answers without a verdict of the server
	past      []answer // the last ones
	unlocked  bool     // a challenge that the client asked for was passed
	explained int      // wrong answers that were looked into
	leaving   bool     // one end has said that it ends the connection, and not for an answer
}

// asked is a challenge that has no answer yet.
type asked struct {
	Challenge
	at    time.Time
	due   time.Time // when the answer is late: counted from when the challenge was all there
	told  bool      // it has been told that it is
	doubt bool      // some of what the server said since is missing: other challenges, perhaps
}

// answer is an answer on which the server has not said anything yet.
type answer struct {
	Challenge
	to    paired // the challenge that it is to
	at    time.Time
	due   time.Time // when a verdict is late
	told  bool
	whole bool   // none of it is missing
	why   string // of a second answer: what is wrong with it
}

// mistake is what is wrong with the answer, as far as that was found out.
func (a *answer) mistake() string {
	if a.Verdict == VerdictUnsolicited {
		return a.why
	}
	return a.Explanation
}

// MayChallenge tells whether the client could be asked a challenge now: it is
// signed in, its dialect has challenges, and none waits for its answer.
func (s *Session) MayChallenge() bool {
	return s.signedIn && s.source == DialectNegotiated && AlgorithmOf(s.dialect) != AlgorithmUnknown &&
		(s.lock == nil || len(s.lock.open) == 0)
}

// locks returns the connection's lockAndKey.
func (s *Session) locks() *lockAndKey {
	if s.lock == nil {
		s.lock = &lockAndKey{}
	}
	return s.lock
}

// challenges takes what a command says about a challenge.
func (s *Session) challenges(rec *Record) {
	switch {
	case rec.Verb == "CHL" && rec.Dir == ClientToServer:
		s.requested(rec)
	case rec.Verb == "CHL":
		s.asked(rec)
	case rec.Verb == "QRY" && rec.Dir == ClientToServer:
		s.answered(rec)
	case s.lock != nil && rec.Verb == "OUT":
		s.lock.leaving = rec.Dir == ClientToServer || len(rec.Args) > 0
	case s.lock != nil && rec.Dir == ServerToClient:
		s.judged(rec)
	case s.lock != nil && rec.Verb == "CHG" && equalFold(rec.Arg("status"), "FLN"):
		s.lock.unlocked = false // who went offline must unlock again
	}
}

// requested takes the client's request for a challenge.
func (s *Session) requested(rec *Record) {
	l := s.locks()
	if l.unlocked {
		rec.issue("the client asks for a challenge again, although it has passed one in this session")
	}
	if len(l.requests) < maxOpen {
		l.requests = append(l.requests, rec.TrID)
	}
}

// asked takes a challenge of the server, or of the proxy.
func (s *Session) asked(rec *Record) {
	l := s.locks()
	text := string(rec.Arg("challenge"))
	if len(text) > maxChallenge {
		text = text[:maxChallenge] + "…"
		rec.issue(tooLong)
	}
	c := asked{at: rec.Time, due: s.now.Add(answerTime), Challenge: Challenge{
		Challenge: text, Injected: rec.Injected, Asked: s.nextSeq(),
	}}
	c.Requested = l.takeRequest(rec)
	if i := l.answeredLater(rec.Time); i >= 0 {
		s.adopt(rec, &l.waiting[i], c.Challenge)
		return
	}
	if len(l.open) == maxOpen {
		l.open = l.open[1:]
		rec.issue(fmt.Sprintf("over %d challenges wait for an answer; the oldest is forgotten", maxOpen))
	}
	l.open = append(l.open, c)
	if c.Injected {
		rec.challenge(c.Challenge)
	}
}

// tooLong is said of a challenge that is.
const tooLong = "the challenge is too long for its answer to be checked"

// isTooLong tells whether a challenge was cut because it is.
func isTooLong(challenge string) bool { return len(challenge) > maxChallenge }

// answeredLater finds an answer that came after a challenge, and yet was read
// before it: a capture that lacks some of what the server said gives the rest
// of it late. It returns -1 if there is none.
func (l *lockAndKey) answeredLater(than time.Time) int {
	return slices.IndexFunc(l.waiting, func(a answer) bool {
		return a.Verdict == VerdictUnsolicited && a.Challenge.Challenge == "" && a.at.After(than)
	})
}

// adopt gives an answer the challenge that it is to, with our verdict.
func (s *Session) adopt(rec *Record, a *answer, to Challenge) {
	pair, _ := s.cfg.Checks.keys().Pair(a.ProductID)
	pair.ProductID = a.ProductID
	c := &a.Challenge
	c.Challenge, c.Asked, c.Requested, c.Latency = to.Challenge, to.Asked, to.Requested, a.at.Sub(rec.Time)
	c.Verdict, c.Explanation = "", ""
	s.check(c, pair, a.whole)
	c.doubted(s.incomplete(ServerToClient))
	for i := range s.lock.past {
		if p := &s.lock.past[i]; p.Answer == c.Answer {
			p.Challenge = *c
		}
	}
	rec.challenge(*c)
}

// doubted takes back that an answer is wrong, where nothing explains it and the
// challenge that it is to may be missing.
func (c *Challenge) doubted(missing bool) {
	if missing && c.Verdict == VerdictWrong && c.Explanation == "" {
		c.Verdict, c.Explanation = "", "it may answer a challenge that is missing here"
	}
}

// takeRequest tells whether a challenge is what the client has asked for, by
// the transaction id, or by being the next one.
func (l *lockAndKey) takeRequest(rec *Record) bool {
	for i, trid := range l.requests {
		if rec.Injected || rec.TrID != 0 && rec.TrID != trid {
			continue
		}
		l.requests = append(l.requests[:i], l.requests[i+1:]...)
		return true
	}
	return false
}

// challenge adds a note about a challenge.
func (r *Record) challenge(c Challenge) {
	for _, text := range []*string{&c.Challenge, &c.ProductID, &c.Got, &c.Explanation} {
		*text = readable(*text)
	}
	r.Notes = append(r.Notes, Note{Kind: NoteChallenge, Challenge: &c})
}

// answered checks an answer of the client.
func (s *Session) answered(rec *Record) {
	l := s.locks()
	given := Challenge{ProductID: string(rec.Arg("product_id")), Got: string(rec.Payload), Answer: s.nextSeq()}
	pair, known := s.cfg.Checks.keys().Pair(given.ProductID)
	given.Client, given.Environment = pair.Client, pair.Environment
	pair.ProductID = given.ProductID
	whole := rec.PayloadBytes == int64(len(rec.Payload))
	to, ok := s.whichOf(pair, given.Got)
	why := ""
	if ok {
		given.answers(&to.asked, rec.Time)
		s.check(&given, pair, whole)
		given.doubted(to.doubt)
		if given.Latency >= answerTime {
			rec.issue(fmt.Sprintf("the answer to the challenge came after %v", given.Latency.Round(time.Second)))
		}
	} else {
		why = s.unsolicited(rec, &given, pair)
	}
	if want := s.cfg.Checks.environment(); known && pair.Environment != want {
		rec.issue(fmt.Sprintf("product id %s was issued for the %s environment, and this is %s", given.ProductID, pair.Environment, want))
	}
	rec.challenge(given)
	if to.instead != nil {
		rec.challenge(to.instead.Challenge)
		to.instead = nil
	}
	l.remember(answer{Challenge: given, to: to, at: rec.Time, due: s.now.Add(answerTime), whole: whole, why: why})
}

// answers makes it the answer, given at a time, to a challenge.
func (c *Challenge) answers(to *asked, at time.Time) {
	c.Challenge, c.Asked = to.Challenge.Challenge, to.Asked
	c.Injected, c.Requested = to.Injected, to.Requested
	c.Latency = at.Sub(to.at)
}

// respond works out the answer to a challenge, and whether it is the one that
// the client gave. Where the dialect is not known well enough to tell the
// algorithm, both are tried.
func (s *Session) respond(challenge string, pair Pair, got string) (Algorithm, string, bool) {
	likely, sure := s.algorithm(pair)
	right := Respond(likely, challenge, pair.ProductID, pair.Key)
	if sure || right == got {
		return likely, right, right == got
	}
	other := AlgorithmMSNP6 + AlgorithmMSNP11 - likely
	if Respond(other, challenge, pair.ProductID, pair.Key) == got {
		return other, got, true
	}
	return likely, right, false
}

// algorithm returns the algorithm of the connection's dialect. Where that is
// not known, or inferred and so a lower bound, it goes by who uses the product
// id, and is not sure.
func (s *Session) algorithm(pair Pair) (a Algorithm, sure bool) {
	a = AlgorithmOf(s.dialect)
	if a == AlgorithmMSNP11 || a != AlgorithmUnknown && s.source > DialectInferred {
		return a, true
	}
	if a = AlgorithmOf(pair.From); a == AlgorithmUnknown {
		a = AlgorithmMSNP11
	}
	return a, false
}

// check gives our verdict on an answer, if it is all there.
func (s *Session) check(c *Challenge, pair Pair, whole bool) {
	if !whole {
		c.Explanation = "a part of the answer is missing here"
		return
	}
	if isTooLong(c.Challenge) {
		c.Explanation = tooLong
		return
	}
	if pair.Key == "" {
		c.Algorithm, _ = s.algorithm(pair)
		c.Verdict = VerdictUnknownKey
		s.explain(c, pair)
		return
	}
	var ok bool
	c.Algorithm, c.Expected, ok = s.respond(c.Challenge, pair, c.Got)
	if ok {
		c.Verdict = VerdictCorrect
		return
	}
	c.Verdict = VerdictWrong
	s.explain(c, pair)
}

// explain looks into an answer that is not right, or of which that is not known.
func (s *Session) explain(c *Challenge, pair Pair) {
	switch {
	case s.lock.explained >= maxExplanations:
		c.Explanation = fmt.Sprintf("not looked into: there were %d wrong answers before", maxExplanations)
		return
	case !s.mayExplain():
		c.Explanation = fmt.Sprintf("not looked into: there were %d wrong answers before, on all connections", maxEffort)
		return
	}
	c.Explanation = Explain(c.Algorithm, c.Challenge, pair, c.Got, s.cfg.Checks.keys(), s.lock.others(c.Challenge)...)
}

// mayExplain tells whether one more wrong answer may be looked into, and counts it.
func (s *Session) mayExplain() bool {
	if s.lock.explained >= maxExplanations || s.cfg.Effort != nil && s.cfg.Effort.spent >= maxEffort {
		return false
	}
	s.lock.explained++
	if s.cfg.Effort != nil {
		s.cfg.Effort.spent++
	}
	return true
}

// others are the other challenges that the client knows of.
func (l *lockAndKey) others(than string) []string {
	var list []string
	for i := range l.open {
		list = append(list, l.open[i].Challenge.Challenge)
	}
	for i := range l.past {
		if c := l.past[i].Challenge.Challenge; c != than {
			list = append(list, c)
		}
	}
	return list
}

// incomplete tells whether some of what a direction said since the connection
// is being watched was not seen.
func (s *Session) incomplete(dir Direction) bool {
	side := &s.sides[dir.index()]
	return side.bytes == 0 || side.lost
}

// doubt takes note that something of the server is missing.
func (l *lockAndKey) doubt() {
	for i := range l.open {
		l.open[i].doubt = true
	}
}

// intact tells whether all is seen of both directions: only then are an answer
// and its reply read in the order in which they were said.
func (s *Session) intact() bool {
	return !s.incomplete(ClientToServer) && !s.incomplete(ServerToClient)
}

// remember keeps an answer for the server's verdict, which it gives on those
// that get to it only, and for what is said of later ones.
func (l *lockAndKey) remember(a answer) {
	if !a.Injected {
		if len(l.waiting) == maxOpen {
			l.waiting = l.waiting[1:]
		}
		l.waiting = append(l.waiting, a)
	}
	if len(l.past) == maxPast {
		l.past = append(l.past[:0], l.past[1:]...)
	}
	l.past = append(l.past, a)
}

// judged takes the server's verdict: its reply to an answer. What the proxy
// says itself is none.
func (s *Session) judged(rec *Record) {
	if rec.Injected && rec.Verb == "QRY" {
		rec.challenge(Challenge{Injected: true})
		return
	}
	l := s.lock
	failed := rec.Note(NoteError)
	if reply := rec.Note(NoteReply); reply != nil && reply.Request == "CHL" && failed != nil {
		l.requests = slices.DeleteFunc(l.requests, func(trid uint32) bool { return trid == rec.TrID })
	}
	i := l.judges(rec)
	if i < 0 {
		return
	}
	c := l.waiting[i].Challenge
	l.waiting = append(l.waiting[:i], l.waiting[i+1:]...)
	c.ServerVerdict = ServerAccepted
	if failed != nil {
		c.ServerVerdict = ServerRejected
	}
	l.keepVerdict(c)
	s.result(rec, c)
}

// keepVerdict remembers the server's verdict on an answer.
func (l *lockAndKey) keepVerdict(c Challenge) {
	for i := range l.past {
		if p := &l.past[i]; p.Answer == c.Answer {
			p.ServerVerdict = c.ServerVerdict
		}
	}
}

// errorChallenge is what a server says of a wrong answer. Neither it nor the
// reply to a right one always bears the transaction id of the answer.
const errorChallenge = 540

// judges finds the waiting answer that a record of the server is about, or -1.
func (l *lockAndKey) judges(rec *Record) int {
	if reply := rec.Note(NoteReply); reply != nil {
		return slices.IndexFunc(l.waiting, func(a answer) bool { return reply.Request == "QRY" && a.Answer == reply.ToSeq })
	}
	failed := rec.Note(NoteError)
	if len(l.waiting) > 0 && (failed != nil && failed.Code == errorChallenge || rec.Verb == "QRY" && rec.TrID == 0) {
		return 0
	}
	return -1
}

// result tells the outcome of a challenge, and loudly if the server and we
// differ.
func (s *Session) result(rec *Record, c Challenge) {
	if c.Requested && c.ServerVerdict == ServerAccepted {
		s.lock.unlocked = true
	}
	switch {
	case c.Verdict == VerdictUnsolicited && c.Challenge == "" && !s.cfg.MidStream && !s.incomplete(ServerToClient):
		rec.issue("an answer to no challenge")
	case c.ServerVerdict == ServerAccepted && c.isWrong():
		rec.issue("the server accepted a wrong answer to its challenge")
	case c.ServerVerdict == ServerRejected && c.Verdict == VerdictCorrect:
		rec.issue("the server rejected the right answer to its challenge")
	}
	rec.challenge(c)
}
