package decode

import (
	"cmp"
	"slices"
	"unsafe"
)

// Limits of what a connection holds of chunked messages, which a peer may
// begin and never end. Beyond them the oldest message is forgotten.
const (
	// maxOpenMessages is how many chunked messages may be under way. A
	// client sends the chunks of one in a row.
	maxOpenMessages = 16
	// maxChunks is how many chunks a message may have. A chunk is some 1200
	// bytes, and clients limit a message to a few dozen.
	maxChunks = 256
	// maxChunkBytes is what the chunks of all messages under way may amount
	// to.
	maxChunkBytes = 1 << 20
)

// JoinedMessage is a chunked message put together.
type JoinedMessage struct {
	ID     string // its Message-ID
	Chunks int    // in how many chunks it came
	Type   string // MIME type, which only its first chunk tells
	Text   string
}

// chunkHeader is what the headers of a chunk say. The first has the total, the
// others their number.
type chunkHeader struct {
	id           string
	index, total int64 // total is 0 where it is not told
}

// takeChunk reads the headers that make a message a chunk.
func (m *mimeMessage) takeChunk() (chunkHeader, bool) {
	id, total, index := m.find("Message-ID"), m.find("Chunks"), m.find("Chunk")
	if id == nil || len(id.value) == 0 {
		return chunkHeader{}, false
	}
	c := chunkHeader{id: readable(id.value)}
	ok := false
	if total != nil {
		c.total, ok = parseDecimal(total.value)
		ok = ok && c.total > 0
	}
	if index != nil && (ok || total == nil) {
		c.index, ok = parseDecimal(index.value)
	}
	if !ok {
		return chunkHeader{}, false
	}
	for _, h := range [...]*header{id, total, index} {
		if h != nil {
			h.taken = true
		}
	}
	return c, true
}

// chunkStore puts chunked messages of a connection together. Its zero value
// is ready to use.
type chunkStore struct {
	open  []*chunkedMessage // the oldest first
	bytes int               // of all of them
}

// chunkKey tells chunked messages apart: peers choose ids by themselves.
type chunkKey struct {
	dir      Direction
	peer, id string
}

// chunkedMessage is one that is under way.
type chunkedMessage struct {
	key                  chunkKey
	total                int64 // 0 until the first chunk has come
	contentType, charset string
	parts                []chunkPart
	bytes                int
}

// chunkPart is a chunk that has come.
type chunkPart struct {
	index int64
	body  []byte
}

// add takes a record's message. It returns the joined message if the record
// completes one, whatever the order in which its chunks came.
func (s *chunkStore) add(rec *Record) *JoinedMessage {
	if !mayBeChunk(rec.Payload) || rec.PayloadBytes > int64(len(rec.Payload)) {
		return nil // a chunk with a hole in it would make a text nobody sent
	}
	m, peer := messageOf(rec)
	c, ok := m.takeChunk()
	if !ok || c.total > maxChunks || c.index >= maxChunks || len(m.body) > maxChunkBytes {
		return nil
	}
	msg := s.message(chunkKey{rec.Dir, peer, c.id})
	s.bytes += msg.take(c, m)
	if msg.complete() {
		s.drop(msg)
		return msg.join()
	}
	for s.bytes > maxChunkBytes {
		s.drop(s.open[0])
	}
	return nil
}

// held is about how many bytes the messages take.
func (s *chunkStore) held() int {
	n := s.bytes
	for _, m := range s.open {
		n += cap(m.parts) * int(unsafe.Sizeof(chunkPart{}))
	}
	return n
}

// mayBeChunk is the one look that every message gets: a chunk has a header whose
// name begins so.
func mayBeChunk(payload []byte) bool { return beginsLine(payload, "Chunk") }

// messageOf returns the message in a record, and whom it is from or to.
func messageOf(rec *Record) (m *mimeMessage, peer string) {
	if rec.Verb != "SDG" {
		return parseMIME(rec.Payload), string(rec.Arg("handle"))
	}
	groups, body, _ := parseGroups(rec.Payload)
	return routedMessage(groups, body, new(memory[contentType])), groupValue(groups, "From") + " " + groupValue(groups, "To")
}

// message finds the message of a key, or begins it.
func (s *chunkStore) message(key chunkKey) *chunkedMessage {
	for _, m := range s.open {
		if m.key == key {
			return m
		}
	}
	if len(s.open) == maxOpenMessages {
		s.drop(s.open[0])
	}
	m := &chunkedMessage{key: key, bytes: len(key.peer) + len(key.id)}
	s.open = append(s.open, m)
	s.bytes += m.bytes
	return m
}

// drop forgets a message.
func (s *chunkStore) drop(m *chunkedMessage) {
	if i := slices.Index(s.open, m); i >= 0 {
		s.open = slices.Delete(s.open, i, i+1)
		s.bytes -= m.bytes
	}
}

// take stores a chunk, and returns how many bytes that took. Of two chunks of
// the same number, the first counts.
func (m *chunkedMessage) take(c chunkHeader, message *mimeMessage) int {
	before := m.bytes
	if c.total > 0 && m.total == 0 {
		m.total = c.total
		m.contentType, m.charset = message.name, message.charset
		m.bytes += len(m.contentType) + len(m.charset)
		m.dropBeyond()
	}
	if !m.has(c.index) && (m.total == 0 || c.index < m.total) {
		m.parts = append(m.parts, chunkPart{c.index, append([]byte(nil), message.body...)})
		m.bytes += len(message.body)
	}
	return m.bytes - before
}

// dropBeyond drops chunks that came before the total was known, and are more
// than it.
func (m *chunkedMessage) dropBeyond() {
	kept := m.parts[:0]
	for _, p := range m.parts {
		if p.index < m.total {
			kept = append(kept, p)
		} else {
			m.bytes -= len(p.body)
		}
	}
	m.parts = kept
}

func (m *chunkedMessage) has(index int64) bool {
	for i := range m.parts {
		if m.parts[i].index == index {
			return true
		}
	}
	return false
}

func (m *chunkedMessage) complete() bool { return m.total > 0 && int64(len(m.parts)) == m.total }

// join puts the chunks together: as bytes first, because a chunk may end
// within a character.
func (m *chunkedMessage) join() *JoinedMessage {
	slices.SortFunc(m.parts, func(a, b chunkPart) int { return cmp.Compare(a.index, b.index) })
	var body []byte
	for _, p := range m.parts {
		body = append(body, p.body...)
	}
	return &JoinedMessage{ID: m.key.id, Chunks: len(m.parts), Type: m.contentType, Text: decodeCharset(body, m.charset)}
}
