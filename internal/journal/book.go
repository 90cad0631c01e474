package journal

import (
	"sync"
	"time"

	"msnproxy/decode"
)

// LockedBook is a decode.Book for sessions that run at the same time. The zero
// LockedBook is ready.
type LockedBook struct {
	mu   sync.Mutex
	book decode.Book
}

// Add remembers a referral.
func (b *LockedBook) Add(r decode.Referral) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.book.Add(r)
}

// ByCookie finds the referral that gave a cookie.
func (b *LockedBook) ByCookie(cookie []byte) (decode.Referral, bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.book.ByCookie(cookie)
}

// ByAddress finds the last referral of a client to a server.
func (b *LockedBook) ByAddress(client, server string, kind decode.Server, opened time.Time) (decode.Referral, bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.book.ByAddress(client, server, kind, opened)
}
