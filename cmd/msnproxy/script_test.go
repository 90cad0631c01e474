package main

import (
	"flag"
	"fmt"
	"os"
	"regexp"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

var update = flag.Bool("update", false, "rewrite the expected output of the scripts; read it before you commit")

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"msnproxy": main, "await": awaitText})
}

// awaitText is a program for the scripts, "await PATTERN FILE": it waits until
// that is in a file.
func awaitText() {
	pattern, name := regexp.MustCompile("(?m)"+os.Args[1]), os.Args[2]
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
		if content, _ := os.ReadFile(name); pattern.Match(content) {
			return
		}
	}
	fmt.Fprintf(os.Stderr, "there is no %q in %s\n", os.Args[1], name)
	os.Exit(exitFailed)
}

// TestScripts runs testdata/script: the command line as a user types it. The
// sample captures are in $SAMPLES.
func TestScripts(t *testing.T) {
	samples, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	testscript.Run(t, testscript.Params{
		Dir:           "testdata/script",
		UpdateScripts: *update,
		Setup: func(env *testscript.Env) error {
			env.Setenv("SAMPLES", samples+"/../../captures/samples")
			env.Setenv("NEWLINE", "\n")
			return nil
		},
	})
}
