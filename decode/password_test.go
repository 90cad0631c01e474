package decode

import (
	"strings"
	"testing"
)

// The blobs of MSNP.md §7.3, of escargot's and other servers' tests: secrets
// and nonces of one letter, and an initialisation vector of zeros.
var ssoVectors = []struct{ secret, nonce, blob string }{
	{strings.Repeat("A", 31) + "=", strings.Repeat("A", 63) + "=", "HAAAAAEAAAADZgAABIAAAAgAAAAUAAAASAAAAAAAAAAAAAAA7XgT5ohvaZdoXdrWUUcMF2G8OK2JohyYcK5l5MJSitab33scxJeK/RQXcUr0L+R2ZA9CEAzn0izmUzSMp2LZdxSbHtnuxCmptgtoScHp9E26HjQVkA9YJxgK/HM="},
	{strings.Repeat("B", 31) + "=", strings.Repeat("B", 63) + "=", "HAAAAAEAAAADZgAABIAAAAgAAAAUAAAASAAAAAAAAAAAAAAAywfWRZVnRRZTqPkW6HBIrOmPuYiFbzcpvYmP2QzhpH+VdKwtqUTt/gdbDqlMZvR1o7ve9ex44otMOxYtnNYIQ+lfoj+PKcsHT+T7GA1hfMsTVbGqoYYe3B5/WW0="},
}

func TestCheckSSOAcceptsThePublishedBlobs(t *testing.T) {
	for _, v := range ssoVectors {
		if err := CheckSSO(v.secret, v.nonce, v.blob); err != nil {
			t.Error(err)
		}
	}
}

func TestCheckSSOSaysWhatIsWrong(t *testing.T) {
	a, b := ssoVectors[0], ssoVectors[1]
	changed := func(at int, to string) string { return a.blob[:at] + to + a.blob[at+len(to):] }
	for name, c := range map[string]struct{ secret, nonce, blob, want string }{
		"another secret":        {b.secret, a.nonce, a.blob, "the MAC is not of this nonce with this secret"},
		"another nonce":         {a.secret, b.nonce, a.blob, "the MAC is not of this nonce with this secret"},
		"no base64":             {a.secret, a.nonce, "%%%", "the answer is not base64"},
		"a secret that is none": {"?", a.nonce, a.blob, "the given binary secret is not base64"},
		"cut off":               {a.secret, a.nonce, a.blob[:100], "the enciphered text claims 72 bytes, and 47 follow the header"},
		"shorter than a header": {a.secret, a.nonce, "HAAA", "the answer has 3 bytes, fewer than its header"},
		"another cipher":        {a.secret, a.nonce, changed(11, "E"), "the cipher is"},
		"another initialisation vector": {a.secret, a.nonce, changed(40, "B"),
			"the MAC is right, but the enciphered text is not the nonce and its padding"},
	} {
		err := CheckSSO(c.secret, c.nonce, c.blob)
		if err == nil || !strings.HasPrefix(err.Error(), c.want) {
			t.Errorf("%s: %v, want %s", name, err, c.want)
		}
	}
}

func TestPasswordHashIsTheMD5OfSaltAndPassword(t *testing.T) {
	// echo -n 1013928519.693957190secret | md5sum
	if got, want := PasswordHash("1013928519.693957190", "secret"), "0dc38e0c96e5ef37eb9451a0b2d5aaf9"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestSecretsAreReadByAccountAndNeverTold(t *testing.T) {
	got, err := ParseSecrets("# who and what\nAlice@Example.com pass word\r\n\nbob@example.com  spaced\n")
	if err != nil || got["alice@example.com"] != "pass word" || got["bob@example.com"] != " spaced" || len(got) != 2 {
		t.Errorf("%q, %v", got, err)
	}
	_, err = ParseSecrets("alice@example.com hush\nhush-hush\n")
	if err == nil || !strings.HasPrefix(err.Error(), "line 2: ") || strings.Contains(err.Error(), "hush") {
		t.Errorf("%v", err)
	}
}

// FuzzParseSecrets reads whatever stands in a file of passwords. Every secret
// that it takes stood in the file, and what it refuses is never told.
func FuzzParseSecrets(f *testing.F) {
	f.Add("# who and what\nAlice@Example.com pass word\r\n\nbob@example.com  spaced\n")
	f.Add("a@b \xff\x00\n@ x\n#@ y")
	f.Fuzz(func(t *testing.T, text string) {
		secrets, err := ParseSecrets(text)
		if err != nil && len(err.Error()) > 100 {
			t.Fatalf("a long reason: %q", err)
		}
		for account, secret := range secrets {
			if secret == "" || strings.Contains(secret, "\n") || !strings.Contains(text, " "+secret) || account != strings.ToLower(account) || !strings.Contains(account, "@") {
				t.Fatalf("%q gave %q to %q", text, secret, account)
			}
		}
	})
}

// FuzzProof checks whatever a client may answer to a nonce. A reason never
// tells the secret, nor the answer.
func FuzzProof(f *testing.F) {
	for _, v := range ssoVectors {
		f.Add("SSO", v.secret, v.nonce, v.blob)
	}
	f.Add("MD5", "hush-hush", "1013928519.693957190", "0dc38e0c96e5ef37eb9451a0b2d5aaf9")
	f.Add("SSO", "", "x", "HAAAAAEAAAADZgAABIAAAAgAAAAUAAAA+P///w==")
	f.Fuzz(func(t *testing.T, method, secret, nonce, got string) {
		text := disprove(method, secret, nonce, got)
		for _, s := range []string{secret, got} {
			if len(s) > 12 && strings.Contains(text, s) {
				t.Fatalf("%q tells %q", text, s)
			}
		}
		if len(text) > 200 {
			t.Fatalf("a long reason: %q", text)
		}
		if method == "MD5" && disprove(method, secret, nonce, PasswordHash(nonce, secret)) != "" {
			t.Fatalf("the right hash of %q and %q is refused", nonce, secret)
		}
	})
}
