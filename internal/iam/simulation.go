package iam

import (
	"encoding/base64"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"inro.dev/inro/internal/policy"
)

// The wire forms of the simulator.

type simulationOutput struct {
	EvaluationResults []evaluationResult
	pageInfo
}

type evaluationResult struct {
	EvalActionName, EvalResourceName, EvalDecision string
	MatchedStatements                              []matchedStatement
	MissingContextValues                           []string
	PermissionsBoundaryDecisionDetail              *boundaryDecision
	EvalDecisionDetails                            map[string]string
	ResourceSpecificResults                        []resourceResult
}

type resourceResult struct {
	EvalResourceName, EvalResourceDecision string
	MatchedStatements                      []matchedStatement
	MissingContextValues                   []string
	EvalDecisionDetails                    map[string]string
	PermissionsBoundaryDecisionDetail      *boundaryDecision
}

// whole makes the result on the only resource the result of the action.
func (r resourceResult) whole(action string) evaluationResult {
	return evaluationResult{
		EvalActionName: action, EvalResourceName: r.EvalResourceName, EvalDecision: r.EvalResourceDecision,
		MatchedStatements: r.MatchedStatements, MissingContextValues: r.MissingContextValues,
		PermissionsBoundaryDecisionDetail: r.PermissionsBoundaryDecisionDetail, EvalDecisionDetails: r.EvalDecisionDetails,
		ResourceSpecificResults: []resourceResult{},
	}
}

// sizeBytes estimates the length of r in an answer, where elements without
// text of the client's take a few hundred bytes.
func (r *resourceResult) sizeBytes() int {
	const elements = 300
	n := elements + len(r.EvalResourceName)
	for _, m := range r.MatchedStatements {
		n += elements + len(m.SourcePolicyId)
	}
	for _, key := range r.MissingContextValues {
		n += len("<member></member>") + len(key)
	}
	return n
}

type matchedStatement struct {
	SourcePolicyId, SourcePolicyType string
	StartPosition, EndPosition       position
}

type position struct{ Line, Column int }

type boundaryDecision struct{ AllowedByPermissionsBoundary bool }

// contextEntry is a condition key of a simulated request.
type contextEntry struct {
	ContextKeyName   string `required:"" length:"5,256"`
	ContextKeyValues []string
	ContextKeyType   string `required:"" enum:"string,stringList,numeric,numericList,boolean,booleanList,ip,ipList,binary,binaryList,date,dateList"`
}

// set puts the key into a context. A type without List takes exactly one
// value.
func (e *contextEntry) set(keys *policy.Context) error {
	kind, list := strings.CutSuffix(e.ContextKeyType, "List")
	for _, v := range e.ContextKeyValues {
		if !isContextValue(kind, v) {
			return invalidInput("Invalid value for context key %s: it is not of type %s.", e.ContextKeyName, e.ContextKeyType)
		}
	}
	if list {
		keys.SetList(e.ContextKeyName, e.ContextKeyValues...)
		return nil
	}
	if len(e.ContextKeyValues) != 1 {
		return invalidInput("Context key %s of type %s must have one value.", e.ContextKeyName, e.ContextKeyType)
	}
	keys.Set(e.ContextKeyName, e.ContextKeyValues[0])
	return nil
}

func isContextValue(kind, v string) bool {
	var err error
	switch kind {
	case "numeric":
		_, err = strconv.ParseFloat(v, 64)
	case "boolean":
		return strings.EqualFold(v, "true") || strings.EqualFold(v, "false")
	case "ip":
		if _, err = netip.ParseAddr(v); err != nil {
			_, err = netip.ParsePrefix(v)
		}
	case "binary":
		_, err = base64.StdEncoding.DecodeString(v)
	case "date":
		return isDate(v)
	}
	return err == nil
}

// isDate accepts the forms of ISO 8601 that the W3C note names, and seconds
// since 1970.
func isDate(v string) bool {
	for _, layout := range [...]string{time.RFC3339, "2006-01-02T15:04Z07:00", "2006-01-02", "2006-01", "2006"} {
		if _, err := time.Parse(layout, v); err == nil {
			return true
		}
	}
	_, err := strconv.ParseInt(v, 10, 64)
	return err == nil
}
