// Package story tells from the records of a run what happened, in people's
// terms: who signed in with what, which connections belong to a sign-in, who
// was on whose contact list, who talked with whom, and what was said.
//
//	records ──► Teller ──► Story (sessions, contacts, conversations, …)
//
// It knows no format. A Teller keeps facts about connections as records come;
// what needs the whole run (which connections belong together, which of two
// records are one message seen from two sides) is worked out when the Story is
// asked for, so that it does not depend on the order of the records, and an
// unfinished run can be told too.
//
// Memory follows the connections, the contacts and what is told of them, not
// the number of records; limits.go says how much is kept. Secrets are masked
// before they come here: equal ones still look equal.
package story
