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

// storedTrust checks a trust policy and returns it as it is stored: users and
// roles of the account, which must exist, by their unique ids (spec C.10), and
// account numbers as the ARN of the account's root. Entities of other accounts
// cannot be looked up and stay as they are, and so do role sessions, whose
// role must exist.
func storedTrust(ctx context.Context, r metastore.Reader, account, text string) (string, error) {
	doc, err := policy.Parse([]byte(text), policy.Trust)
	if err != nil {
		return "", malformedDocument(err)
	}
	if doc.SizeWithoutWhitespace() > maxTrustChars {
		return "", quotaExceeded("ACLSizePerRole", maxTrustChars)
	}
	var failed error
	stored, err := policy.ReplacePrincipals([]byte(text), policy.Trust, func(ref policy.PrincipalRef) (string, bool) {
		value, err := storedPrincipal(ctx, r, account, ref)
		if err != nil && failed == nil {
			failed = err
		}
		return value, value != ref.Value
	})
	if failed != nil {
		return "", failed
	}
	if err != nil {
		return "", malformedDocument(err)
	}
	return string(stored), nil
}

func storedPrincipal(ctx context.Context, r metastore.Reader, account string, ref policy.PrincipalRef) (string, error) {
	switch {
	case ref.Type == "Federated" && isOwnProvider(account, ref.Value):
		return ref.Value, invalidPrincipal(ref) // identity providers cannot be made here
	case ref.Type != "AWS" || ref.Value == "*":
		return ref.Value, nil
	case isAccountID(ref.Value):
		return arn.Root(ref.Value), nil
	}
	if name, err := arn.Parse(ref.Value); err == nil {
		if name.Account != account || name.Resource == "root" {
			return ref.Value, nil
		}
		return storedARN(ctx, r, ref, name)
	}
	_, found, err := uniqueIDName(ctx, r, account, ref.Value)
	if err == nil && !found {
		err = invalidPrincipal(ref)
	}
	return ref.Value, orInvalidPrincipal(err, ref)
}

// isOwnProvider reports whether a federated principal is an identity provider
// of the account, in contrast to a public one such as
// cognito-identity.amazonaws.com.
func isOwnProvider(account, value string) bool {
	a, err := arn.Parse(value)
	return err == nil && a.Service == "iam" && a.Account == account
}

// storedARN is storedPrincipal for the ARN of a principal in the account
// itself.
func storedARN(ctx context.Context, r metastore.Reader, ref policy.PrincipalRef, name arn.ARN) (string, error) {
	word, rest := name.Type()
	kind := entityKind(word)
	switch name.Service + ":" + word {
	case "iam:user", "iam:role":
	case "sts:assumed-role":
		role, _, _ := strings.Cut(rest, "/")
		_, err := exactRole(ctx, r, name.Account, role)
		return ref.Value, orInvalidPrincipal(err, ref)
	case "sts:federated-user":
		return ref.Value, nil
	default:
		return ref.Value, invalidPrincipal(ref)
	}
	e, err := findEntity(ctx, r, name.Account, entityRef{kind, rest[strings.LastIndexByte(rest, '/')+1:]})
	if err == nil && e.arn(name.Account) != ref.Value {
		err = invalidPrincipal(ref) // ARNs are compared with their path and letter case
	}
	if err != nil {
		return ref.Value, orInvalidPrincipal(err, ref)
	}
	return e.uniqueID, nil
}

func exactRole(ctx context.Context, r metastore.Reader, account, name string) (*metastore.Role, error) {
	role, err := findRole(ctx, r, account, name)
	if err == nil && role.Name != name {
		return nil, noSuchEntity(roleKind, name)
	}
	return role, err
}

// orInvalidPrincipal turns the refusal of a missing entity, and of a name that
// no entity can have, into that of the principal that names it.
func orInvalidPrincipal(err error, ref policy.PrincipalRef) error {
	if e, ok := errors.AsType[*awserr.Error](err); ok && e.Code == "NoSuchEntity" || errors.Is(err, metastore.ErrInvalid) {
		return invalidPrincipal(ref)
	}
	return err
}

// shownTrust returns a stored trust policy as answers show it: with the ARNs
// of the users and roles that are still there.
func shownTrust(ctx context.Context, r metastore.Reader, account, stored string) (string, error) {
	if !strings.Contains(stored, string(ids.User)) && !strings.Contains(stored, string(ids.Role)) {
		return stored, nil
	}
	var failed error
	shown, err := policy.ReplacePrincipals([]byte(stored), policy.Trust, func(ref policy.PrincipalRef) (string, bool) {
		if ref.Type != "AWS" || failed != nil {
			return "", false
		}
		name, found, err := uniqueIDName(ctx, r, account, ref.Value)
		failed = err
		return name, found
	})
	return string(shown), errors.Join(err, failed)
}

// uniqueIDName returns the ARN of the user or role with a unique id, and
// whether there is one.
func uniqueIDName(ctx context.Context, r metastore.Reader, account, id string) (string, bool, error) {
	query := metastore.Query{Index: "unique-id", Value: id, Limit: 1}
	switch {
	case strings.HasPrefix(id, string(ids.User)):
		users, err := metastore.Users.List(ctx, r, account, query)
		if err != nil || len(users) == 0 {
			return "", false, err
		}
		return userEntity(account, users[0].Value).arn(account), true, nil
	case strings.HasPrefix(id, string(ids.Role)):
		roles, err := metastore.Roles.List(ctx, r, account, query)
		if err != nil || len(roles) == 0 {
			return "", false, err
		}
		return roleEntity(account, roles[0].Value).arn(account), true, nil
	}
	return "", false, nil
}

func isAccountID(s string) bool {
	return len(s) == 12 && strings.Trim(s, "0123456789") == ""
}
