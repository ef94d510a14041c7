package s3

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"inro.dev/inro/internal/awserr"
)

// postPolicy is the policy document of a browser's form: what whoever signed
// it lets whoever holds it upload (S3 API Reference, "POST Policy").
type postPolicy struct {
	expiration time.Time
	conditions []postCondition
	// size is set by content-length-range.
	size *sizeRange
}

// postCondition is about one field.
type postCondition struct {
	prefix bool // starts-with, else eq
	field  string
	value  string
}

// sizeRange bounds a file, both ends included.
type sizeRange struct{ least, most int64 }

// maxPostConditions bounds a policy, which the 20 KB of a form bound too.
const maxPostConditions = 200

// parsePostPolicy reads a policy document in Base64. Names are compared with
// case, operators and fields without, as S3 does. What is not known, or given
// twice, is refused.
func parsePostPolicy(encoded string) (*postPolicy, error) {
	text, err := base64.StdEncoding.DecodeString(encoded)
	if err != nil || !utf8.Valid(text) {
		return nil, invalidPolicyDocument("Invalid Policy: Invalid Base64 encoding.")
	}
	r := &policyReader{json.NewDecoder(bytes.NewReader(text))}
	r.UseNumber()
	p := new(postPolicy)
	if err := r.policy(p); err != nil {
		if _, ok := awserr.As(err); ok {
			return nil, err
		}
		return nil, invalidPolicyDocument("Invalid Policy: Invalid JSON: " + err.Error())
	}
	return p, nil
}

func invalidPolicyDocument(message string) *awserr.Error {
	return awserr.New(http.StatusBadRequest, "InvalidPolicyDocument", message)
}

// policyReader reads JSON token by token: encoding/json would take "EXPIRATION"
// for "expiration", and the last of two.
type policyReader struct{ *json.Decoder }

func (r *policyReader) delim(want json.Delim) error {
	t, err := r.Token()
	if err == nil && t != want {
		err = fmt.Errorf("expecting %v", want)
	}
	return err
}

func (r *policyReader) text() (string, error) {
	t, err := r.Token()
	if err != nil {
		return "", err
	}
	s, ok := t.(string)
	if !ok {
		return "", errors.New("expecting a string")
	}
	return s, nil
}

func (r *policyReader) policy(p *postPolicy) error {
	if err := r.delim('{'); err != nil {
		return err
	}
	seen := make(map[string]bool)
	for r.More() {
		name, err := r.text()
		if err != nil {
			return err
		}
		if seen[name] {
			return fmt.Errorf("%q stands in it twice", clip(name))
		}
		seen[name] = true
		switch name {
		case "expiration":
			err = r.expiration(p)
		case "conditions":
			err = r.conditions(p)
		default:
			err = fmt.Errorf("unexpected: %q", clip(name))
		}
		if err != nil {
			return err
		}
	}
	if err := r.delim('}'); err != nil {
		return err
	}
	if r.More() {
		return errors.New("something follows the document")
	}
	for _, name := range [...]string{"expiration", "conditions"} {
		if !seen[name] {
			return invalidPolicyDocument("Invalid Policy: Policy missing " + name + ".")
		}
	}
	return nil
}

func (r *policyReader) expiration(p *postPolicy) error {
	text, err := r.text()
	if err != nil {
		return err
	}
	// POST Policy: ISO 8601 in UTC.
	if p.expiration, err = time.Parse(time.RFC3339, text); err != nil || !strings.HasSuffix(text, "Z") {
		return invalidPolicyDocument("Invalid Policy: Invalid 'expiration' value: '" + clip(text) + "'")
	}
	return nil
}

func (r *policyReader) conditions(p *postPolicy) error {
	if err := r.delim('['); err != nil {
		return err
	}
	for r.More() {
		if len(p.conditions) == maxPostConditions {
			return invalidPolicyDocument("Invalid Policy: Too many conditions.")
		}
		t, err := r.Token()
		if err != nil {
			return err
		}
		switch t {
		case json.Delim('{'):
			err = r.simple(p)
		case json.Delim('['):
			err = r.condition(p)
		default:
			err = invalidPolicyDocument("Invalid Policy: Invalid Condition: must be a Simple-Condition or a list.")
		}
		if err != nil {
			return err
		}
	}
	return r.delim(']')
}

