package main

import (
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/pflag"

	"msnproxy/decode"
)

// checkFlags are the flags that say what the proofs of clients are checked with.
type checkFlags struct {
	keys        string
	environment string
	passwords   string
	secrets     string
}

func (f *checkFlags) add(flags *pflag.FlagSet) {
	f.addKeys(flags)
	flags.StringVar(&f.environment, "environment", string(decode.Production), "what product ids should have been issued for: production or test")
	flags.StringVar(&f.passwords, "password-file", "", "file of accounts and passwords, to check USR MD5 with")
	flags.StringVar(&f.secrets, "binary-secret-file", "", "file of accounts and binary secrets in base64, to check USR SSO with")
}

func (f *checkFlags) addKeys(flags *pflag.FlagSet) {
	flags.StringVar(&f.keys, "keys", "", "file of product ids and keys, beside those that are published")
}

// load reads the files.
func (f *checkFlags) load() (*decode.Checks, error) {
	checks := &decode.Checks{}
	var err error
	if f.environment != "" {
		if checks.Environment, err = decode.ParseEnvironment(f.environment); err != nil {
			return nil, flagError("--environment: %w", err)
		}
	}
	if checks.Keys, err = readSecret(f.keys, decode.ParseKeys); err != nil {
		return nil, err
	}
	if checks.Passwords, err = readSecret(f.passwords, decode.ParseSecrets); err != nil {
		return nil, err
	}
	checks.Secrets, err = readSecret(f.secrets, decode.ParseSecrets)
	return checks, err
}

// byteOrderMark begins a text file that some editors wrote.
const byteOrderMark = "\ufeff"

// maxSecretFile bounds a file of secrets: some hundred thousand lines.
const maxSecretFile = 16 << 20

// readSecret reads a file that only its owner should be able to read. Without
// a name, it returns nothing.
func readSecret[T any](name string, parse func(string) (T, error)) (T, error) {
	var none T
	if name == "" {
		return none, nil
	}
	file, err := os.Open(name)
	if err != nil {
		return none, err
	}
	defer file.Close()
	if err := checkMode(file); err != nil {
		return none, err
	}
	text, err := io.ReadAll(io.LimitReader(file, maxSecretFile+1))
	if err != nil {
		return none, err
	}
	if len(text) > maxSecretFile {
		return none, fmt.Errorf("%s: it has over %d MiB, which no file of secrets has", name, maxSecretFile>>20)
	}
	got, err := parse(strings.TrimPrefix(string(text), byteOrderMark))
	if err != nil {
		return none, fmt.Errorf("%s: %w", name, err)
	}
	return got, nil
}

// checkMode refuses a file of secrets that others than its owner may read or
// write. What is no regular file, such as a pipe, has no such mode.
func checkMode(file *os.File) error {
	info, err := file.Stat()
	if err != nil {
		return err
	}
	if mode := info.Mode(); mode.IsRegular() && mode.Perm()&0o077 != 0 {
		return fmt.Errorf("%s: others may read it (mode %04o), and it holds secrets; 'chmod 600' it", file.Name(), mode.Perm())
	}
	return nil
}
