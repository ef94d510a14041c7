package policy

import (
	"encoding/json"
	"slices"
	"strconv"
	"strings"
)

// Parse reads and validates a document (spec C.3, E.1). Every error it returns is an *[Error].
func Parse(text []byte, kind Kind) (*Document, error) {
	root, err := readJSON(text)
	if err != nil {
		return nil, err
	}
	p := &parser{doc: &Document{Kind: kind, Version: Version2008, nonSpaceChars: nonSpaceChars(text)}, sids: make(map[string]bool)}
	if err := p.document(&root); err != nil {
		return nil, err
	}
	return p.doc, nil
}

func nonSpaceChars(text []byte) int {
	n := 0
	for _, c := range string(text) {
		if c != ' ' && c != '\t' && c != '\r' && c != '\n' {
			n++
		}
	}
	return n
}

// ReplacePrincipals rewrites the principals of a document and leaves every other byte as it is: replace is called for each
// in order of appearance and returns the new value and true, or false to keep it. IAM stores the users and roles of trust
// policies by unique id this way. The result is validated again.
func ReplacePrincipals(text []byte, kind Kind, replace func(PrincipalRef) (string, bool)) ([]byte, error) {
	doc, err := Parse(text, kind)
	if err != nil {
		return nil, err
	}
	var out []byte
	copied := 0
	for _, ref := range doc.Principals() {
		value, ok := replace(ref)
		if !ok {
			continue
		}
		quoted, err := json.Marshal(value)
		if err != nil {
			return nil, err
		}
		out = append(append(out, text[copied:ref.start]...), quoted...)
		copied = ref.end
	}
	out = append(out, text[copied:]...)
	if _, err := Parse(out, kind); err != nil {
		return nil, err
	}
	return out, nil
}

// parser turns JSON into a Document.
type parser struct {
	doc  *Document
	sids map[string]bool
}

func refuse(n *node, problem Problem, message string) error {
	return &Error{Problem: problem, Message: message, Line: n.start.Line, Column: n.start.Column}
}

func wrongType(n *node, want string) error { return syntaxError(n.start, want+" is expected.") }

func (p *parser) document(root *node) error {
	if root.kind != objectNode {
		return wrongType(root, "An object")
	}
	var statement *node
	for i := range root.members {
		m := &root.members[i]
		var err error
		switch m.name.text {
		case "Version":
			err = p.version(&m.value)
		case "Id":
			err = p.id(m)
		case "Statement":
			statement = &m.value
		default:
			err = unknownName(&m.name)
		}
		if err != nil {
			return err
		}
	}
	if statement == nil {
		return syntaxError(root.start, "Statement is missing.")
	}
	return p.statements(statement)
}

func unknownName(name *node) error {
	return syntaxError(name.start, "The name "+strconv.Quote(name.text)+" is unknown.")
}

func (p *parser) version(n *node) error {
	if n.kind != stringNode {
		return wrongType(n, "A string")
	}
	if n.text != Version2008 && n.text != Version2012 {
		return refuse(n, ProblemVersion, "Policy document must be version 2012-10-17 or greater.")
	}
	p.doc.Version = n.text
	return nil
}

func (p *parser) id(m *member) error {
	if p.doc.Kind == IoT {
		return unknownName(&m.name)
	}
	if m.value.kind != stringNode {
		return wrongType(&m.value, "A string")
	}
	p.doc.ID = m.value.text
	return nil
}

func (p *parser) statements(n *node) error {
	list := []node{*n}
	if n.kind == listNode {
		list = n.items
	}
	if len(list) == 0 {
		return syntaxError(n.start, "At least one statement is expected.")
	}
	if len(list) > maxStatements {
		return syntaxError(n.start, "The document has more than "+strconv.Itoa(maxStatements)+" statements.")
	}
	p.doc.Statements = make([]Statement, len(list))
	for i := range list {
		if err := p.statement(&list[i], &p.doc.Statements[i]); err != nil {
			return err
		}
	}
	return nil
}

