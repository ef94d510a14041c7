package server

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"reflect"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// TestConfigurationDocument keeps docs/configuration.md equal to the comments
// of the Config structs, and the names of flags and environment variables equal
// to those of the keys.
func TestConfigurationDocument(t *testing.T) {
	structs := parseStructs(t, "config.go")
	overrides := overrideNames(t)
	var b strings.Builder
	b.WriteString(configurationHead)
	var sections []setting
	for _, s := range structs["Config"].settings {
		if _, isSection := structs[s.kind]; isSection {
			sections = append(sections, s)
			continue
		}
		writeSetting(&b, "", s, overrides[s.field])
		delete(overrides, s.field)
	}
	b.WriteString(environmentOnly)
	for _, section := range sections {
		group := structs[section.kind]
		fmt.Fprintf(&b, "\n## [%s]\n\n%s\n", section.keys[0], sentence(strings.TrimPrefix(group.doc, section.kind+" is ")))
		for _, s := range group.settings {
			kind, list := strings.CutPrefix(s.kind, "[]")
			if !list {
				writeSetting(&b, section.keys[0]+".", s, overrideName{})
				continue
			}
			entry := structs[kind]
			fmt.Fprintf(&b, "\n### [[%s.%s]]\n\n%s\n", section.keys[0], s.keys[0], sentence(strings.TrimPrefix(entry.doc, kind+" is ")))
			for _, s := range entry.settings {
				writeSetting(&b, "", s, overrideName{})
			}
		}
	}
	delete(overrides, "Config") // in the head
	for field := range overrides {
		t.Errorf("cmd/inro overrides %s, which is no setting", field)
	}
	compareDocument(t, "../../docs/configuration.md", b.String())
}

const configurationHead = `# Configuration

<!-- Generated from internal/server/config.go by its test. Do not edit. -->

` + "`inro serve`" + ` needs no configuration. What it can be told comes from, the later over the earlier:

1. the defaults;
2. a TOML file, named by ` + "`--config`" + ` or ` + "`INRO_CONFIG`" + `;
3. environment variables;
4. flags.

Flags and environment exist for the settings at the top level; their names agree: ` + "`--log-level`, `INRO_LOG_LEVEL`, `log_level`" + `.
A key that is not listed here is an error. ` + "`inro check --config FILE`" + ` checks a file without starting: the keys and the values, not the files and addresses that they name.
Paths are relative to the folder that the server is started in. A duration is written as "5m" or "1h30m".

## Top level
`

const environmentOnly = `
**` + "`INRO_ROOT_SECRET_ACCESS_KEY`" + `** · environment only

The root secret access key itself. ` + "`root_secret_access_key_file`" + ` comes before it.

**` + "`INRO_MASTER_KEY`" + `** · environment only

The master keys themselves, in place of a file: base64 of 32 bytes each, separated by commas, the oldest first. The last one seals.
`

// TestExampleConfiguration keeps the example of docs/operating.md right.
func TestExampleConfiguration(t *testing.T) {
	text, err := os.ReadFile("../../docs/operating.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(text), "\n```toml\n")
	example, _, found := strings.Cut(rest, "\n```\n")
	if !found {
		t.Fatal("docs/operating.md has no block of toml")
	}
	var cfg Config
	if err := parseConfig([]byte(example), &cfg); err != nil {
		t.Fatalf("%v\n%s", err, example)
	}
	if _, err := cfg.WithDefaults(); err != nil {
		t.Errorf("%v\n%s", err, example)
	}
}

// setting is one documented entry: one field, or fields that share a comment.
type setting struct {
	field, kind, doc string
	keys             []string
}

type structDoc struct {
	doc      string
	settings []setting
}

// parseStructs reads the structs of a file with their comments and toml tags.
// A field without a comment belongs to the comment above it.
func parseStructs(t *testing.T, path string) map[string]structDoc {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ParseComments)
	if err != nil {
		t.Fatal(err)
	}
	found := make(map[string]structDoc)
	for _, decl := range file.Decls {
		general, ok := decl.(*ast.GenDecl)
		if !ok || general.Tok != token.TYPE {
			continue
		}
		for _, spec := range general.Specs {
			named := spec.(*ast.TypeSpec)
			if fields, ok := named.Type.(*ast.StructType); ok && named.Name.Name != "Duration" {
				found[named.Name.Name] = structDoc{strings.TrimSpace(general.Doc.Text()), settingsOf(t, fields)}
			}
		}
	}
	return found
}

