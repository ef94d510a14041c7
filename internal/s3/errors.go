package s3

import (
	"errors"
	"net/http"
	"strconv"

	"inro.dev/inro/internal/awserr"
	"inro.dev/inro/internal/object"
)

// subject is what a request is about, for the fields of its errors.
type subject struct {
	bucket, key, version, uploadID string
}

// translate turns an error of the object engine into S3's (API Reference,
// Error responses). What it does not know passes through and becomes internal.
func (s subject) translate(err error) error {
	if _, ok := awserr.As(err); ok || err == nil {
		return err
	}
	if part := new(object.PartError); errors.As(err, &part) {
		return s.partError(part)
	}
	if marker := new(object.DeleteMarkerError); errors.As(err, &marker) {
		return s.deleteMarker(marker)
	}
	if quota := new(object.QuotaError); errors.As(err, &quota) {
		return quotaExceeded(quota).WithCause(err)
	}
	for _, row := range translations {
		if errors.Is(err, row.from) {
			return row.to(s).WithCause(err)
		}
	}
	return err
}

// translations is in order of precedence, for errors that wrap two of them.
var translations = []struct {
	from error
	to   func(subject) *awserr.Error
}{
	{object.ErrNoSuchBucket, func(s subject) *awserr.Error { return noSuchBucket(s.bucket) }},
	{object.ErrBucketNotEmpty, func(s subject) *awserr.Error {
		return awserr.New(http.StatusConflict, "BucketNotEmpty", "The bucket you tried to delete is not empty").With("BucketName", s.bucket)
	}},
	{object.ErrVersioningLocked, fixed(http.StatusConflict, "InvalidBucketState",
		"An Object Lock configuration is present on this bucket, so the versioning state cannot be changed.")},
	{object.ErrObjectLocked, fixed(http.StatusForbidden, "AccessDenied", "Access Denied because object protected by object lock.")},
	{object.ErrNotLockable, func(subject) *awserr.Error { return notLockable() }},
	{object.ErrNoSuchUpload, func(s subject) *awserr.Error {
		return awserr.New(http.StatusNotFound, "NoSuchUpload",
			"The specified upload does not exist. The upload ID may be invalid, or the upload may have been aborted or completed.").With("UploadId", s.uploadID)
	}},
	{object.ErrNoSuchVersion, func(s subject) *awserr.Error {
		return awserr.New(http.StatusNotFound, "NoSuchVersion", "The specified version does not exist.").With("Key", s.key).With("VersionId", s.version)
	}},
	{object.ErrNoSuchKey, func(s subject) *awserr.Error { return noSuchKey(s.key) }},
	{object.ErrKeyTooLong, func(s subject) *awserr.Error {
		return awserr.New(http.StatusBadRequest, "KeyTooLongError", "Your key is too long").
			With("Size", strconv.Itoa(len(s.key))).With("MaxSizeAllowed", strconv.Itoa(object.MaxKeyBytes))
	}},
	{object.ErrInvalidKey, func(subject) *awserr.Error {
		return awserr.New(http.StatusBadRequest, "InvalidURI", "Couldn't parse the specified URI.")
	}},
	{object.ErrPreconditionFailed, func(subject) *awserr.Error { return preconditionFailed("") }},
	{object.ErrIncompleteBody, fixed(http.StatusBadRequest, "IncompleteBody", "The request body terminated unexpectedly")},
	{object.ErrExcessBody, fixed(http.StatusBadRequest, "IncompleteBody", "You provided more bytes than the Content-Length HTTP header announced.")},
	{object.ErrBodyTooLarge, fixed(http.StatusBadRequest, "EntityTooLarge", "Your proposed upload exceeds the maximum allowed size")},
	{object.ErrDigestMismatch, fixed(http.StatusBadRequest, "BadDigest", "The checksum you specified did not match the calculated checksum.")},
	{object.ErrInvalidChecksum, fixed(http.StatusBadRequest, "InvalidRequest", "The checksum algorithm, type and value do not fit together.")},
	{object.ErrInvalidMetadata, fixed(http.StatusBadRequest, "MetadataTooLarge", "Your metadata headers exceed the maximum allowed metadata size")},
	{object.ErrInvalidPartNumber, func(subject) *awserr.Error { return invalidPartNumber() }},
	{object.ErrNoSuchPart, fixed(http.StatusRequestedRangeNotSatisfiable, "InvalidPartNumber", "The requested partnumber is not satisfiable")},
	{object.ErrInvalidRange, fixed(http.StatusRequestedRangeNotSatisfiable, "InvalidRange", "The requested range is not satisfiable")},
	// S3 has no code for a full disk. 507 is not retried by the SDKs.
	{object.ErrNoSpace, fixed(http.StatusInsufficientStorage, "InsufficientStorage", "There is not enough free space on the server to store this. Delete something, or ask its operator for space.")},
	{object.ErrFailed, fixed(http.StatusServiceUnavailable, "ServiceUnavailable", "The server does not accept writes at the moment.")},
	{object.ErrClosed, fixed(http.StatusServiceUnavailable, "ServiceUnavailable", "The server is shutting down; try again.")},
}

