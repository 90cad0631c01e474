package main

import (
	"sync"
	"time"

	"github.com/rs/zerolog"
)

const (
	// repeatTime and maxRepeats bound how often the log says the same: a client
	// may come back ten thousand times a minute to a server that is not there.
	// It is enough for a test that cuts connections one after the other.
	repeatTime = time.Minute
	maxRepeats = 500
)

// repeats keeps messages out of the log that it has had too often, and says how
// many those were. Messages are alike if their text is, whatever they are about.
type repeats struct {
	log  zerolog.Logger // without this hook
	mu   sync.Mutex
	said map[string]*saying // by text; the texts are the program's own, and few
}

// saying is a message that was logged not long ago.
type saying struct {
	level zerolog.Level
	since time.Time
	times int
	end   *time.Timer // when what was left out is told
}

// Run is called for each message before it is written.
func (r *repeats) Run(e *zerolog.Event, level zerolog.Level, text string) {
	if level < zerolog.InfoLevel {
		return // who asks for those wants to see all
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	s := r.said[text]
	if s == nil || s.end == nil && time.Since(s.since) >= repeatTime {
		s = &saying{level: level, since: time.Now()}
		r.said[text] = s
	}
	if s.times++; s.times <= maxRepeats {
		return
	}
	e.Discard()
	if s.end == nil {
		s.end = time.AfterFunc(repeatTime-time.Since(s.since), func() { r.tell(text) })
	}
}

// tell says how often a message was left out.
func (r *repeats) tell(text string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	s := r.said[text]
	delete(r.said, text)
	if s != nil && s.times > maxRepeats {
		s.end.Stop()
		r.log.WithLevel(s.level).Str("said", text).Int("times", s.times-maxRepeats).Msg("the same was to be said more often, and is left out")
	}
}

// tellAll says so for all messages, at the end of a run.
func (r *repeats) tellAll() {
	r.mu.Lock()
	var texts []string
	for text := range r.said {
		texts = append(texts, text)
	}
	r.mu.Unlock()
	for _, text := range texts {
		r.tell(text)
	}
}
