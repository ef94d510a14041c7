// Package iam serves the IAM API: users and their access keys, groups,
// managed and inline policies, roles, permissions boundaries, tags, the policy
// simulator and the reports about an account.
//
// [Service] is a table of operations for package api. Everything it knows is
// in the metastore: records of package metastore, found by their name folded
// to lower case, because IAM keeps names apart without regard to case and
// remembers how they were written. A change is one Update with all its checks
// inside, so that two requests cannot pass each other; the next request of
// anybody sees it.
//
// What keeps authorization sound is kept here: a policy that is attached or
// is somebody's boundary cannot be deleted, users, groups and roles go only
// when nothing hangs on them, and a trust policy holds the unique ids of the
// users and roles it names, so that an entity made again under an old name
// inherits nothing.
//
// The package leaves out what has no meaning here: console passwords, MFA,
// instance profiles, SAML providers and the rest of notoffered.go, and
// does not record when a key or role was last used. It evaluates policies for
// the simulator alone; what callers may do is decided by package identity.
//
// A Service is safe for concurrent use.
package iam

import (
	"context"
	"time"

	"inro.dev/inro/internal/api"
	"inro.dev/inro/internal/identity"
	"inro.dev/inro/internal/metastore"
)

// Namespace is the XML namespace of IAM's answers.
const Namespace = "https://iam.amazonaws.com/doc/2010-05-08/"

// Version is the API version that requests name.
const Version = "2010-05-08"

// Config is what a Service is made of.
type Config struct {
	// Store holds everything. Required.
	Store metastore.Store
	// Policies gathers the policies of a principal, for the simulator.
	// Required.
	Policies *identity.Policies
	// PlainIssuers lets OpenID Connect providers have http URLs.
	PlainIssuers bool
	// Clock dates what is made. Nil: time.Now.
	Clock func() time.Time
}

// Service answers the operations of IAM.
type Service struct {
	store    metastore.Store
	policies *identity.Policies
	plain    bool
	clock    func() time.Time
}

// New returns the service.
func New(cfg Config) *Service {
	if cfg.Clock == nil {
		cfg.Clock = time.Now
	}
	return &Service{store: cfg.Store, policies: cfg.Policies, plain: cfg.PlainIssuers, clock: cfg.Clock}
}

// API returns the service for the request pipeline.
func (s *Service) API() api.Service {
	return api.Service{
		Name:       "iam",
		Version:    Version,
		Protocol:   api.Query(Namespace),
		Operations: s.Operations(),
		Translate:  translate,
	}
}

// now is the time that records are dated with: UTC, whole seconds, as answers
// show it.
func (s *Service) now() time.Time { return s.clock().UTC().Truncate(time.Second) }

// account is the account of the caller, whose entities a request is about.
func account(ctx context.Context) string { return api.RequestOf(ctx).Caller.Principal.Account }

// nothing is the answer of an operation without members.
var nothing = &api.Empty{}
