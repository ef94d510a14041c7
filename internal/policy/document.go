package policy

import (
	"sort"
	"strings"
)

// The two versions of the policy language. Variables exist from the second on.
const (
	Version2008 = "2008-10-17"
	Version2012 = "2012-10-17"
)

// Document is a parsed and validated policy document. Its fields must not be changed.
type Document struct {
	Kind       Kind
	Version    string // Version2008 when the document names none
	ID         string // ignored by evaluation
	Statements []Statement

	nonSpaceChars int
}

// Statement is one statement as written. Exactly one of Action and NotAction is used, and so on for the other pairs;
// the Not… booleans say which.
type Statement struct {
	Sid        string
	Effect     Effect // Allow or ExplicitDeny
	Principals []PrincipalRef
	// NotPrincipal, NotAction and NotResource say that the list is of exceptions.
	NotPrincipal, NotAction, NotResource bool

	Actions    []string
	Resources  []string // empty in trust policies
	Conditions []Condition
	Start, End Position // the opening brace and just after the closing one
}

// PrincipalRef is one principal as written. The bare "Principal": "*" has an empty Type and the Value "*".
type PrincipalRef struct {
	Type  string // AWS, Service, Federated or CanonicalUser
	Value string

	start, end int // byte offsets of the JSON string in the document
}

// Condition is one operator applied to one key.
type Condition struct {
	Operator string // as written, with ForAllValues: and IfExists
	Key      string // as written
	Values   []string

	op operator
}

// SizeWithoutWhitespace returns the number of characters other than space, tab, CR and LF, which is what IAM's
// size quotas count.
func (d *Document) SizeWithoutWhitespace() int { return d.nonSpaceChars }

// Principals returns every principal the document names, in order of appearance, also those of NotPrincipal.
func (d *Document) Principals() []PrincipalRef {
	var refs []PrincipalRef
	for i := range d.Statements {
		refs = append(refs, d.Statements[i].Principals...)
	}
	return refs
}

// ContextKeys returns the condition keys a document uses, in conditions and as variables, as written, sorted, each
// once without regard to case (IAM API: GetContextKeysForCustomPolicy).
func ContextKeys(doc *Document) []string {
	byName := make(map[string]string)
	add := func(key string) {
		if name := strings.ToLower(key); byName[name] == "" {
			byName[name] = key
		}
	}
	for i := range doc.Statements {
		s := &doc.Statements[i]
		for _, r := range s.Resources {
			eachVariable(r, doc.syntax(), add)
		}
		for _, c := range s.Conditions {
			add(c.Key)
			for _, v := range c.Values {
				if c.op.family.takesVariables() {
					eachVariable(v, doc.syntax(), add)
				}
			}
		}
	}
	keys := make([]string, 0, len(byName))
	for _, key := range byName {
		keys = append(keys, key)
	}
	sort.Strings(keys)
	return keys
}
