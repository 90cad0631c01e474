package captures

import "time"

// queue holds connections in the order of their last packets, so that the
// ones which were silent longest are found without a search.
type queue struct {
	first, last *connection
	size        int
}

// queued is the place of a connection in its queue and in the table.
type queued struct {
	in         *queue
	prev, next *connection
	key        ports
}

// push adds a connection as the one that was active last.
func (q *queue) push(c *connection) {
	c.in, c.prev, c.next = q, q.last, nil
	if q.last != nil {
		q.last.next = c
	} else {
		q.first = c
	}
	q.last = c
	q.size++
}

// remove takes a connection out.
func (q *queue) remove(c *connection) {
	if c.prev != nil {
		c.prev.next = c.next
	} else {
		q.first = c.next
	}
	if c.next != nil {
		c.next.prev = c.prev
	} else {
		q.last = c.prev
	}
	c.in, c.prev, c.next = nil, nil, nil
	q.size--
}

// due is when the first connection will have been silent for a time, if that is
// before another time.
func (q *queue) due(before time.Time, silence time.Duration) time.Time {
	if q.first != nil {
		if at := q.first.last.Time.Add(silence); at.Before(before) {
			return at
		}
	}
	return before
}

// expire drops connections from the front that were silent for longer than a
// time, and evicts them while there are more than the limit. Both must take
// them out of the queue.
func (q *queue) expire(now time.Time, silence time.Duration, limit int, drop, evict func(*connection)) {
	for q.first != nil {
		switch {
		case now.Sub(q.first.last.Time) > silence:
			drop(q.first)
		case q.size > limit:
			evict(q.first)
		default:
			return
		}
	}
}
