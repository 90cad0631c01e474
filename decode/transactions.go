package decode

import (
	"time"
	"unsafe"
)

// maxPending bounds the requests that a session remembers for their replies.
// Clients have a handful open at a time; a contact list in single ADD or ADC
// commands makes some hundreds.
const maxPending = 1024

// transaction is a request that may still get replies.
type transaction struct {
	trid     uint32
	verb     string
	seq      int64
	at       time.Time
	answered bool
}

// transactions are the requests of a session that may still get replies, in
// the order of their sending. One that was answered is kept for a while,
// because one request may get many replies (SYN and LST, FND, IRO, ILN), and
// because replies may come out of order.
type transactions struct {
	open     []transaction
	answered int // how many of them have a reply
}

// add notes a request. A transaction id that is used again means the newer
// request.
func (t *transactions) add(n transaction) {
	if len(t.open) >= keepAnswered {
		t.prune()
	}
	t.open = append(t.open, n)
}

// held is about how many bytes the requests take.
func (t *transactions) held() int { return cap(t.open) * int(unsafe.Sizeof(transaction{})) }

// keepAnswered is how many requests are kept before answered ones are dropped.
const keepAnswered = 16

// prune drops the oldest request that was answered, or the oldest ones of all
// once there are too many.
func (t *transactions) prune() {
	for i := 0; t.answered > 0 && i < len(t.open); i++ {
		if t.open[i].answered {
			t.open = append(t.open[:i], t.open[i+1:]...)
			t.answered--
			return
		}
	}
	if len(t.open) >= maxPending {
		t.open = append(t.open[:0], t.open[maxPending/4:]...)
	}
}

// answer notes that a request has a reply.
func (t *transactions) answer(n *transaction) {
	if !n.answered {
		n.answered = true
		t.answered++
	}
}

// find returns the newest request that a reply can belong to, or nil. Without
// a transaction id, that is the oldest one of its own verb that has no reply.
func (t *transactions) find(trid uint32, verb string) *transaction {
	if trid == 0 {
		return t.oldest(verb)
	}
	for i := len(t.open) - 1; i >= 0; i-- {
		if t.open[i].trid == trid {
			return &t.open[i]
		}
	}
	return nil
}

func (t *transactions) oldest(verb string) *transaction {
	for i := range t.open {
		if n := &t.open[i]; n.trid == 0 && n.verb == verb && !n.answered {
			return n
		}
	}
	return nil
}

// pair notes a request, or tells which request a record replies to. PNG and
// QNG belong together without a transaction id.
func (s *Session) pair(rec *Record) {
	if rec.Dir == ClientToServer {
		if rec.HasTrID || rec.Verb == "PNG" {
			s.pending.add(transaction{trid: rec.TrID, verb: rec.Verb, seq: s.nextSeq(), at: rec.Time})
		}
		return
	}
	verb := rec.Verb
	if verb == "QNG" {
		verb = "PNG"
	}
	isError := rec.Spec != nil && rec.Spec.Verb == ErrorVerb
	if rec.HasTrID || verb == "PNG" {
		if request := s.pending.find(rec.TrID, verb); request != nil {
			s.pending.answer(request)
			rec.Notes = append(rec.Notes, Note{
				Kind: NoteReply, ToSeq: request.seq, Request: request.verb, Latency: rec.Time.Sub(request.at),
			})
		}
	}
	if isError {
		code := errorCode(rec.Verb)
		rec.Notes = append(rec.Notes, Note{Kind: NoteError, Code: code, Meaning: ErrorMeaning(code)})
	}
}

// errorCode is the number of an error reply, which is its verb.
func errorCode[S string | []byte](verb S) int {
	return int(verb[0]-'0')*100 + int(verb[1]-'0')*10 + int(verb[2]-'0')
}
