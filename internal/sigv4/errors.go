package sigv4

import (
	"errors"
	"time"
)

// ErrNotSigned is returned by Parse for a request that carries no signature at
// all: anonymous in S3, MissingAuthenticationToken in every other service.
var ErrNotSigned = errors.New("sigv4: request is not signed")

// Error is a refusal. Every error of this package about a request is an
// *Error, except ErrNotSigned and errors of the connection, which pass
// through. No field ever holds a secret access key.
type Error struct {
	Kind Kind
	// Message is fit for the caller: it tells what to change.
	Message string
	// Detail is what AWS adds to the error body of this kind.
	Detail Detail
	// Cause is the error of the connection behind KindIncompleteBody, if any.
	Cause error
}

// Detail holds what S3 returns beside code and message; only the fields of
// the error's kind are set. CanonicalRequest and StringToSign repeat what the
// caller sent, a session token included: they may go back to the caller, not
// into logs.
type Detail struct {
	// KindSignatureMismatch.
	AccessKeyID, SignatureProvided, StringToSign, CanonicalRequest string
	// KindHeadersNotSigned: comma-separated names.
	HeadersNotSigned string
	// KindTooSkewed, KindExpired, KindNotYetValid.
	RequestTime, ServerTime time.Time
	MaxSkew                 time.Duration
	// KindExpired and KindNotYetValid.
	Expires time.Duration
	// KindContentSHA256Mismatch: lower-case hex.
	ClientComputedSHA256, ServerComputedSHA256 string
}

// Error returns the message behind its kind.
func (e *Error) Error() string {
	return "sigv4: " + e.Kind.String() + ": " + e.Message
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Cause }

// Kind tells refusals apart. S3, Query and JSON give the code AWS answers in
// each family of protocols.
type Kind uint8

// The kinds of refusal.
const (
	_ Kind = iota
	// KindTwoSignatures: signed in the header and in the query.
	KindTwoSignatures
	// KindUnsupported: an authorization scheme other than AWS4-HMAC-SHA256.
	KindUnsupported
	// KindMalformedHeader: the Authorization header cannot be read.
	KindMalformedHeader
	// KindMalformedQuery: the X-Amz-* query parameters cannot be read.
	KindMalformedQuery
	// KindMalformedForm: the fields of a browser's form that sign it cannot be
	// read.
	KindMalformedForm
	// KindMissingDate: no usable X-Amz-Date or Date header.
	KindMissingDate
	// KindMissingContentSHA256: S3 without x-amz-content-sha256.
	KindMissingContentSHA256
	// KindInvalidContentSHA256: x-amz-content-sha256 has no known form.
	KindInvalidContentSHA256
	// KindHeadersNotSigned: a header that must be signed is not.
	KindHeadersNotSigned
	// KindTooSkewed: signed too long ago or in the future (header).
	KindTooSkewed
	// KindExpired: a presigned URL past its expiry.
	KindExpired
	// KindNotYetValid: a presigned URL dated in the future.
	KindNotYetValid
	// KindSignatureMismatch: the request, a chunk or the trailer is not what
	// was signed, or was signed with another key.
	KindSignatureMismatch
	// KindContentSHA256Mismatch: the body does not hash to x-amz-content-sha256.
	KindContentSHA256Mismatch
	// KindInvalidRequest: the request cannot be read without doubt, such as a
	// bad percent-encoding in the query, or is over a bound.
	KindInvalidRequest
	// KindNotImplemented: a feature known and not offered (SigV4A).
	KindNotImplemented
	// KindMissingDecodedLength: a streaming payload without a valid
	// x-amz-decoded-content-length.
	KindMissingDecodedLength
	// KindIncompleteBody: fewer or more bytes than announced, or the
	// connection ended early.
	KindIncompleteBody
	// KindMalformedChunk: the aws-chunked framing is broken.
	KindMalformedChunk
	// KindMalformedTrailer: the trailer is broken, was not announced, or an
	// announced one is missing.
	KindMalformedTrailer

	kindCount
)

