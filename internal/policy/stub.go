package policy

import "errors"

// Policy is a compiled document.
type Policy struct{ source Source }

// Parse reads a document.
func Parse(text []byte, kind Kind) (*Document, error) { return nil, errors.New("policy: not implemented") }

// ReplacePrincipals rewrites the principals of a document, leaving every other byte as it is: replace is called for
// each principal and returns its new value and true, or false to keep it.
func ReplacePrincipals(text []byte, kind Kind, replace func(PrincipalRef) (string, bool)) ([]byte, error) {
	return nil, errors.New("policy: not implemented")
}

// Compile turns a document into a policy.
func Compile(doc *Document, src Source) *Policy { return &Policy{source: src} }

// Source returns the source given to [Compile].
func (p *Policy) Source() Source { return p.source }

// Evaluate decides a request.
func Evaluate(req *Request, sets *Sets) Decision { return Decision{} }

// Explain decides a request with reasons.
func Explain(req *Request, sets *Sets) *Explanation { return &Explanation{} }

type operator struct{ family family }
type family int

func (f family) takesVariables() bool { return false }

type syntax struct{}

func (d *Document) syntax() syntax                    { return syntax{} }
func eachVariable(s string, y syntax, f func(string)) {}
