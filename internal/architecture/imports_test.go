package architecture

import (
	"fmt"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const (
	module = "msnproxy/"
	root   = "../.."
)

// room is a row of the import table: a folder with all below it, and what its
// code (tests aside) may import beside the standard library.
type room struct {
	folder  string
	imports []string // rooms, and modules by their path
}

const (
	jsontext     = "github.com/go-json-experiment/json/jsontext"
	gopacket     = "github.com/google/gopacket"
	compress     = "github.com/klauspost/compress"
	parquet      = "github.com/parquet-go/parquet-go"
	zerolog      = "github.com/rs/zerolog"
	tablewriter  = "github.com/olekukonko/tablewriter"
	displaywidth = "github.com/clipperhouse/displaywidth"
)

// rooms is the import table. The first room that a folder is in counts.
var rooms = []room{
	{"decode", nil},
	{"rewrite", []string{"decode"}},
	{"proxy", []string{"decode", "rewrite", "internal/journal", "internal/gateway", zerolog}},
	{"captures", []string{"decode", "internal/gateway", gopacket, compress}},
	{"internal/gateway", []string{"decode"}},
	{"internal/journal", []string{"decode"}},
	{"internal/display", []string{displaywidth}},
	{"internal/transcript", []string{"decode", "internal/display"}},
	{"internal/ndjson", []string{"decode", "internal/display", jsontext, zerolog}},
	{"internal/story", []string{"decode"}},
	{"internal/parquet", []string{"decode", "internal/ndjson", parquet}},
	{"internal/page", []string{"decode", "internal/display", "internal/story", "internal/transcript"}},
	{"internal/report", []string{"decode", "internal/display", "internal/story", "internal/page", tablewriter}},
	{"internal/reference", []string{"decode", "internal/display"}},
	{"internal/sim", []string{"decode", "captures"}},
	{"internal/bench", []string{"captures", "internal/sim"}},
	{"internal/architecture", nil},
	{"cmd/msnproxy", []string{"anything"}},
}

// outsideWorld is what the core must not touch: it is handed bytes and times.
var outsideWorld = []string{"net", "os", "io", "sync", "log"}

// sourceFile is a Go file and what it imports.
type sourceFile struct {
	path    string
	imports []string
}

func sources(t *testing.T) []sourceFile {
	t.Helper()
	var files []sourceFile
	err := filepath.WalkDir(root, func(p string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() && p != root && strings.HasPrefix(d.Name(), ".") {
			return skipFolder(err)
		}
		if d.IsDir() || !strings.HasSuffix(p, ".go") || strings.HasSuffix(p, "_test.go") {
			return nil
		}
		parsed, err := parser.ParseFile(token.NewFileSet(), p, nil, parser.ImportsOnly)
		if err != nil {
			return err
		}
		f := sourceFile{path: filepath.ToSlash(strings.TrimPrefix(p, root+string(filepath.Separator)))}
		for _, i := range parsed.Imports {
			name, err := strconv.Unquote(i.Path.Value)
			if err != nil {
				return err
			}
			f.imports = append(f.imports, name)
		}
		files = append(files, f)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

func skipFolder(err error) error {
	if err != nil {
		return err
	}
	return filepath.SkipDir
}

func TestEveryImportIsAllowedByTheTable(t *testing.T) {
	files := sources(t)
	if len(files) < 20 {
		t.Fatalf("only %d files were found", len(files))
	}
	for _, f := range files {
		r := roomOf(f.path)
		if r == nil {
			t.Errorf("%s is in no room of the import table", f.path)
			continue
		}
		for _, name := range f.imports {
			if why := forbidden(r, name); why != "" {
				t.Errorf("%s imports %s: %s", f.path, name, why)
			}
		}
	}
}

func roomOf(file string) *room {
	for i := range rooms {
		if strings.HasPrefix(file, rooms[i].folder+"/") {
			return &rooms[i]
		}
	}
	return nil
}

// forbidden says why a room may not import a package, or nothing.
func forbidden(r *room, name string) string {
	first, _, _ := strings.Cut(name, "/")
	switch {
	case r.folder == "cmd/msnproxy":
		return ""
	case r.folder == "decode" && slices.Contains(outsideWorld, first):
		return "the core does not touch the outside world"
	case strings.HasPrefix(name, r.folder) || strings.HasPrefix(name, module+r.folder):
		return ""
	case first+"/" != module && !strings.Contains(first, "."):
		return "" // the standard library
	}
	if !slices.ContainsFunc(r.imports, func(allowed string) bool { return isOf(name, allowed) }) {
		return "the import table does not allow it"
	}
	return ""
}

// isOf tells whether an import is of a room or module of the table.
func isOf(name, allowed string) bool {
	return name == module+allowed || name == allowed || strings.HasPrefix(name, allowed+"/")
}

// TestTheTableAllowsNothingThatNobodyImports: what it allows for nothing, somebody
// may begin to use without a thought.
func TestTheTableAllowsNothingThatNobodyImports(t *testing.T) {
	used := map[string][]string{}
	for _, f := range sources(t) {
		if r := roomOf(f.path); r != nil {
			used[r.folder] = append(used[r.folder], f.imports...)
		}
	}
	for _, r := range rooms {
		for _, allowed := range r.imports {
			if allowed != "anything" && !slices.ContainsFunc(used[r.folder], func(name string) bool { return isOf(name, allowed) }) {
				t.Errorf("%s may import %s, and does not", r.folder, allowed)
			}
		}
	}
}

func TestTheCoreDoesNotReadTheClock(t *testing.T) {
	folder, err := os.ReadDir(filepath.Join(root, "decode"))
	if err != nil {
		t.Fatal(err)
	}
	for _, entry := range folder {
		if entry.IsDir() || strings.HasSuffix(entry.Name(), "_test.go") {
			continue
		}
		text, err := os.ReadFile(filepath.Join(root, "decode", entry.Name()))
		if err != nil {
			t.Fatal(err)
		}
		for _, call := range []string{"time.Now", "time.Since", "time.Until", "time.After"} {
			if strings.Contains(string(text), call+"(") {
				t.Errorf("decode/%s calls %s: time is an input", entry.Name(), call)
			}
		}
	}
}

// TestTheDocumentShowsTheTable: docs/architecture.md has a row for each room,
// with what the room may import in its last column.
func TestTheDocumentShowsTheTable(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(root, "docs", "architecture.md"))
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range rooms {
		want := "the standard library only"
		if len(r.imports) > 0 {
			names := make([]string, len(r.imports))
			for i, name := range r.imports {
				names[i] = path.Base(name)
			}
			want = strings.Join(names, ", ")
		}
		if !hasRow(string(text), "`"+r.folder+"/`", want) {
			t.Errorf("docs/architecture.md has no row for %s that ends in %q", r.folder, want)
		}
	}
}

// hasRow tells whether a Markdown text has a table row with these first and
// last cells.
func hasRow(text, first, last string) bool {
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		if strings.HasPrefix(line, fmt.Sprintf("| %s |", first)) && strings.HasSuffix(line, fmt.Sprintf("| %s |", last)) {
			return true
		}
	}
	return false
}

func TestForbiddenImportsAreFound(t *testing.T) {
	tests := []struct {
		folder, name string
		allowed      bool
	}{
		{"decode", "bytes", true},
		{"decode", "io", false},
		{"decode", "net/textproto", false},
		{"decode", "os/signal", false},
		{"decode", zerolog, false},
		{"decode", "msnproxy/captures", false},
		{"rewrite", "msnproxy/decode", true},
		{"rewrite", "msnproxy/proxy", false},
		{"captures", gopacket + "/layers", true},
		{"captures", "msnproxy/internal/report", false},
		{"internal/sim", "msnproxy/internal/sim", true},
	}
	for _, tt := range tests {
		if got := forbidden(roomOf(tt.folder+"/x.go"), tt.name) == ""; got != tt.allowed {
			t.Errorf("%s importing %s: allowed %t, want %t", tt.folder, tt.name, got, tt.allowed)
		}
	}
}
