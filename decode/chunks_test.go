package decode

import (
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"
)

// chunkOf makes chunk i of n of a message; with n 0, a later one.
func chunkOf(line, id string, i, n int, body string) *Record {
	head := "Message-ID: " + id + "\r\n"
	if n > 0 {
		head = "MIME-Version: 1.0\r\nContent-Type: text/plain; charset=UTF-8\r\n" + head + fmt.Sprintf("Chunks: %d\r\n", n)
	} else {
		head += fmt.Sprintf("Chunk: %d\r\n", i)
	}
	return recordOf(line, head+"\r\n"+body)
}

// split makes the chunks of a text, cutting it at equal distances.
func split(line, id, text string, n int) []*Record {
	var list []*Record
	for i := range n {
		body := text[i*len(text)/n : (i+1)*len(text)/n]
		total := 0
		if i == 0 {
			total = n
		}
		list = append(list, chunkOf(line, id, i, total, body))
	}
	return list
}

// permutations calls f with every order of 0 to n-1.
func permutations(n int, f func([]int)) {
	var rec func(order []int, left []int)
	rec = func(order, left []int) {
		if len(left) == 0 {
			f(order)
			return
		}
		for i := range left {
			rest := append(append([]int{}, left[:i]...), left[i+1:]...)
			rec(append(append([]int{}, order...), left[i]), rest)
		}
	}
	all := make([]int, n)
	for i := range all {
		all[i] = i
	}
	rec(nil, all)
}

func TestChunksJoinInEveryOrder(t *testing.T) {
	const text = "a€😀 Zoë: ünïcödé" // cut at equal distances, every cut is within a character
	for n := 1; n <= 5; n++ {
		permutations(n, func(order []int) {
			chunks := split("< MSG bob@example.com Bob", "{1}", text, n)
			var s chunkStore
			for k, i := range order {
				joined := s.add(chunks[i])
				if last := k == n-1; (joined != nil) != last {
					t.Fatalf("order %v: joined at chunk %d is %v", order, k, joined)
				}
				if joined != nil && *joined != (JoinedMessage{ID: "{1}", Chunks: n, Type: "text/plain", Text: text}) {
					t.Fatalf("order %v: got %+v", order, *joined)
				}
			}
			if len(s.open) != 0 || s.bytes != 0 {
				t.Fatalf("order %v: %d messages and %d bytes are left", order, len(s.open), s.bytes)
			}
		})
	}
}

func TestChunksThatComeTwiceCountOnce(t *testing.T) {
	chunks := split("> MSG 3 A", "{1}", "abcdef", 3)
	var s chunkStore
	for i, k := range []int{0, 1, 1, 0, 1} {
		if joined := s.add(chunks[k]); joined != nil {
			t.Fatalf("joined at %d: %+v", i, joined)
		}
	}
	if other := chunkOf("> MSG 3 A", "{1}", 1, 0, "XX"); s.add(other) != nil {
		t.Fatal("another chunk 1 completed it")
	}
	if joined := s.add(chunks[2]); joined == nil || joined.Text != "abcdef" {
		t.Fatalf("got %+v", joined)
	}
}

func TestChunksOfDifferentMessagesStayApart(t *testing.T) {
	var s chunkStore
	lines := []string{"< MSG bob@example.com Bob", "< MSG carol@example.com Carol", "> MSG 3 A", "< UBM bob@example.org 32 alice@example.com 1 1", "> UUM 7 bob@example.org 32 1"}
	for _, line := range lines {
		if s.add(chunkOf(line, "{1}", 0, 2, line)) != nil {
			t.Fatal("half a message is whole")
		}
	}
	for _, line := range lines {
		if joined := s.add(chunkOf(line, "{1}", 1, 0, "!")); joined == nil || joined.Text != line+"!" {
			t.Fatalf("%s: got %+v", line, joined)
		}
	}
}

func TestChunksWithinGroups(t *testing.T) {
	record := func(from, headers, body string) *Record {
		return recordOf("< SDG 0", "Routing: 1.0\r\nFrom: 1:"+from+"\r\n\r\nMessaging: 2.0\r\nMessage-Type: Text\r\n"+headers+"\r\n"+body)
	}
	var s chunkStore
	if s.add(record("bob@example.com", "Content-Type: text/plain\r\nMessage-ID: {1}\r\nChunks: 2\r\n", "a\xc3")) != nil {
		t.Fatal("half a message is whole")
	}
	if s.add(record("carol@example.com", "Message-ID: {1}\r\nChunk: 1\r\n", "x")) != nil {
		t.Fatal("another sender's chunk counts")
	}
	joined := s.add(record("bob@example.com", "Message-ID: {1}\r\nChunk: 1\r\n", "\xabb"))
	if joined == nil || joined.Text != "aëb" {
		t.Fatalf("got %+v", joined)
	}
}

