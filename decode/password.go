package decode

import (
	"bytes"
	"crypto/cipher"
	"crypto/des"
	"crypto/hmac"
	"crypto/md5"
	"crypto/sha1"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
)

// PasswordHash returns what a client of MSNP2 to MSNP7 answers to a salt
// (MSNP.md §7.1): 32 hexadecimal digits.
func PasswordHash(salt, password string) string { return hexMD5(salt + password) }

func hexMD5(text string) string {
	sum := md5.Sum([]byte(text))
	return hex.EncodeToString(sum[:])
}

// explainHash says what is wrong with a hash of a password, if one of the
// usual mistakes gives it.
func explainHash(salt, password, got string) string {
	switch lower := strings.ToLower(got); lower {
	case PasswordHash(salt, password):
		return "the hash is right, but in upper case"
	case hexMD5(password + salt):
		return "the hash is of the password followed by the salt, not the other way round"
	case hexMD5(password):
		return "the hash is of the password alone"
	case hexMD5(salt + hexMD5(password)):
		return "the hash is of the salt and the password's hash"
	}
	return "it is not the hash of the salt and this account's password"
}

// The blob with which a client of MSNP15 on proves that it holds a binary
// secret (MSNP.md §7.3): a header of 32-bit words, little-endian, then an
// initialisation vector, a MAC of the nonce, and the nonce enciphered.
const (
	ssoHeaderSize = 28
	ssoModeCBC    = 1
	ssoTripleDES  = 0x6603
	ssoSHA1       = 0x8004
)

// What keys are derived for.
const (
	ssoHashPurpose   = "WS-SecureConversationSESSION KEY HASH"
	ssoCipherPurpose = "WS-SecureConversationSESSION KEY ENCRYPTION"
)

// CheckSSO checks the blob that a client answers to a nonce with, against the
// binary secret (base64) that came with its ticket. It returns what is wrong,
// or nil.
func CheckSSO(secret, nonce, blob string) error {
	key, err := base64.StdEncoding.DecodeString(secret)
	if err != nil {
		return errors.New("the given binary secret is not base64")
	}
	raw, err := base64.StdEncoding.DecodeString(blob)
	if err != nil {
		return errors.New("the answer is not base64")
	}
	iv, mac, text, err := splitSSO(raw)
	if err != nil {
		return err
	}
	if !hmac.Equal(mac, hmacSHA1(deriveSSO(key, ssoHashPurpose), []byte(nonce))) {
		return errors.New("the MAC is not of this nonce with this secret")
	}
	block, err := des.NewTripleDESCipher(deriveSSO(key, ssoCipherPurpose))
	if err != nil {
		return err
	}
	clear := make([]byte, len(text))
	cipher.NewCBCDecrypter(block, iv).CryptBlocks(clear, text)
	if want := padSSO(nonce); !bytes.Equal(clear, want) {
		return errors.New("the MAC is right, but the enciphered text is not the nonce and its padding")
	}
	return nil
}

// padSSO pads a nonce to whole blocks; one that is whole gets a block more.
func padSSO(nonce string) []byte {
	n := des.BlockSize - len(nonce)%des.BlockSize
	return append([]byte(nonce), bytes.Repeat([]byte{byte(n)}, n)...)
}

// splitSSO takes a blob apart.
func splitSSO(raw []byte) (iv, mac, text []byte, err error) {
	if len(raw) < ssoHeaderSize {
		return nil, nil, nil, fmt.Errorf("the answer has %d bytes, fewer than its header", len(raw))
	}
	word := func(i int) uint32 { return binary.LittleEndian.Uint32(raw[4*i:]) }
	for i, field := range []struct {
		name string
		want uint32
	}{{"header size", ssoHeaderSize}, {"cipher mode", ssoModeCBC}, {"cipher", ssoTripleDES}, {"hash", ssoSHA1}, {"size of the initialisation vector", des.BlockSize}, {"size of the MAC", sha1.Size}} {
		if got := word(i); got != field.want {
			return nil, nil, nil, fmt.Errorf("the %s is %#x, not %#x", field.name, got, field.want)
		}
	}
	rest := raw[ssoHeaderSize:]
	size := uint64(word(6))
	if uint64(len(rest)) != des.BlockSize+sha1.Size+size || size%des.BlockSize != 0 {
		return nil, nil, nil, fmt.Errorf("the enciphered text claims %d bytes, and %d follow the header", size, len(rest))
	}
	return rest[:des.BlockSize], rest[des.BlockSize : des.BlockSize+sha1.Size], rest[des.BlockSize+sha1.Size:], nil
}

func hmacSHA1(key, text []byte) []byte {
	h := hmac.New(sha1.New, key)
	h.Write(text)
	return h.Sum(nil)
}

// deriveSSO makes a key of 24 bytes for a purpose.
func deriveSSO(key []byte, purpose string) []byte {
	const rest = 4 // of the second hash: 20 and 4 are 24
	hash := func(parts ...[]byte) []byte { return hmacSHA1(key, bytes.Join(parts, nil)) }
	m := []byte(purpose)
	h1 := hash(m)
	h2 := hash(h1, m)
	h3 := hash(h1)
	h4 := hash(h3, m)
	return append(h2, h4[:rest]...)
}

// prove checks what a client proves its password with, where the password or
// the secret is given. Neither is ever guessed, or told.
func (s *Session) prove(rec *Record) {
	if s.cfg.Checks == nil || !equalFold(rec.Arg("stage"), "S") {
		return
	}
	if rec.Dir == ServerToClient {
		s.nonce = string(rec.Arg("salt")) + string(rec.Arg("nonce"))
		return
	}
	method := strings.ToUpper(string(rec.Arg("method")))
	given := map[string]map[string]string{"MD5": s.cfg.Checks.Passwords, "SSO": s.cfg.Checks.Secrets}[method]
	secret, ok := given[strings.ToLower(s.account)]
	got := string(rec.Arg("response"))
	if !ok || s.nonce == "" || got == "" {
		return
	}
	note := Note{Kind: NoteSignIn, Method: method, Account: readable(s.account), Verdict: VerdictCorrect}
	if text := disprove(method, secret, s.nonce, got); text != "" {
		note.Verdict, note.Text = VerdictWrong, readable(text)
	}
	rec.Notes = append(rec.Notes, note)
}

// disprove says what is wrong with a proof, or "".
func disprove(method, secret, nonce, got string) string {
	if method == "SSO" {
		if err := CheckSSO(secret, nonce, got); err != nil {
			return err.Error()
		}
		return ""
	}
	if got == PasswordHash(nonce, secret) {
		return ""
	}
	return explainHash(nonce, secret, got)
}

// ParseSecrets reads accounts and what is secret about them, password or
// binary secret: one account a line, its secret after the first space. Blank
// lines and those that begin with "#" are passed over. Its errors tell the
// line, and never the secret.
func ParseSecrets(text string) (map[string]string, error) {
	secrets := map[string]string{}
	for i, line := range strings.Split(text, "\n") {
		line = strings.TrimSuffix(line, "\r")
		if strings.TrimSpace(line) == "" || line[0] == '#' {
			continue
		}
		account, secret, ok := strings.Cut(line, " ")
		if !ok || secret == "" || !strings.Contains(account, "@") {
			return nil, fmt.Errorf("line %d: an account and its secret are expected, separated by a space", i+1)
		}
		secrets[strings.ToLower(account)] = secret
	}
	return secrets, nil
}
