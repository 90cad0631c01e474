package main

import (
	"flag"
	"os"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

var update = flag.Bool("update", false, "rewrite the expected output of the scripts; read it before you commit")

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"msnproxy": main})
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
