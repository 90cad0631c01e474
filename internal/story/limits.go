package story

import "cmp"

// What a Teller keeps. Beyond it, things are counted and not told: the counts
// are in Story.Cut.
const (
	// maxConnections bounds the connections that are told. A busy server's day
	// has fewer, and each costs about a kilobyte.
	maxConnections = 100_000
	// maxRosters bounds the contact lists: those of connections, and as many
	// that HTTP tells.
	maxRosters = 2 * maxConnections
	// maxKept is how many rows are kept of what can happen without end:
	// messages, changes of presence, referrals, contacts. A hundred thousand
	// are more than anybody reads.
	maxKept = 100_000
	// maxKeptText is how much text each of these may hold together, in bytes:
	// enough for maxKept usual messages, and a bound where every one is huge.
	maxKeptText = 64 << 20
	// maxVerbs bounds the request verbs with latencies. The protocol has some
	// fifty; a hostile client might invent any number.
	maxVerbs = 500
	// maxPeople is how many people of one switchboard are told. The service
	// allowed some 25; a hostile server might invent any number.
	maxPeople = 100
	// maxTalks is with how many people an account is told to talk without a
	// switchboard: more than anybody has contacts.
	maxTalks = 1000
	// maxGroups is how many groups an account has. The service allowed 30.
	maxGroups = 1000
	// maxMemberships is how many times in all a contact is put in a group: ten
	// for each contact that is kept, of which few are in more than one.
	maxMemberships = 10 * maxKept
	// maxOpenRequests is how many requests of a connection wait for a reply
	// before the oldest is given up.
	maxOpenRequests = 256
	// maxOpenEdits is how many edits of the contact list wait for a reply.
	// Clients wait for the reply before the next one, or nearly so.
	maxOpenEdits = 64
	// maxText is how much of a single name or the like is kept, in bytes. The
	// longest that the service allowed was 387 (129 characters).
	maxText = 1024
)

// budget is what is left of what may be kept of something.
type budget struct {
	limit      int // of rows; 0 is maxKept
	rows, text int
	refused    int64 // how often there was no room
}

// take reports whether one more thing with that much text may be kept.
func (b *budget) take(text int) bool {
	if b.full() || b.text+text > maxKeptText {
		b.refused++
		return false
	}
	b.rows++
	b.text += text
	return true
}

// full tells whether there is no room for another row.
func (b *budget) full() bool { return b.rows >= cmp.Or(b.limit, maxKept) }

// lengthOf is how much text some names are together.
func lengthOf(list []string) (n int) {
	for _, s := range list {
		n += len(s)
	}
	return n
}

// clip keeps the beginning of a text that nobody would write by hand.
func clip(s string) string {
	if len(s) <= maxText {
		return s
	}
	const cut = "…"
	return s[:maxText-len(cut)] + cut
}
