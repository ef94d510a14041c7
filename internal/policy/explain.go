package policy

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
