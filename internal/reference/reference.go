// Package reference shows the protocol reference that the decoder itself runs
// on: the command table and the tables of codes. "msnproxy commands" and
// docs/commands.md are both made here, so they cannot differ from the decoder.
package reference

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"msnproxy/decode"
)

// Rows returns the rows of the command table for a verb, or all for "", by
// verb and direction. A number finds the rows of error replies.
func Rows(verb string) []decode.Command {
	var rows []decode.Command
	for _, c := range decode.Commands {
		if verb == "" || strings.EqualFold(c.Verb, verb) || c.Verb == decode.ErrorVerb && isNumber(verb) {
			rows = append(rows, c)
		}
	}
	slices.SortStableFunc(rows, func(a, b decode.Command) int {
		return cmp.Or(strings.Compare(a.Verb, b.Verb), cmp.Compare(a.Dir, b.Dir))
	})
	return rows
}

func isNumber(verb string) bool {
	n, err := strconv.Atoi(verb)
	return err == nil && n >= 0 && len(verb) == 3
}

// dialects shows a range: "2-21", "8" or, from MSNP13 to the newest, "13-21".
func dialects(c decode.Command) string {
	if c.From == c.To {
		return strconv.Itoa(int(c.From))
	}
	return fmt.Sprintf("%d-%d", c.From, c.To)
}

// sender names who sends a command.
func sender(c decode.Command) string {
	if c.Dir == decode.ClientToServer {
		return "client"
	}
	return "server"
}

// codeTable is a table of codes, ready to be shown.
type codeTable struct {
	title string
	code  string // what the codes are
	rows  [][2]string
}

// codeTables are all tables of codes that the decoder has.
func codeTables() []codeTable {
	return []codeTable{
		{"Error replies", "number", errorRows()},
		{"Statuses", "status", nameRows(decode.Statuses, "%s")},
		{"Lists", "bit", nameRows(decode.ListBits, "%d")},
		{"Networks", "id", nameRows(decode.NetworkIDs, "%d")},
		{"Client types", "type", nameRows(decode.ClientTypes, "%d")},
		{"Client generations", "MSNC", nameRows(decode.ClientGenerations, "%d")},
		{"Capabilities", "bit", nameRows(decode.BasicCapabilities, "0x%x")},
		{"Extended capabilities", "bit", nameRows(decode.ExtendedCapabilities, "0x%x")},
	}
}

func nameRows[K comparable](table []decode.Name[K], format string) [][2]string {
	var rows [][2]string
	for _, n := range table {
		rows = append(rows, [2]string{fmt.Sprintf(format, n.Code), n.Meaning})
	}
	return rows
}

func errorRows() [][2]string {
	var rows [][2]string
	for _, e := range decode.ErrorCodes {
		rows = append(rows, [2]string{strconv.Itoa(e.Code), e.Meaning})
	}
	return rows
}
