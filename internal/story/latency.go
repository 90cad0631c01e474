package story

import (
	"cmp"
	"math"
	"slices"
	"time"

	"msnproxy/decode"
)

// Latency is how long servers took to reply to the requests of a verb: to the
// first reply, where a request has several.
type Latency struct {
	Verb               string
	Count              int64 // requests that were answered
	Min, P50, P95, Max time.Duration
	Unanswered         int64 // requests to which a reply belongs, and none came
}

// answers are the requests of a connection that wait for a reply, in the order
// of their sending.
type answers struct{ open []request }

type request struct {
	seq     int64
	verb    string
	expects bool // the protocol has a reply for it
}

// latencies are those of all verbs.
type latencies struct{ byVerb map[string]*latency }

type latency struct {
	sample     sample
	unanswered int64
}

func (l *latencies) of(verb string) *latency {
	one := l.byVerb[verb]
	if one == nil && len(l.byVerb) < maxVerbs {
		if l.byVerb == nil {
			l.byVerb = map[string]*latency{}
		}
		one = &latency{}
		l.byVerb[verb] = one
	}
	return one
}

// pair takes note of a request, or of the first reply to one.
func (l *latencies) pair(c *conn, r *decode.Record) {
	if r.Dir == decode.ClientToServer {
		if r.HasTrID || r.Verb == "PNG" {
			l.ask(c, request{r.Seq, r.Verb, expectsReply(r)})
		}
		return
	}
	n := r.Note(decode.NoteReply)
	if n == nil {
		return
	}
	i := c.answers.find(n.ToSeq)
	if i < 0 {
		return // answered before
	}
	if one := l.of(c.answers.open[i].verb); one != nil {
		one.sample.add(n.Latency)
	}
	c.answers.open = slices.Delete(c.answers.open, i, i+1)
}

func (l *latencies) ask(c *conn, q request) {
	if len(c.answers.open) >= maxOpenRequests {
		l.miss(c.answers.open[0])
		c.answers.open = c.answers.open[1:] // moving them up would cost more than all else
	}
	c.answers.open = append(c.answers.open, q)
}

// find returns the place of a request, or -1. Most replies are to a late one.
func (a *answers) find(seq int64) int {
	for i := len(a.open) - 1; i >= 0; i-- {
		if a.open[i].seq == seq {
			return i
		}
	}
	return -1
}

// giveUp counts what waits for a reply on a connection that has ended.
func (l *latencies) giveUp(c *conn) {
	for _, q := range c.answers.open {
		l.miss(q)
	}
}

func (l *latencies) miss(q request) {
	if !q.expects {
		return
	}
	if one := l.of(q.verb); one != nil {
		one.unanswered++
	}
}

// expectsReply tells whether the protocol has a reply for a request: not for
// messages, unless they ask for a receipt.
func expectsReply(r *decode.Record) bool {
	if r.Verb == "MSG" {
		ack := string(r.Arg("ack"))
		return ack == "A" || ack == "D"
	}
	return r.Verb == "PNG" || replied[r.Verb]
}

// replied are the verbs to which the command table has a reply.
var replied = func() map[string]bool {
	asked, told := map[string]bool{}, map[string]bool{}
	for i := range decode.Commands {
		c := &decode.Commands[i]
		if c.Dir == decode.ClientToServer {
			asked[c.Verb] = true
		} else {
			told[c.Verb] = true
		}
	}
	both := map[string]bool{}
	for verb := range asked {
		both[verb] = told[verb]
	}
	both["OUT"], both["SDG"] = false, false // the server says them too, but not in reply
	return both
}()

// list tells the latencies of all verbs with requests.
func (l *latencies) list() []Latency {
	var out []Latency
	for verb, one := range l.byVerb {
		s := &one.sample
		out = append(out, Latency{Verb: verb, Count: s.n, Min: s.min, P50: s.quantile(0.5), P95: s.quantile(0.95), Max: s.max, Unanswered: one.unanswered})
	}
	slices.SortFunc(out, func(a, b Latency) int { return cmp.Compare(a.Verb, b.Verb) })
	return out
}

const (
	// maxExact is how many durations are kept as they are. Beyond it they are
	// counted in classes.
	maxExact = 4096
	// classWidth is the relative width of a class: quantiles are true to one
	// part in a hundred, and the times from a microsecond to a day fall into
	// some 2500 classes.
	classWidth = 0.01
)

// sample is a set of durations of which quantiles can be told, in bounded
// memory.
type sample struct {
	n        int64
	min, max time.Duration
	exact    []time.Duration
	classes  map[int]int64 // once there are too many to keep
}

func (s *sample) add(d time.Duration) {
	if s.n == 0 || d < s.min {
		s.min = d
	}
	if s.n == 0 || d > s.max {
		s.max = d
	}
	s.n++
	if s.classes == nil && len(s.exact) < maxExact {
		s.exact = append(s.exact, d)
		return
	}
	if s.classes == nil {
		s.classes = map[int]int64{}
		for _, e := range s.exact {
			s.classes[class(e)]++
		}
		s.exact = nil
	}
	s.classes[class(d)]++
}

// class is the number of the class that a duration falls into.
func class(d time.Duration) int {
	if d < time.Microsecond {
		return 0
	}
	return 1 + int(math.Log(float64(d)/float64(time.Microsecond))/math.Log1p(classWidth))
}

// middle is the duration that stands for a class.
func middle(class int) time.Duration {
	if class == 0 {
		return 0
	}
	return time.Duration(float64(time.Microsecond) * math.Pow(1+classWidth, float64(class)-0.5))
}

// quantile returns the smallest duration that at least the part q of all are
// not longer than.
func (s *sample) quantile(q float64) time.Duration {
	if s.n == 0 {
		return 0
	}
	rank := int64(math.Ceil(q * float64(s.n)))
	if s.classes == nil {
		sorted := slices.Sorted(slices.Values(s.exact))
		return sorted[rank-1]
	}
	numbers := make([]int, 0, len(s.classes))
	for number := range s.classes {
		numbers = append(numbers, number)
	}
	slices.Sort(numbers)
	for _, number := range numbers {
		if rank -= s.classes[number]; rank <= 0 {
			return min(max(middle(number), s.min), s.max)
		}
	}
	return s.max
}
