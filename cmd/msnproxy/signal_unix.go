//go:build unix

package main

import (
	"os"
	"syscall"
)

// reportSignal asks a run of the proxy for the report so far.
var reportSignal os.Signal = syscall.SIGUSR1
