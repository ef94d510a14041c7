package policy

import "strings"

// Policy is a compiled document. It is immutable and safe for concurrent use.
type Policy struct {
	source     Source
	kind       Kind
	statements []statement
}

// statement is a compiled Statement.
type statement struct {
	written *Statement
	index   int
	deny    bool

	hasPrincipal bool
	principals   principalSet
	actions      []actionPattern
	anyResource  bool // trust policies
	resources    []resourcePattern
	conditions   []condition
}

// actionPattern is a value of Action in lower case.
type actionPattern struct {
	all bool // *
	pattern
}

// Compile prepares a document for evaluation. The source is what decisions will name; it does not affect them.
func Compile(doc *Document, src Source) *Policy {
	p := &Policy{source: src, kind: doc.Kind, statements: make([]statement, len(doc.Statements))}
	for i := range doc.Statements {
		p.statements[i] = compileStatement(&doc.Statements[i], i, doc)
	}
	return p
}

// Source returns the source given to [Compile].
func (p *Policy) Source() Source { return p.source }

// Kind returns the kind of the document.
func (p *Policy) Kind() Kind { return p.kind }

func compileStatement(written *Statement, index int, doc *Document) statement {
	s := statement{
		written:      written,
		index:        index,
		deny:         written.Effect != Allow,
		hasPrincipal: doc.Kind.hasPrincipal(),
		principals:   compilePrincipals(written.Principals),
		anyResource:  doc.Kind == Trust,
	}
	for _, a := range written.Actions {
		s.actions = append(s.actions, compileAction(a))
	}
	for _, r := range written.Resources {
		s.resources = append(s.resources, compileResource(r, doc.Kind, doc.syntax()))
	}
	for i := range written.Conditions {
		s.conditions = append(s.conditions, compileCondition(&written.Conditions[i], doc.syntax()))
	}
	return s
}

func compileAction(text string) actionPattern {
	tokens, _ := parseTemplate(strings.ToLower(text), syntax{wildcards: true}) // only variables can be malformed
	return actionPattern{all: text == "*", pattern: newPattern(tokens)}
}

// matchesAction reports whether the statement is about an action.
func (s *statement) matchesAction(action string) bool {
	for i := range s.actions {
		if a := &s.actions[i]; a.all || a.matchFold(action) {
			return !s.written.NotAction
		}
	}
	return s.written.NotAction
}

// matchesPrincipal returns how closely the statement names the caller, notNamed if not at all. Statements of documents
// without principals are about everybody they are attached to.
func (s *statement) matchesPrincipal(p *Principal) admission {
	switch {
	case !s.hasPrincipal:
		return byName
	case !s.written.NotPrincipal:
		return s.principals.admits(p, s.deny)
	case s.principals.excepts(p, s.deny), p.Type == WebIdentity && !s.deny:
		return notNamed
	case p.Type == AssumedRole:
		return byRole
	}
	return byName
}

// matchesResource reports whether the statement covers a resource. An exception (NotResource) in an Allow statement that
// cannot be told, because of an unresolved variable or a pattern that can match nothing, keeps the statement from
// applying: it must not turn into a permission for everything (decision).
func (s *statement) matchesResource(r *requestResource, c *Context) bool {
	if s.anyResource {
		return true
	}
	for i := range s.resources {
		p := &s.resources[i]
		if p.match(r, c) {
			return !s.written.NotResource
		}
		if s.written.NotResource && !s.deny && p.uncertain(c) {
			return false
		}
	}
	return s.written.NotResource
}

// uncertain reports whether the pattern cannot match because of itself or of what the context lacks.
func (p *resourcePattern) uncertain(c *Context) bool {
	if p.none {
		return true
	}
	for i := range p.rest.tokens {
		t := &p.rest.tokens[i]
		if t.kind != variableToken {
			continue
		}
		if e := c.lookup(t.name); e != nil && e.certificate != nil && e.certificate.verbatim {
			return true
		}
		if _, ok := t.resolve(c); !ok {
			return true
		}
	}
	return false
}

// matchesConditions reports whether all conditions hold.
func (s *statement) matchesConditions(c *Context) bool {
	for i := range s.conditions {
		if !s.conditions[i].holds(c) {
			return false
		}
	}
	return true
}
