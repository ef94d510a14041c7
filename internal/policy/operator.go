package policy

import "strings"

// family is how a condition operator reads and compares values (spec E.4).
type family uint8

const (
	stringEquals family = iota
	stringEqualsIgnoreCase
	stringLike
	numeric
	date
	boolean
	binary
	ipAddress
	arnLike
	null
)

// takesVariables reports whether the operator's values may hold variables (spec E.3; for Bool a decision).
func (f family) takesVariables() bool {
	return f <= stringLike || f == boolean || f == arnLike
}

// relation is what an ordered comparison asks for.
type relation uint8

const (
	equal relation = iota
	less
	lessOrEqual
	greater
	greaterOrEqual
)

// holds reports whether the relation holds, given the sign of the comparison.
func (r relation) holds(sign int) bool {
	switch r {
	case less:
		return sign < 0
	case lessOrEqual:
		return sign <= 0
	case greater:
		return sign > 0
	case greaterOrEqual:
		return sign >= 0
	}
	return sign == 0
}

// quantifier is a set operator before the operator's name.
type quantifier uint8

const (
	noQuantifier quantifier = iota
	forAllValues
	forAnyValue
)

// operator is a condition operator with its modifiers.
type operator struct {
	family     family
	relation   relation
	negated    bool
	ifExists   bool
	quantifier quantifier
}

// parseOperator reads an operator's name as written. Null takes no modifiers.
func parseOperator(name string) (op operator, ok bool) {
	q := noQuantifier
	if rest, found := strings.CutPrefix(name, "ForAllValues:"); found {
		q, name = forAllValues, rest
	} else if rest, found := strings.CutPrefix(name, "ForAnyValue:"); found {
		q, name = forAnyValue, rest
	}
	name, ifExists := strings.CutSuffix(name, "IfExists")
	op, ok = baseOperator(name)
	if op.family == null && (ifExists || q != noQuantifier) {
		return operator{}, false
	}
	op.ifExists, op.quantifier = ifExists, q
	return op, ok
}

func baseOperator(name string) (op operator, ok bool) {
	if rest, found := strings.CutPrefix(name, "Numeric"); found {
		return orderedOperator(numeric, rest)
	}
	if rest, found := strings.CutPrefix(name, "Date"); found {
		return orderedOperator(date, rest)
	}
	switch name {
	case "StringEquals":
		op.family = stringEquals
	case "StringNotEquals":
		op = operator{family: stringEquals, negated: true}
	case "StringEqualsIgnoreCase":
		op.family = stringEqualsIgnoreCase
	case "StringNotEqualsIgnoreCase":
		op = operator{family: stringEqualsIgnoreCase, negated: true}
	case "StringLike":
		op.family = stringLike
	case "StringNotLike":
		op = operator{family: stringLike, negated: true}
	case "Bool":
		op.family = boolean
	case "BinaryEquals":
		op.family = binary
	case "IpAddress":
		op.family = ipAddress
	case "NotIpAddress":
		op = operator{family: ipAddress, negated: true}
	case "ArnEquals", "ArnLike":
		op.family = arnLike
	case "ArnNotEquals", "ArnNotLike":
		op = operator{family: arnLike, negated: true}
	case "Null":
		op.family = null
	default:
		return operator{}, false
	}
	return op, true
}

func orderedOperator(f family, relationName string) (op operator, ok bool) {
	op.family = f
	switch relationName {
	case "Equals":
	case "NotEquals":
		op.negated = true
	case "LessThan":
		op.relation = less
	case "LessThanEquals":
		op.relation = lessOrEqual
	case "GreaterThan":
		op.relation = greater
	case "GreaterThanEquals":
		op.relation = greaterOrEqual
	default:
		return operator{}, false
	}
	return op, true
}
