package gateway

import (
	"container/list"
	"time"
)

const (
	// MaxSessions bounds the sessions that are remembered. Those that have ended
	// are: a late request must not bring them back.
	MaxSessions = 1 << 12
	// IdleAfter is when a silent session is closed. Clients without PNG were
	// silent for hours.
	IdleAfter = 12 * time.Hour
)

// Sessions are the sessions of a gateway, by their ids. S is what is known of
// one.
type Sessions[S any] struct {
	byID map[string]*Session[S]
	// Of both lists, the one silent longest is the first. In doubt are those that no
	// answer was about: a client may guess ids, and the gateway knows better.
	answered, doubtful list.List
}

// Session is a session at the gateway.
type Session[S any] struct {
	ID    string
	State S
	last  time.Time
	in    *list.List
	place *list.Element
}

// Find returns the session of an id, or nil.
func (s *Sessions[S]) Find(id string) *Session[S] { return s.byID[id] }

// Add takes a new session in. There must be none of its id.
func (s *Sessions[S]) Add(id string, state S, now time.Time) *Session[S] {
	if s.byID == nil {
		s.byID = map[string]*Session[S]{}
	}
	one := &Session[S]{ID: id, State: state, last: now}
	one.put(&s.doubtful)
	s.byID[id] = one
	return one
}

// put puts the session behind all others of a list.
func (s *Session[S]) put(in *list.List) {
	if s.in != nil {
		s.in.Remove(s.place)
	}
	s.in, s.place = in, in.PushBack(s)
}

// Touch notes that a session has shown life.
func (s *Sessions[S]) Touch(one *Session[S], now time.Time) {
	one.last = now
	one.put(one.in)
}

// Answered notes that an answer of the gateway was about a session.
func (s *Sessions[S]) Answered(one *Session[S], now time.Time) {
	one.last = now
	one.put(&s.answered)
}

// Remove takes a session out.
func (s *Sessions[S]) Remove(one *Session[S]) {
	one.in.Remove(one.place)
	delete(s.byID, one.ID)
}

// Stale returns a session that was silent for too long, or that is one too
// many; nil if there is none. Those in doubt make room for each other.
func (s *Sessions[S]) Stale(now time.Time, idle time.Duration) *Session[S] {
	for _, list := range [...]*list.List{&s.doubtful, &s.answered} {
		if one := first[S](list); one != nil && now.Sub(one.last) > idle {
			return one
		}
	}
	switch {
	case len(s.byID) <= MaxSessions:
		return nil
	case s.doubtful.Len() > 1 || s.answered.Len() == 0:
		return first[S](&s.doubtful)
	}
	return first[S](&s.answered)
}

// first returns the first session of a list, or nil.
func first[S any](of *list.List) *Session[S] {
	if e := of.Front(); e != nil {
		return e.Value.(*Session[S])
	}
	return nil
}

// All returns the sessions, those in doubt first, and of both kinds the one silent
// longest.
func (s *Sessions[S]) All() []*Session[S] {
	var all []*Session[S]
	for _, list := range [...]*list.List{&s.doubtful, &s.answered} {
		for e := list.Front(); e != nil; e = e.Next() {
			all = append(all, e.Value.(*Session[S]))
		}
	}
	return all
}
