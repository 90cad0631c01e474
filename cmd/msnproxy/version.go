package main

import (
	"fmt"
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"
)

func newVersion(std stdio) *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "Print the version",
		Args:  wantNone,
		RunE: func(*cobra.Command, []string) error {
			_, err := fmt.Fprintln(std.out, buildVersion())
			return err
		},
	}
}

// buildVersion tells the version of the running program.
func buildVersion() string {
	info, _ := debug.ReadBuildInfo()
	return versionLine(info)
}

// versionLine tells what the build information holds: the module's version,
// and the commit if the build was made in a checkout.
func versionLine(info *debug.BuildInfo) string {
	version, commit := "(devel)", ""
	if info != nil {
		if info.Main.Version != "" {
			version = info.Main.Version
		}
		commit = commitOf(info.Settings)
	}
	return fmt.Sprintf("msnproxy %s%s %s %s/%s", version, commit, runtime.Version(), runtime.GOOS, runtime.GOARCH)
}

// commitOf shows the commit that was built, or nothing.
func commitOf(settings []debug.BuildSetting) string {
	const shortHash = 12
	revision, modified := "", ""
	for _, s := range settings {
		switch {
		case s.Key == "vcs.revision":
			revision = s.Value[:min(len(s.Value), shortHash)]
		case s.Key == "vcs.modified" && s.Value == "true":
			modified = " with changes"
		}
	}
	if revision == "" {
		return ""
	}
	return " (commit " + revision + modified + ")"
}
