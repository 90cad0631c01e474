package decode

// maxMarks bounds the marks of one direction. Beyond it every second one is
// dropped. That of the record at hand stays; another one that begins within
// hundreds of tiny packets, all of them still undecided, may then be attributed
// to an earlier packet of these.
const maxMarks = 64

// marks remembers which bytes of a direction came when, from the record that
// is not complete yet on.
type marks struct {
	list []mark
}

type mark struct {
	offset int64 // of the first byte
	at     Stamp
}

// add notes that the bytes from an offset on came at a time. No record begins
// any more before the offset begin.
func (m *marks) add(begin, offset int64, at Stamp) {
	if len(m.list) == maxMarks {
		m.forget(begin)
	}
	if n := len(m.list); n > 0 && m.list[n-1].offset == offset {
		m.list[n-1].at = at
		return
	}
	if len(m.list) == maxMarks {
		kept := m.list[:1]
		for i := 2; i < len(m.list); i += 2 {
			kept = append(kept, m.list[i])
		}
		m.list = kept
	}
	m.list = append(m.list, mark{offset, at})
}

// at returns when the byte at an offset came, and forgets all before it:
// offsets are asked for in increasing order.
func (m *marks) at(offset int64) Stamp {
	m.forget(offset)
	return m.list[0].at
}

// forget forgets what stands before the mark of an offset.
func (m *marks) forget(offset int64) {
	i := 0
	for i+1 < len(m.list) && m.list[i+1].offset <= offset {
		i++
	}
	m.list = m.list[:copy(m.list, m.list[i:])]
}
