package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// stdio is where a run reads from and writes to.
type stdio struct {
	in  io.Reader
	out io.Writer
	err io.Writer
}

// sameEnd is for how long signals to end count as one: of a terminal that is
// closed, system and shell tell the program, and timeout(1) tells it twice.
// Somebody who does not want to wait asks again.
const sameEnd = time.Second

// run executes one command line and returns its exit status.
func run(args []string, std stdio) int {
	ctx, stop := signal.NotifyContext(context.Background(), endSignals()...)
	defer stop()
	onceMore(ctx, stop)
	root := newRoot(std)
	root.SetArgs(args)
	return exitStatus(root.ExecuteContext(ctx), std.err)
}

// onceMore has the next signal end the program at once, when the run is ending
// and it cannot be the same end any more.
func onceMore(ctx context.Context, stop func()) {
	context.AfterFunc(ctx, func() { time.AfterFunc(sameEnd, stop) })
}

// endSignals end a run in order. That a terminal is closed is one, unless nohup
// has it ignored.
func endSignals() []os.Signal {
	list := []os.Signal{os.Interrupt, syscall.SIGTERM}
	if !signal.Ignored(syscall.SIGHUP) {
		list = append(list, syscall.SIGHUP)
	}
	return list
}

func newRoot(std stdio) *cobra.Command {
	root := &cobra.Command{
		Use:   "msnproxy",
		Short: "Decode the MSN Messenger protocol",
		Long: `Msnproxy decodes the protocol of MSN Messenger and Windows Live Messenger (MSNP2
to MSNP21), live between a client and its server, or from capture files: every
command as a record, and a report of tables. 'msnproxy demo' shows it at work.

A setting has a flag and an environment variable: --width is MSNPROXY_WIDTH.
The flag wins.`,
		Args:                       noSuchCommand,
		RunE:                       func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
		Version:                    buildVersion(),
		SuggestionsMinimumDistance: 2,
		SilenceErrors:              true,
		SilenceUsage:               true,
		PersistentPreRunE: func(cmd *cobra.Command, _ []string) error {
			return flagsFromEnvironment(cmd.Flags())
		},
	}
	root.SetIn(std.in)
	root.SetOut(std.out)
	root.SetErr(std.err)
	wrapFlags(root, std.out)
	root.SetVersionTemplate("{{.Version}}\n")
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error { return usageError(cmd, plainly(err)) })
	root.AddCommand(newProxy(std), newDecode(std), newAnalyze(std), newChallenge(std), newCommands(std), newDemo(std), newVersion(std))
	strictAboutNames(root)
	suggestValues(root)
	return root
}

// strictAboutNames has the two commands that cobra brings along refuse what they
// do not know. They would show the help of something else, and be content.
func strictAboutNames(root *cobra.Command) {
	root.InitDefaultHelpCmd()
	root.InitDefaultCompletionCmd()
	for _, cmd := range root.Commands() {
		switch cmd.Name() {
		case "help":
			cmd.Args = func(_ *cobra.Command, args []string) error {
				found, rest, err := root.Find(args)
				if err != nil {
					return usageError(cmd, err)
				}
				return noSuchCommand(found, rest)
			}
		case "completion":
			cmd.Args, cmd.RunE = noSuchCommand, func(cmd *cobra.Command, _ []string) error { return cmd.Help() }
			for _, shell := range cmd.Commands() {
				shell.Args = wantArgs(shell.Args)
			}
		}
	}
}

// wrapFlags has the help of every command fit the terminal.
func wrapFlags(root *cobra.Command, out io.Writer) {
	width, err := outputWidth(out, 0)
	if err != nil {
		width = defaultWidth
	}
	cobra.AddTemplateFunc("wrapped", func(flags *pflag.FlagSet) string { return flags.FlagUsagesWrapped(width) })
	template := root.UsageTemplate()
	for _, flags := range []string{".LocalFlags", ".InheritedFlags"} {
		template = strings.ReplaceAll(template, "{{"+flags+".FlagUsages", "{{wrapped "+flags)
	}
	root.SetUsageTemplate(template)
}

// noSuchCommand is what a command of commands says to arguments: subcommands
// would have been found.
func noSuchCommand(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	text := fmt.Sprintf("unknown command %q", args[0])
	if like := cmd.SuggestionsFor(args[0]); len(like) > 0 {
		text += fmt.Sprintf("; is it %q?", like[0])
	}
	return usageError(cmd, errors.New(text))
}

// wantFiles asks for at least one capture file, and for standard input once at
// most: a second time, there is nothing left in it.
func wantFiles(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return usageError(cmd, errors.New("name a capture file, or - for standard input"))
	}
	if first := slices.Index(args, "-"); first >= 0 && slices.Contains(args[first+1:], "-") {
		return usageError(cmd, errors.New("- stands for standard input, which can be read only once"))
	}
	return nil
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

// wantNone refuses arguments: somebody has left out a flag in front of a value.
func wantNone(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	return usageError(cmd, fmt.Errorf("%q is the value of no flag, and %s takes nothing else", args[0], cmd.Name()))
}

// flagsFromEnvironment sets the flags that were not given from variables such
// as MSNPROXY_SHOW_SECRETS.
func flagsFromEnvironment(flags *pflag.FlagSet) error {
	var failed error
	flags.VisitAll(func(f *pflag.Flag) {
		name := "MSNPROXY_" + strings.ToUpper(strings.ReplaceAll(f.Name, "-", "_"))
		value, ok := os.LookupEnv(name)
		if !ok || value == "" || f.Changed || f.Name == "help" || f.Name == "version" || failed != nil {
			return
		}
		if err := flags.Set(f.Name, value); err != nil {
			failed = flagError("%s=%q: %s", name, value, advice(f, err))
		}
	})
	return failed
}

// wantedOf is what the value of a flag should be, by the flag's type.
var wantedOf = map[string]string{
	"bool":      "true or false",
	"duration":  "a time with its unit, such as 30s or 5m",
	"int":       "a number",
	"intSlice":  "numbers, separated by commas",
	"uintSlice": "numbers, separated by commas",
}

// plainly is an error about a flag, and says what its value should be where that
// is what is wrong.
func plainly(err error) error {
	bad, ok := errors.AsType[*pflag.InvalidValueError](err)
	if !ok {
		return err
	}
	return fmt.Errorf("--%s %q: %s", bad.GetFlag().Name, bad.GetValue(), advice(bad.GetFlag(), err))
}

// advice is what to use for a flag instead of a value that it did not take: that
// the value could not be parsed, and by which function, helps nobody.
func advice(f *pflag.Flag, err error) string {
	if wanted, ok := wantedOf[f.Value.Type()]; ok {
		return "use " + wanted
	}
	return err.Error()
}
