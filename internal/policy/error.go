package policy

import "fmt"

// Problem sorts the reasons a document is refused, for services that word their errors differently from IAM.
type Problem int

// The problems.
const (
	ProblemSyntax    Problem = iota // not JSON, wrong types, unknown or duplicate keys, bad variables, too large
	ProblemVersion                  // Version is neither of the two dates
	ProblemSid                      // Sid duplicate or of forbidden characters
	ProblemAction                   // Action missing or malformed
	ProblemResource                 // Resource missing, malformed or not allowed here
	ProblemPrincipal                // Principal missing, malformed or not allowed here
	ProblemCondition                // unknown operator or malformed condition key
)

// Error is why a document was refused.
type Error struct {
	Problem Problem
	Message string // the text AWS uses, without position (spec C.3)
	Line    int    // from 1
	Column  int    // from 1, in characters
	Detail  string // what exactly is wrong, for people; may be empty
}

// Error returns the message, the detail and the position.
func (e *Error) Error() string {
	if e.Detail == "" {
		return fmt.Sprintf("%s (line %d, column %d)", e.Message, e.Line, e.Column)
	}
	return fmt.Sprintf("%s %s (line %d, column %d)", e.Message, e.Detail, e.Line, e.Column)
}
