package decode

import "slices"

// Which challenge an answer is to: the wire does not say.

// maxCandidates bounds the waiting challenges that a wrong answer is held
// against, each of which costs as much as an explanation.
const maxCandidates = 4

// paired is a challenge with what was found out when an answer to it was looked for.
type paired struct {
	asked
	guessed bool    // others waited too, and nothing told which
	instead *answer // an earlier answer, which had this challenge by a guess and now has another
}

// whichOf finds the challenge that an answer belongs to, and takes it off
// those that wait: the one that it is the right answer to, else one that a usual
// mistake makes it an answer to, else the one that has waited longest among those
// that are not overdue. Who leaves a challenge unanswered does not answer it
// instead of a later one.
func (s *Session) whichOf(pair Pair, got string) (to paired, ok bool) {
	l := s.lock
	if len(l.open) == 0 {
		return paired{}, false
	}
	at := s.rightlyAnswered(pair, got)
	if at < 0 {
		at = s.mistakenlyAnswered(pair, got)
	}
	if at >= 0 {
		return paired{asked: l.take(at)}, true
	}
	at = max(0, slices.IndexFunc(l.open, func(a asked) bool { return !a.told }))
	if before := s.guessedBefore(pair, got, l.open[at].Injected); before != nil {
		return paired{asked: s.exchange(before, l.take(at)), instead: before}, true
	}
	return paired{guessed: len(l.open) > 1, asked: l.take(at)}, true
}

// take takes a challenge off those that wait for an answer.
func (l *lockAndKey) take(at int) asked {
	a := l.open[at]
	l.open = slices.Delete(l.open, at, at+1)
	return a
}

// rightlyAnswered finds the waiting challenge that an answer is right for, or -1.
func (s *Session) rightlyAnswered(pair Pair, got string) int {
	return slices.IndexFunc(s.lock.open, func(a asked) bool { return s.answersRightly(a.Challenge.Challenge, pair, got) })
}

func (s *Session) answersRightly(challenge string, pair Pair, got string) bool {
	if pair.Key == "" || isTooLong(challenge) {
		return false
	}
	_, _, ok := s.respond(challenge, pair, got)
	return ok
}

// mistakenlyAnswered finds the waiting challenge to which an answer is wrong in one of
// the usual ways, or -1. With one challenge there is nothing to choose.
func (s *Session) mistakenlyAnswered(pair Pair, got string) int {
	if len(s.lock.open) == 1 || !isAnswer(got) {
		return -1
	}
	for i := range min(len(s.lock.open), maxCandidates) {
		if a := &s.lock.open[i]; !a.told && s.mistakeOf(a.Challenge.Challenge, pair, got) != "" {
			return i
		}
	}
	return -1
}

// mistakeOf explains an answer to a challenge, as far as explanations go.
func (s *Session) mistakeOf(challenge string, pair Pair, got string) string {
	if isTooLong(challenge) || !s.mayExplain() {
		return ""
	}
	algorithm, _ := s.algorithm(pair)
	return Explain(algorithm, challenge, pair, got, s.cfg.Checks.keys())
}

// guessedBefore finds the wrong answer that was taken, for want of anything
// better, to be to the challenge that this one is the right answer to. What is the
// proxy's own and what is the server's is not exchanged: it has gone its way.
func (s *Session) guessedBefore(pair Pair, got string, injected bool) *answer {
	past := s.lock.past
	for i := range past {
		p := &past[i]
		if p.to.guessed && p.Injected == injected && p.Explanation == "" && s.answersRightly(p.Challenge.Challenge, pair, got) {
			return p
		}
	}
	return nil
}

// exchange gives an earlier answer another challenge in place of its own, which
// it returns.
func (s *Session) exchange(before *answer, other asked) asked {
	freed := before.to.asked
	before.to = paired{asked: other}
	before.answers(&other, before.at)
	pair, _ := s.cfg.Checks.keys().Pair(before.ProductID)
	pair.ProductID = before.ProductID
	s.check(&before.Challenge, pair, before.whole)
	before.doubted(other.doubt)
	for i := range s.lock.waiting {
		if w := &s.lock.waiting[i]; w.Answer == before.Answer {
			w.Challenge, w.to = before.Challenge, before.to
		}
	}
	return freed
}

// unsolicited deals with an answer for which no challenge waits: a second one,
// or one whose challenge nobody saw. It returns what is wrong with a second one.
func (s *Session) unsolicited(rec *Record, c *Challenge, pair Pair) (why string) {
	c.Verdict = VerdictUnsolicited
	before, why := s.answeredBefore(pair, c.Got)
	if before != nil {
		c.Challenge, c.Injected = before.Challenge.Challenge, before.Injected
		c.Explanation = "a second answer to the challenge"
		rec.issue("a second answer to the challenge " + c.Challenge)
		if rec.PayloadBytes == int64(len(rec.Payload)) {
			s.compare(c, pair, why)
		}
		return why
	}
	if s.cfg.MidStream || s.incomplete(ServerToClient) {
		c.Explanation = "its challenge may be in what is missing here"
		return ""
	}
	c.Explanation = "no challenge was waiting for an answer" // an issue, once it is sure: see result
	if past := s.lock.past; len(past) > 0 && past[len(past)-1].Challenge.Challenge != "" {
		c.Explanation += ", and the last one, " + past[len(past)-1].Challenge.Challenge + ", has been answered"
	}
	return ""
}

// compare tells of a second answer what is right, and how it differs from that.
func (s *Session) compare(c *Challenge, pair Pair, why string) {
	if pair.Key == "" {
		return
	}
	if isTooLong(c.Challenge) {
		c.Explanation += "; " + tooLong
		return
	}
	var ok bool
	switch c.Algorithm, c.Expected, ok = s.respond(c.Challenge, pair, c.Got); {
	case ok:
		c.Explanation += "; it is right"
	case why != "":
		c.Explanation += "; it is wrong: " + why
	default:
		c.Explanation += "; it is wrong"
	}
}

// isWrong tells whether an answer is known to be wrong, be it the first or not.
func (c *Challenge) isWrong() bool {
	return c.Verdict == VerdictWrong || c.Verdict == VerdictUnsolicited && c.Expected != "" && c.Expected != c.Got
}

// answeredBefore finds the challenge that an answer is to, among those that have
// one already: the answer is the same, or right this time, or wrong in a usual way.
func (s *Session) answeredBefore(pair Pair, got string) (before *answer, why string) {
	past := s.lock.past
	for i := len(past) - 1; i >= 0; i-- {
		p := &past[i]
		same := p.Got == got && p.ProductID == pair.ProductID
		if p.Challenge.Challenge != "" && (same || s.answersRightly(p.Challenge.Challenge, pair, got)) {
			return p, p.mistake()
		}
	}
	if len(past) == 0 || past[len(past)-1].Challenge.Challenge == "" || !isAnswer(got) {
		return nil, ""
	}
	last := &past[len(past)-1]
	if why = s.mistakeOf(last.Challenge.Challenge, pair, got); why != "" {
		return last, why
	}
	return nil, ""
}
