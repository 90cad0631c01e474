package peers

import (
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"msnproxy/decode"
)

// hub is what the connections of a server share. Its lock also makes the order
// in which commands are written: what one client causes is written to all
// before anything of another.
type hub struct {
	sync.Mutex
	online   map[string]*peer // by account, from the end of sign-in on
	referred map[string]bool  // OnePort: accounts that are to come back
	cookies  map[string]pass
	sessions int     // switchboard sessions so far
	passes   int     // cookies so far
	dirty    []*peer // have something in out
}

// pass is what a cookie is good for, once.
type pass struct {
	account string
	room    *room
	answer  bool // ANS, not USR
}

// room is a conversation.
type room struct {
	session string
	members []*peer
}

func newHub() hub {
	return hub{online: map[string]*peer{}, referred: map[string]bool{}, cookies: map[string]pass{}}
}

// locked does something with the hub, then writes what it caused.
func (s *Server) locked(do func() error) error {
	s.hub.Lock()
	defer s.hub.Unlock()
	err := do()
	for _, p := range s.hub.dirty {
		p.flush()
	}
	s.hub.dirty = s.hub.dirty[:0]
	return err
}

// queue has commands written when the hub is unlocked.
func (p *peer) queue(commands ...command) {
	if len(p.out) == 0 {
		p.hub.dirty = append(p.hub.dirty, p)
	}
	p.out = append(p.out, commands...)
}

// writeTimeout is how long a client may keep all others waiting by not reading.
const writeTimeout = 10 * time.Second

// flush writes what is queued. A connection that can't be written to is closed;
// its own goroutine sees that and says so. Bytes held back are not its fault.
func (p *peer) flush() {
	to := streamOf(p.kind, p.account, decode.ServerToClient)
	err := p.conn.SetWriteDeadline(time.Now().Add(writeTimeout))
	if err == nil {
		err = p.config.Witness.write(p.conn, to, p.out)
	}
	p.out = p.out[:0]
	if err == nil && p.dismissed {
		err = p.closeWrite()
	}
	if err == nil {
		return
	}
	if errors.Is(err, ErrHeldBack) {
		p.log.Lock()
		p.log.errors = append(p.log.errors, err)
		p.log.Unlock()
	}
	p.conn.Close()
}

// forget takes an ended connection out of the hub and tells the others.
func (p *peer) forget() {
	if p.hub.online[p.account] == p {
		delete(p.hub.online, p.account)
		p.tellContacts(func(viewer *peer) []command {
			return []command{goneOffline(viewer.dialect, p.account)}
		})
	}
	p.leave()
}

// tellContacts queues something for everybody online who has the account in
// the contact list, if it has told a status itself.
func (p *peer) tellContacts(what func(viewer *peer) []command) {
	if p.status == "" {
		return
	}
	for _, other := range p.hub.online {
		if other != p && other.status != "" && slices.Contains(p.config.Roster[other.account], p.account) {
			other.queue(what(other)...)
		}
	}
}

// era is in all cookies: they look like those of the service, which held the
// time.
const era = 1213121178

// newRoom opens a conversation.
func (h *hub) newRoom() *room {
	const firstSession = 20714365
	h.sessions++
	return &room{session: fmt.Sprint(firstSession + h.sessions)}
}

// newCookie makes a cookie for somebody. That of XFR begins with the session
// id, that of RNG does not (MSNP.md §5).
func (h *hub) newCookie(p pass) string {
	h.passes++
	cookie := fmt.Sprintf("%d.%d", era, h.passes)
	if !p.answer {
		cookie = p.room.session + "." + cookie
	}
	h.cookies[cookie] = p
	return cookie
}
