package sts

import (
	"context"
	"errors"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"inro.dev/inro/internal/arn"
	"inro.dev/inro/internal/identity"
	"inro.dev/inro/internal/managedpolicy"
	"inro.dev/inro/internal/metastore"
	"inro.dev/inro/internal/policy"
	"inro.dev/inro/internal/session"
)

// maxPolicyChars bounds an inline session policy (STS API Reference,
// AssumeRole).
const maxPolicyChars = 2048

// sessionPolicies are the members that limit a session.
type sessionPolicies struct {
	Policy     *string            `length:"1,131072" pattern:"[\\x{09}\\x{0A}\\x{0D}\\x{20}-\\x{FF}]+"`
	PolicyArns []policyDescriptor `length:"0,10"`
}

type policyDescriptor struct {
	ARN string `form:"arn" required:"" length:"20,2048"`
}

// put checks the policies and puts them into a session of the account. A
// managed policy must exist.
func (p *sessionPolicies) put(ctx context.Context, r metastore.Reader, s *session.Session) error {
	if p.Policy != nil {
		if utf8.RuneCountInString(*p.Policy) > maxPolicyChars {
			return validationError("1 validation error detected: Value at 'policy' failed to satisfy constraint: "+
				"Member must have length less than or equal to %d", maxPolicyChars)
		}
		if _, err := policy.Parse([]byte(*p.Policy), policy.Identity); err != nil {
			return malformedDocument(err)
		}
		s.Policy = *p.Policy
	}
	for _, d := range p.PolicyArns {
		if err := checkManaged(ctx, r, s.Account, d.ARN); err != nil {
			return err
		}
		if !slices.Contains(s.PolicyARNs, d.ARN) {
			s.PolicyARNs = append(s.PolicyARNs, d.ARN)
		}
	}
	return nil
}

func checkManaged(ctx context.Context, r metastore.Reader, account, policyARN string) error {
	if _, ok := managedpolicy.Lookup(policyARN); ok {
		return nil
	}
	_, err := metastore.Policies.Get(ctx, r, account, policyARN)
	if errors.Is(err, metastore.ErrNotFound) || errors.Is(err, metastore.ErrInvalid) {
		return validationError("The policy %s does not exist in the account of the session.", policyARN)
	}
	return err
}

// tokenSize is the member that makes session tokens longer than they need be,
// which is refused: devices and SDKs bound what they read (spec A.3).
type tokenSize struct {
	MinimumSessionTokenSize *int `range:"0,4096"`
}

func (t *tokenSize) check() error {
	if t.MinimumSessionTokenSize != nil && *t.MinimumSessionTokenSize > 0 {
		return validationError("MinimumSessionTokenSize is not offered: session tokens are as long as their content.")
	}
	return nil
}

// tag is a session tag on the wire.
type tag struct {
	Key   string  `required:"" length:"1,128" pattern:"[\\p{L}\\p{Z}\\p{N}_.:/=+\\-@]+"`
	Value *string `required:"" length:"0,256" pattern:"[\\p{L}\\p{Z}\\p{N}_.:/=+\\-@]*"`
}

// The patterns of tags and source identities that come in a token, which are
// those of the members of AssumeRole.
var (
	tagKeyPattern         = regexp.MustCompile(`^[\p{L}\p{Z}\p{N}_.:/=+\-@]{1,128}$`)
	tagValuePattern       = regexp.MustCompile(`^[\p{L}\p{Z}\p{N}_.:/=+\-@]{0,256}$`)
	sourceIdentityPattern = regexp.MustCompile(`^[\w+=,.@-]{2,64}$`)
)

// checkTags refuses tags whose keys are the same but for letter case, or
// reserved.
func checkTags(tags []tag) error {
	seen := make(map[string]bool, len(tags))
	for _, t := range tags {
		folded := strings.ToLower(t.Key)
		if seen[folded] {
			return invalidParameter("Duplicate tag keys found. Please note that Tag keys are case insensitive.")
		}
		seen[folded] = true
		if strings.HasPrefix(folded, "aws:") {
			return invalidParameter("The tag key %s cannot be used: keys that begin with aws: are reserved for AWS.", t.Key)
		}
	}
	return nil
}

// hasTag compares keys as package policy does: by their lower case.
func hasTag(tags []tag, key string) bool {
	folded := strings.ToLower(key)
	return slices.ContainsFunc(tags, func(t tag) bool { return strings.ToLower(t.Key) == folded })
}

// tagKeys are the condition keys about the tags of a request.
func tagKeys(tags []tag) []identity.Key {
	if len(tags) == 0 {
		return nil
	}
	var keys []identity.Key
	var names []string
	for _, t := range tags {
		keys = append(keys, identity.Key{Name: "aws:RequestTag/" + t.Key, Values: []string{*t.Value}})
		names = append(names, t.Key)
	}
	return append(keys, identity.Key{Name: "aws:TagKeys", Values: names, List: true})
}

func sessionTags(tags []tag) []session.Tag {
	var out []session.Tag
	for _, t := range tags {
		out = append(out, session.Tag{Key: t.Key, Value: *t.Value})
	}
	return out
}

// credentials are temporary credentials in an answer.
type credentials struct {
	AccessKeyId, SecretAccessKey, SessionToken string
	Expiration                                 time.Time
}

func wireCredentials(c session.Credentials) credentials {
	return credentials{c.AccessKeyID, c.SecretAccessKey, c.SessionToken, c.Expiration}
}

// packedSize is nil for a session without policies and tags, which leaves the
// member out of the answer.
func packedSize(c session.Credentials) *int {
	if c.PackedPolicyPercent == 0 {
		return nil
	}
	return &c.PackedPolicyPercent
}

// mint fills in the times of a session and mints it.
func (s *Service) mint(made session.Session, seconds int) (session.Credentials, error) {
	made.Issued = s.clock().UTC().Truncate(time.Second)
	made.Expires = made.Issued.Add(time.Duration(seconds) * time.Second)
	c, err := s.sessions.Mint(made)
	return c, minted(err)
}

// orDefault is a duration in seconds, or the default when none is given.
func orDefault(seconds *int, otherwise int) int {
	if seconds == nil {
		return otherwise
	}
	return *seconds
}

// roleOf returns the role with exactly the given ARN, or nil.
func roleOf(ctx context.Context, r metastore.Reader, name arn.ARN) (*metastore.Role, error) {
	_, rest := name.Type()
	id := metastore.NameID(rest[strings.LastIndexByte(rest, '/')+1:])
	if id == "" {
		return nil, nil
	}
	role, err := metastore.Roles.Get(ctx, r, name.Account, id)
	switch {
	case errors.Is(err, metastore.ErrNotFound):
		return nil, nil
	case err != nil:
		return nil, err
	case arn.IAM(name.Account, "role", role.Path, role.Name) != name.String():
		return nil, nil
	}
	return role, nil
}