func (p *parser) statement(n *node, s *Statement) error {
	if n.kind != objectNode {
		return wrongType(n, "An object")
	}
	s.Start, s.End = n.start, n.end
	for i := range n.members {
		m := &n.members[i]
		if err := p.element(m, s); err != nil {
			return err
		}
	}
	return p.complete(n, s)
}

// element reads one member of a statement.
func (p *parser) element(m *member, s *Statement) error {
	n := &m.value
	switch m.name.text {
	case "Sid":
		return p.sid(n, s)
	case "Effect":
		return p.effect(n, s)
	case "Principal", "NotPrincipal":
		s.NotPrincipal = m.name.text == "NotPrincipal"
		return p.principals(m, s)
	case "Action", "NotAction":
		s.NotAction = m.name.text == "NotAction"
		return p.actions(n, s)
	case "Resource", "NotResource":
		s.NotResource = m.name.text == "NotResource"
		return p.resources(m, s)
	case "Condition":
		return p.conditions(n, s)
	}
	return unknownName(&m.name)
}

// complete checks what must be present, and that no pair such as Action and NotAction is there twice.
func (p *parser) complete(n *node, s *Statement) error {
	has := func(name string) bool {
		return slices.ContainsFunc(n.members, func(m member) bool { return m.name.text == name })
	}
	for _, name := range [...]string{"Action", "Resource", "Principal"} {
		if has(name) && has("Not"+name) {
			return syntaxError(n.start, name+" and Not"+name+" exclude each other.")
		}
	}
	switch {
	case !has("Effect"):
		return syntaxError(n.start, "Effect is missing.")
	case len(s.Actions) == 0:
		return refuse(n, ProblemAction, "Policy statement must contain actions.")
	case p.doc.Kind != Trust && len(s.Resources) == 0:
		return refuse(n, ProblemResource, "Policy statement must contain resources.")
	case p.doc.Kind.hasPrincipal() && len(s.Principals) == 0:
		return refuse(n, ProblemPrincipal, "Missing required field Principal.")
	}
	return nil
}

func (p *parser) sid(n *node, s *Statement) error {
	if n.kind != stringNode {
		return wrongType(n, "A string")
	}
	if (p.doc.Kind == Identity || p.doc.Kind == Trust) && strings.ContainsFunc(n.text, func(r rune) bool { return !isAlphanumeric(r) }) {
		return refuse(n, ProblemSid, "Statement IDs (SID) must be alpha-numeric. Check that your input satisfies the regular expression [0-9A-Za-z]*")
	}
	if p.sids[n.text] {
		return refuse(n, ProblemSid, "Statement IDs (SID) in a single policy must be unique.")
	}
	p.sids[n.text] = n.text != ""
	s.Sid = n.text
	return nil
}

func isAlphanumeric(r rune) bool {
	return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9'
}

func (p *parser) effect(n *node, s *Statement) error {
	switch {
	case n.kind == stringNode && n.text == "Allow":
		s.Effect = Allow
	case n.kind == stringNode && n.text == "Deny":
		s.Effect = ExplicitDeny
	default:
		return wrongType(n, `"Allow" or "Deny"`)
	}
	return nil
}

// texts returns the strings of a string or a list of strings.
func texts(n *node) ([]*node, error) {
	if n.kind == stringNode {
		return []*node{n}, nil
	}
	if n.kind != listNode {
		return nil, wrongType(n, "A string or a list of strings")
	}
	list := make([]*node, len(n.items))
	for i := range n.items {
		if n.items[i].kind != stringNode {
			return nil, wrongType(&n.items[i], "A string")
		}
		list[i] = &n.items[i]
	}
	return list, nil
}

func (p *parser) principals(m *member, s *Statement) error {
	n := &m.value
	switch {
	case !p.doc.Kind.hasPrincipal():
		return refuse(&m.name, ProblemPrincipal, "Policy document should not specify a principal.")
	case p.doc.Kind == Trust && s.NotPrincipal:
		return refuse(&m.name, ProblemPrincipal, "Has prohibited field NotPrincipal.")
	case n.kind == stringNode && n.text == "*" && p.doc.Kind == Resource:
		s.Principals = []PrincipalRef{{Value: "*", start: n.from, end: n.to}}
		return nil
	case n.kind == stringNode && n.text == "*":
		return refuse(n, ProblemPrincipal, `Invalid principal in policy: "STAR":"*"`)
	case n.kind == stringNode:
		return refuse(n, ProblemPrincipal, `Invalid principal in policy: `+strconv.Quote(n.text))
	case n.kind != objectNode:
		return wrongType(n, "An object")
	}
	for i := range n.members {
		if err := p.principalsOf(&n.members[i], s); err != nil {
			return err
		}
	}
	return nil
}

