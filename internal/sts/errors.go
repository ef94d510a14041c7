package sts

import (
	"errors"
	"net/http"

	"inro.dev/inro/internal/awserr"
	"inro.dev/inro/internal/policy"
	"inro.dev/inro/internal/session"
)

// The errors of STS, with the statuses and texts of spec C.1 and C.14.

func accessDenied(message string) *awserr.Error {
	return awserr.New(http.StatusForbidden, "AccessDenied", message)
}

func notAuthorized(caller, action, resource string) *awserr.Error {
	return accessDenied("User: " + caller + " is not authorized to perform: " + action + " on resource: " + resource)
}

func validationError(format string, args ...any) *awserr.Error {
	return awserr.Newf(http.StatusBadRequest, "ValidationError", format, args...)
}

func invalidParameter(format string, args ...any) *awserr.Error {
	return awserr.Newf(http.StatusBadRequest, "InvalidParameterValue", format, args...)
}

// errMFA refuses a one-time password: nobody has an MFA device here.
var errMFA = accessDenied("MultiFactorAuthentication failed, unable to validate MFA code. " +
	"Please verify your MFA serial number is valid and associated with this user.")

// malformedDocument words what package policy refused.
func malformedDocument(err error) error {
	if e, ok := errors.AsType[*policy.Error](err); ok {
		return awserr.New(http.StatusBadRequest, "MalformedPolicyDocument", e.Message).WithCause(err)
	}
	return err
}

// minted words what the minter refused.
func minted(err error) error {
	if errors.Is(err, session.ErrTooLarge) {
		return awserr.New(http.StatusBadRequest, "PackedPolicyTooLarge",
			"The packed size of session policies and tags is larger than 100% of the allotted space.").WithCause(err)
	}
	return err
}
