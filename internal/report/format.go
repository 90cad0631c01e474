package report

import (
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"
)

// Format is a way to write a report.
type Format struct {
	Name       string
	Extensions []string // of files that hold it, with their dots
	// Write writes the report.
	Write func(*Report, io.Writer, Options) error
	// Single tells that it holds one section only; several are several files.
	Single bool
	// Records tells that it shows the records themselves, if all is shown.
	Records bool
	// Brief tells that it shows but the beginnings of some sections unless
	// they are asked for by name.
	Brief bool
}

// Formats are all there are. Adding one is adding a row.
var Formats = []Format{
	{Name: "table", Extensions: []string{".txt"}, Write: (*Report).WriteTables, Brief: true},
	{Name: "markdown", Extensions: []string{".md", ".markdown"}, Write: (*Report).WriteMarkdown, Brief: true},
	{Name: "mediawiki", Extensions: []string{".wiki", ".mediawiki"}, Write: (*Report).WriteWiki, Brief: true},
	{Name: "csv", Extensions: []string{".csv"}, Write: (*Report).WriteCSV, Single: true},
	{Name: "json", Extensions: []string{".json"}, Write: (*Report).WriteJSON},
	{Name: "html", Extensions: []string{".html", ".htm"}, Write: (*Report).WriteHTML, Records: true},
}

// FormatNames lists the formats, for people.
func FormatNames() string {
	var names []string
	for _, f := range Formats {
		names = append(names, f.Name)
	}
	return inWords(names)
}

// FormatNamed finds a format by its name.
func FormatNamed(name string) (Format, error) {
	for _, f := range Formats {
		if f.Name == name {
			return f, nil
		}
	}
	return Format{}, fmt.Errorf("there is no format %q; use %s", name, FormatNames())
}

// FormatOf finds the format of a file by the end of its name.
func FormatOf(file string) (Format, error) {
	var known []string
	for _, f := range Formats {
		if slices.Contains(f.Extensions, strings.ToLower(filepath.Ext(file))) {
			return f, nil
		}
		known = append(known, f.Extensions[0])
	}
	return Format{}, fmt.Errorf("%s: the end of its name tells the format; use %s", file, inWords(known))
}

// inWords joins words as in a sentence.
func inWords(list []string) string {
	if len(list) < 2 {
		return strings.Join(list, "")
	}
	return strings.Join(list[:len(list)-1], ", ") + " or " + list[len(list)-1]
}

// Chosen lists the sections that names stand for, in the order of the report.
func Chosen(names []string) []string {
	return slices.DeleteFunc(SectionNames(), func(s string) bool { return !isWanted(s, names) })
}
