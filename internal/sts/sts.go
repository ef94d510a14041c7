// Package sts serves the STS API: AssumeRole, AssumeRoleWithWebIdentity,
// GetSessionToken, GetFederationToken, GetCallerIdentity and GetAccessKeyInfo.
//
// [Service] is a table of operations for package api. AssumeRole is decided by
// the role's trust policy together with the caller's own policies (spec C.14);
// the evaluation is package identity's, reached through api.Authorize, and
// what is refused reads the same whether the role is missing or not trusted.
// Credentials are minted by package session and nothing is stored.
//
// AssumeRoleWithWebIdentity takes the ID token of an OpenID Connect provider
// that the role's account knows, which package oidc verifies, in place of a
// signature. The trust policy alone decides.
//
// A session remembers the certificate of the device at the beginning of its
// chain of roles, so that revoking the certificate ends it too.
//
// The package leaves out SAML providers, MFA and whatever else
// notoffered.go names. The credentials endpoint does its own step of STS for
// devices (package credentials). A Service is safe for concurrent use.
package sts

import (
	"context"
	"time"

	"inro.dev/inro/internal/api"
	"inro.dev/inro/internal/identity"
	"inro.dev/inro/internal/metastore"
	"inro.dev/inro/internal/oidc"
	"inro.dev/inro/internal/session"
)

// Namespace is the XML namespace of STS's answers.
const Namespace = "https://sts.amazonaws.com/doc/2011-06-15/"

// Version is the API version that requests name.
const Version = "2011-06-15"

// Minter mints credentials, as *session.Keyring does. It answers
// session.ErrTooLarge to policies and tags that do not fit into a token.
type Minter interface {
	Mint(session.Session) (session.Credentials, error)
}

// TokenVerifier verifies ID tokens, as *oidc.Verifier does.
type TokenVerifier interface {
	Verify(ctx context.Context, token string, p oidc.Provider) (*oidc.Token, error)
}

// Config is what a Service is made of.
type Config struct {
	// Store holds roles, managed policies and access keys. Required.
	Store metastore.Store
	// Policies compiles trust policies. Required.
	Policies *identity.Policies
	// Sessions mints credentials. Required.
	Sessions Minter
	// Tokens verifies the tokens of web identities. Required.
	Tokens TokenVerifier
	// Clock dates sessions. Nil: time.Now.
	Clock func() time.Time
}

// Service answers the operations of STS.
type Service struct {
	store    metastore.Store
	policies *identity.Policies
	sessions Minter
	tokens   TokenVerifier
	clock    func() time.Time
}

// New returns the service.
func New(cfg Config) *Service {
	if cfg.Clock == nil {
		cfg.Clock = time.Now
	}
	return &Service{store: cfg.Store, policies: cfg.Policies, sessions: cfg.Sessions, tokens: cfg.Tokens, clock: cfg.Clock}
}

// API returns the service for the request pipeline.
func (s *Service) API() api.Service {
	return api.Service{
		Name:       "sts",
		Version:    Version,
		Protocol:   api.Query(Namespace),
		Operations: s.Operations(),
	}
}

// Operations returns a row for every operation that AWS's STS has.
//
// AssumeRole authorizes itself, because its refusal must not tell a role that
// is missing from one that does not trust the caller.
// AssumeRoleWithWebIdentity does, because its caller is not whoever sends the
// request but whom the token names. GetCallerIdentity and
// GetSessionToken need no permission in AWS.
func (s *Service) Operations() []api.Operation {
	return append([]api.Operation{
		api.Op("AssumeRole", "", api.AnyCaller[assumeRoleInput](), s.assumeRole),
		api.Op("AssumeRoleWithWebIdentity", "", api.AnyCaller[webIdentityInput](), s.assumeRoleWithWebIdentity).ForAnybody(),
		api.Op("GetCallerIdentity", "", api.AnyCaller[api.Empty](), s.getCallerIdentity),
		api.Op("GetSessionToken", "", api.AnyCaller[getSessionTokenInput](), s.getSessionToken),
		api.Op("GetFederationToken", "", s.onFederatedUser, s.getFederationToken),
		api.Op("GetAccessKeyInfo", "", onAnyKey, s.getAccessKeyInfo),
	}, notOffered()...)
}
