// Package decode turns the bytes of one MSNP connection into records.
//
// It is the core that the live proxy and the capture reader share, so it
// never touches the outside world: bytes, gaps and ends go in together with
// the time at which they were seen, records come out. Who brought the bytes
// (a socket, a packet, a test) it cannot tell.
//
//	bytes ──► Framer ──► Frame ──► Session ──► Record
//	            │                     │
//	            └──── Commands ───────┘   one table knows the verbs
//
// A [Framer] cuts one direction of a connection into frames: a command with
// its payload, opaque bytes, or a gap. The raw bytes of all its frames are
// its input, byte for byte, whatever the chunks in which it was fed.
//
// A [Session] holds the two framers of a connection and what was learnt
// about it: the dialect that the server chose, the kind of server, the
// requests that wait for a reply. It emits a [Record] for each frame.
//
// [Commands] is the one table that knows a verb: its arguments by dialect,
// whether it has a payload, what it means. Adding a command is adding a row.
//
// What one connection learns for another (a referred address, a cookie, the
// dialect behind it) stands in a [Book] that all sessions of a run share.
//
// Nothing in this package locks, logs, reads a clock or starts a goroutine:
// the caller owns all of that. "MSNP.md" in the comments is the project's
// wire reference; the facts that matter are repeated where they are used.
package decode
