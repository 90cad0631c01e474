package main

import (
	"bytes"
	"context"
	"encoding/base64"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"msnproxy/captures"
	"msnproxy/decode"
)

// TestNoOutputTellsASecret looks for every secret of every sample in
// everything that can be made of it.
func TestNoOutputTellsASecret(t *testing.T) {
	files, err := filepath.Glob("../../captures/samples/*.pcapng")
	if err != nil || len(files) == 0 {
		t.Fatalf("no samples: %v", err)
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			secrets := secretsOf(t, file)
			if len(secrets) < 5 {
				t.Fatalf("only %d secrets were found in the sample", len(secrets))
			}
			for name, text := range outputsOf(t, file) {
				for _, s := range secrets {
					if strings.Contains(text, s) {
						t.Errorf("%s tells the secret %q", name, s)
					}
				}
			}
		})
	}
}

// secretsOf are the secrets of a capture: what masking takes out of its
// records, as far as it is long enough to be told from other text.
func secretsOf(t *testing.T, file string) (secrets []string) {
	t.Helper()
	masker, seen := decode.NewMasker(), map[string]bool{}
	decoder := captures.NewDecoder(captures.Options{Emit: func(r *decode.Record) {
		plain := r.Clone()
		masker.Mask(r)
		for _, pair := range [][2][]byte{{plain.Line, r.Line}, {plain.Payload, r.Payload}} {
			for _, s := range removed(string(pair[0]), string(pair[1])) {
				if len(s) >= 6 && !seen[s] {
					seen[s] = true
					secrets = append(secrets, s)
				}
			}
		}
	}})
	in, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	if err := decoder.File(context.Background(), file, in); err != nil {
		t.Fatal(err)
	}
	decoder.Close()
	return secrets
}

// removed is what stands in a text where its masked form has ***N.
func removed(plain, masked string) (parts []string) {
	for {
		before, after, found := strings.Cut(masked, "***")
		if !found {
			return parts
		}
		plain = strings.TrimPrefix(plain, before)
		after = strings.TrimLeft(after, "0123456789")
		next, _, _ := strings.Cut(after, "***")
		end := len(plain)
		if next != "" {
			end = strings.Index(plain, next)
		}
		parts = append(parts, plain[:end])
		plain, masked = plain[end:], after
	}
}

// outputsOf makes everything of a capture that is text.
func outputsOf(t *testing.T, file string) map[string]string {
	t.Helper()
	dir := t.TempDir()
	records := filepath.Join(dir, "records.ndjson")
	outputs := map[string]string{}
	for name, args := range map[string][]string{
		"decode":                   {"decode", file},
		"decode --json --payload":  {"decode", "--json", "--payload", file},
		"analyze":                  {"analyze", "--section", "all", file},
		"analyze --format json":    {"analyze", "--format", "json", file},
		"analyze --format html":    {"analyze", "--format", "html", file},
		"analyze, markdown":        {"analyze", "--section", "all", "--format", "markdown", file},
		"analyze, csv of messages": {"analyze", "--section", "messages", "--format", "csv", file},
	} {
		outputs[name] = printed(t, args...)
	}
	if err := os.WriteFile(records, []byte(outputs["decode --json --payload"]), 0o600); err != nil {
		t.Fatal(err)
	}
	outputs["raw payloads"] = rawPayloads(t, outputs["decode --json --payload"])
	outputs["analyze of records"] = printed(t, "analyze", "--section", "all", records)
	outputs["decode of records, secrets shown"] = printed(t, "decode", "--show-secrets", records)
	return outputs
}

func printed(t *testing.T, args ...string) string {
	t.Helper()
	var out, errs bytes.Buffer
	if status := run(args, stdio{in: strings.NewReader(""), out: &out, err: &errs}); status != 0 || out.Len() == 0 {
		t.Fatalf("%q: status %d, %d bytes: %s", args, status, out.Len(), errs.String())
	}
	return out.String()
}

// rawPayloads is what stands in base64 in records.
func rawPayloads(t *testing.T, records string) string {
	t.Helper()
	var all strings.Builder
	for _, m := range regexp.MustCompile(`"base64":"([^"]*)"`).FindAllStringSubmatch(records, -1) {
		raw, err := base64.StdEncoding.DecodeString(m[1])
		if err != nil {
			t.Fatal(err)
		}
		all.Write(raw)
	}
	if all.Len() == 0 {
		t.Fatal("no raw payloads in the records")
	}
	return all.String()
}
