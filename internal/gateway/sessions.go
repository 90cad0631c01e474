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
	byID  map[string]*Session[S]
	order list.List // the one silent longest is the first
}

// Session is a session at the gateway.
type Session[S any] struct {
	ID    string
	State S
	last  time.Time
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
	one.place = s.order.PushBack(one)
	s.byID[id] = one
	return one
}

// Touch notes that a session has shown life.
func (s *Sessions[S]) Touch(one *Session[S], now time.Time) {
	one.last = now
	s.order.MoveToBack(one.place)
}

// Remove takes a session out.
func (s *Sessions[S]) Remove(one *Session[S]) {
	s.order.Remove(one.place)
	delete(s.byID, one.ID)
}

// Stale returns a session that was silent for too long, or that is one too
// many; nil if there is none.
func (s *Sessions[S]) Stale(now time.Time, idle time.Duration) *Session[S] {
	e := s.order.Front()
	if e == nil {
		return nil
	}
	one := e.Value.(*Session[S])
	if s.order.Len() <= MaxSessions && now.Sub(one.last) <= idle {
		return nil
	}
	return one
}

// All returns the sessions, the one silent longest first.
func (s *Sessions[S]) All() []*Session[S] {
	var all []*Session[S]
	for e := s.order.Front(); e != nil; e = e.Next() {
		all = append(all, e.Value.(*Session[S]))
	}
	return all
}
