//go:build !race

package ndjson

const raceDetector = false
