package display

import "strings"

// lineEnds are the line ends that chat clients write, made one.
var lineEnds = strings.NewReplacer("\r\n", "\n", "\r", "\n")

// Lines splits a text at its line ends and makes each line harmless. Tabs
// become single spaces. Empty lines at the end are left out.
func Lines(s string) []string {
	s = strings.TrimRight(lineEnds.Replace(s), "\n")
	if s == "" {
		return nil
	}
	lines := strings.Split(s, "\n")
	for i, l := range lines {
		lines[i] = Harmless(strings.ReplaceAll(l, "\t", " "))
	}
	return lines
}