func fixed(status int, code, message string) func(subject) *awserr.Error {
	e := awserr.New(status, code, message)
	return func(subject) *awserr.Error { return e }
}

// deleteMarker answers for a delete marker that was found instead of an object
// (S3 User Guide, "Working with delete markers"): 404 when it is the current
// version, 405 when it was named.
func (s subject) deleteMarker(m *object.DeleteMarkerError) error {
	e := noSuchKey(s.key)
	if m.Named {
		e = awserr.New(http.StatusMethodNotAllowed, "MethodNotAllowed", "The specified method is not allowed against this resource.").
			With("ResourceType", "DeleteMarker").
			WithHeader("Allow", http.MethodDelete).WithHeader("Last-Modified", m.Version.Modified.UTC().Format(http.TimeFormat))
	}
	return e.WithHeader("x-amz-delete-marker", "true").WithHeader("x-amz-version-id", m.Version.VersionID).WithCause(m)
}

// partError words what is wrong with the list that completes an upload.
func (s subject) partError(p *object.PartError) error {
	switch {
	case errors.Is(p.Err, object.ErrPartOrder):
		return awserr.New(http.StatusBadRequest, "InvalidPartOrder",
			"The list of parts was not in ascending order. Parts must be ordered by part number.").With("UploadId", s.uploadID).WithCause(p)
	case errors.Is(p.Err, object.ErrPartTooSmall):
		return awserr.New(http.StatusBadRequest, "EntityTooSmall", "Your proposed upload is smaller than the minimum allowed size").
			With("ProposedSize", strconv.FormatInt(p.SizeBytes, 10)).With("MinSizeAllowed", strconv.Itoa(object.MinPartSizeBytes)).
			With("PartNumber", strconv.Itoa(p.Number)).With("ETag", p.ETag).WithCause(p)
	}
	return awserr.New(http.StatusBadRequest, "InvalidPart",
		"One or more of the specified parts could not be found. The part may not have been uploaded, or the specified entity tag may not match the part's entity tag.").
		With("UploadId", s.uploadID).With("PartNumber", strconv.Itoa(p.Number)).With("ETag", p.ETag).WithCause(p)
}

func accessDenied() *awserr.Error {
	return awserr.New(http.StatusForbidden, "AccessDenied", "Access Denied")
}

// publicBlocked refuses what would let the public in, and names the setting, as
// S3 does to whoever has the permission (User Guide, Troubleshoot access denied
// (403 Forbidden) errors).
func publicBlocked(what, setting string) *awserr.Error {
	return awserr.New(http.StatusForbidden, "AccessDenied", "Access Denied because "+what+
		" are prevented by the "+setting+" setting in S3 Block Public Access.")
}

func conflictingOperation() *awserr.Error {
	return awserr.New(http.StatusConflict, "OperationAborted", "A conflicting conditional operation is currently in progress against this resource. Please try again.")
}

func noSuchBucket(bucket string) *awserr.Error {
	return awserr.New(http.StatusNotFound, "NoSuchBucket", "The specified bucket does not exist").With("BucketName", bucket)
}

func noSuchKey(key string) *awserr.Error {
	return awserr.New(http.StatusNotFound, "NoSuchKey", "The specified key does not exist.").With("Key", key)
}

func invalidArgument(name, value, message string) *awserr.Error {
	return awserr.New(http.StatusBadRequest, "InvalidArgument", message).With("ArgumentName", name).With("ArgumentValue", clip(value))
}

func invalidRequest(message string) *awserr.Error {
	return awserr.New(http.StatusBadRequest, "InvalidRequest", message)
}

func malformedXML() *awserr.Error {
	return awserr.New(http.StatusBadRequest, "MalformedXML", "The XML you provided was not well-formed or did not validate against our published schema")
}

// preconditionFailed names the header whose condition did not hold, when that
// is known.
func preconditionFailed(header string) *awserr.Error {
	e := awserr.New(http.StatusPreconditionFailed, "PreconditionFailed", "At least one of the pre-conditions you specified did not hold")
	if header != "" {
		e = e.With("Condition", header)
	}
	return e
}

func invalidPartNumber() *awserr.Error {
	return awserr.New(http.StatusBadRequest, "InvalidArgument", "Part number must be an integer between 1 and 10000, inclusive").With("ArgumentName", "partNumber")
}

// notBuilt refuses a header whose feature Inro does not have.
func notBuilt(header, what string) *awserr.Error {
	return awserr.NotImplemented(what+" is not offered: send the request without the header "+header+".").With("Header", header)
}

// clip shortens client text for an error message.
func clip(s string) string {
	const most = 256
	if len(s) <= most {
		return s
	}
	return s[:most] + "…"
}