func TestWhatIsNoChunk(t *testing.T) {
	var s chunkStore
	for name, payload := range map[string]string{
		"plain":           "Content-Type: text/plain\r\n\r\nhello",
		"word in text":    "Content-Type: text/plain\r\n\r\nChunks: 1\r\nMessage-ID: {1}",
		"no id":           "Content-Type: text/plain\r\nChunks: 1\r\n\r\nx",
		"empty id":        "Message-ID:\r\nChunks: 1\r\n\r\nx",
		"zero":            "Message-ID: {1}\r\nChunks: 0\r\n\r\nx",
		"negative":        "Message-ID: {1}\r\nChunk: -1\r\n\r\nx",
		"too many":        "Message-ID: {1}\r\nChunks: " + strconv.Itoa(maxChunks+1) + "\r\n\r\nx",
		"number too high": "Message-ID: {1}\r\nChunk: " + strconv.Itoa(maxChunks) + "\r\n\r\nx",
	} {
		if joined := s.add(recordOf("> MSG 3 A", payload)); joined != nil || len(s.open) != 0 {
			t.Errorf("%s: joined %+v, %d messages are open", name, joined, len(s.open))
		}
	}
	holed := chunkOf("> MSG 3 A", "{1}", 0, 1, "abc")
	holed.PayloadBytes += 10
	if s.add(holed) != nil || len(s.open) != 0 {
		t.Error("a chunk with a hole in it counts")
	}
}

// Chunks beyond the total, which is known late, do not count.
func TestChunksBeyondTheTotal(t *testing.T) {
	var s chunkStore
	s.add(chunkOf("> MSG 3 A", "{1}", 7, 0, "seven"))
	s.add(chunkOf("> MSG 3 A", "{1}", 1, 0, "b"))
	joined := s.add(chunkOf("> MSG 3 A", "{1}", 0, 2, "a"))
	if joined == nil || joined.Text != "ab" || s.bytes != 0 {
		t.Fatalf("got %+v, %d bytes are left", joined, s.bytes)
	}
	s.add(chunkOf("> MSG 3 A", "{2}", 0, 2, "a"))
	before := s.bytes
	s.add(chunkOf("> MSG 3 A", "{2}", 2, 0, "beyond"))
	if s.bytes != before {
		t.Error("a chunk beyond the total is kept")
	}
}

func TestTheOldestUnfinishedMessageIsForgotten(t *testing.T) {
	var s chunkStore
	for i := range maxOpenMessages + 1 {
		s.add(chunkOf("> MSG 3 A", strconv.Itoa(i), 0, 2, "a"))
	}
	if len(s.open) != maxOpenMessages {
		t.Fatalf("%d messages are open", len(s.open))
	}
	if joined := s.add(chunkOf("> MSG 3 A", "1", 1, 0, "b")); joined == nil {
		t.Error("the second message is forgotten as well")
	}
	if joined := s.add(chunkOf("> MSG 3 A", "0", 1, 0, "b")); joined != nil {
		t.Error("the first message is still there")
	}
}

func TestChunkBytesAreBounded(t *testing.T) {
	var s chunkStore
	body := strings.Repeat("x", 100<<10)
	for i := range 200 {
		s.add(chunkOf("> MSG 3 A", strconv.Itoa(i%7), 1+i, 0, body))
		checkChunkStore(t, &s)
	}
	if s.bytes < maxChunkBytes/2 {
		t.Errorf("only %d bytes are kept", s.bytes)
	}
	s.add(chunkOf("> MSG 3 A", "huge", 1, 0, strings.Repeat("x", maxChunkBytes+1)))
	checkChunkStore(t, &s)
	s.add(chunkOf("> MSG 3 A", strings.Repeat("i", maxChunkBytes+1), 1, 0, "x"))
	checkChunkStore(t, &s)
}

