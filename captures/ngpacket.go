package captures

import (
	"math/bits"
	"time"

	"github.com/google/gopacket/pcapgo"
)

// ngClock makes times of an interface's counts.
type ngClock struct {
	units  uint64 // a second
	offset uint64 // in seconds
}

// enhancedHeader is the fixed part of an enhanced packet block.
const enhancedHeader = 20

// packet takes the next block without pcapgo's reader, if it is an enhanced
// packet block which is all there and has nothing wrong with it, as nearly all
// are: the reader would copy its packet twice. All other blocks go to the
// reader, which so knows the interfaces.
func (s *ngSource) packet(f *frame) (ok bool) {
	g := s.guard
	if g.order == nil || len(g.rest) > 0 {
		return false
	}
	head, err := g.in.Peek(blockFrame)
	if err != nil || g.order.Uint32(head) != blockEnhanced {
		return false
	}
	size := int(g.order.Uint32(head[4:]))
	if size < blockFrame+enhancedHeader || size%4 != 0 || size > g.in.Size() {
		return false
	}
	block, err := g.in.Peek(size)
	if err != nil || !s.enhanced(f, block[8:size-4]) {
		return false
	}
	_, _ = g.in.Discard(size) // what was peeked is there
	return true
}

// enhanced reads the body of an enhanced packet block.
func (s *ngSource) enhanced(f *frame, body []byte) (ok bool) {
	g := s.guard
	claimed, rest := g.order.Uint32(body[12:]), body[enhancedHeader:]
	if checkPacket(claimed, uint32(len(rest))) != nil {
		return false
	}
	number := int(g.order.Uint32(body))
	clock, ok := s.clock(number)
	if !ok {
		return false
	}
	options := rest[min(len(rest), (int(claimed)+3)/4*4):]
	*f = frame{
		data: rest[:claimed], length: int(g.order.Uint32(body[16:])), link: g.link(number),
		time:     clock.time(uint64(g.order.Uint32(body[4:]))<<32 | uint64(g.order.Uint32(body[8:]))),
		injected: len(options) > 0 && g.hasComment(options, commentInjected),
	}
	return true
}

// clock returns the clock of an interface that the reader knows.
func (s *ngSource) clock(number int) (ngClock, bool) {
	if number < 0 || number >= len(s.guard.links) || number >= s.r.NInterfaces() {
		return ngClock{}, false
	}
	if s.clocksOf != s.guard.sections {
		s.clocks, s.clocksOf = s.clocks[:0], s.guard.sections
	}
	s.addClocks()
	if number >= len(s.clocks) {
		return ngClock{}, false
	}
	return s.clocks[number], true
}

// addClocks makes the clocks of the interfaces that the section has got since the
// last packet.
func (s *ngSource) addClocks() {
	for i := len(s.clocks); i < s.r.NInterfaces(); i++ {
		one, err := s.r.Interface(i)
		if err != nil {
			return
		}
		s.clocks = append(s.clocks, ngClock{unitsOf(one.TimestampResolution), one.TimestampOffset})
	}
}

// unitsOf is how many units of a resolution make a second: the guard has seen
// to it that they fit.
func unitsOf(r pcapgo.NgResolution) uint64 {
	if r.Binary() {
		return 1 << r.Exponent()
	}
	units := uint64(1)
	for range r.Exponent() {
		units *= 10
	}
	return units
}

// time is what a count means. (The reader rounds the units that are powers of
// two to whole nanoseconds.)
func (c ngClock) time(count uint64) time.Time {
	high, low := bits.Mul64(count%c.units, uint64(time.Second))
	part, _ := bits.Div64(high, low, c.units)
	return time.Unix(int64(count/c.units+c.offset), int64(part)).UTC()
}
