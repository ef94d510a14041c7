package policy

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "rewrite the results in testdata/*.txt")

// The golden files hold directives, each at the start of a line, with cases below them, indented by two spaces:
//
//	policy NAME KIND SOURCETYPE        the lines up to the next empty one are the document, kept under the name
//	principal NAME key=value…          a caller: type, account, arn, role, id, canonical, service
//	context NAME key=value…            context keys; values are "text" or a list ["a","b"]; cert[…] is a certificate attribute
//	parse KIND                         each case is a document on one line
//	action KIND PATTERN                each case is an action
//	resource KIND VERSION PATTERN      each case is the resource of a request, then context keys
//	condition VERSION JSON             each case is context keys, or "none"
//	keys KIND                          each case is a document; the result its context keys
//	eval key=value…                    identity, boundary, session, resource (names, comma-separated), session=- for an empty set,
//	                                   require=true, owner=ACCOUNT, context=NAME; each case: PRINCIPAL ACTION RESOURCE keys…
//	explain key=value…                 as eval, one line for each statement that does not match, joined by " | "
//
// A case is "input => result"; -update rewrites the results.
type golden struct {
	policies   map[string]*Policy
	principals map[string]Principal
	contexts   map[string]*Context
	run        func(input string) string
	cases      int
}

func TestGolden(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txt")
	if err != nil {
		t.Fatal(err)
	}
	total := 0
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) { total += runGolden(t, file) })
	}
	if total < 300 {
		t.Errorf("got %d golden cases, want at least 300", total)
	}
	t.Logf("%d cases", total)
}

