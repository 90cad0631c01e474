package report

import (
	"bytes"
	"regexp"
	"strings"
	"testing"
)

// assets are what is the same on every page.
var assets = regexp.MustCompile(`(?s)<style>.*?</style>|<script>.*?</script>|&#39;sha256-.*?&#39;`)

func TestHTML(t *testing.T) {
	var out bytes.Buffer
	if err := session().WriteHTML(&out, Options{}); err != nil {
		t.Fatal(err)
	}
	golden(t, "report.html", assets.ReplaceAllString(out.String(), "…"))
}

// TestHTMLTellsEverySection: whatever is in a section's cells stands on the
// page.
func TestHTMLTellsEverySection(t *testing.T) {
	rep := session()
	var out bytes.Buffer
	if err := rep.WriteHTML(&out, Options{}); err != nil {
		t.Fatal(err)
	}
	sections, err := rep.Sections(nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range sections {
		_, table, found := strings.Cut(out.String(), `id="t-`+s.Name+`"`)
		table, _, _ = strings.Cut(table, "</section>")
		_, table, _ = strings.Cut(table, "<tbody>")
		if rows := strings.Count(table, "<tr>"); !found || rows != len(s.Rows) {
			t.Errorf("the table of %s has %d rows, want %d", s.Name, rows, len(s.Rows))
		}
	}
}

func TestHTMLOfChosenSections(t *testing.T) {
	var out bytes.Buffer
	if err := NewFor(Format{Records: true}, "errors").WriteHTML(&out, Options{Sections: []string{"errors"}}); err != nil {
		t.Fatal(err)
	}
	for part, want := range map[string]bool{`id="t-errors"`: true, `id="t-issues"`: false, `id="records"`: false} {
		if got := strings.Contains(out.String(), part); got != want {
			t.Errorf("%s is on the page: %t, want %t", part, got, want)
		}
	}
	if err := New().WriteHTML(&out, Options{Sections: []string{"colour"}}); err == nil {
		t.Error("a section that there is not is no error")
	}
}
