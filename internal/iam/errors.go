package iam

import (
	"errors"
	"net/http"
	"strconv"

	"inro.dev/inro/internal/awserr"
	"inro.dev/inro/internal/metastore"
	"inro.dev/inro/internal/policy"
)

// The errors of IAM, with the statuses and texts of spec C.1 to C.3.

func noSuchEntity(kind entityKind, name string) *awserr.Error {
	return awserr.Newf(http.StatusNotFound, "NoSuchEntity", "The %s with name %s cannot be found.", kind, name)
}

func noSuchPolicy(arn string) *awserr.Error {
	return awserr.Newf(http.StatusNotFound, "NoSuchEntity", "Policy %s was not found.", arn)
}

func noSuchPolicyVersion(arn, version string) *awserr.Error {
	return awserr.Newf(http.StatusNotFound, "NoSuchEntity", "Policy %s version %s does not exist or is not attachable.", arn, version)
}

func noSuchInlinePolicy(kind entityKind, name string) *awserr.Error {
	return awserr.Newf(http.StatusNotFound, "NoSuchEntity", "The %s policy with name %s cannot be found.", kind, name)
}

func noSuchBoundary(arn string) *awserr.Error {
	return awserr.Newf(http.StatusNotFound, "NoSuchEntity", "Scope ARN: %s does not exist or is not attachable.", arn)
}

func noSuchAccessKey(id string) *awserr.Error {
	return awserr.Newf(http.StatusNotFound, "NoSuchEntity", "The Access Key with id %s cannot be found.", id)
}

func noSuchAlias(alias string) *awserr.Error {
	return awserr.Newf(http.StatusNotFound, "NoSuchEntity", "The account alias %s cannot be found.", alias)
}

func noLoginProfile(user string) *awserr.Error {
	return awserr.Newf(http.StatusNotFound, "NoSuchEntity", "Login Profile for User %s cannot be found.", user)
}

func entityExists(kind entityKind, name string) *awserr.Error {
	return awserr.Newf(http.StatusConflict, "EntityAlreadyExists", "%s with name %s already exists.", kind.title(), name)
}

func policyExists(name string) *awserr.Error {
	return awserr.Newf(http.StatusConflict, "EntityAlreadyExists", "A policy called %s already exists. Duplicate names are not allowed.", name)
}

func aliasExists(alias string) *awserr.Error {
	return awserr.Newf(http.StatusConflict, "EntityAlreadyExists", "The account alias %s already exists.", alias)
}

func deleteConflict(message string) *awserr.Error {
	return awserr.New(http.StatusConflict, "DeleteConflict", message)
}

func limitExceeded(message string) *awserr.Error {
	return awserr.New(http.StatusConflict, "LimitExceeded", message)
}

func quotaExceeded(quota string, n int) *awserr.Error {
	return awserr.Newf(http.StatusConflict, "LimitExceeded", "Cannot exceed quota for %s: %d", quota, n)
}

func invalidInput(format string, args ...any) *awserr.Error {
	return awserr.Newf(http.StatusBadRequest, "InvalidInput", format, args...)
}

func validationError(format string, args ...any) *awserr.Error {
	return awserr.Newf(http.StatusBadRequest, "ValidationError", format, args...)
}

func accessDenied(format string, args ...any) *awserr.Error {
	return awserr.Newf(http.StatusForbidden, "AccessDenied", format, args...)
}

// translate words what the store refuses. Inputs are checked before, so that
// what is left to refuse is the size of a record: quotas do not count white
// space, and the store does.
func translate(err error) error {
	if errors.Is(err, metastore.ErrInvalid) {
		return limitExceeded("The entity with its documents, white space included, is larger than " +
			strconv.Itoa(metastore.MaxBodyBytes) + " bytes.").WithCause(err)
	}
	return err
}

// malformedDocument words what package policy refused. Its text is AWS's; the
// position and detail go to the log.
func malformedDocument(err error) error {
	if e, ok := asPolicyError(err); ok {
		return awserr.New(http.StatusBadRequest, "MalformedPolicyDocument", e.Message).WithCause(err)
	}
	return err
}

func invalidPrincipal(ref policy.PrincipalRef) *awserr.Error {
	return awserr.Newf(http.StatusBadRequest, "MalformedPolicyDocument", "Invalid principal in policy: %q:%q", ref.Type, ref.Value)
}

func notAMember(user, group string) *awserr.Error {
	return awserr.Newf(http.StatusNotFound, "NoSuchEntity", "User %s is not in the group %s.", user, group)
}

func inlineTooLong(kind entityKind, name string, most int) *awserr.Error {
	return awserr.Newf(http.StatusConflict, "LimitExceeded", "Maximum policy size of %d bytes exceeded for %s %s", most, kind, name)
}
