// Build writes the sample captures from their scripts; "go generate" in
// internal/sim runs it.
package main

import (
	"bytes"
	"flag"
	"log"
	"os"
	"path/filepath"

	"msnproxy/captures"
	"msnproxy/internal/sim"
)

func main() {
	dir := flag.String("dir", ".", "directory to write the samples to")
	flag.Parse()
	for _, d := range sim.Samples() {
		if err := write(d, filepath.Join(*dir, d.Name+".pcapng")); err != nil {
			log.Fatal(err)
		}
	}
}

func write(d *sim.Dialogue, path string) error {
	var file bytes.Buffer
	w, err := captures.NewWriter(&file)
	if err != nil {
		return err
	}
	if err := d.Play(w); err != nil {
		return err
	}
	return os.WriteFile(path, file.Bytes(), 0o644)
}
