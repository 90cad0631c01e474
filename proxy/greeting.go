package proxy

import "bytes"

// maxGreeting is how much a client may say before it counts as having said
// something, though no line of it is whole: what does not speak MSNP has none.
const maxGreeting = 1 << 10

// greet takes note of what a client says first. A part of a line is nothing yet:
// who sends a byte now and then holds a connection as cheaply as who sends none. The
// caller holds the lock.
func (c *conn) greet(p []byte) {
	if c.heard == 0 {
		c.sayIfForeign(p)
	}
	c.heard += len(p)
	if c.heard >= maxGreeting || bytes.IndexByte(p, '\n') >= 0 {
		c.greeted.Store(true)
	}
}
