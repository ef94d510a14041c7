package admin

import (
	"net/http"

	"inro.dev/inro/internal/awserr"
)

// The errors have the codes and statuses of AWS Organizations and of restJson1
// services, where those have one.

func invalidRequest(format string, args ...any) *awserr.Error {
	return awserr.Newf(http.StatusBadRequest, "InvalidRequestException", format, args...)
}

func notFound(format string, args ...any) *awserr.Error {
	return awserr.Newf(http.StatusNotFound, "ResourceNotFoundException", format, args...)
}

func alreadyExists(format string, args ...any) *awserr.Error {
	return awserr.Newf(http.StatusConflict, "ResourceAlreadyExistsException", format, args...)
}

func limitExceeded(format string, args ...any) *awserr.Error {
	return awserr.Newf(http.StatusConflict, "LimitExceededException", format, args...)
}
