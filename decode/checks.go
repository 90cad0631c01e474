package decode

// Checks is what the proofs of clients are checked with. The zero Checks, and
// a nil one, knows the published product keys, and no passwords.
type Checks struct {
	Keys        *Keyring
	Environment Environment       // "" is Production
	Passwords   map[string]string // by account, in lower case
	Secrets     map[string]string // binary secrets in base64, by account, in lower case
}

func (c *Checks) keys() *Keyring {
	if c == nil {
		return nil
	}
	return c.Keys
}

func (c *Checks) environment() Environment {
	if c == nil || c.Environment == "" {
		return Production
	}
	return c.Environment
}
