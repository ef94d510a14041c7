package api

import (
	"net/http"
	"time"

	"inro.dev/inro/internal/identity"
	"inro.dev/inro/internal/policy"
)

// Observer is told of requests after they were answered. It must be quick, safe
// for concurrent use, and keep nothing of the request.
type Observer interface {
	Observe(*Served)
}

// Served is one answered request.
type Served struct {
	RequestID string
	// Service and Operation label metrics; Operation is "unknown" when the
	// request was refused before it was known.
	Service, Operation string
	Status             int
	// Code is the error code, "" for success.
	Code     string
	Duration time.Duration
	// Authenticated says whether the caller was found and its signature
	// verified, or was anonymous where that is allowed.
	Authenticated bool
	// CallerARN and Remote are for logs, never for metric labels.
	CallerARN, Remote string
	// ThingName is that of a device's session.
	ThingName string
	// Allowed and Denied count the decisions taken for the request.
	Allowed, Denied int
	// Refusals explain denied permissions, at most maxRefusals of them.
	Refusals []Refusal
	// Err is what went wrong, internal errors included.
	Err error

	// HTTP is the request's head. Path is its escaped path without the leading
	// slash, with the bucket in front, also where the host name told that.
	HTTP *http.Request
	Path string
	// Caller is nil unless Authenticated.
	Caller *identity.Caller
	// Began is when the request's head had been read, TurnAround the time from
	// then until the answer's head was sent.
	Began      time.Time
	TurnAround time.Duration
	// Answer is the answer's head.
	Answer http.Header
	// SentBytes is the size of the answer's body, as far as it was sent.
	SentBytes int64
	// Notes are what handlers left for Service.Observe; see Request.Note.
	Notes []any
}

// Refusal is a denied permission and why.
type Refusal struct {
	Permission Permission
	Decision   policy.Decision
}

// maxRefusals bounds what one request may put into the log: a DeleteObjects
// can be refused a thousand times.
const maxRefusals = 10

func (s *Served) decided(p Permission, d policy.Decision) {
	if d.Allowed() {
		s.Allowed++
		return
	}
	s.Denied++
	if len(s.Refusals) < maxRefusals {
		s.Refusals = append(s.Refusals, Refusal{p, d})
	}
}

func (s *Server) observe(c *call, start time.Time, err error) {
	if s.cfg.Observer == nil && c.service.Observe == nil {
		return
	}
	v := c.req.served
	v.RequestID, v.Service, v.Operation = c.req.ID, c.service.Name, c.operation()
	v.Status, v.Duration, v.Err = c.answered, time.Since(start), err
	if v.Authenticated = c.req.Caller != nil; v.Authenticated {
		if s := c.req.Caller.Session; s != nil {
			v.ThingName = s.ThingName
		}
		v.CallerARN = c.req.Caller.Principal.ARN
	}
	v.HTTP, v.Path, v.Caller, v.Answer = c.r, c.path, c.req.Caller, c.w.Header()
	v.Began, v.SentBytes = start, c.sent
	if c.written {
		v.TurnAround = c.headAt.Sub(start)
	}
	if c.service.Observe != nil {
		c.service.Observe(v)
	}
	if s.cfg.Observer != nil {
		s.cfg.Observer.Observe(v)
	}
}
