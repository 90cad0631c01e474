// Package peers holds a small MSN server and client that speak MSNP over real
// sockets on the loopback interface, for the proxy's demo, tests and
// benchmarks.
//
//	Client ──► proxy under test ──► Server
//	   │                               │
//	   └── both check every byte ──────┘
//
// A [Server] has a dispatch server, a notification server and a switchboard; a
// [Client] signs in, follows the addresses it is told exactly as they are told,
// and talks. [Scenario] is a ready-made evening of two clients.
//
// Both are strict, so that they catch a proxy that alters, reorders, loses or
// repeats what it carries: people, tickets and texts are the same on both
// ends, so each knows what the other must say, to the byte. The only things
// taken as they come are those that a proxy must change (the addresses of
// XFR, RNG and RouteInfo) and those that come back to the server, which knows
// them (cookies, session ids). What should not have come is a [Violation].
//
// A proxy that holds bytes back is caught by a [Witness]: the sender then
// writes the last byte of a command only once the receiver has all others.
//
// All people, tickets and cookies are inventions. "MSNP.md" in the comments is
// the project's wire reference.
package peers
