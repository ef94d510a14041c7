// Package policy is the IAM policy language: it parses documents, compiles them, and decides requests.
//
// The three steps are separate and pure (no I/O, no clock; the time of a request comes in its [Context]):
//
//	text ── Parse ──▶ *Document ── Compile ──▶ *Policy ──┐
//	                                                     ├─▶ Evaluate ──▶ Decision
//	           Principal, action, resource, *Context ────┘
//
// [Parse] is strict: unknown and duplicate keys, unknown operators and malformed variables are errors with the
// line and column and the text AWS uses. [Compile] cannot fail; it turns every pattern into a form that is matched in place.
// [Evaluate] is the fast path: it allocates nothing for ordinary policies and returns a [Decision] that names
// the statement, or the layer with no allowing statement, that decided. [Explain] is the slow path for operators and for IAM's
// policy simulator: every statement, why it did or did not match, variables resolved, context keys missing.
//
// # Rules worth knowing
//
//   - Everything is refused unless a statement allows it; any matching Deny wins. The zero [Decision] is a refusal.
//   - Resources are matched segment by segment over the first five colons, the rest as one string; the resource-type
//     word (the part of the rest before the first / or :) must be literal, except for services without one (S3).
//   - Substituted text is literal: a * inside a variable's value never acts as a wildcard.
//   - An unresolved variable without a default matches nothing. Keys holding lists never resolve as variables.
//   - Names of actions and of condition keys are compared without regard to case, everything else with it.
//   - A request for the resource "*" (actions without a resource) is matched by the pattern * and by patterns that
//     cover the whole of the action's service, such as arn:aws:s3:::*.
//   - A condition on a list of values without ForAllValues or ForAnyValue is met when any value matches, and, for a
//     negated operator, when none does.
//   - NotPrincipal with Deny spares a caller only if every ARN it acts under (session, role, account) is listed, as
//     AWS documents; with Allow it grants only if none of them is.
//
// # Costs
//
// Matching takes at most len(pattern) × len(value) steps; there is no exponential backtracking. Documents are bounded:
// see [MaxDocumentChars] and the limits in limits.go.
//
// # Concurrency
//
// A [Document] and a [Policy] are immutable and safe for concurrent use. A [Cache] is safe for concurrent use.
// A [Context] is not safe for concurrent writes; once filled it may be shared and used as the parent of others.
//
// The package knows nothing of how principals, policies and context keys are stored or fetched, or of service control
// policies. Of access control lists it knows only what one grants for the action at hand, a [Grant].
package policy
