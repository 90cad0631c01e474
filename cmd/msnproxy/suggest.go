package main

import (
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"msnproxy/internal/reference"
	"msnproxy/internal/report"
)

// flagValues are what a shell may offer for a flag that takes one of a few words.
func flagValues() map[string][]string {
	values := map[string][]string{
		"algorithm":    {"msnp6", "msnp11"},
		"capture-side": {"server", "client"},
		"color":        {"auto", "always", "never"},
		"environment":  {"production", "test"},
		"log-format":   {"console", "json"},
		"log-level":    {"debug", "info", "warn", "error"},
		"section":      append(report.SectionNames(), report.All),
	}
	for _, f := range report.Formats {
		values["format"] = append(values["format"], f.Name)
	}
	return values
}

// suggestValues has shells offer values of flags, and verbs, instead of the files
// that happen to be there.
func suggestValues(root *cobra.Command) {
	for _, cmd := range root.Commands() {
		for flag, values := range flagValues() {
			if cmd.Flags().Lookup(flag) != nil {
				_ = cmd.RegisterFlagCompletionFunc(flag, suggest(values)) // fails for a flag that is not there
			}
		}
		switch cmd.Name() {
		case "commands":
			cmd.ValidArgsFunction = suggest(verbs())
		case "demo", "proxy", "version":
			cmd.ValidArgsFunction = cobra.NoFileCompletions
		}
	}
}

// suggest offers values, behind those that stand in front of a comma already.
func suggest(values []string) cobra.CompletionFunc {
	return func(_ *cobra.Command, _ []string, typed string) ([]string, cobra.ShellCompDirective) {
		before := typed[:strings.LastIndexByte(typed, ',')+1]
		var offered []string
		for _, v := range values {
			offered = append(offered, before+v)
		}
		return offered, cobra.ShellCompDirectiveNoFileComp
	}
}

// verbs are those that the reference has.
func verbs() (names []string) {
	for _, c := range reference.Rows("") {
		names = append(names, c.Verb)
	}
	return slices.Compact(names)
}
