package story

import (
	"slices"
	"strings"

	"msnproxy/decode"
)

// person returns the address of a handle, without what dialects put around it:
// 1:bob@example.com;{endpoint} is bob@example.com.
func person(handle []byte) string {
	name := string(decode.Account(handle))
	if network, rest, ok := strings.Cut(name, ":"); ok && network != "" && strings.Trim(network, "0123456789") == "" {
		name = rest
	}
	return clip(name)
}

// personArg returns the person that an argument of a record names, or "".
func personArg(r *decode.Record, name string) string { return person(r.Arg(name)) }

// names remembers the people that handles stand for: a run has few, and says
// their names in every command.
type names map[string]string

// maxNames bounds them. Nobody knows as many people.
const maxNames = 4096

// personArg is personArg without a string for each record.
func (n names) personArg(r *decode.Record, name string) string {
	handle := r.Arg(name)
	if p, ok := n[string(handle)]; ok {
		return p
	}
	p := person(handle)
	if len(n) < maxNames && len(handle) <= maxText {
		n[string(handle)] = p
	}
	return p
}

// key is what people are told apart by: upper and lower case are the same.
func key(person string) string { return strings.ToLower(person) }

// same tells whether two addresses are the same person. Nobody is the same as
// somebody of whom nothing is known.
func same(a, b string) bool { return a != "" && strings.EqualFold(a, b) }

// differ tells whether two addresses, both known, are different people.
func differ(a, b string) bool { return a != "" && b != "" && !strings.EqualFold(a, b) }

// with returns the people and another one, if they are not among them yet.
func with(people []string, another string) []string {
	if another == "" || contains(people, another) || len(people) >= maxPeople {
		return people
	}
	return append(people, another)
}

// without returns the people but for one.
func without(people []string, one string) []string {
	return slices.DeleteFunc(slices.Clone(people), func(p string) bool { return same(p, one) })
}

func contains(people []string, one string) bool {
	return slices.ContainsFunc(people, func(p string) bool { return same(p, one) })
}

// crowd is people who are looked for by name, of whom there may be many.
type crowd map[string]bool

func (c crowd) add(person string) {
	if person != "" {
		c[key(person)] = true
	}
}

func (c crowd) has(person string) bool { return c[key(person)] }
