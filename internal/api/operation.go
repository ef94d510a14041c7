package api

import (
	"context"
	"fmt"
	"net/http"
	"reflect"

	"inro.dev/inro/internal/identity"
)

// Permission is one action on one resource that the caller must be allowed.
// It is what the policy language evaluates; see [identity.Permission].
type Permission = identity.Permission

// Needs states the permissions that an operation requires for its decoded
// input. It may look things up (the bucket's owner, a role's trust policy); an
// error it returns is the operation's answer. An empty list without error
// means that any authenticated caller may proceed, which only AnyCaller and
// operations that authorize each item themselves should return.
type Needs[In any] func(ctx context.Context, in *In) ([]Permission, error)

// Operation is one row of a service's table. Make one with Op or NotOffered.
type Operation struct {
	// Name is AWS's name of the operation.
	Name string
	// Route is "METHOD /path/{label}?query header", see parseRoute. It is
	// empty in the Query protocol, where Name alone selects the row.
	Route string
	// Refusal is set on rows made by NotOffered: why Inro refuses.
	Refusal string

	anybody       bool // see ForAnybody
	input, output *binding
	newInput      func() any
	newOutput     func() any
	needs         func(ctx context.Context, in any) ([]Permission, error)
	handle        func(ctx context.Context, in any) (any, error)
}

// Op makes a row from a typed handler. It panics when needs is missing or a
// tag of In or Out is wrong.
func Op[In, Out any](name, route string, needs Needs[In], handle func(context.Context, *In) (*Out, error)) Operation {
	if needs == nil {
		panic("api: no permissions stated for " + name)
	}
	if handle == nil {
		panic("api: no handler for " + name)
	}
	return Operation{
		Name:      name,
		Route:     route,
		input:     compileBinding(name, reflect.TypeFor[In]()),
		output:    compileBinding(name, reflect.TypeFor[Out]()),
		newInput:  func() any { return new(In) },
		newOutput: func() any { return new(Out) },
		needs: func(ctx context.Context, in any) ([]Permission, error) {
			return needs(ctx, in.(*In))
		},
		handle: func(ctx context.Context, in any) (any, error) {
			out, err := handle(ctx, in.(*In))
			if err != nil {
				return nil, err
			}
			if out == nil {
				return nil, fmt.Errorf("handler of %s returned neither output nor error", name)
			}
			return out, nil
		},
	}
}

// NotOffered makes a row for an operation that AWS has and Inro refuses with
// NotImplemented. The reason is told to the caller and printed in the
// operation tables.
func NotOffered(name, route, reason string) Operation {
	if reason == "" {
		panic("api: no reason given why " + name + " is not offered")
	}
	return Operation{Name: name, Route: route, Refusal: reason}
}

// ForAnybody lets unsigned requests use an operation of a service that
// otherwise refuses them: one whose input proves by itself who asks, such as
// AssumeRoleWithWebIdentity.
func (op Operation) ForAnybody() Operation {
	op.anybody = true
	return op
}

// Offered reports whether the operation has a handler.
func (op *Operation) Offered() bool { return op.handle != nil }

// NewInput returns a pointer to a new zero input, and is nil for a row that
// is not offered. Tests fill it through a real client and compare.
func (op *Operation) NewInput() any {
	if op.newInput == nil {
		return nil
	}
	return op.newInput()
}

// AnyCaller is the Needs of an operation that every authenticated caller may
// use, such as GetCallerIdentity.
func AnyCaller[In any]() Needs[In] {
	return func(context.Context, *In) ([]Permission, error) { return nil, nil }
}

// Empty is the input or output of an operation without members.
type Empty struct{}

// Service is a set of operations under one name and protocol.
type Service struct {
	// Name is the service in a SigV4 credential scope: "s3", "iam", "sts", "iot".
	Name string
	// Aliases are further names that clients sign the service's requests with.
	Aliases []string
	// Version is the API version that a Query request names, or "".
	Version string
	// Protocol decodes inputs and renders answers.
	Protocol Protocol
	// Operations are the rows. Ambiguous routes and duplicate names panic in NewServer.
	Operations []Operation
	// Anonymous serves unsigned requests, as the anonymous caller; without it
	// they are refused.
	Anonymous bool
	// Unsigned refuses signed requests. It goes with Anonymous.
	Unsigned bool
	// Host, when set, claims requests by their host name, in lower case and
	// without port, whatever their signature says. The bucket that the name
	// stands for is put in front of the path.
	Host func(host string) (bucket string, claimed bool)
	// SignedAs is the service in the credential scope of its requests where
	// that is another service's name. Claims, which goes with it, picks its
	// requests among those: bucket is the one that the host name stands for, or
	// "".
	SignedAs string
	Claims   func(r *http.Request, bucket string) bool
	// CrossOrigin, when set, answers browsers on pages of other origins.
	CrossOrigin CrossOrigin
	// Observe, when set, is told of every request of the service before
	// Config.Observer is, under the same conditions.
	Observe func(*Served)
	// Translate turns what a handler returns into an API error. It gets only
	// errors that are not an *awserr.Error already. Nil: all are internal.
	Translate func(error) error
}
