package api

import (
	"context"
	"net/http"

	"inro.dev/inro/internal/identity"
	"inro.dev/inro/internal/policy"
)

// Request is what a handler may know of the request beside its input.
type Request struct {
	// ID is the request id that the client also gets.
	ID string
	// Caller made the request. It is never nil in a handler.
	Caller *identity.Caller
	// Context holds the condition keys of the request: the caller's and the
	// connection's.
	Context *policy.Context
	// Body is the whole body where the pipeline reads it before the handler:
	// IAM, STS, IoT, and XML bodies of S3.
	Body []byte
	// HTTP is the request's head. Its body belongs to the pipeline.
	HTTP *http.Request

	authority Authority
	served    *Served
}

// Note leaves something for [Service.Observe] beside what the pipeline knows of
// the request. It is for the goroutine of the handler.
func (r *Request) Note(note any) {
	if r.served != nil {
		r.served.Notes = append(r.served.Notes, note)
	}
}

type requestKey struct{}

// RequestOf returns the request that ctx belongs to. It panics when ctx does
// not come from the pipeline.
func RequestOf(ctx context.Context) *Request {
	return ctx.Value(requestKey{}).(*Request)
}

// WithRequest returns a context that carries req. The pipeline uses it, and
// tests that call a handler directly.
func WithRequest(ctx context.Context, req *Request) context.Context {
	return context.WithValue(ctx, requestKey{}, req)
}

// Authority knows callers and decides what they may do.
type Authority interface {
	// Resolve returns the caller behind an access key and session token and
	// the secret to verify its signature with. Errors: identity.ErrUnknownKey,
	// ErrInactiveKey, ErrInvalidToken, ErrExpiredToken, ErrRevoked.
	Resolve(ctx context.Context, accessKeyID, sessionToken string) (*identity.Caller, string, error)
	// Decide evaluates one permission for the caller. reqContext holds the
	// request's condition keys.
	Decide(ctx context.Context, caller *identity.Caller, p Permission, reqContext *policy.Context) (policy.Decision, error)
}

// Allows reports whether the caller of ctx's request is allowed p, without noting
// it. It is for what an answer may tell beside what was asked for, where a no is
// no refusal.
func Allows(ctx context.Context, p Permission) (bool, error) {
	req := RequestOf(ctx)
	d, err := req.authority.Decide(ctx, req.Caller, p, req.Context)
	return err == nil && d.Allowed(), err
}

// Authorize refuses unless the caller of ctx's request is allowed p. Handlers
// use it for permissions that only they know, such as each key of a
// DeleteObjects. The decision is noted for the log.
func Authorize(ctx context.Context, p Permission) (policy.Decision, error) {
	req := RequestOf(ctx)
	return req.decide(ctx, req.Caller, p, req.Context)
}

// AuthorizeAs decides for another caller than the request's own: one whom the
// input proved, such as a web identity. The condition keys about the request's
// caller do not count; those of the connection do.
func AuthorizeAs(ctx context.Context, caller *identity.Caller, p Permission) (policy.Decision, error) {
	req := RequestOf(ctx)
	keys := caller.Keys.Layer()
	for _, name := range connectionKeys {
		if values, ok := req.Context.Get(name); ok && len(values) == 1 {
			keys.Set(name, values[0])
		}
	}
	return req.decide(ctx, caller, p, keys)
}

// connectionKeys are the condition keys that tell of the connection and the
// time, whoever the caller is.
var connectionKeys = [...]string{
	"aws:CurrentTime", "aws:EpochTime", "aws:SecureTransport", "aws:SourceIp", "aws:UserAgent", "aws:Referer", "aws:RequestedRegion",
}

func (req *Request) decide(ctx context.Context, caller *identity.Caller, p Permission, keys *policy.Context) (policy.Decision, error) {
	d, err := req.authority.Decide(ctx, caller, p, keys)
	if err != nil {
		return d, err
	}
	if req.served != nil {
		req.served.decided(p, d)
	}
	return d, nil
}
