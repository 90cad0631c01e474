//go:build race

package ndjson

// raceDetector tells that the race detector is on: it has sync.Pool forget
// things at random, and so changes the number of allocations.
const raceDetector = true
