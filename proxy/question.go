package proxy

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"time"

	"msnproxy/decode"
)

// questioning is what a connection holds while the proxy talks to its client
// itself. It may ask challenges of its own (Config.InjectChallenge), and refuse
// requests (Config.Faults). The client gets a CHL between
// two commands of the server, and the reply to its answer; the answer goes no
// further than the proxy. Everything else passes as if nothing had happened.
type questioning struct {
	gate    gate   // on the way to the server: keeps the answers here
	feeding bool   // what is decoded now passes that gate
	say     []byte // what the client is to be told between two commands

	owed     bool   // the client has not answered our challenge yet
	strained []byte // what may be the answer, where nothing is decoded
}

// challengeStart and answerStart are how a challenge and an answer begin.
var challengeStart, answerStart = []byte("CHL "), []byte("QRY ")

// ask has every client that can answer a challenge get one at each interval.
func (p *Proxy) ask(ctx context.Context, interval time.Duration) {
	p.every(ctx, interval, func() {
		for _, c := range p.connections() {
			p.wait.Go(c.ask) // a client that does not read must not keep others waiting
		}
	})
}

// connections returns the connections that there are now.
func (p *Proxy) connections() []*conn {
	p.mu.Lock()
	defer p.mu.Unlock()
	list := make([]*conn, 0, len(p.conns))
	for c := range p.conns {
		list = append(list, c)
	}
	return list
}

// ask sends the client a challenge, unless it is not signed in, or another
// challenge has no answer yet.
func (c *conn) ask() {
	c.lockSeen()
	if c.session == nil || c.broken || c.ending.begun() || !c.session.MayChallenge() || c.asking != nil && len(c.asking.say) > 0 {
		c.mu.Unlock()
		return
	}
	if c.asking == nil {
		c.asking = c.newQuestioning(len(c.session.Pending(decode.ClientToServer)))
	}
	c.asked.Store(true)
	c.asking.say = fmt.Appendf(nil, "CHL 0 %020d\r\n", rand.Uint64())
	c.mu.Unlock()
	c.speak()
}

// newQuestioning returns the gate for what the client sends, of which so many
// bytes have gone on without their command being complete.
func (c *conn) newQuestioning(ahead int) *questioning {
	return &questioning{gate: gate{
		conn: c, dir: decode.ClientToServer, mayChange: c.mayStay, change: c.keepHere, tooLate: func(*decode.Record) {}, ahead: ahead,
	}}
}

// mayStay tells whether a command of the client that begins like this may be
// one that goes no further than the proxy.
func (c *conn) mayStay(begin []byte) bool {
	return mayAnswer(begin) || c.faults != nil && c.faults.mayRefuse(begin)
}

// keepHere keeps a command from the server that is not for it. Others go on.
func (c *conn) keepHere(r *decode.Record) []byte {
	if c.faults != nil && c.faults.refuse(r) {
		return nil
	}
	return c.takeAnswer(r)
}

// mayAnswer tells whether a command that begins like this may be an answer.
func mayAnswer(begin []byte) bool {
	return len(begin) > 0 && len(begin) <= maxHeld && (bytes.HasPrefix(begin, answerStart) || bytes.HasPrefix(answerStart, begin))
}

// takeAnswer keeps the answer to a challenge of the proxy's own from the
// server, and replies to it. Other commands go on.
func (c *conn) takeAnswer(r *decode.Record) []byte {
	n := r.Note(decode.NoteChallenge)
	if r.Verb != "QRY" || n == nil || !n.Challenge.Injected {
		return r.Raw
	}
	c.asking.say = fmt.Appendf(c.asking.say, "QRY %d\r\n", r.TrID)
	c.asking.owed = false
	return nil
}

// withoutAnswer decodes what the client has sent, before it goes on, and
// returns what of it goes on. The caller holds the lock.
func (c *conn) withoutAnswer(p []byte) []byte {
	if c.asking == nil {
		c.feed()
		return p
	}
	c.asking.feeding = true
	defer func() { c.asking.feeding = false }()
	p = c.asking.gate.feed(p, c.feed)
	if c.broken {
		p = c.asking.strain(p)
	}
	return p
}

// releaseUp passes on what was held back of the client's, when nothing follows.
func (c *conn) releaseUp() {
	c.mu.Lock()
	var held []byte
	if c.asking != nil {
		held = append(c.asking.strained, c.asking.gate.release()...)
		c.asking.strained = nil
	}
	c.mu.Unlock()
	if len(held) > 0 {
		c.server.Write(held) // the server may be gone, which is no news here
	}
}

// speakAside speaks without waiting for a client that does not read. The caller
// is one of the two ways.
func (c *conn) speakAside() {
	if c.asked.Load() && c.maySpeak() {
		c.speaking.Go(c.speak)
	}
}

// speak tells the client what it is to be told, if this is between two
// commands. If not, the next bytes of the server call it again; if somebody
// else is writing to the client at the moment, that one does.
func (c *conn) speak() {
	for c.asked.Load() && c.maySpeak() && c.toClient.TryLock() {
		out := c.spoken()
		_, err := c.client.Write(out)
		c.toClient.Unlock()
		if err != nil {
			c.writeFailed(theClient, err)
			return
		}
	}
}

// speakFirst says what there is to say before the server is heard: what it
// replies to later commands must not overtake our reply to an answer. The caller
// holds toClient; that the client is gone shows in the next write.
func (c *conn) speakFirst() {
	if c.asked.Load() && c.maySpeak() {
		c.client.Write(c.spoken())
	}
}

func (c *conn) maySpeak() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.hasToSay()
}

// hasToSay tells whether there is something to say, and this is the time. The
// caller holds the lock.
func (c *conn) hasToSay() bool {
	return c.asking != nil && len(c.asking.say) > 0 && !c.ending.begun() && !c.broken && c.gate.between()
}

// toSay takes what the client is to be told now. A challenge that had to wait is not
// asked beside one that the server has asked meanwhile. The caller holds the lock.
func (c *conn) toSay() []byte {
	p := c.asking.say
	c.asking.say = nil
	if bytes.HasPrefix(p, challengeStart) && !c.session.MayChallenge() {
		_, p, _ = bytes.Cut(p, lineEnd)
	}
	return p
}

// spoken decodes what the client is to be told, and returns it.
func (c *conn) spoken() []byte {
	c.lockSeen()
	defer c.mu.Unlock()
	if !c.hasToSay() {
		return nil
	}
	p, at := c.toSay(), c.now()
	if len(p) == 0 {
		return nil
	}
	c.asking.owed = c.asking.owed || bytes.HasPrefix(p, challengeStart)
	at.Injected = true
	out := c.gate.feed(p, func() bool {
		return c.guard(func() { c.session.Feed(decode.ServerToClient, p, at) })
	})
	c.proxy.cfg.Live.Data(c.id, decode.ServerToClient, p, at)
	return out
}