func settingsOf(t *testing.T, fields *ast.StructType) []setting {
	t.Helper()
	var all []setting
	keys := make(map[string]string)
	for _, f := range fields.Fields.List {
		name, key := f.Names[0].Name, tagOf(t, f, "toml")
		if key == "" {
			t.Errorf("setting %s has no toml tag", name)
		}
		if key == "-" {
			continue
		}
		kind := kindOf(f.Type)
		if !strings.HasSuffix(kind, "Config") {
			keys[name] = key
		}
		if f.Doc == nil && !strings.HasSuffix(kind, "Config") && len(all) > 0 {
			last := &all[len(all)-1]
			last.keys = append(last.keys, key)
			continue
		}
		all = append(all, setting{field: name, kind: kind, doc: f.Doc.Text(), keys: []string{key}})
	}
	for i := range all {
		all[i].doc = withKeys(all[i].doc, keys)
	}
	return all
}

var goName = regexp.MustCompile(`\b[A-Z][A-Za-z0-9]+\b`)

// withKeys writes names of fields as the keys that a file has, and joins lines.
func withKeys(doc string, keys map[string]string) string {
	doc = strings.Join(strings.Fields(doc), " ")
	return goName.ReplaceAllStringFunc(doc, func(name string) string {
		if key, ok := keys[name]; ok {
			return "`" + key + "`"
		}
		return name
	})
}

func tagOf(t *testing.T, f *ast.Field, name string) string {
	t.Helper()
	if f.Tag == nil {
		return ""
	}
	text, err := strconv.Unquote(f.Tag.Value)
	if err != nil {
		t.Fatal(err)
	}
	return reflect.StructTag(text).Get(name)
}

// kindOf says what a value looks like in TOML; of a section, the struct's name.
func kindOf(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.Ident:
		switch e.Name {
		case "bool":
			return "true or false"
		case "int":
			return "integer"
		case "float64":
			return "number"
		case "Duration":
			return "duration"
		}
		return e.Name
	case *ast.ArrayType:
		if entry := kindOf(e.Elt); strings.HasSuffix(entry, "Config") {
			return "[]" + entry
		}
		return "list of strings"
	case *ast.MapType:
		return "table of strings"
	}
	return "?"
}

// overrideName is what the command line calls a setting.
type overrideName struct{ flag, env string }

// overrideNames reads the flags and environment variables of cmd/inro, by
// field, and checks that they agree with each other.
func overrideNames(t *testing.T) map[string]overrideName {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), "../../cmd/inro/main.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	object := file.Scope.Lookup("overrides")
	if object == nil {
		t.Fatal("cmd/inro has no type overrides")
	}
	names := make(map[string]overrideName)
	for _, f := range object.Decl.(*ast.TypeSpec).Type.(*ast.StructType).Fields.List {
		env := tagOf(t, f, "env")
		key, ok := strings.CutPrefix(env, "INRO_")
		if !ok {
			t.Errorf("%s has the environment variable %q, want INRO_…", f.Names[0].Name, env)
		}
		names[f.Names[0].Name] = overrideName{"--" + strings.ToLower(strings.ReplaceAll(key, "_", "-")), env}
	}
	return names
}

func writeSetting(b *strings.Builder, prefix string, s setting, o overrideName) {
	for i, key := range s.keys {
		s.keys[i] = "`" + prefix + key + "`"
	}
	fmt.Fprintf(b, "\n**%s** · %s", strings.Join(s.keys, "**, **"), s.kind)
	if o.flag != "" {
		fmt.Fprintf(b, " · `%s` · `%s`", o.flag, o.env)
	}
	fmt.Fprintf(b, "\n\n%s\n", s.doc)
}