// principalsOf reads the values of one principal type.
func (p *parser) principalsOf(m *member, s *Statement) error {
	switch m.name.text {
	case "AWS", "Service", "Federated", "CanonicalUser":
	default:
		return unknownName(&m.name)
	}
	values, err := texts(&m.value)
	if err != nil {
		return err
	}
	for _, v := range values {
		ref := PrincipalRef{Type: m.name.text, Value: v.text, start: v.from, end: v.to}
		if !validPrincipal(ref, p.doc.Kind) {
			return refuse(v, ProblemPrincipal, "Invalid principal in policy: "+strconv.Quote(ref.Type)+":"+strconv.Quote(ref.Value))
		}
		s.Principals = append(s.Principals, ref)
	}
	return nil
}

func (p *parser) actions(n *node, s *Statement) error {
	values, err := texts(n)
	if err != nil {
		return err
	}
	if p.doc.Kind == Trust && s.NotAction {
		return refuse(n, ProblemAction, trustActionText)
	}
	for _, v := range values {
		if err := p.action(v); err != nil {
			return err
		}
		s.Actions = append(s.Actions, v.text)
	}
	return nil
}

func (p *parser) resources(m *member, s *Statement) error {
	if p.doc.Kind == Trust {
		return refuse(&m.name, ProblemResource, "Has prohibited field "+m.name.text+".")
	}
	values, err := texts(&m.value)
	if err != nil {
		return err
	}
	for _, v := range values {
		if err := p.resource(v); err != nil {
			return err
		}
		s.Resources = append(s.Resources, v.text)
	}
	return nil
}

func (p *parser) conditions(n *node, s *Statement) error {
	if n.kind != objectNode {
		return wrongType(n, "An object")
	}
	for i := range n.members {
		m := &n.members[i]
		op, ok := parseOperator(m.name.text)
		if !ok {
			return &Error{Problem: ProblemCondition, Message: "Syntax errors in policy.", Line: m.name.start.Line, Column: m.name.start.Column,
				Detail: "The condition operator " + strconv.Quote(m.name.text) + " is unknown."}
		}
		if m.value.kind != objectNode {
			return wrongType(&m.value, "An object")
		}
		if err := p.conditionKeys(m, op, s); err != nil {
			return err
		}
	}
	return nil
}

// conditionKeys reads the keys under one operator.
func (p *parser) conditionKeys(m *member, op operator, s *Statement) error {
	seen := make(map[string]bool)
	for i := range m.value.members {
		k := &m.value.members[i]
		if err := conditionKey(&k.name); err != nil {
			return err
		}
		if name := strings.ToLower(k.name.text); seen[name] {
			return syntaxError(k.name.start, "The key "+strconv.Quote(k.name.text)+" appears twice; case does not matter.")
		} else {
			seen[name] = true
		}
		values, err := p.conditionValues(&k.value, op)
		if err != nil {
			return err
		}
		s.Conditions = append(s.Conditions, Condition{Operator: m.name.text, Key: k.name.text, Values: values, op: op})
	}
	return nil
}

func (p *parser) conditionValues(n *node, op operator) ([]string, error) {
	list := []node{*n}
	if n.kind == listNode {
		list = n.items
	}
	values := make([]string, len(list))
	for i := range list {
		v := &list[i]
		switch v.kind {
		case stringNode, numberNode, boolNode:
		default:
			return nil, wrongType(v, "A string, a number or a boolean")
		}
		if err := p.conditionValue(v, op); err != nil {
			return nil, err
		}
		values[i] = v.text
	}
	return values, nil
}
