package decode

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Environment is one of the two worlds that Microsoft issued product ids for.
// A pair of id and key worked in one of them only.
type Environment string

// The environments.
const (
	Production Environment = "production" // the public service
	Test       Environment = "test"       // the Test Server Cloud, for developing clients
)

// ParseEnvironment reads the name of an environment.
func ParseEnvironment(name string) (Environment, error) {
	switch e := Environment(name); e {
	case Production, Test:
		return e, nil
	}
	return "", fmt.Errorf("%q is no environment: use production or test", name)
}

// Pair is a product id and what is known of it.
type Pair struct {
	ProductID   string
	Key         string // "" where it is not known
	Client      string // the software that it was issued for, as far as is known
	From, To    Dialect
	Environment Environment
	Secret      bool // the key came from a user's file, and is not to be shown
}

// knownPairs are the published pairs: MSNP.md §7.6, after the challenge_keypairs
// page of the msnp-wiki and the tables of servers and clients. Dialects are
// those of the clients that Microsoft shipped with an id; other clients use
// them with other dialects. All were issued for production.
var knownPairs = []Pair{
	{"msmsgs@msnmsgr.com", "Q1P7W2E4J9R8U3S5", "MSN Messenger 3.6 to 6.x", 6, 10, Production, false},
	{"PROD0038W!61ZTF9", "VT6PX?UQTM4WM%YR", "MSN Messenger; Gaim", 6, 10, Production, false},
	{"PROD00504RLUG%WL", "I2EBK%PYNLZL5_J4", "MSN Messenger", 6, 10, Production, false},
	{"PROD00517IFH4@RV", "", "MSN Messenger", 6, 10, Production, false},
	{"PROD0058#7IL2{QD", "QHDCY@7R1TB6W?5B", "MSN Messenger", 6, 10, Production, false},
	{"PROD0061VRRZH@4F", "JXQ6J@TUOGYV@N0M", "MSN Messenger 6; aMSN", 6, 10, Production, false},
	{"PROD0076ENE8*@AW", "CEQJ8}OE0!WTSWII", "MSN Messenger", 6, 10, Production, false},
	{"PROD008955JTJ_S7", "", "MSN Messenger 7", 11, 12, Production, false},
	{"PROD0090YUAUV{2B", "YMM8C_H7KCQ2S_KL", "MSN Messenger 7.0; many other clients", 11, 12, Production, false},
	{"PROD00974#MT*RC2", "LMCVO*18PQJ3H!K3", "MSN Messenger 7", 11, 12, Production, false},
	{"PROD0101{0RM?UBW", "CFHUR$52U_{VIX5T", "MSN Messenger 7", 11, 12, Production, false},
	{"PROD0104U6VVM{UJ", "VK67B}379XYM5}$T", "MSN Messenger 7.5", 11, 12, Production, false},
	{"PROD01065C%ZFN6F", "O4BG@C7BWLYQX?5G", "Windows Live Messenger 8.0 beta", 13, 14, Production, false},
	{"PROD0112J1LW7%NB", "RH96F{PHI8PPX_TJ", "Windows Live Messenger 8.0", 13, 14, Production, false},
	{"PROD0113H11T8$X_", "RG@XY*28Q5QHS%Q5", "Windows Live Messenger 8.1.0168", 15, 15, Production, false},
	{"PROD0114ES4Z%Q5W", "PK}_A_0N_K%O?A9S", "Windows Live Messenger 8.1.0178", 15, 15, Production, false},
	{"PROD0118R6%2WYOS", "YIXPX@5I2P0UT*LK", "Windows Live Messenger 8.5 beta", 15, 15, Production, false},
	{"PROD0119GSJUC$18", "ILTXC!4IXB5FB*PX", "Windows Live Messenger 8.5.1288", 15, 15, Production, false},
	{"PROD0120PW!CCV9@", "C1BX{V4W}Q3*10SM", "Windows Live Messenger 2009 (14.0)", 18, 21, Production, false},
}

// Keyring holds pairs of product id and key. The zero Keyring, and a nil one,
// holds the published ones. It may be read from several goroutines.
type Keyring struct {
	own []Pair // a user's, which come first
}

// Pair finds a product id.
func (k *Keyring) Pair(productID string) (Pair, bool) {
	for _, list := range k.lists() {
		for i := range list {
			if list[i].ProductID == productID {
				return list[i], true
			}
		}
	}
	return Pair{}, false
}

// Pairs returns all pairs, a user's own first, each product id once.
func (k *Keyring) Pairs() []Pair {
	var all []Pair
	seen := map[string]bool{}
	for _, list := range k.lists() {
		for _, p := range list {
			if !seen[p.ProductID] {
				seen[p.ProductID] = true
				all = append(all, p)
			}
		}
	}
	return all
}

func (k *Keyring) lists() [2][]Pair {
	if k == nil {
		return [2][]Pair{nil, knownPairs}
	}
	return [2][]Pair{k.own, knownPairs}
}

// ParseKeys reads a user's pairs, one a line: product id, key, and, where they
// are known, environment (production if it is not told) and client software.
// A key of "-" is not known. Blank lines and those whose first word is "#" are
// passed over. What it reads replaces the published pair of the same id. Its
// errors tell the line, and never the key.
func ParseKeys(text string) (*Keyring, error) {
	k := &Keyring{}
	for i, line := range strings.Split(text, "\n") {
		words := strings.Fields(line)
		if len(words) == 0 || words[0] == "#" {
			continue
		}
		pair, err := parsePair(words)
		if err != nil {
			return nil, fmt.Errorf("line %d: %w", i+1, err)
		}
		k.own = append(k.own, pair)
	}
	slices.Reverse(k.own) // the last line of an id counts
	return k, nil
}

// secretClient stands for software that a user's file does not name.
const secretClient = "from the keys file"

func parsePair(words []string) (Pair, error) {
	if len(words) < 2 {
		return Pair{}, errors.New("a product id and its key are expected, separated by a space")
	}
	p := Pair{ProductID: words[0], Key: words[1], Client: secretClient, Environment: Production, Secret: true}
	if p.Key == "-" {
		p.Key = ""
	}
	if len(words) > 2 {
		e, err := ParseEnvironment(words[2])
		if err != nil {
			return Pair{}, errors.New("the third word is the environment, production or test")
		}
		p.Environment = e
	}
	if len(words) > 3 {
		p.Client = strings.Join(words[3:], " ")
	}
	return p, nil
}
