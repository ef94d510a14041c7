package api

import (
	"context"
	"errors"

	"inro.dev/inro/internal/identity"
	"inro.dev/inro/internal/policy"
)

// NewOutput returns a pointer to a new zero output, and is nil for a row that
// is not offered. Tests fill it and compare what a real client read.
func (op *Operation) NewOutput() any {
	if op.newOutput == nil {
		return nil
	}
	return op.newOutput()
}

// Probe returns a row with the name, route and bindings of op whose decoded
// input goes to answer, which returns a filled output of op (see NewOutput).
// It is for tests of the wire format without what stands behind a service: the
// row demands no permission, and therefore serves only a server whose
// Authority is a [ProbeAuthority].
func (op *Operation) Probe(answer func(in any) (out any, err error)) Operation {
	probe := *op
	probe.needs = func(ctx context.Context, _ any) ([]Permission, error) {
		if _, ok := RequestOf(ctx).authority.(ProbeAuthority); !ok {
			return nil, errors.New("a probe is not served to the world")
		}
		return nil, nil
	}
	probe.handle = func(_ context.Context, in any) (any, error) { return answer(in) }
	return probe
}

// ProbeAuthority knows callers and allows nothing: it decides nothing at all,
// so that only probes can be served with it.
type ProbeAuthority struct{ Resolver }

// Resolver is the half of [Authority] that knows callers.
type Resolver interface {
	Resolve(ctx context.Context, accessKeyID, sessionToken string) (*identity.Caller, string, error)
}

// Decide refuses with an error.
func (ProbeAuthority) Decide(context.Context, *identity.Caller, Permission, *policy.Context) (policy.Decision, error) {
	return policy.Decision{}, errors.New("a probe decides nothing")
}
