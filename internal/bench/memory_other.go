//go:build !unix

package main

import "os"

// peakMemory is not told on other systems.
func peakMemory(*os.ProcessState) int64 { return 0 }
