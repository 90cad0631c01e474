package journal

import "time"

// settleTime is how long somebody waits for an output that is slow.
const settleTime = time.Second

// Settle waits until an output is done with what is queued for it at the moment,
// for a bounded time: for somebody who asks what it has made of the run so far.
func (l *Live) Settle(output string) {
	late := time.After(settleTime)
	for _, reached := range l.mark(output) {
		select {
		case <-reached:
		case <-late:
			return
		}
	}
}

// mark queues marks for an output, which are closed when it gets there.
func (l *Live) mark(output string) (marks []chan struct{}) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, q := range l.queues {
		if q.Name == output && !l.closed {
			mark := make(chan struct{})
			q.push(item{mark: mark}, 0)
			signal(q.much)
			marks = append(marks, mark)
		}
	}
	return marks
}
