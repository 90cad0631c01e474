//go:build !unix

package main

import "os"

// reportSignal is not there on systems without signals.
var reportSignal os.Signal
