package policy

import (
	"sort"
	"strconv"
	"strings"
)

// Explanation is a decision with everything that led to it: for operators and for IAM's policy simulator.
type Explanation struct {
	Decision Decision

	// Statements are all statements of all sets in order of layer (identity, boundary, session, resource), matching or not.
	Statements []StatementTrace

	// MissingContextKeys are the keys, as written, that conditions and variables of statements about this action use
	// and the context lacks; sorted, each once (IAM API: MissingContextValues).
	MissingContextKeys []string

	// HasBoundary says that Sets.Boundary was given, BoundaryAllows that it allows and does not deny.
	HasBoundary    bool
	BoundaryAllows bool
}

// StatementTrace is what became of one statement.
type StatementTrace struct {
	Layer      Layer
	Source     Source
	Sid        string
	Statement  int    // index in the document, from 0
	Effect     Effect // Allow or ExplicitDeny, of the statement
	Start, End Position
	Matched    bool

	// Mismatch says why the statement does not apply, naming the element and the values; empty when it matched.
	Mismatch string

	// Variables are the policy variables of the statement with their values in this request.
	Variables []ResolvedVariable
}

// ResolvedVariable is a policy variable as written and the text that takes its place.
type ResolvedVariable struct {
	Text     string // "${credentials-iot:ThingName}"
	Value    string
	Resolved bool
}

// Matched returns the statements that matched.
func (e *Explanation) Matched() []StatementTrace {
	var matched []StatementTrace
	for _, s := range e.Statements {
		if s.Matched {
			matched = append(matched, s)
		}
	}
	return matched
}

// Explain decides a request as [Evaluate] does and tells how every statement fared. It allocates freely.
func Explain(req *Request, sets *Sets) *Explanation {
	x := &explainer{
		evaluation: evaluation{req: req},
		out:        &Explanation{Decision: Evaluate(req, sets)},
		missing:    make(map[string]string),
	}
	x.resource.set(req.Resource, req.Action)
	for _, p := range sets.Identity {
		x.policy(p, LayerIdentity)
	}
	x.policy(sets.Boundary, LayerBoundary)
	for _, p := range sets.Session {
		x.policy(p, LayerSession)
	}
	x.policy(sets.Resource, LayerResource)
	if sets.Boundary != nil {
		allows, _ := x.find(sets.Boundary, false)
		denies, _ := x.find(sets.Boundary, true)
		x.out.HasBoundary, x.out.BoundaryAllows = true, allows != nil && denies == nil
	}
	for _, key := range x.missing {
		x.out.MissingContextKeys = append(x.out.MissingContextKeys, key)
	}
	sort.Strings(x.out.MissingContextKeys)
	return x.out
}

type explainer struct {
	evaluation
	out     *Explanation
	missing map[string]string // name in lower case to the key as written
}

func (x *explainer) policy(p *Policy, layer Layer) {
	if p == nil {
		return
	}
	for i := range p.statements {
		s := &p.statements[i]
		trace := StatementTrace{
			Layer: layer, Source: p.source, Sid: s.written.Sid, Statement: s.index, Effect: s.written.Effect,
			Start: s.written.Start, End: s.written.End,
		}
		trace.Mismatch = x.mismatch(s)
		trace.Matched = trace.Mismatch == ""
		s.eachVariable(func(t *token) {
			value, ok := t.resolve(x.req.Context)
			trace.Variables = append(trace.Variables, ResolvedVariable{Text: t.text, Value: value, Resolved: ok})
		})
		if s.matchesAction(x.req.Action) {
			x.collectMissing(s)
		}
		x.out.Statements = append(x.out.Statements, trace)
	}
}

// eachVariable calls f for every variable of the statement in order.
func (s *statement) eachVariable(f func(*token)) {
	visit := func(tokens []token) {
		for i := range tokens {
			if tokens[i].kind == variableToken {
				f(&tokens[i])
			}
		}
	}
	for i := range s.resources {
		visit(s.resources[i].rest.tokens)
	}
	for i := range s.conditions {
		k := &s.conditions[i]
		for j := range k.patterns {
			visit(k.patterns[j].tokens)
		}
		for j := range k.arns {
			visit(k.arns[j].whole.tokens)
			for _, part := range k.arns[j].parts {
				visit(part.tokens)
			}
		}
	}
}

