// Package sim holds scripted dialogues of MSN Messenger clients and servers.
//
// A [Dialogue] is data: the connections, and the steps in which its two ends
// open them, write on them and close them, each after a delay. [MSNP8] and
// [MSNP15] are the two sample dialogues; played into a captures.Writer they
// are the files in captures/samples. [Chat] makes traffic of any size by the
// same means, for benchmarks.
//
// Every step also says which commands its bytes begin, independent of any
// decoder, so that a dialogue is an oracle for tests: what a decoder makes of
// the bytes must be what the script meant.
//
// All people, hosts, tickets and cookies in the scripts are inventions; the
// addresses and names are those reserved for documentation.
package sim

//go:generate go run ./build -dir ../../captures/samples
