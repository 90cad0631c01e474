package architecture

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"strings"
	"testing"
)

// mayPanic are the files that may, with what is built into the program: what
// came over a connection must never be the value of a panic, which is printed.
var mayPanic = map[string]bool{"decode/pattern.go": true, "internal/page/assets.go": true}

func TestPanicsTellNothingOfTheBytes(t *testing.T) {
	seen := map[string]bool{}
	err := filepath.WalkDir(root, func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || !strings.HasSuffix(name, ".go") || strings.HasSuffix(name, "_test.go") {
			return err
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, 0)
		if err != nil {
			return err
		}
		place, err := filepath.Rel(root, name)
		if err != nil {
			return err
		}
		place = filepath.ToSlash(place)
		ast.Inspect(file, func(n ast.Node) bool {
			call, ok := n.(*ast.CallExpr)
			if !ok {
				return true
			}
			if f, ok := call.Fun.(*ast.Ident); ok && f.Name == "panic" {
				seen[place] = true
				if !mayPanic[place] {
					t.Errorf("%s panics", place)
				}
			}
			return true
		})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for place := range mayPanic {
		if !seen[place] {
			t.Errorf("%s does not panic any more", place)
		}
	}
}
