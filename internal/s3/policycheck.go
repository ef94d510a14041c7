package s3

import (
	"net/netip"
	"strings"

	"inro.dev/inro/internal/policy"
)

// checkBucketStatement returns what S3 refuses in a statement of a bucket's
// policy beyond the grammar, in its words, or "". A policy that could not mean
// what it says is better refused: a Deny of a misspelt action would deny
// nothing.
func checkBucketStatement(s *policy.Statement, bucket string) string {
	// User Guide, Bucket policies: NotPrincipal goes with Deny alone.
	if s.NotPrincipal && s.Effect == policy.Allow {
		return "Allow with NotPrincipal is not allowed."
	}
	var onBucket, onObject bool
	for _, r := range s.Resources {
		b, o, ok := resourceOf(r, bucket)
		if !ok {
			return "Policy has invalid resource"
		}
		onBucket, onObject = onBucket || b, onObject || o
	}
	for _, a := range s.Actions {
		b, o := actionsOf(a)
		switch {
		case !b && !o:
			return "Policy has invalid action"
		case !s.NotAction && !s.NotResource && !(b && onBucket) && !(o && onObject):
			return "Action does not apply to any resource(s) in statement"
		}
	}
	for _, c := range s.Conditions {
		if !knownCondition(c.Key) {
			return "Policy has an invalid condition key"
		}
	}
	return ""
}

// resourceOf tells whether a pattern can cover the bucket itself and objects in
// it. It is not ok when it can cover neither.
func resourceOf(pattern, bucket string) (onBucket, onObject, ok bool) {
	if pattern == "*" {
		return true, true, true
	}
	parts := strings.SplitN(pattern, ":", 6)
	if len(parts) != 6 || parts[0] != "arn" || !glob(parts[1], "aws") || parts[2] != "s3" || strings.Trim(parts[3], "*") != "" || strings.Trim(parts[4], "*") != "" {
		return false, false, false
	}
	name, _, inside := strings.Cut(parts[5], "/")
	if strings.Contains(name, "${") {
		return false, false, false // the bucket is not the caller's to choose
	}
	if inside {
		return false, true, glob(name, bucket) || globPrefix(name, bucket)
	}
	onBucket = glob(name, bucket)
	onObject = globPrefix(name, bucket)
	return onBucket, onObject, onBucket || onObject
}

// globPrefix reports whether a pattern without a slash can cover an object of
// the bucket: its star takes the slash and the key.
func globPrefix(pattern, bucket string) bool {
	i := strings.LastIndexByte(pattern, '*')
	return i >= 0 && (glob(pattern[:i+1], bucket+"/") || glob(pattern[:i+1], bucket))
}

// glob matches * and ?. Patterns are at most as long as a policy and names at
// most 64 characters, so that going back to the last star bounds the work.
func glob(pattern, text string) bool {
	p, t, star, mark := 0, 0, -1, 0
	for t < len(text) {
		switch {
		case p < len(pattern) && pattern[p] == '*':
			star, mark = p, t
			p++
		case p < len(pattern) && (pattern[p] == '?' || pattern[p] == text[t]):
			p++
			t++
		case star >= 0:
			mark++
			p, t = star+1, mark
		default:
			return false
		}
	}
	return strings.Trim(pattern[p:], "*") == ""
}

// actionsOf tells whether an action, with wildcards, names actions on buckets
// and on objects.
func actionsOf(pattern string) (onBucket, onObject bool) {
	if pattern == "*" {
		return true, true
	}
	service, name, _ := strings.Cut(strings.ToLower(pattern), ":")
	if service != "s3" {
		return false, false
	}
	for _, a := range bucketActions {
		onBucket = onBucket || glob(name, strings.ToLower(a))
	}
	for _, a := range objectActions {
		onObject = onObject || glob(name, strings.ToLower(a))
	}
	return onBucket, onObject
}

// knownCondition takes the keys of S3 and those that are not S3's to know.
func knownCondition(key string) bool {
	name, ok := strings.CutPrefix(strings.ToLower(key), "s3:")
	if !ok {
		return true
	}
	if group, tag, tagged := strings.Cut(name, "/"); tagged {
		return tag != "" && (group == "existingobjecttag" || group == "requestobjecttag" || group == "buckettag")
	}
	return conditionKeys[name]
}

// isPublic reports whether a bucket policy lets the public in: a statement that
// allows, names everyone, and is not bound to fixed values of what only some
// callers have (User Guide, The meaning of "public").
func isPublic(doc *policy.Document) bool {
	for i := range doc.Statements {
		s := &doc.Statements[i]
		if s.Effect == policy.Allow && (s.NotPrincipal || namesEveryone(s)) && !isBound(s) {
			return true
		}
	}
	return false
}

func namesEveryone(s *policy.Statement) bool {
	for _, p := range s.Principals {
		if p.Value == "*" {
			return true
		}
	}
	return false
}

func isBound(s *policy.Statement) bool {
	for i := range s.Conditions {
		if binds(&s.Conditions[i]) {
			return true
		}
	}
	return false
}

// bindingKeys are the condition keys whose fixed values keep the public out.
var bindingKeys = map[string]bool{
	"aws:principalorgid": true, "aws:principalorgpaths": true, "aws:principalaccount": true, "aws:principalarn": true,
	"aws:sourcearn": true, "aws:sourcevpc": true, "aws:sourcevpce": true, "aws:sourceowner": true, "aws:sourceaccount": true,
	"aws:userid": true, "s3:x-amz-server-side-encryption-aws-kms-key-id": true,
	"s3:dataaccesspointarn": true, "s3:dataaccesspointaccount": true,
}

// bindingOperators compare for equality and are false when the key is absent.
var bindingOperators = map[string]bool{
	"StringEquals": true, "StringEqualsIgnoreCase": true, "StringLike": true, "ArnEquals": true, "ArnLike": true,
}

// binds reports whether a condition holds for fixed values only.
func binds(c *policy.Condition) bool {
	operator := strings.TrimPrefix(c.Operator, "ForAnyValue:")
	key := strings.ToLower(c.Key)
	if key == "aws:sourceip" {
		return operator == "IpAddress" && every(c.Values, narrow)
	}
	return bindingKeys[key] && bindingOperators[operator] && every(c.Values, func(v string) bool {
		if key == "aws:userid" { // "AROA…:*" is every session of one role
			v = strings.TrimSuffix(v, ":*")
		}
		return v != "" && !strings.ContainsAny(v, "*?") && !strings.Contains(v, "${")
	})
}

func every(values []string, holds func(string) bool) bool {
	for _, v := range values {
		if !holds(v) {
			return false
		}
	}
	return true
}

// narrow reports whether a range of addresses is not as good as all: at least
// /8 of IPv4 and /32 of IPv6 (User Guide, The meaning of "public").
func narrow(value string) bool {
	if a, err := netip.ParseAddr(value); err == nil {
		return a.IsValid()
	}
	p, err := netip.ParsePrefix(value)
	if err != nil {
		return false
	}
	if p.Addr().Unmap().Is4() && !p.Addr().Is4In6() {
		return p.Bits() >= 8
	}
	return p.Bits() >= 32 && !p.Addr().Is4In6()
}
