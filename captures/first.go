package captures

import "bytes"

// maxRecent is how many bytes of a direction are remembered after they were
// delivered, to be compared with what is sent again. A sender sends again what
// is not acknowledged, and chats have little under way.
const maxRecent = 4 << 10

// maxRecents bounds the directions of which that is remembered, to 16 MB.
const maxRecents = 2 << 10

// recents hands out buffers for it, again and again.
type recents struct {
	free [][]byte
	made int
}

// take returns a buffer, or nil if there are too many.
func (r *recents) take() []byte {
	if n := len(r.free); n > 0 {
		buffer := r.free[n-1]
		r.free = r.free[:n-1]
		return buffer[:0]
	}
	if r.made == maxRecents {
		return nil
	}
	r.made++
	return make([]byte, 0, 2*maxRecent)
}

// giveBack takes a buffer back.
func (r *recents) giveBack(buffer []byte) {
	if buffer != nil {
		r.free = append(r.free, buffer)
	}
}

// firstSeen is what came first of the bytes of a direction, as far as it is
// remembered: the last ones that were delivered, and those that wait behind a
// hole, which the assembler has as well. A sender can send bytes again with
// other content, by a fault or to deceive, and receivers differ in which they
// take; here the first ones count.
type firstSeen struct {
	recents *recents
	recent  []byte  // the last ones delivered; nil where there are too many directions
	early   []early // in order, not overlapping
}

// early is a run of bytes that wait.
type early struct {
	at   int64
	data []byte
}

func (e early) end() int64 { return e.at + int64(len(e.data)) }

// delivered notes bytes that were, up to next.
func (f *firstSeen) delivered(data []byte, next int64) {
	f.forget(next)
	if f.recent == nil {
		f.recent = f.recents.take()
	}
	if f.recent == nil {
		return
	}
	data = data[max(0, len(data)-maxRecent):]
	if len(f.recent)+len(data) > cap(f.recent) {
		f.recent = append(f.recent[:0], f.recent[len(f.recent)-maxRecent:]...)
	}
	f.recent = append(f.recent, data...)
}

// release gives back what it holds.
func (f *firstSeen) release() {
	f.recents.giveBack(f.recent)
	f.recent, f.early = nil, nil
}

// lost notes that bytes up to next are missing.
func (f *firstSeen) lost(next int64) {
	f.recent = f.recent[:0]
	f.forget(next)
}

// forget drops what waits no longer.
func (f *firstSeen) forget(next int64) {
	for len(f.early) > 0 && f.early[0].end() <= next {
		f.early = f.early[1:]
	}
}

// keep notes bytes that wait. None of them did before.
func (f *firstSeen) keep(at int64, data []byte) {
	i := len(f.early)
	for i > 0 && f.early[i-1].at > at {
		i--
	}
	f.early = append(f.early, early{})
	copy(f.early[i+1:], f.early[i:])
	f.early[i] = early{at, bytes.Clone(data)}
}

// unseen tells how many of n bytes from an offset on wait already, and how
// many behind those do not.
func (f *firstSeen) unseen(at int64, n int) (skip, fresh int) {
	for _, e := range f.early {
		here := at + int64(skip)
		switch {
		case e.end() <= here:
		case e.at > here:
			return skip, int(min(int64(n-skip), e.at-here))
		default:
			skip = int(min(int64(n), e.end()-at))
		}
	}
	return skip, n - skip
}

// differing tells in how many bytes a run differs from what came first, and
// where the first of these stands. All before next was delivered.
func (f *firstSeen) differing(from int64, data []byte, next int64) (at int64, n int) {
	at, n = differingFrom(from, data, next-int64(len(f.recent)), f.recent)
	for _, e := range f.early {
		here, more := differingFrom(from, data, e.at, e.data)
		if n == 0 {
			at = here
		}
		n += more
	}
	return at, n
}

// differingFrom compares two runs of bytes where they overlap.
func differingFrom(aAt int64, a []byte, bAt int64, b []byte) (at int64, n int) {
	begin, end := max(aAt, bAt), min(aAt+int64(len(a)), bAt+int64(len(b)))
	if begin >= end || bytes.Equal(a[begin-aAt:end-aAt], b[begin-bAt:end-bAt]) {
		return 0, 0
	}
	for i := begin; i < end; i++ {
		if a[i-aAt] != b[i-bAt] {
			if n == 0 {
				at = i
			}
			n++
		}
	}
	return at, n
}
