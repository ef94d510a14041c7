package policy

import (
	"strconv"
	"strings"
)

// Effect is the outcome of an evaluation. The zero value is a refusal.
type Effect int

const (
	// ImplicitDeny means that nothing allowed the request.
	ImplicitDeny Effect = iota
	// Allow means that the request may proceed.
	Allow
	// ExplicitDeny means that a Deny statement matched.
	ExplicitDeny
)

// String returns the EvalDecision value of the IAM API: allowed, implicitDeny or explicitDeny.
func (e Effect) String() string {
	switch e {
	case Allow:
		return "allowed"
	case ExplicitDeny:
		return "explicitDeny"
	}
	return "implicitDeny"
}

// Layer is a set of policies, named as the place where a decision fell.
type Layer int

// The layers. LayerCrossAccount is the rule that both accounts must allow.
const (
	LayerNone Layer = iota
	LayerIdentity
	LayerBoundary
	LayerSession
	LayerResource
	LayerCrossAccount
)

// String returns the layer as logs print it.
func (l Layer) String() string {
	switch l {
	case LayerIdentity:
		return "identity"
	case LayerBoundary:
		return "boundary"
	case LayerSession:
		return "session"
	case LayerResource:
		return "resource"
	case LayerCrossAccount:
		return "cross-account"
	}
	return "none"
}

// Reason says why a decision is what it is.
type Reason int

const (
	// ReasonNoAllow: no statement of the layer allows. Layer says which.
	ReasonNoAllow Reason = iota
	// ReasonStatement: the statement named in the decision allows or denies.
	ReasonStatement
	// ReasonRoot: the account's root may do everything in its account that no policy denies.
	ReasonRoot
	// ReasonDelegated: the resource policy names only the account, and the caller's own policies do not allow.
	ReasonDelegated
	// ReasonNoSessionPolicy: a federated user without a session policy has no permissions of its own.
	ReasonNoSessionPolicy
	// ReasonACL: the resource's access control list allows.
	ReasonACL
	// ReasonWrongKind: a policy was given in a set it cannot be in (a trust policy as an identity policy). A bug of the caller.
	ReasonWrongKind
)

// Position is a place in a document: line and column count from 1, the column in characters.
type Position struct {
	Line, Column int
}

// Decision is the outcome of [Evaluate]. The statement fields are set when Reason is ReasonStatement;
// of several statements that would decide alike they name the first.
type Decision struct {
	Effect Effect
	Reason Reason
	Layer  Layer // where the decision fell

	Source    Source   // the policy of the deciding statement
	Sid       string   // its Sid, may be empty
	Statement int      // its index in the document, from 0
	Start     Position // its opening brace
	End       Position // just after its closing brace
}

// Allowed reports whether the request may proceed.
func (d Decision) Allowed() bool { return d.Effect == Allow }

// String returns one line for the operator's log. It never contains values of the request.
func (d Decision) String() string {
	var b strings.Builder
	switch d.Effect {
	case Allow:
		b.WriteString("allow: ")
	case ExplicitDeny:
		b.WriteString("explicit deny: ")
	default:
		b.WriteString("implicit deny: ")
	}
	switch d.Reason {
	case ReasonStatement:
		d.writeStatement(&b)
	case ReasonRoot:
		b.WriteString("root in its own account")
	case ReasonDelegated:
		b.WriteString("the resource policy leaves it to the account, and no identity policy allows")
	case ReasonNoSessionPolicy:
		b.WriteString("a federated user without session policy has no permissions")
	case ReasonACL:
		b.WriteString("the access control list grants it")
	case ReasonWrongKind:
		b.WriteString("a policy of the wrong kind in the " + d.Layer.String() + " set")
	default:
		b.WriteString(noAllowText(d.Layer))
	}
	return b.String()
}

func noAllowText(l Layer) string {
	switch l {
	case LayerIdentity:
		return "no identity policy allows"
	case LayerBoundary:
		return "the permissions boundary does not allow"
	case LayerSession:
		return "no session policy allows"
	case LayerResource:
		return "the resource policy does not allow"
	case LayerCrossAccount:
		return "cross-account, and the resource policy does not allow"
	}
	return "no policy allows"
}

func (d Decision) writeStatement(b *strings.Builder) {
	b.WriteString("statement ")
	b.WriteString(strconv.Itoa(d.Statement + 1))
	if d.Sid != "" {
		b.WriteByte(' ')
		b.WriteString(strconv.Quote(d.Sid))
	}
	b.WriteString(" of ")
	b.WriteString(d.Layer.String())
	b.WriteString(" policy")
	if d.Source.ID != "" {
		b.WriteByte(' ')
		b.WriteString(strconv.Quote(d.Source.ID))
	}
	if d.Source.Type != SourceNone {
		b.WriteString(" (" + d.Source.Type.String() + ")")
	}
	b.WriteString(", line " + strconv.Itoa(d.Start.Line) + " column " + strconv.Itoa(d.Start.Column))
}
