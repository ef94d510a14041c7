package iam

import (
	"errors"
	"strings"

	"inro.dev/inro/internal/policy"
)

// asPolicyError returns the refusal of package policy in err's chain.
func asPolicyError(err error) (*policy.Error, bool) { return errors.AsType[*policy.Error](err) }

// parseIdentity checks a document that is to be attached to somebody, and
// answers MalformedPolicyDocument to what is none.
func parseIdentity(text string) (*policy.Document, error) {
	doc, err := policy.Parse([]byte(text), policy.Identity)
	if err != nil {
		return nil, malformedDocument(err)
	}
	return doc, nil
}

// documentChars is the size of a stored document as quotas count it: without
// white space.
func documentChars(text string) int {
	n := 0
	for _, r := range text {
		if r != ' ' && r != '\t' && r != '\r' && r != '\n' {
			n++
		}
	}
	return n
}

// percentEncode encodes a document as answers carry it: every byte but the
// unreserved ones of RFC 3986 section 2.3.
func percentEncode(document string) string {
	const hex = "0123456789ABCDEF"
	var b strings.Builder
	b.Grow(len(document) * 3 / 2)
	for _, c := range []byte(document) {
		if unreserved(c) {
			b.WriteByte(c)
			continue
		}
		b.WriteByte('%')
		b.WriteByte(hex[c>>4])
		b.WriteByte(hex[c&0xf])
	}
	return b.String()
}

func unreserved(c byte) bool {
	switch {
	case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9':
		return true
	}
	return c == '-' || c == '.' || c == '_' || c == '~'
}
