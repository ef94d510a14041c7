package inro_test

import (
	"go/parser"
	"go/token"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

const module = "inro.dev/inro/"

// layers is the architecture: every package with the layer it stands in. A
// package may import those of lower layers, and the leaves; never its own
// layer, unless it is below the importing package's own path. ARCHITECTURE.md
// quotes this table.
var layers = [][]string{
	{"internal/arn", "internal/awserr", "internal/ids", "internal/secretfile", "internal/managedpolicy"},
	{"internal/policy", "internal/sigv4", "internal/session", "internal/oidc", "internal/kms", "internal/pki", "internal/metastore", "internal/object", "internal/notify"},
	{"internal/identity", "internal/lifecycle"},
	{"internal/api"},
	{"internal/s3", "internal/iam", "internal/sts", "internal/iot", "internal/admin", "internal/credentials"},
	{"internal/console"},
	{"internal/server"},
	{"cmd/inro"},
}

func TestImportsPointDown(t *testing.T) {
	level := make(map[string]int)
	for i, packages := range layers {
		for _, p := range packages {
			level[p] = i
		}
	}
	for _, p := range packageImports(t) {
		own, ok := levelOf(level, p.path)
		if !ok {
			if !strings.HasPrefix(p.path, "test/") {
				t.Errorf("%s stands in no layer: add it to the table", p.path)
			}
			continue
		}
		for _, imported := range p.imports {
			other, ok := levelOf(level, imported)
			inside := strings.HasPrefix(imported, p.path+"/") || strings.HasPrefix(p.path, imported+"/") || sibling(p.path, imported)
			if !ok || other > own || other == own && !inside {
				t.Errorf("%s imports %s, which does not stand below it", p.path, imported)
			}
		}
	}
}

// levelOf finds the layer of a package or of the package that owns it.
func levelOf(level map[string]int, path string) (int, bool) {
	for {
		if n, ok := level[path]; ok {
			return n, true
		}
		i := strings.LastIndexByte(path, '/')
		if i < 0 {
			return 0, false
		}
		path = path[:i]
	}
}

// sibling reports whether both are nested in the same package, as
// metastore/sqlite and metastore/hot are.
func sibling(a, b string) bool {
	i, j := strings.LastIndexByte(a, '/'), strings.LastIndexByte(b, '/')
	return i > 0 && j > 0 && a[:i] == b[:j] && strings.Count(a, "/") > 1
}

type packageImport struct {
	path    string
	imports []string
}

func packageImports(t *testing.T) []packageImport {
	t.Helper()
	out, err := exec.Command("go", "list", "-f", `{{.ImportPath}} {{join .Imports " "}}`, "./...").Output()
	if err != nil {
		t.Fatal(err)
	}
	var all []packageImport
	for line := range strings.Lines(string(out)) {
		fields := strings.Fields(line)
		path, ok := strings.CutPrefix(fields[0], module)
		if !ok {
			continue // the root package, which holds only this test
		}
		p := packageImport{path: path}
		for _, imported := range fields[1:] {
			if own, ok := strings.CutPrefix(imported, module); ok {
				p.imports = append(p.imports, own)
			}
		}
		all = append(all, p)
	}
	if len(all) < 10 {
		t.Fatalf("go list found %d packages, want at least 10", len(all))
	}
	return all
}

func TestEveryPackageSaysWhatItIsFor(t *testing.T) {
	out, err := exec.Command("go", "list", "-f", `{{.Dir}}|{{join .GoFiles " "}}`, "./...").Output()
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(out)) {
		dir, files, _ := strings.Cut(strings.TrimSpace(line), "|")
		if files == "" {
			continue // tests only
		}
		documented := slices.ContainsFunc(strings.Fields(files), func(name string) bool {
			f, err := parser.ParseFile(token.NewFileSet(), dir+"/"+name, nil, parser.PackageClauseOnly|parser.ParseComments)
			if err != nil {
				t.Fatal(err)
			}
			return f.Doc != nil && len(f.Doc.Text()) > 40
		})
		if !documented {
			t.Errorf("%s has no package comment", dir)
		}
	}
}