func (x *explainer) collectMissing(s *statement) {
	note := func(key string) {
		name := strings.ToLower(key)
		if x.req.Context.lookup(name) == nil && x.missing[name] == "" {
			x.missing[name] = key
		}
	}
	s.eachVariable(func(t *token) { note(t.key) })
	for i := range s.conditions {
		note(s.conditions[i].written.Key)
	}
}

// mismatch says why a statement does not apply, in the order Evaluate checks; empty when it applies.
func (x *explainer) mismatch(s *statement) string {
	switch {
	case !s.matchesAction(x.req.Action):
		return "action " + x.req.Action + isNot(s.written.NotAction) + listed(s.written.Actions)
	case s.matchesPrincipal(&x.req.Principal) == notNamed:
		return "the caller" + isNot(s.written.NotPrincipal) + listed(principalTexts(s.written.Principals))
	case !s.matchesResource(&x.resource, x.req.Context):
		return "resource " + x.req.Resource + isNot(s.written.NotResource) + listed(x.resourceTexts(s))
	}
	for i := range s.conditions {
		if k := &s.conditions[i]; !k.holds(x.req.Context) {
			return x.conditionText(k)
		}
	}
	return ""
}

func isNot(exceptions bool) string {
	if exceptions {
		return " is excepted by "
	}
	return " is not among "
}

// maxListed bounds the values an explanation prints.
const maxListed = 8

func listed(values []string) string {
	if len(values) > maxListed {
		return strings.Join(values[:maxListed], ", ") + " and " + strconv.Itoa(len(values)-maxListed) + " more"
	}
	return strings.Join(values, ", ")
}

func principalTexts(refs []PrincipalRef) []string {
	out := make([]string, len(refs))
	for i, r := range refs {
		out[i] = r.Value
		if r.Type != "" {
			out[i] = r.Type + ":" + r.Value
		}
	}
	return out
}

// resourceTexts returns the statement's resources with variables resolved.
func (x *explainer) resourceTexts(s *statement) []string {
	out := make([]string, len(s.resources))
	for i := range s.resources {
		out[i] = x.resolved(s.resources[i].text, s.resources[i].rest.tokens)
		if s.resources[i].none {
			out[i] += " (can match nothing)"
		}
	}
	return out
}

// resolved replaces the variables of text by their values and marks the unresolved ones.
func (x *explainer) resolved(text string, tokens []token) string {
	for i := range tokens {
		t := &tokens[i]
		if t.kind != variableToken {
			continue
		}
		before, after, _ := strings.Cut(text, t.text)
		value, ok := t.resolve(x.req.Context)
		if !ok {
			value = t.text + "(unresolved)"
		}
		return before + value + x.resolved(after, tokens[i+1:])
	}
	return text
}

func (x *explainer) conditionText(k *condition) string {
	text := "condition " + k.written.Operator + " " + k.written.Key + ": "
	e := x.req.Context.lookup(k.name)
	values := x.conditionValues(k)
	switch {
	case e == nil:
		return text + "the key is absent, wanted " + listed(values)
	case e.isList:
		return text + "the values are " + listed(quoted(e.list)) + ", wanted " + listed(values)
	}
	return text + "the value is " + strconv.Quote(e.value) + ", wanted " + listed(values)
}

func (x *explainer) conditionValues(k *condition) []string {
	if len(k.written.Values) == 0 {
		return []string{"nothing (no values)"}
	}
	values := quoted(k.written.Values)
	if k.op.family <= stringLike || k.op.family == boolean {
		for i := range k.patterns { // one pattern for each value
			values[i] = strconv.Quote(x.resolved(k.written.Values[i], k.patterns[i].tokens))
		}
	}
	return values
}

func quoted(values []string) []string {
	out := make([]string, len(values))
	for i, v := range values {
		out[i] = strconv.Quote(v)
	}
	return out
}
