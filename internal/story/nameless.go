package story

import "msnproxy/decode"

// nameless are the switchboard connections whose accounts no command tells,
// because the capture began after them: what one of them sends comes in
// elsewhere with its sender's name, if another side is in the capture. Where
// several may be meant, the name that was heard most counts.
type nameless struct {
	votes    map[*room]map[string]int   // how often who was heard to say what a room sent
	by       map[*room]map[string]rooms // and where
	partners map[*room]rooms            // sides of one conversation, both ways
}

type rooms []*room

// spoken is what was said at a server.
type spoken struct{ server, text string }

// nameByEcho names the nameless, and finds out whom they talked with.
func (b *builder) nameByEcho() {
	x := &nameless{votes: map[*room]map[string]int{}, by: map[*room]map[string]rooms{}, partners: map[*room]rooms{}}
	b.nameless = x
	sent := map[spoken][]*sighting{}
	for n := range b.t.sightings {
		if s := &b.t.sightings[n]; s.sent && b.isNameless(s.room) {
			sent[s.spoken()] = append(sent[s.spoken()], s)
		}
	}
	if len(sent) == 0 {
		return
	}
	for n := range b.t.sightings {
		heard := &b.t.sightings[n]
		if heard.sent || heard.from == "" || heard.room.peer != "" {
			continue
		}
		if s := senderOf(heard, sent[heard.spoken()]); s != nil {
			x.vote(s.room, heard)
		}
	}
	for m, votes := range x.votes {
		if who := winner(votes); who != "" {
			x.pair(m, x.by[m][key(who)])
			b.connections[b.number[m.conn.ID]].Account = who
		}
	}
}

// senderOf finds where what was heard was sent just before, the last of those
// that fit.
func senderOf(heard *sighting, sent []*sighting) (found *sighting) {
	for n := len(sent) - 1; n >= 0 && n >= len(sent)-maxTried; n-- {
		s := sent[n]
		if s.room != heard.room && within(s.time, heard.time, apart) && !contains(s.room.everyone, heard.from) &&
			(found == nil || s.time.After(found.time)) {
			found = s
		}
	}
	return found
}

func (s *sighting) spoken() spoken { return spoken{s.room.conn.ServerAddr, s.text} }

func (b *builder) isNameless(m *room) bool {
	return m.peer == "" && m.conn.Server == decode.SB && b.connections[b.number[m.conn.ID]].Account == ""
}

// vote takes note that what a room sent was heard elsewhere.
func (x *nameless) vote(m *room, heard *sighting) {
	if x.votes[m] == nil {
		x.votes[m], x.by[m] = map[string]int{}, map[string]rooms{}
	}
	x.votes[m][heard.from]++
	who := key(heard.from)
	x.by[m][who] = append(x.by[m][who], heard.room)
}

// pair takes note of rooms that are sides of one conversation.
func (x *nameless) pair(m *room, others rooms) {
	for _, o := range others {
		x.partners[m] = append(x.partners[m], o)
		x.partners[o] = append(x.partners[o], m)
	}
}

// winner is who has more votes than anybody else, or "".
func winner(votes map[string]int) (who string) {
	most, tie := 0, false
	for person, n := range votes {
		if n > most {
			who, most, tie = person, n, false
		} else if n == most {
			tie = true
		}
	}
	if tie {
		return ""
	}
	return who
}