// checkChunkStore checks the limits, and that the count of bytes is true.
func checkChunkStore(t testing.TB, s *chunkStore) {
	t.Helper()
	total := 0
	for _, m := range s.open {
		size := len(m.key.peer) + len(m.key.id) + len(m.contentType) + len(m.charset)
		for _, p := range m.parts {
			size += len(p.body)
		}
		if size != m.bytes {
			t.Errorf("message %.20q counts %d bytes, and has %d", m.key.id, m.bytes, size)
		}
		if len(m.parts) > maxChunks {
			t.Errorf("%d chunks", len(m.parts))
		}
		total += size
	}
	if total != s.bytes || total > maxChunkBytes || len(s.open) > maxOpenMessages {
		t.Errorf("%d messages of %d bytes, counted as %d", len(s.open), total, s.bytes)
	}
}

func TestChunksDoNotKeepTheInput(t *testing.T) {
	var s chunkStore
	first := chunkOf("> MSG 3 A", "{1}", 0, 2, "ab")
	s.add(first)
	for i := range first.Payload {
		first.Payload[i] = '?'
	}
	if joined := s.add(chunkOf("> MSG 3 A", "{1}", 1, 0, "cd")); joined == nil || *joined != (JoinedMessage{"{1}", 2, "text/plain", "abcd"}) {
		t.Errorf("got %+v", joined)
	}
}

func TestAMessageThatIsNoChunkCostsNothing(t *testing.T) {
	r := recordOf("> MSG 3 A", "MIME-Version: 1.0\r\nContent-Type: text/plain; charset=UTF-8\r\n\r\nhello")
	var s chunkStore
	if n := testing.AllocsPerRun(100, func() { s.add(r) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// A session hands the joined text out with the record that completes it.
func TestSessionJoinsChunks(t *testing.T) {
	var joined []*JoinedMessage
	s := NewSession(Config{Conn: "c1", Emit: func(r *Record) {
		if r.Kind == KindCommand {
			joined = append(joined, r.Joined)
		}
	}})
	for _, c := range split("< MSG bob@example.com Bob", "{1}", "Zoë", 2) {
		s.Feed(ServerToClient, []byte(string(c.Line)+"\r\n"+string(c.Payload)), Stamp{})
	}
	if len(joined) != 2 || joined[0] != nil || joined[1] == nil || joined[1].Text != "Zoë" {
		t.Errorf("got %+v", joined)
	}
}

// FuzzChunks feeds chunks that the input describes, four bytes each: peer,
// message, number and total.
func FuzzChunks(f *testing.F) {
	f.Add([]byte("\x00\x00\x00\x02\x00\x00\x01\x00"), "h\xc3", uint64(1))
	f.Add([]byte("\x01\x01\x03\x00\x01\x01\x00\x04\x01\x01\x02\x00\x01\x01\x01\x00"), "€", uint64(2))
	f.Fuzz(func(t *testing.T, plan []byte, body string, seed uint64) {
		rng := rand.New(rand.NewPCG(seed, 0))
		var s chunkStore
		for ; len(plan) >= 4; plan = plan[4:] {
			line := fmt.Sprintf("< MSG %d@example.com B", plan[0])
			text := strings.Repeat(body, rng.IntN(4))
			r := chunkOf(line, strconv.Itoa(int(plan[1])), int(plan[2]), int(plan[3]), text)
			checkPayload(t, r.DecodePayload(), len(r.Payload))
			if joined := s.add(r); joined != nil && (!utf8.ValidString(joined.Text) || joined.Chunks < 1 || joined.Chunks > maxChunks) {
				t.Errorf("got %+v", joined)
			}
			checkChunkStore(t, &s)
		}
		raw := recordOf("> MSG 3 U", body)
		s.add(raw)
		checkChunkStore(t, &s)
	})
}

// What tells whether a message is worth a closer look must not miss one, whatever
// its letters and line ends.
func TestBeginsLine(t *testing.T) {
	for text, want := range map[string]bool{
		"": false, "\n": false, "chunk": true, "Chunks: 3": true, "X: chunk": false, "a: b\r\nCHUNK: 1": true, "\ncHuNk": true,
		"chun": false, "chun\nk": false, "hunk": false, " chunk": false, "a\rchunk": false, "\n\nchunk\n": true, "#hunk": false, "\x03hunk": false,
	} {
		if got := beginsLine([]byte(text), "Chunk"); got != want {
			t.Errorf("%q: %t", text, got)
		}
	}
}
