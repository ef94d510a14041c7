package iot

import (
	"errors"
	"net/http"

	"inro.dev/inro/internal/awserr"
	"inro.dev/inro/internal/metastore"
)

// The errors of spec B.1, with AWS's unusual statuses: 410 for limits, 406 for
// the state of a certificate.

func invalidRequest(format string, args ...any) *awserr.Error {
	return awserr.Newf(http.StatusBadRequest, "InvalidRequestException", format, args...)
}

func notFound(format string, args ...any) *awserr.Error {
	return awserr.Newf(http.StatusNotFound, "ResourceNotFoundException", format, args...)
}

// alreadyExists names the resource that is in the way.
func alreadyExists(id, arn, format string, args ...any) *awserr.Error {
	return awserr.Newf(http.StatusConflict, "ResourceAlreadyExistsException", format, args...).
		With("resourceId", id).With("resourceArn", arn)
}

func versionConflict(what, name string, expected, actual int64) *awserr.Error {
	return awserr.Newf(http.StatusConflict, "VersionConflictException",
		"The expected version %d does not match the version %d of %s %s.", expected, actual, what, name)
}

func deleteConflict(format string, args ...any) *awserr.Error {
	return awserr.Newf(http.StatusConflict, "DeleteConflictException", format, args...)
}

func limitExceeded(format string, args ...any) *awserr.Error {
	return awserr.Newf(http.StatusGone, "LimitExceededException", format, args...)
}

func versionsLimitExceeded(policyName string) *awserr.Error {
	return awserr.Newf(http.StatusConflict, "VersionsLimitExceededException",
		"The policy %s already has the maximum number of versions (%d)", policyName, maxPolicyVersions)
}

func malformedPolicy(format string, args ...any) *awserr.Error {
	return awserr.Newf(http.StatusBadRequest, "MalformedPolicyException", format, args...)
}

func certificateValidation(format string, args ...any) *awserr.Error {
	return awserr.Newf(http.StatusBadRequest, "CertificateValidationException", format, args...)
}

func certificateState(format string, args ...any) *awserr.Error {
	return awserr.Newf(http.StatusNotAcceptable, "CertificateStateException", format, args...)
}

// notOfferedMember refuses a member that belongs to what Inro does not have.
func notOfferedMember(member, reason string) *awserr.Error {
	return awserr.NotImplemented(member + " is not offered: " + reason + ".")
}

// orNotFound replaces metastore.ErrNotFound and keeps other errors.
func orNotFound(err error, format string, args ...any) error {
	if errors.Is(err, metastore.ErrNotFound) {
		return notFound(format, args...)
	}
	return err
}

// translate turns what the store returns into API errors. What it does not
// know becomes an InternalFailureException.
func translate(err error) error {
	switch {
	case errors.Is(err, metastore.ErrInvalid):
		return invalidRequest("The request does not fit into a record: it is too large or has characters that cannot be kept.").WithCause(err)
	case errors.Is(err, metastore.ErrClosed), errors.Is(err, metastore.ErrFailed):
		return awserr.New(http.StatusServiceUnavailable, "ServiceUnavailableException", "The service is temporarily unavailable.").WithCause(err)
	}
	return err
}
