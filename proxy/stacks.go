package proxy

import (
	"iter"
	"sync"
)

// maxIdleStacks is how many stacks are kept while nobody uses them: as many as
// there may be processors that decode at the same time, on most machines.
const maxIdleStacks = 16

// stacks are deep stacks, which connections borrow for decoding. The stack of a
// goroutine grows to what its deepest call takes, and stays grown: without
// these, each idle connection would have two such stacks, which is most of what
// it would hold.
type stacks struct {
	mu   sync.Mutex
	idle []*stack
}

// job is what needs a deep stack.
type job interface{ decode() }

// stack is a coroutine that does one job after the other. To switch to it costs
// less than a tenth of a microsecond, because the scheduler is not asked.
type stack struct {
	job  job
	next func() (struct{}, bool)
	stop func()
}

func newStack() *stack {
	s := &stack{}
	s.next, s.stop = iter.Pull(func(yield func(struct{}) bool) {
		for more := true; more; more = yield(struct{}{}) {
			s.job.decode()
		}
	})
	return s
}

// run does a job on a borrowed stack, and returns when it is done.
func (l *stacks) run(j job) {
	s := l.borrow()
	s.job = j
	s.next()
	s.job = nil
	l.giveBack(s)
}

func (l *stacks) borrow() *stack {
	l.mu.Lock()
	defer l.mu.Unlock()
	n := len(l.idle)
	if n == 0 {
		return newStack()
	}
	s := l.idle[n-1]
	l.idle = l.idle[:n-1]
	return s
}

func (l *stacks) giveBack(s *stack) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.idle) == maxIdleStacks {
		s.stop()
		return
	}
	l.idle = append(l.idle, s)
}

// drop ends the stacks that nobody uses: when there is no connection, there is
// nothing to keep them for.
func (l *stacks) drop() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, s := range l.idle {
		s.stop()
	}
	l.idle = nil
}
