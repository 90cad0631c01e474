package peers

import (
	"crypto/sha1"
	"encoding/base64"
	"fmt"
	"hash/crc32"
	"net/url"
	"strings"
)

// The people of the scenario, on whom everything needs no further words.
const (
	Alice = "alice@example.com"
	Bob   = "bob@example.com"
	Carol = "carol@example.com" // never signs in
)

// Roster tells who may sign in, and whom each has in the contact list.
type Roster map[string][]string

// DefaultRoster is Alice, Bob and Carol, who all know one another.
func DefaultRoster() Roster {
	return Roster{Alice: {Bob, Carol}, Bob: {Alice, Carol}, Carol: {Alice, Bob}}
}

// names are friendly names as they stand in commands. Bob's has bytes that are
// not percent-encoded, one of them 0xA0, which is a space in Latin-1.
var names = map[string]string{
	Alice: "Alice%20%E2%99%AB",
	Bob:   "Bob%20à%20la%20plage",
}

func nameOf(account string) string {
	if name, ok := names[account]; ok {
		return name
	}
	return short(account)
}

// short is an account before its @.
func short(account string) string {
	before, _, _ := strings.Cut(account, "@")
	return before
}

// number is a number of the account's own.
func number(account string) uint32 { return crc32.ChecksumIEEE([]byte(account)) }

// endpointOf is the id of the machine that an account signs in from.
func endpointOf(account string) string {
	return fmt.Sprintf("{%08X-1E6C-4BEA-8B3E-9C464006A774}", number(account))
}

// contactID is the id of an account in contact lists.
func contactID(account string) string {
	return fmt.Sprintf("%08x-dd7d-4654-8817-08670db5adb7", number(account))
}

// ticketOf is the Passport ticket of an account. Real ones are kilobytes long.
func ticketOf(account string) string {
	return "t=DUMMY-TICKET-" + short(account) + strings.Repeat("0", 2<<10) + "&p="
}

// pictureOf describes the display picture of an account: a msnobj,
// percent-encoded. Both its checksums are true (MSNP.md §13).
func pictureOf(account string) string {
	const location, noName = "TFR2C.tmp", "AAA="
	picture := "picture of " + account
	sha1d := base64SHA1(picture)
	sha1c := base64SHA1(fmt.Sprintf("Creator%sSize%dType3Location%sFriendly%sSHA1D%s", account, len(picture), location, noName, sha1d))
	object := fmt.Sprintf(`<msnobj Creator="%s" Size="%d" Type="3" Location="%s" Friendly="%s" SHA1D="%s" SHA1C="%s"/>`,
		account, len(picture), location, noName, sha1d, sha1c)
	return strings.ReplaceAll(url.QueryEscape(object), "+", "%20")
}

func base64SHA1(text string) string {
	sum := sha1.Sum([]byte(text))
	return base64.StdEncoding.EncodeToString(sum[:])
}

// Nonces of single sign-on and the answers to them, from published vectors
// (MSNP.md §7.3).
var singleSignOn = [2]struct{ nonce, answer string }{
	{strings.Repeat("A", 63) + "=", "HAAAAAEAAAADZgAABIAAAAgAAAAUAAAASAAAAAAAAAAAAAAA7XgT5ohvaZdoXdrWUUcMF2G8OK2JohyYcK5l5MJSitab33scxJeK/RQXcUr0L+R2ZA9CEAzn0izmUzSMp2LZdxSbHtnuxCmptgtoScHp9E26HjQVkA9YJxgK/HM="},
	{strings.Repeat("B", 63) + "=", "HAAAAAEAAAADZgAABIAAAAgAAAAUAAAASAAAAAAAAAAAAAAAywfWRZVnRRZTqPkW6HBIrOmPuYiFbzcpvYmP2QzhpH+VdKwtqUTt/gdbDqlMZvR1o7ve9ex44otMOxYtnNYIQ+lfoj+PKcsHT+T7GA1hfMsTVbGqoYYe3B5/WW0="},
}

func nonceOf(account string) string  { return singleSignOn[number(account)%2].nonce }
func answerOf(account string) string { return singleSignOn[number(account)%2].answer }
