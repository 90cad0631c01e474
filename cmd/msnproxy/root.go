package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// stdio is where a run reads from and writes to.
type stdio struct {
	in  io.Reader
	out io.Writer
	err io.Writer
}

// run executes one command line and returns its exit status.
func run(args []string, std stdio) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop) // a second signal then ends the program at once
	root := newRoot(std)
	root.SetArgs(args)
	return exitStatus(root.ExecuteContext(ctx), std.err)
}

func newRoot(std stdio) *cobra.Command {
	root := &cobra.Command{
		Use:   "msnproxy",
		Short: "Decode the MSN Messenger protocol",
		Long: `Msnproxy decodes the protocol of MSN Messenger and Windows Live Messenger (MSNP2
to MSNP21) from capture files: every command as a record, or a report of tables.

A setting has a flag and an environment variable: --width is MSNPROXY_WIDTH.
The flag wins.`,
		Args:          wantArgs(cobra.NoArgs),
		RunE:          func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
		SilenceErrors: true,
		SilenceUsage:  true,
		PersistentPreRunE: func(cmd *cobra.Command, _ []string) error {
			return flagsFromEnvironment(cmd.Flags())
		},
	}
	root.SetIn(std.in)
	root.SetOut(std.out)
	root.SetErr(std.err)
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error { return usageError(cmd, err) })
	root.AddCommand(newProxy(std), newDecode(std), newAnalyze(std), newCommands(std), newVersion(std))
	return root
}

// wantArgs makes a wrong number of arguments an error of usage.
func wantArgs(check cobra.PositionalArgs) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if err := check(cmd, args); err != nil {
			return usageError(cmd, err)
		}
		return nil
	}
}

// flagsFromEnvironment sets the flags that were not given from variables such
// as MSNPROXY_SHOW_SECRETS.
func flagsFromEnvironment(flags *pflag.FlagSet) error {
	var failed error
	flags.VisitAll(func(f *pflag.Flag) {
		name := "MSNPROXY_" + strings.ToUpper(strings.ReplaceAll(f.Name, "-", "_"))
		value, ok := os.LookupEnv(name)
		if !ok || f.Changed || f.Name == "help" || failed != nil {
			return
		}
		if err := flags.Set(f.Name, value); err != nil {
			failed = &exitError{code: exitUsage, err: fmt.Errorf("%s=%q: %w", name, value, err)}
		}
	})
	return failed
}
