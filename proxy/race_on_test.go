//go:build race

package proxy

// raceDetector tells that the race detector is on, which allocates too.
const raceDetector = true
