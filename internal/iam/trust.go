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

// setTrust checks a trust policy and puts it into a role as it is stored: users
// and roles, which must exist, by their unique ids (spec C.10), and account
// numbers as the ARN of the account's root. Entities of accounts that this
// installation does not have cannot be looked up and stay as they are, and so
// do role sessions, whose role must exist.
func setTrust(ctx context.Context, r metastore.Reader, account string, role *metastore.Role, text string) error {
	doc, err := policy.Parse([]byte(text), policy.Trust)
	if err != nil {
		return malformedDocument(err)
	}
	if doc.SizeWithoutWhitespace() > maxTrustChars {
		return quotaExceeded("ACLSizePerRole", maxTrustChars)
	}
	s := trustStorer{ctx: ctx, r: r, account: account}
	stored, err := policy.ReplacePrincipals([]byte(text), policy.Trust, func(ref policy.PrincipalRef) (string, bool) {
		value, err := s.principal(ref)
		if err != nil && s.failed == nil {
			s.failed = err
		}
		return value, value != ref.Value
	})
	if s.failed != nil {
		return s.failed
	}
	if err != nil {
		return malformedDocument(err)
	}
	role.Trust, role.TrustForeign = string(stored), s.foreign
	return nil
}

// trustStorer turns the principals of one trust policy into what is stored.
type trustStorer struct {
	ctx     context.Context
	r       metastore.Reader
	account string // of the role

	foreign []metastore.ForeignPrincipal
	failed  error // the first
}

func (s *trustStorer) principal(ref policy.PrincipalRef) (string, error) {
	switch {
	case ref.Type == "Federated":
		return ref.Value, s.provider(ref)
	case ref.Type != "AWS" || ref.Value == "*":
		return ref.Value, nil
	case isAccountID(ref.Value):
		return arn.Root(ref.Value), nil
	}
	name, err := arn.Parse(ref.Value)
	if err != nil {
		return s.uniqueID(ref)
	}
	if name.Resource == "root" {
		return ref.Value, nil
	}
	if name.Account != s.account {
		served, err := metastore.AccountExists(s.ctx, s.r, name.Account)
		if err != nil || !served {
			return ref.Value, err
		}
	}
	return s.entity(ref, name)
}

// uniqueID checks a principal that is given by its unique id. One of another
// account cannot be given so, as in AWS.
func (s *trustStorer) uniqueID(ref policy.PrincipalRef) (string, error) {
	_, found, err := uniqueIDName(s.ctx, s.r, s.account, ref.Value)
	if err == nil && !found {
		err = invalidPrincipal(ref)
	}
	return ref.Value, orInvalidPrincipal(err, ref)
}

// provider checks a federated principal: a public provider such as
// cognito-identity.amazonaws.com stays as it is, an ARN must be that of an
// OpenID Connect provider of the account itself.
func (s *trustStorer) provider(ref policy.PrincipalRef) error {
	if !strings.HasPrefix(ref.Value, "arn:") {
		return nil
	}
	name, err := arn.Parse(ref.Value)
	if err != nil || name.Account != s.account {
		return invalidPrincipal(ref)
	}
	id, ok := providerID(name)
	if !ok {
		return invalidPrincipal(ref)
	}
	_, err = findProvider(s.ctx, s.r, s.account, id)
	return orInvalidPrincipal(err, ref)
}

// entity returns the unique id of the user or role with an ARN in an account
// of the installation. Letter case and path of the ARN must be exact.
func (s *trustStorer) entity(ref policy.PrincipalRef, name arn.ARN) (string, error) {
	word, rest := name.Type()
	kind := entityKind(word)
	switch name.Service + ":" + word {
	case "iam:user", "iam:role":
	case "sts:assumed-role":
		role, _, _ := strings.Cut(rest, "/")
		_, err := exactRole(s.ctx, s.r, name.Account, role)
		return ref.Value, orInvalidPrincipal(err, ref)
	case "sts:federated-user":
		return ref.Value, nil
	default:
		return ref.Value, invalidPrincipal(ref)
	}
	e, err := findEntity(s.ctx, s.r, name.Account, entityRef{kind, rest[strings.LastIndexByte(rest, '/')+1:]})
	if err == nil && e.arn(name.Account) != ref.Value {
		err = invalidPrincipal(ref)
	}
	if err != nil {
		return ref.Value, orInvalidPrincipal(err, ref)
	}
	if name.Account != s.account {
		s.foreign = append(s.foreign, metastore.ForeignPrincipal{UniqueID: e.uniqueID, Account: name.Account})
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

// shownTrust returns a role's trust policy as answers show it: with the ARNs of
// the users and roles that are still there.
func shownTrust(ctx context.Context, r metastore.Reader, account string, role *metastore.Role) (string, error) {
	if !strings.Contains(role.Trust, string(ids.User)) && !strings.Contains(role.Trust, string(ids.Role)) {
		return role.Trust, nil
	}
	owners := make(map[string]string, len(role.TrustForeign))
	for _, f := range role.TrustForeign {
		owners[f.UniqueID] = f.Account
	}
	var failed error
	shown, err := policy.ReplacePrincipals([]byte(role.Trust), policy.Trust, func(ref policy.PrincipalRef) (string, bool) {
		if ref.Type != "AWS" || failed != nil {
			return "", false
		}
		owner, foreign := owners[ref.Value]
		if !foreign {
			owner = account
		}
		name, found, err := uniqueIDName(ctx, r, owner, ref.Value)
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
