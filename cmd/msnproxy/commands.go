package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"msnproxy/internal/reference"
)

func newCommands(std stdio) *cobra.Command {
	var markdown bool
	var width int
	cmd := &cobra.Command{
		Use:   "commands [VERB]",
		Short: "Show the protocol reference that the decoder runs on",
		Long: `Commands shows the forms of a command, or of all of them: who sends it, on which
kind of server, in which dialects, its arguments and whether it has a payload.
VERB may be the number of an error reply.`,
		Args: wantArgs(cobra.MaximumNArgs(1)),
		RunE: func(_ *cobra.Command, args []string) error {
			if markdown {
				return reference.WriteMarkdown(std.out)
			}
			verb := ""
			if len(args) > 0 {
				verb = args[0]
			}
			columns, err := outputWidth(std.out, width)
			if err != nil {
				return err
			}
			if len(reference.Rows(verb)) == 0 {
				return fmt.Errorf("no command %q is known; 'msnproxy commands' lists all", verb)
			}
			return reference.WriteText(std.out, verb, columns)
		},
	}
	cmd.Flags().BoolVar(&markdown, "markdown", false, "print the whole reference as Markdown")
	cmd.Flags().IntVar(&width, "width", 0, "width in columns (default: the terminal's, or 80)")
	return cmd
}
