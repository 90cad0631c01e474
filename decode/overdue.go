package decode

import (
	"slices"
	"strings"
	"time"
)

// Tick tells what time it is. What is overdue by then gets a record of its own,
// whether anything comes or not: a challenge without an answer, or an answer that
// the server says nothing to. It reports whether there was such a thing.
//
// Input tells the time as well, and the record stands before what the input
// brings: it has the same place however often Tick is called.
func (s *Session) Tick(at Stamp) (told bool) {
	s.now = at.Time
	for s.lock != nil {
		o, w := s.untold()
		var rec *Record
		switch {
		case o != nil && !o.due.After(s.now) && (w == nil || !w.due.Before(o.due)):
			o.told = true
			rec = s.beginOverdue(o.due, at)
			rec.challenge(o.unanswered(""))
		case w != nil && !w.due.After(s.now):
			w.told = true
			c := w.Challenge
			c.ServerVerdict = ServerSilent
			rec = s.beginOverdue(w.due, at)
			s.result(rec, c)
		default:
			return told
		}
		s.emit(rec)
		told = true
	}
	return told
}

// Waits tells whether something may become overdue: then Tick is of use.
func (s *Session) Waits() bool { return !s.Due().IsZero() }

// Due is when something will be overdue that is not told to be: before that, Tick
// tells nothing. It is zero where nothing may become overdue.
func (s *Session) Due() (at time.Time) {
	if s.lock == nil {
		return at
	}
	o, w := s.untold()
	if o != nil {
		at = o.due
	}
	if w != nil && (o == nil || w.due.Before(at)) {
		at = w.due
	}
	return at
}

// untold returns the challenge that has waited longest for an answer, and the
// answer that has waited longest for the server's verdict, of those that are not
// told to be overdue; nil where there is none, or it may be missing here.
func (s *Session) untold() (o *asked, w *answer) {
	l := s.lock
	if i := slices.IndexFunc(l.open, func(a asked) bool { return !a.told }); i >= 0 && !s.incomplete(ClientToServer) {
		o = &l.open[i]
	}
	if i := slices.IndexFunc(l.waiting, func(a answer) bool { return !a.told }); i >= 0 && s.intact() {
		w = &l.waiting[i]
	}
	return o, w
}

// beginOverdue starts a record of what is overdue since a time.
func (s *Session) beginOverdue(since time.Time, now Stamp) *Record {
	return s.begin(KindOverdue, 0, Stamp{Time: since, Input: now.Input})
}

func (a *asked) unanswered(explanation string) Challenge {
	c := a.Challenge
	c.Verdict, c.Explanation = VerdictUnanswered, explanation
	return c
}

// endChallenges tells, at the end of the connection, what is left open. An end
// by the server right after an answer is its verdict.
func (s *Session) endChallenges(rec *Record) {
	byServer := strings.HasPrefix(rec.Reason, "server")
	seen := byServer || strings.HasPrefix(rec.Reason, "client") // or else what came after was not
	why := ""
	switch {
	case !seen:
		why = "what is known of the connection ends before an answer"
	case s.incomplete(ClientToServer):
		why = "its answer may be in what is missing here"
	}
	for i := range s.lock.open {
		if o := &s.lock.open[i]; !o.told {
			rec.challenge(o.unanswered(why))
		}
	}
	for i := range s.lock.waiting {
		w := &s.lock.waiting[i]
		if w.told {
			continue
		}
		c := w.Challenge
		switch {
		case !s.intact():
			continue // the reply may be missing, or have been read before the answer
		case byServer && !s.lock.leaving && s.sides[ServerToClient.index()].ended.Sub(w.at) <= closeTime:
			c.ServerVerdict = ServerRejected
		case seen:
			c.ServerVerdict = ServerSilent
		default:
			continue // nothing is known of what the server said
		}
		s.result(rec, c)
	}
}