// simple reads {"acl": "private"}.
func (r *policyReader) simple(p *postPolicy) error {
	wrong := invalidPolicyDocument("Invalid Policy: Invalid Simple-Condition: Simple-Conditions must have exactly one property specified.")
	if !r.More() {
		return wrong
	}
	field, err := r.text()
	if err != nil {
		return err
	}
	value, err := r.text()
	if err != nil {
		return invalidPolicyDocument("Invalid Policy: Invalid Simple-Condition: value must be a string.")
	}
	if r.More() {
		return wrong
	}
	p.conditions = append(p.conditions, postCondition{field: strings.ToLower(field), value: value})
	return r.delim('}')
}

// condition reads ["starts-with", "$key", "user/"] and
// ["content-length-range", 1, 1024].
func (r *policyReader) condition(p *postPolicy) error {
	var arguments []any
	for r.More() {
		t, err := r.Token()
		if err != nil {
			return err
		}
		if _, nested := t.(json.Delim); nested || len(arguments) == 3 {
			return wrongArguments()
		}
		arguments = append(arguments, t)
	}
	if err := r.delim(']'); err != nil {
		return err
	}
	if len(arguments) != 3 {
		return wrongArguments()
	}
	operator, _ := arguments[0].(string)
	switch operator = strings.ToLower(operator); operator {
	case "content-length-range":
		return p.setRange(arguments[1], arguments[2])
	case "eq", "starts-with":
		field, ok1 := arguments[1].(string)
		value, ok2 := arguments[2].(string)
		name, ok3 := strings.CutPrefix(field, "$")
		if !ok1 || !ok2 || !ok3 || name == "" {
			return invalidPolicyDocument("Invalid Policy: Invalid Condition: a field is named as '$field', and its value is a string.")
		}
		p.conditions = append(p.conditions, postCondition{prefix: operator == "starts-with", field: strings.ToLower(name), value: value})
		return nil
	}
	return invalidPolicyDocument("Invalid Policy: Invalid Condition: unknown operation '" + clip(operator) + "'.")
}

func wrongArguments() error {
	return invalidPolicyDocument("Invalid Policy: Invalid Condition: wrong number of arguments.")
}

func (p *postPolicy) setRange(least, most any) error {
	low, ok1 := wholeNumber(least)
	high, ok2 := wholeNumber(most)
	if !ok1 || !ok2 || p.size != nil || low > high {
		return invalidPolicyDocument("Invalid Policy: Invalid content-length-range: expecting one pair of whole numbers, the smaller first.")
	}
	p.size = &sizeRange{low, high}
	return nil
}

// wholeNumber reads a number that is not negative, also one in a string, as
// some signers write it.
func wholeNumber(v any) (int64, bool) {
	text, _ := v.(string)
	if n, ok := v.(json.Number); ok {
		text = n.String()
	}
	n, err := strconv.ParseInt(text, 10, 64)
	return n, err == nil && n >= 0
}

// check evaluates the policy for the fields of a form. Every field must be in a
// condition, except those that exempt names; "bucket" is a field of every form,
// whether it is sent or not.
func (p *postPolicy) check(fields map[string]string, now time.Time) error {
	if !now.Before(p.expiration) {
		return againstPolicy("Policy expired.")
	}
	covered := make(map[string]bool, len(p.conditions))
	for i := range p.conditions {
		c := &p.conditions[i]
		if !c.holds(fields[c.field]) {
			return againstPolicy("Policy Condition failed: " + c.String())
		}
		covered[c.field] = true
	}
	for name := range fields {
		if !covered[name] && !exemptField(name) {
			return againstPolicy("Extra input fields: " + clip(name))
		}
	}
	return nil
}

// exemptField reports whether a field needs no condition (POST Policy, "Each
// form field that you specify in a form … must appear in the list of
// conditions", except these).
func exemptField(name string) bool {
	return name == "policy" || name == "x-amz-signature" || name == "file" || strings.HasPrefix(name, "x-ignore-")
}

func againstPolicy(message string) error {
	return awserr.New(http.StatusForbidden, "AccessDenied", "Invalid according to Policy: "+message)
}

func (c *postCondition) holds(value string) bool {
	if !c.prefix {
		return value == c.value
	}
	if c.field != "content-type" {
		return strings.HasPrefix(value, c.value)
	}
	// POST Policy: content types with commas are lists, whose every value must
	// meet the condition.
	for one := range strings.SplitSeq(value, ",") {
		if !strings.HasPrefix(strings.TrimSpace(one), c.value) {
			return false
		}
	}
	return true
}

// String writes the condition as S3's errors do.
func (c *postCondition) String() string {
	operator := "eq"
	if c.prefix {
		operator = "starts-with"
	}
	return fmt.Sprintf("[%q, %q, %q]", operator, "$"+clip(c.field), clip(c.value))
}
