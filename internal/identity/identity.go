// Package identity answers who a caller is and what it may do.
//
// A [Resolver] turns an access key, or an access key with a session token,
// into a [Caller] with the secret that verifies its signature, and decides a
// [Permission] for a caller by evaluating its policies: identity policies,
// permissions boundary and session policies, with the resource's own policy
// when the operation brings one.
//
// Everything is read from the metastore's hot records, so a change of a
// policy, key, role, certificate or attachment holds from the next request on.
// A session minted for a device remembers its certificate and thing: when the
// certificate is no longer active, is detached from the thing, or either is
// gone, the session is refused (architecture, "Sessions").
//
// The package knows nothing of HTTP or of wire errors. A Resolver is safe for
// concurrent use; a Caller is immutable.
package identity

import (
	"errors"

	"inro.dev/inro/internal/policy"
	"inro.dev/inro/internal/session"
)

// Errors of Resolve.
var (
	// ErrUnknownKey: no such access key, or it is inactive.
	ErrUnknownKey = errors.New("unknown access key")
	// ErrInvalidToken: a session token that this server did not mint, or that
	// belongs to another access key.
	ErrInvalidToken = errors.New("invalid session token")
	// ErrExpiredToken: a session past its end.
	ErrExpiredToken = errors.New("expired session token")
	// ErrRevoked: a session whose role, user, certificate or thing is gone or
	// no longer entitled to it.
	ErrRevoked = errors.New("revoked session")
)

// Caller is an authenticated principal, or the anonymous one.
type Caller struct {
	// Principal is what policies name.
	Principal policy.Principal
	// AccessKeyID signed the request; "" for an anonymous caller.
	AccessKeyID string
	// UserName is set for IAM users and their sessions.
	UserName string
	// Session is set for temporary credentials.
	Session *session.Session
	// Keys holds the caller's condition keys: aws:PrincipalArn, aws:userid,
	// credentials-iot:ThingName and so on (spec E.5).
	Keys *policy.Context

	sets policy.Sets
}

// Anonymous is the caller of an unsigned request.
func Anonymous() *Caller {
	c := &Caller{Principal: policy.Principal{Type: policy.Anonymous, UserID: "anonymous"}, Keys: new(policy.Context)}
	c.Keys.Set("aws:PrincipalType", c.Principal.Type.String())
	c.Keys.Set("aws:userid", "anonymous")
	c.Keys.SetBool("aws:PrincipalIsAWSService", false)
	c.Keys.SetBool("aws:ViaAWSService", false)
	return c
}

// WebIdentity is the caller whom an identity provider of the account vouches
// for, while it asks for a role's session.
func WebIdentity(account, provider string) *Caller {
	c := &Caller{Principal: policy.Principal{Type: policy.WebIdentity, Account: account, Provider: provider}, Keys: new(policy.Context)}
	c.Keys.Set("aws:PrincipalType", c.Principal.Type.String())
	c.Keys.SetBool("aws:PrincipalIsAWSService", false)
	c.Keys.SetBool("aws:ViaAWSService", false)
	return c
}

// IsRoot reports whether c is the root of its account.
func (c *Caller) IsRoot() bool { return c.Principal.Type == policy.Root }

// IsAnonymous reports whether the request was unsigned.
func (c *Caller) IsAnonymous() bool { return c.Principal.Type == policy.Anonymous }

// Permission is one action on one resource.
type Permission struct {
	// Action with its prefix, as AWS spells it: "s3:GetObject".
	Action string
	// Resource is an ARN, or "*" for actions without a resource type.
	Resource string
	// Keys are condition keys of this action beside the request's own.
	Keys []Key
	// ResourceAccount owns the resource; "" means the caller's account.
	ResourceAccount string
	// ResourcePolicy is the resource's own policy, such as a bucket's or a
	// role's trust policy.
	ResourcePolicy *policy.Policy
	// PolicyOnlyDenies says that ResourcePolicy may refuse but not allow, as a
	// bucket's on objects of other accounts.
	PolicyOnlyDenies bool
	// ACL is what the resource's access control list grants the caller for
	// the action.
	ACL policy.Grant
	// RequireResource demands an explicit allow of ResourcePolicy even in the
	// same account, as trust policies do.
	RequireResource bool
}

// Key is a condition key, or a family of them. One without values is absent.
type Key struct {
	Name string
	// Values is one value, or any number for a list.
	Values []string
	// List marks a multivalued key, which cannot be a policy variable.
	List bool
	// Lookup makes Name the beginning of a family of keys that are looked up
	// when a policy asks for one; see [policy.Context.SetFamily]. Its error is
	// that of the decision.
	Lookup func(rest string) (value string, ok bool, err error)
}

// StringKey is a key with one value.
func StringKey(name, value string) Key { return Key{Name: name, Values: []string{value}} }

// ListKey is a multivalued key.
func ListKey(name string, values ...string) Key { return Key{Name: name, Values: values, List: true} }

// Set enters k into keys.
func (k *Key) Set(keys *policy.Context) {
	switch {
	case k.Lookup != nil:
		keys.SetFamily(k.Name, k.Lookup)
	case k.List:
		keys.SetList(k.Name, k.Values...)
	case len(k.Values) > 0:
		keys.Set(k.Name, k.Values[0])
	}
}
