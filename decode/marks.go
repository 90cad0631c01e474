package decode

// maxMarks bounds the marks of one direction. Beyond it every second one is
// dropped: a record that begins within hundreds of tiny packets, all of them
// still undecided, may then be attributed to one packet too early.
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

// add notes that the bytes from an offset on came at a time.
func (m *marks) add(offset int64, at Stamp) {
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
	i := 0
	for i+1 < len(m.list) && m.list[i+1].offset <= offset {
		i++
	}
	m.list = m.list[:copy(m.list, m.list[i:])]
	return m.list[0].at
}
