package metastore_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"strings"
	"testing"
)

// Two tables of one kind would read each other's records. The declarations
// are read from the source, so that none can be forgotten here.
func TestKindsAreUnique(t *testing.T) {
	entries, err := os.ReadDir(".")
	if err != nil {
		t.Fatal(err)
	}
	files := token.NewFileSet()
	declared := map[string]token.Position{}
	for _, entry := range entries {
		if !strings.HasSuffix(entry.Name(), ".go") || strings.HasSuffix(entry.Name(), "_test.go") {
			continue
		}
		file, err := parser.ParseFile(files, entry.Name(), nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(file, func(n ast.Node) bool {
			call, ok := n.(*ast.CallExpr)
			if !ok {
				return true
			}
			constructor := constructorOf(call.Fun)
			if constructor == "" {
				return true
			}
			kind, ok := call.Args[0].(*ast.BasicLit)
			if !ok {
				t.Errorf("%s: the kind is not a literal", files.Position(call.Pos()))
				return true
			}
			key := constructor + kind.Value
			if first, twice := declared[key]; twice {
				t.Errorf("%s: kind %s is declared at %s already", files.Position(call.Pos()), kind.Value, first)
			}
			declared[key] = files.Position(call.Pos())
			return true
		})
	}
}

// constructorOf returns NewTable or NewRelation if that is what is called.
func constructorOf(f ast.Expr) string {
	switch f := f.(type) {
	case *ast.IndexExpr:
		return constructorOf(f.X)
	case *ast.Ident:
		if f.Name == "NewTable" || f.Name == "NewRelation" {
			return f.Name
		}
	}
	return ""
}
