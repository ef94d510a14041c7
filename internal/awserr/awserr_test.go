package awserr_test

import (
	"errors"
	"fmt"
	"testing"

	"inro.dev/inro/internal/awserr"
)

func TestWithLeavesTheSharedErrorUnchanged(t *testing.T) {
	shared := awserr.New(404, "NoSuchKey", "The specified key does not exist.")
	a, b := shared.With("Key", "a"), shared.With("Key", "b")
	c, d := a.WithHeader("Allow", "DELETE"), a.WithHeader("Allow", "GET")
	if a.Headers != nil || c.Headers["Allow"] != "DELETE" || d.Headers["Allow"] != "GET" || d.Fields["Key"] != "a" {
		t.Fatalf("headers: a %v, c %v, d %v; want nil, DELETE, GET", a.Headers, c.Headers, d.Headers)
	}
	if shared.Fields != nil || a.Fields["Key"] != "a" || b.Fields["Key"] != "b" {
		t.Fatalf("shared %v, a %v, b %v; want nil, a, b", shared.Fields, a.Fields, b.Fields)
	}
}

func TestAsFindsTheErrorBehindWrapping(t *testing.T) {
	cause := errors.New("disk gone")
	err := fmt.Errorf("put object: %w", awserr.New(500, "InternalError", "m").WithCause(cause))
	e, ok := awserr.As(err)
	if !ok || e.Code != "InternalError" || !errors.Is(err, cause) {
		t.Fatalf("As(%v) = %v, %v; want InternalError with its cause", err, e, ok)
	}
	if _, ok := awserr.As(cause); ok {
		t.Fatal("As found an API error in a plain one")
	}
}