func runGolden(t *testing.T, file string) int {
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	g := &golden{policies: map[string]*Policy{}, principals: map[string]Principal{"anonymous": {}}, contexts: map[string]*Context{}}
	lines := strings.Split(strings.TrimSuffix(string(text), "\n"), "\n")
	for i := 0; i < len(lines); i++ {
		line := lines[i]
		switch {
		case line == "" || line[0] == '#':
		case strings.HasPrefix(line, "  "):
			input, want, _ := strings.Cut(line, "=>")
			input, want = strings.TrimSpace(input), strings.TrimSpace(want)
			got := g.run(input)
			if *update {
				lines[i] = "  " + input + " => " + got
			} else if got != want {
				t.Errorf("%s:%d: %s\ngot  %s\nwant %s", file, i+1, input, got, want)
			}
			g.cases++
		case strings.HasPrefix(line, "policy "):
			from := i + 1
			for i+1 < len(lines) && lines[i+1] != "" {
				i++
			}
			g.definePolicy(t, strings.Fields(line)[1:], strings.Join(lines[from:i+1], "\n"))
		default:
			if err := g.directive(line); err != nil {
				t.Fatalf("%s:%d: %s: %v", file, i+1, line, err)
			}
		}
	}
	if *update {
		if err := os.WriteFile(file, []byte(strings.Join(lines, "\n")+"\n"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return g.cases
}

func (g *golden) definePolicy(t *testing.T, words []string, text string) {
	kind := kindNamed(words[1])
	doc, err := Parse([]byte(text), kind)
	if err != nil {
		t.Fatalf("policy %s: %v\n%s", words[0], err, text)
	}
	g.policies[words[0]] = Compile(doc, Source{ID: words[0], Type: sourceNamed(words[2])})
}

func kindNamed(name string) Kind {
	for k := Identity; k <= IoT; k++ {
		if k.String() == name {
			return k
		}
	}
	panic("no kind " + name)
}

func sourceNamed(name string) SourceType {
	for s := SourceNone; s <= SourceIoT; s++ {
		if s.String() == name {
			return s
		}
	}
	panic("no source type " + name)
}

func (g *golden) directive(line string) error {
	word, rest, _ := strings.Cut(line, " ")
	switch word {
	case "principal":
		name, rest, _ := strings.Cut(rest, " ")
		p, err := readPrincipal(rest)
		g.principals[name] = p
		return err
	case "context":
		name, rest, _ := strings.Cut(rest, " ")
		c := &Context{}
		g.contexts[name] = c
		return readContext(c, rest)
	case "parse", "keys":
		g.run = documentCase(kindNamed(rest), word == "keys")
	case "action":
		kind, pattern, _ := strings.Cut(rest, " ")
		g.run = actionCase(kindNamed(kind), pattern)
	case "resource":
		words := strings.SplitN(rest, " ", 3)
		g.run = resourceCase(kindNamed(words[0]), words[1], words[2])
	case "condition":
		version, block, _ := strings.Cut(rest, " ")
		g.run = conditionCase(version, block)
	case "eval", "explain":
		sets, owner, base, err := g.readSets(rest)
		g.run = g.evalCase(sets, owner, base, word == "explain")
		return err
	default:
		return fmt.Errorf("unknown directive")
	}
	return nil
}

func readPrincipal(text string) (Principal, error) {
	var p Principal
	for _, word := range strings.Fields(text) {
		key, value, _ := strings.Cut(word, "=")
		switch key {
		case "type":
			for p.Type = Anonymous; p.Type.String() != value; p.Type++ {
				if p.Type > Certificate {
					return p, fmt.Errorf("no principal type %s", value)
				}
			}
		case "account":
			p.Account = value
		case "arn":
			p.ARN = value
		case "role":
			p.RoleARN = value
		case "id":
			p.UserID = value
		case "canonical":
			p.CanonicalUser = value
		case "service":
			p.Service = value
		default:
			return p, fmt.Errorf("no field %s", key)
		}
	}
	return p, nil
}

// readContext reads key="value" and key=["a","b"] separated by spaces; a value without quotes ends at a space.
func readContext(c *Context, text string) error {
	for text = strings.TrimSpace(text); text != "" && text != "none"; text = strings.TrimSpace(text) {
		key, rest, found := strings.Cut(text, "=")
		if !found {
			return fmt.Errorf("no = in %q", text)
		}
		var values []string
		list := strings.HasPrefix(rest, "[")
		text = rest
		if list {
			text = rest[1:]
		}
		for {
			text = strings.TrimLeft(text, ", ")
			if list && strings.HasPrefix(text, "]") {
				text = text[1:]
				break
			}
			quoted, err := strconv.QuotedPrefix(text)
			if err != nil {
				return fmt.Errorf("no quoted string in %q", text)
			}
			value, _ := strconv.Unquote(quoted)
			values = append(values, value)
			text = text[len(quoted):]
			if !list {
				break
			}
		}
		if name, ok := strings.CutPrefix(key, "cert:"); ok {
			c.SetCertificate(name, values...)
		} else if list {
			c.SetList(key, values...)
		} else {
			c.Set(key, values[0])
		}
	}
	return nil
}

func documentCase(kind Kind, keys bool) func(string) string {
	return func(input string) string {
		doc, err := Parse([]byte(input), kind)
		switch {
		case err != nil:
			return err.Error()
		case keys:
			return strings.Join(ContextKeys(doc), ", ")
		}
		return "ok"
	}
}

// compileText compiles a document written for a case.
func compileText(text string, kind Kind) (*Policy, error) {
	doc, err := Parse([]byte(text), kind)
	if err != nil {
		return nil, err
	}
	return Compile(doc, Source{}), nil
}

func matchText(matched bool) string {
	if matched {
		return "match"
	}
	return "no"
}

const principalElement = `"Principal":"*",`

func actionCase(kind Kind, pattern string) func(string) string {
	principal := ""
	if kind.hasPrincipal() {
		principal = principalElement
	}
	p, err := compileText(`{"Statement":{`+principal+`"Effect":"Allow","Action":`+strconv.Quote(pattern)+`,"Resource":"*"}}`, kind)
	return func(input string) string {
		if err != nil {
			return err.Error()
		}
		return matchText(p.statements[0].matchesAction(input))
	}
}

func resourceCase(kind Kind, version, pattern string) func(string) string {
	principal := ""
	if kind.hasPrincipal() {
		principal = principalElement
	}
	p, err := compileText(`{"Version":"`+version+`","Statement":{`+principal+`"Effect":"Allow","Action":"*","Resource":`+strconv.Quote(pattern)+`}}`, kind)
	return func(input string) string {
		if err != nil {
			return err.Error()
		}
		resource, context, _ := strings.Cut(input, " ")
		var c Context
		if err := readContext(&c, context); err != nil {
			return err.Error()
		}
		action := "s3:GetObject"
		if strings.HasPrefix(pattern, "arn:aws:iot") {
			action = "iot:DescribeThing"
		}
		var r requestResource
		r.set(resource, action)
		return matchText(p.statements[0].matchesResource(&r, &c))
	}
}

func conditionCase(version, block string) func(string) string {
	p, err := compileText(`{"Version":"`+version+`","Statement":{"Effect":"Allow","Action":"*","Resource":"*","Condition":`+block+`}}`, Identity)
	return func(input string) string {
		if err != nil {
			return err.Error()
		}
		var c Context
		if err := readContext(&c, input); err != nil {
			return err.Error()
		}
		return matchText(p.statements[0].matchesConditions(&c))
	}
}

func (g *golden) readSets(text string) (sets *Sets, owner string, base *Context, err error) {
	sets, base = &Sets{}, &Context{}
	for _, word := range strings.Fields(text) {
		key, value, _ := strings.Cut(word, "=")
		switch key {
		case "owner":
			owner = value
			continue
		case "require":
			sets.RequireResource = true
			continue
		case "context":
			if base = g.contexts[value]; base == nil {
				return nil, "", nil, fmt.Errorf("no context %s", value)
			}
			continue
		}
		var list []*Policy
		for _, name := range strings.Split(value, ",") {
			if name == "-" {
				continue
			}
			if g.policies[name] == nil {
				return nil, "", nil, fmt.Errorf("no policy %s", name)
			}
			list = append(list, g.policies[name])
		}
		switch key {
		case "identity":
			sets.Identity = list
		case "boundary":
			sets.Boundary = list[0]
		case "session":
			sets.Session, sets.HasSession = list, true
		case "resource":
			sets.Resource = list[0]
		default:
			return nil, "", nil, fmt.Errorf("no set %s", key)
		}
	}
	return sets, owner, base, nil
}

func (g *golden) evalCase(sets *Sets, owner string, base *Context, explain bool) func(string) string {
	return func(input string) string {
		words := strings.SplitN(input, " ", 4)
		principal, ok := g.principals[words[0]]
		if !ok || len(words) < 3 {
			return "no principal " + words[0]
		}
		req := &Request{Principal: principal, Action: words[1], Resource: words[2], Context: base.Layer(), ResourceAccount: owner}
		if len(words) == 4 {
			if err := readContext(req.Context, words[3]); err != nil {
				return err.Error()
			}
		}
		x := Explain(req, sets)
		d := Evaluate(req, sets)
		if d != x.Decision {
			return fmt.Sprintf("Explain decides %v, Evaluate %v", x.Decision, d)
		}
		if !explain {
			return d.String()
		}
		return explanationText(x)
	}
}

func explanationText(x *Explanation) string {
	out := []string{x.Decision.Effect.String()}
	for _, s := range x.Statements {
		text := s.Layer.String() + " " + strconv.Itoa(s.Statement+1) + ": "
		if s.Matched {
			text += "matched"
		} else {
			text += s.Mismatch
		}
		for _, v := range s.Variables {
			text += fmt.Sprintf(" {%s=%q %v}", v.Text, v.Value, v.Resolved)
		}
		out = append(out, text)
	}
	if len(x.MissingContextKeys) > 0 {
		out = append(out, "missing "+strings.Join(x.MissingContextKeys, ", "))
	}
	if x.HasBoundary {
		out = append(out, fmt.Sprintf("boundary allows: %v", x.BoundaryAllows))
	}
	return strings.Join(out, " | ")
}
