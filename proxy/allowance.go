package proxy

import (
	"cmp"
	"errors"
	"io"
	"slices"
	"sync"
	"sync/atomic"

	"msnproxy/internal/gateway"
)

// What is not complete has to be held to be decoded. Connections are bounded one
// by one, at some megabytes; thousands of them amount to more than a machine
// may have. So they are bounded together as well. What gives way is the decoding:
// whatever we cannot hold, the bytes go on.
const (
	// maxUnfinished bounds what the connections together hold of commands,
	// chunked messages and requests that are not complete; and again, apart from
	// that, what exchanges of HTTP hold of messages. Real ones hold some kilobytes
	// each.
	maxUnfinished = 256 << 20
	// unfinishedShare is what each may hold whatever the others do: all of them
	// together half of the bound.
	unfinishedShare = maxUnfinished / 2 / maxConnections
)

// reasonUnfinished is told of a connection that is no longer decoded.
const reasonUnfinished = "too much of it is unfinished"

// allowance is what many may hold together.
type allowance struct {
	sizes
	used   atomic.Int64
	making sync.Mutex   // is held while room is made
	turn   atomic.Int64 // counts what is weighed, to tell what was so last
}

// sizes are how much they may hold together, and each in any case.
type sizes struct{ size, share int64 }

var usualSizes = sizes{size: maxUnfinished, share: unfinishedShare}

// lacks tells whether there is too little. When room is made, it is until a
// quarter of it is free, so that it is not made all the time.
func (a *allowance) lacks() bool   { return a.used.Load() > a.size }
func (a *allowance) lacking() bool { return a.used.Load() > a.size/4*3 }

// weight is what a connection holds of an allowance.
type weight struct {
	size int64
	turn int64 // when that changed last
}

// weigh notes what the connection holds now. The caller holds the lock.
func (c *conn) weigh() {
	now := int64(0)
	if c.session != nil {
		now = c.session.Held()
	}
	if now == c.weight.size {
		return
	}
	a := &c.proxy.allowance
	a.used.Add(now - c.weight.size)
	c.weight = weight{now, a.turn.Add(1)}
}

// boundUnfinished makes room if the connections hold too much. The caller holds
// the lock of none.
func (p *Proxy) boundUnfinished() {
	if !p.allowance.lacks() {
		return
	}
	p.allowance.making.Lock()
	defer p.allowance.making.Unlock()
	if p.allowance.lacks() {
		p.makeUnfinishedRoom()
	}
}

// makeUnfinishedRoom gives up decoding connections that hold much until there is
// room, those that have held it longest first.
func (p *Proxy) makeUnfinishedRoom() {
	given := 0
	for _, c := range p.hogs() {
		if !p.allowance.lacking() {
			break
		}
		if c.giveUpHog() {
			given++
		}
	}
	if given == 0 {
		return // they have finished by now
	}
	p.cfg.Log.Warn().Int("connections", given).
		Msg("too much of what connections have begun is unfinished; those that hold it longest are relayed undecoded from here on")
}

// hogs are the connections that hold more than their share, the one that has
// held it longest first.
func (p *Proxy) hogs() (list []*conn) {
	since := map[*conn]int64{}
	for _, c := range p.connections() {
		c.mu.Lock()
		if c.holdsMuch() {
			list, since[c] = append(list, c), c.weight.turn
		}
		c.mu.Unlock()
	}
	slices.SortFunc(list, func(a, b *conn) int { return cmp.Compare(since[a], since[b]) })
	return list
}

func (c *conn) holdsMuch() bool { return c.weight.size > c.proxy.allowance.share }

// giveUpHog gives up decoding the connection, unless it holds little by now.
func (c *conn) giveUpHog() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	much := c.holdsMuch()
	if much {
		c.giveUp()
	}
	return much
}

// giveUp ends the decoding of the connection, and what its records tell. It is
// relayed as it is from then on. The caller holds the lock.
func (c *conn) giveUp() {
	c.gate.follow(func() bool {
		c.endSession(reasonUnfinished)
		return false
	})
	c.broken = true
}

// held is what an exchange of HTTP holds of messages.
type held struct {
	allowance *allowance

	mu   sync.Mutex
	size int64
	over bool // the exchange is
}

// add notes that so much more is held, or less.
func (h *held) add(n int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if !h.over {
		h.size += int64(n)
		h.allowance.used.Add(int64(n))
	}
}

// end notes that nothing is held any more, whatever still comes.
func (h *held) end() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.allowance.used.Add(-h.size)
	h.size, h.over = 0, true
}

// tooMuch tells whether no more can be held.
func (h *held) tooMuch() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.size > h.allowance.share && h.allowance.lacks()
}

// collect adds a part of a body that is to be decoded when it is complete, if
// there is room.
func (h *held) collect(b *gateway.Body, p []byte) {
	before := b.Len()
	b.Add(p)
	h.add(b.Len() - before)
	if h.tooMuch() {
		h.add(-b.Len())
		b.Drop()
	}
}

// errNoRoom is told of a body that is more than there is room for.
var errNoRoom = errors.New("there are too many messages that are not complete")

// heldReader reads what is held until it is complete.
type heldReader struct {
	io.Reader
	held *held
}

func (r heldReader) Read(p []byte) (int, error) {
	if r.held.tooMuch() {
		return 0, errNoRoom
	}
	n, err := r.Reader.Read(p)
	r.held.add(n)
	return n, err
}
