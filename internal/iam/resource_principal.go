package iam

import (
	"context"
	"errors"
	"strings"

	"inro.dev/inro/internal/arn"
	"inro.dev/inro/internal/awserr"
	"inro.dev/inro/internal/ids"
	"inro.dev/inro/internal/metastore"
	"inro.dev/inro/internal/policy"
)

// ResourcePrincipals keeps the principals of resource policies, such as a
// bucket's, as trust policies keep theirs: users and roles by their unique ids,
// so that an entity made again under an old name inherits nothing. Unlike a
// trust policy a resource policy may name entities of every account.
type ResourcePrincipals struct{}

// Stored checks that the principals of a policy exist, and returns the policy
// as it is stored with the account of every unique id in it. account owns the
// resource. known are the ids of the policy that is replaced, which the new one
// may name as they are, though the entity may be gone. A principal that is
// nobody is a *policy.Error.
func (ResourcePrincipals) Stored(ctx context.Context, r metastore.Reader, account, text string, known map[string]string) (stored string, owners map[string]string, err error) {
	owners = make(map[string]string)
	var failed error
	out, err := policy.ReplacePrincipals([]byte(text), policy.Resource, func(ref policy.PrincipalRef) (string, bool) {
		if failed != nil {
			return "", false
		}
		value, owner, err := storedResourcePrincipal(ctx, r, account, ref, known)
		if owner != "" {
			owners[value] = owner
		}
		failed = err
		return value, value != ref.Value
	})
	if failed != nil {
		return "", nil, failed
	}
	return string(out), owners, err
}

// storedResourcePrincipal returns how a principal is stored. owner is set when
// that is by unique id.
func storedResourcePrincipal(ctx context.Context, r metastore.Reader, account string, ref policy.PrincipalRef, known map[string]string) (value, owner string, err error) {
	switch {
	case ref.Type == "CanonicalUser":
		known, err := metastore.AccountOfCanonicalUser(ctx, r, ref.Value)
		if err == nil && known == "" {
			err = nobody(ref)
		}
		return ref.Value, "", err
	case ref.Type != "AWS" || ref.Value == "*":
		return ref.Value, "", nil
	}
	number, isRoot := ref.Value, isAccountID(ref.Value)
	name, notARN := arn.Parse(ref.Value)
	if notARN == nil {
		number, isRoot = name.Account, name.Resource == "root"
	} else if !isRoot {
		return storedUniqueID(ctx, r, account, ref, known)
	}
	switch exists, err := metastore.AccountExists(ctx, r, number); {
	case err != nil:
		return ref.Value, "", err
	case !exists:
		return ref.Value, "", nobody(ref)
	}
	if isRoot {
		return arn.Root(number), "", nil
	}
	value, err = (&trustStorer{ctx: ctx, r: r, account: account}).entity(ref, name)
	if _, refused := errors.AsType[*awserr.Error](err); refused {
		return ref.Value, "", nobody(ref)
	}
	if err == nil && value != ref.Value {
		owner = number
	}
	return value, owner, err
}

// storedUniqueID takes a unique id of the resource's account, or one that was
// there before.
func storedUniqueID(ctx context.Context, r metastore.Reader, account string, ref policy.PrincipalRef, known map[string]string) (value, owner string, err error) {
	if owner := known[ref.Value]; owner != "" {
		return ref.Value, owner, nil
	}
	_, found, err := uniqueIDName(ctx, r, account, ref.Value)
	if err == nil && !found {
		err = nobody(ref)
	}
	return ref.Value, account, err
}

func nobody(ref policy.PrincipalRef) error {
	return &policy.Error{Problem: policy.ProblemPrincipal, Message: "Invalid principal in policy", Detail: ref.Type + ": " + ref.Value + " does not exist."}
}

// Shown returns a stored policy as answers show it: with the ARNs of the users
// and roles that are still there. owners is what Stored returned with it.
func (ResourcePrincipals) Shown(ctx context.Context, r metastore.Reader, stored string, owners map[string]string) (string, error) {
	if !strings.Contains(stored, string(ids.User)) && !strings.Contains(stored, string(ids.Role)) {
		return stored, nil
	}
	var failed error
	shown, err := policy.ReplacePrincipals([]byte(stored), policy.Resource, func(ref policy.PrincipalRef) (string, bool) {
		owner := owners[ref.Value]
		if ref.Type != "AWS" || owner == "" || failed != nil {
			return "", false
		}
		name, found, err := uniqueIDName(ctx, r, owner, ref.Value)
		failed = err
		return name, found
	})
	return string(shown), errors.Join(err, failed)
}
