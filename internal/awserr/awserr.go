// Package awserr holds the one error type that reaches a client.
//
// A service turns what its engines return into an *Error in one place; the
// wire protocols of package api render it as S3 XML, Query XML or JSON, and
// nothing else writes an error body. Engines never import this package.
//
// An *Error is immutable once returned: With, WithHeader and WithCause copy,
// so that an error may be built from a shared value.
package awserr

import (
	"errors"
	"fmt"
	"maps"
	"net/http"
)

// Error is an answer of refusal or failure in AWS's terms.
type Error struct {
	// Code is the service's error code, for example "NoSuchBucket".
	Code string
	// Status is the HTTP status code.
	Status int
	// Message tells the caller what to change. It never holds a secret.
	Message string
	// Fields are further members of the error body, such as BucketName in S3
	// or resourceArn in IoT.
	Fields map[string]string
	// Headers are headers of the answer that belong to the error, such as
	// Allow beside a 405. No body repeats them.
	Headers map[string]string
	// Cause goes to the log only.
	Cause error
}

// New returns an error with the given status, code and message.
func New(status int, code, message string) *Error {
	return &Error{Code: code, Status: status, Message: message}
}

// Newf is New with a formatted message.
func Newf(status int, code, format string, args ...any) *Error {
	return New(status, code, fmt.Sprintf(format, args...))
}

// Error returns code and message, with the cause when there is one.
func (e *Error) Error() string {
	if e.Cause != nil {
		return fmt.Sprintf("%s: %s: %v", e.Code, e.Message, e.Cause)
	}
	return e.Code + ": " + e.Message
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Cause }

// With returns a copy of e with one more field in its body.
func (e *Error) With(name, value string) *Error {
	c := *e
	c.Fields = added(e.Fields, name, value)
	return &c
}

// WithHeader returns a copy of e with one more header of its answer.
func (e *Error) WithHeader(name, value string) *Error {
	c := *e
	c.Headers = added(e.Headers, name, value)
	return &c
}

func added(m map[string]string, name, value string) map[string]string {
	m = maps.Clone(m)
	if m == nil {
		m = make(map[string]string, 1)
	}
	m[name] = value
	return m
}

// WithCause returns a copy of e that carries cause for the log.
func (e *Error) WithCause(cause error) *Error {
	c := *e
	c.Cause = cause
	return &c
}

// As returns the *Error in err's chain, if there is one.
func As(err error) (*Error, bool) {
	var e *Error
	ok := errors.As(err, &e)
	return e, ok
}

// NotImplemented is the answer to what Inro knows and does not offer.
func NotImplemented(message string) *Error {
	return New(http.StatusNotImplemented, "NotImplemented", message)
}
