// Msnproxy decodes the MSN Messenger protocol (MSNP), live between a client and
// its server, or from capture files.
package main

import (
	"io"
	"log"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	// A closed output pipe (| head) then shows as an error of the write
	// instead of a signal, and ends the work quietly.
	signal.Ignore(syscall.SIGPIPE)
	// What a server says unasked, net/http quotes here, tickets and all.
	log.SetOutput(io.Discard)
	os.Exit(run(os.Args[1:], stdio{in: os.Stdin, out: os.Stdout, err: os.Stderr}))
}