// kindCodes holds, per kind, its name, S3's code and status, and the code
// and status of the Query services. JSON services append "Exception".
var kindCodes = [kindCount]struct {
	name        string
	s3          string
	s3Status    int
	query       string
	queryStatus int
	json        string
}{
	KindTwoSignatures:        {"two signatures", "InvalidArgument", 400, "IncompleteSignature", 400, "IncompleteSignatureException"},
	KindUnsupported:          {"unsupported authorization", "InvalidRequest", 400, "IncompleteSignature", 400, "IncompleteSignatureException"},
	KindMalformedHeader:      {"malformed authorization header", "AuthorizationHeaderMalformed", 400, "IncompleteSignature", 400, "IncompleteSignatureException"},
	KindMalformedQuery:       {"malformed authorization query", "AuthorizationQueryParametersError", 400, "IncompleteSignature", 400, "IncompleteSignatureException"},
	KindMalformedForm:        {"malformed form authorization", "InvalidArgument", 400, "IncompleteSignature", 400, "IncompleteSignatureException"},
	KindMissingDate:          {"missing date", "AccessDenied", 403, "IncompleteSignature", 400, "IncompleteSignatureException"},
	KindMissingContentSHA256: {"missing content hash", "InvalidRequest", 400, "IncompleteSignature", 400, "IncompleteSignatureException"},
	KindInvalidContentSHA256: {"invalid content hash", "InvalidArgument", 400, "SignatureDoesNotMatch", 403, "InvalidSignatureException"},
	KindHeadersNotSigned:     {"headers not signed", "AccessDenied", 403, "SignatureDoesNotMatch", 403, "InvalidSignatureException"},
	KindTooSkewed:            {"time too skewed", "RequestTimeTooSkewed", 403, "SignatureDoesNotMatch", 403, "InvalidSignatureException"},
	KindExpired:              {"expired", "AccessDenied", 403, "SignatureDoesNotMatch", 403, "InvalidSignatureException"},
	KindNotYetValid:          {"not yet valid", "AccessDenied", 403, "SignatureDoesNotMatch", 403, "InvalidSignatureException"},
	KindSignatureMismatch:    {"signature mismatch", "SignatureDoesNotMatch", 403, "SignatureDoesNotMatch", 403, "InvalidSignatureException"},
	KindContentSHA256Mismatch: {"content hash mismatch", "XAmzContentSHA256Mismatch", 400, "SignatureDoesNotMatch", 403,
		"InvalidSignatureException"},
	KindInvalidRequest:       {"invalid request", "InvalidRequest", 400, "IncompleteSignature", 400, "IncompleteSignatureException"},
	KindNotImplemented:       {"not implemented", "NotImplemented", 501, "IncompleteSignature", 400, "IncompleteSignatureException"},
	KindMissingDecodedLength: {"missing decoded length", "MissingContentLength", 411, "IncompleteSignature", 400, "IncompleteSignatureException"},
	KindIncompleteBody:       {"incomplete body", "IncompleteBody", 400, "IncompleteSignature", 400, "IncompleteSignatureException"},
	KindMalformedChunk:       {"malformed chunk", "InvalidRequest", 400, "IncompleteSignature", 400, "IncompleteSignatureException"},
	KindMalformedTrailer:     {"malformed trailer", "MalformedTrailerError", 400, "IncompleteSignature", 400, "IncompleteSignatureException"},
}

// String returns the kind in words.
func (k Kind) String() string {
	if k == 0 || k >= kindCount {
		return "unknown"
	}
	return kindCodes[k].name
}

// S3 returns the error code and HTTP status of S3 (API Reference, Error
// Responses).
func (k Kind) S3() (code string, status int) {
	return kindCodes[k].s3, kindCodes[k].s3Status
}

// Query returns the error code and HTTP status of IAM and STS (Common
// Errors). A request without a signature is MissingAuthenticationToken, 403.
func (k Kind) Query() (code string, status int) {
	return kindCodes[k].query, kindCodes[k].queryStatus
}

// JSON returns the error code and HTTP status of the JSON services, such as
// IoT (Common Errors). A request without a signature is
// MissingAuthenticationTokenException, 403.
func (k Kind) JSON() (code string, status int) {
	return kindCodes[k].json, kindCodes[k].queryStatus
}

func refuse(k Kind, message string) *Error { return &Error{Kind: k, Message: message} }
