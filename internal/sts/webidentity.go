package sts

import (
	"context"
	"errors"
	"net/http"
	"strings"

	"inro.dev/inro/internal/api"
	"inro.dev/inro/internal/arn"
	"inro.dev/inro/internal/awserr"
	"inro.dev/inro/internal/identity"
	"inro.dev/inro/internal/metastore"
	"inro.dev/inro/internal/oidc"
	"inro.dev/inro/internal/session"
)

type webIdentityInput struct {
	RoleArn          string  `required:"" length:"20,2048" pattern:"[\\x{09}\\x{0A}\\x{0D}\\x{20}-\\x{7E}\\x{85}\\x{A0}-\\x{D7FF}\\x{E000}-\\x{FFFD}\\x{10000}-\\x{10FFFF}]+"`
	RoleSessionName  string  `required:"" length:"2,64" pattern:"[\\w+=,.@-]*"`
	WebIdentityToken string  `required:"" length:"4,20000"`
	ProviderId       *string `length:"4,2048"`
	sessionPolicies
	DurationSeconds *int `range:"900,43200"`
	tokenSize
}

type webIdentityOutput struct {
	Credentials                 credentials
	SubjectFromWebIdentityToken string
	AssumedRoleUser             struct{ AssumedRoleId, Arn string }
	PackedPolicySize            *int
	Provider                    string
	Audience                    string
	SourceIdentity              string
}

// webIdentity is whom a token names, once it was verified.
type webIdentity struct {
	token    *oidc.Token
	provider string // ARN
	audience string
	tags     []tag
}

// assumeRoleWithWebIdentity makes a session of a role for whom a provider of
// the role's account vouches. The request needs no signature, and one that is
// there counts for nothing: the token is the proof.
func (s *Service) assumeRoleWithWebIdentity(ctx context.Context, in *webIdentityInput) (*webIdentityOutput, error) {
	name, err := in.check()
	if err != nil {
		return nil, err
	}
	who, err := s.identify(ctx, name.Account, in.WebIdentityToken)
	if err != nil {
		return nil, err
	}
	role, err := roleOf(ctx, s.store.Hot(), name)
	if err != nil {
		return nil, err
	}
	if err := s.authorizeWebIdentity(ctx, in, name, role, who); err != nil {
		return nil, err
	}
	made := &session.Session{
		Kind: session.Role, Account: name.Account, SessionName: in.RoleSessionName,
		RoleName: role.Name, RoleID: role.UniqueID, RolePath: role.Path,
		Tags: sessionTags(who.tags), TransitiveTagKeys: who.token.TransitiveTagKeys, SourceIdentity: who.token.SourceIdentity,
		Provider: who.provider, Subject: who.token.Subject, Audience: who.audience,
	}
	seconds, err := roleSeconds(in.DurationSeconds, role, false)
	if err != nil {
		return nil, err
	}
	if err := in.put(ctx, s.store.Hot(), made); err != nil {
		return nil, err
	}
	c, err := s.mint(*made, seconds)
	if err != nil {
		return nil, err
	}
	out := &webIdentityOutput{
		Credentials: wireCredentials(c), PackedPolicySize: packedSize(c), SubjectFromWebIdentityToken: who.token.Subject,
		Provider: who.provider, Audience: who.audience, SourceIdentity: made.SourceIdentity,
	}
	out.AssumedRoleUser.AssumedRoleId = role.UniqueID + ":" + made.SessionName
	out.AssumedRoleUser.Arn = arn.AssumedRole(name.Account, role.Name, made.SessionName)
	return out, nil
}

// check refuses what is wrong whatever the token, and returns the role's ARN.
func (in *webIdentityInput) check() (arn.ARN, error) {
	name, err := roleARN(in.RoleArn)
	if err != nil {
		return name, err
	}
	if in.ProviderId != nil {
		return name, validationError("ProviderId is not offered: it goes with the access tokens of OAuth 2.0 providers, and the token must be an OpenID Connect one.")
	}
	return name, in.tokenSize.check()
}

// identify verifies a token against the provider of its issuer in the account.
func (s *Service) identify(ctx context.Context, account, token string) (*webIdentity, error) {
	issuer, err := oidc.Issuer(token)
	if err != nil {
		return nil, invalidToken("The token could not be read: it is not a JSON Web Token with an issuer and one of the signatures that are accepted.").WithCause(err)
	}
	id := strings.TrimPrefix(strings.TrimPrefix(issuer, "https://"), "http://")
	p, err := metastore.OIDCProviders.Get(ctx, s.store.Hot(), account, id)
	if errors.Is(err, metastore.ErrNotFound) || errors.Is(err, metastore.ErrInvalid) {
		return nil, invalidToken("No OpenIDConnect provider found in your account for " + clipText(issuer))
	}
	if err != nil {
		return nil, err
	}
	verified, err := s.tokens.Verify(ctx, token, oidc.Provider{Issuer: p.Issuer, Thumbprints: p.Thumbprints})
	if err != nil {
		return nil, tokenRefused(err)
	}
	who := &webIdentity{token: verified, provider: arn.IAM(account, "oidc-provider", "/", id), audience: verified.Audience(p.ClientIDs)}
	if who.audience == "" {
		return nil, invalidToken("Incorrect token audience")
	}
	return who, who.checkClaims()
}

// checkClaims checks the claims that become part of the session as the members
// of AssumeRole are checked.
func (w *webIdentity) checkClaims() error {
	for _, t := range w.token.Tags {
		if !tagKeyPattern.MatchString(t.Key) || !tagValuePattern.MatchString(t.Value) {
			return invalidToken("The token has a tag whose key or value is not one that a session tag can have.")
		}
		w.tags = append(w.tags, tag{t.Key, &t.Value})
	}
	if err := checkTags(w.tags); err != nil {
		return err
	}
	for _, key := range w.token.TransitiveTagKeys {
		if !hasTag(w.tags, key) {
			return invalidParameter("The specified transitive tag key must be included in the requested tags.")
		}
	}
	if id := w.token.SourceIdentity; id != "" && !sourceIdentityPattern.MatchString(id) {
		return invalidToken("The token has a source identity that is not one that a session can have.")
	}
	return nil
}

// authorizeWebIdentity refuses unless the role's trust policy admits the
// identity. No other policy bears on it: a web identity has none. role is nil
// when there is none; that is refused in the same words.
func (s *Service) authorizeWebIdentity(ctx context.Context, in *webIdentityInput, name arn.ARN, role *metastore.Role, who *webIdentity) error {
	denied := accessDenied("Not authorized to perform sts:AssumeRoleWithWebIdentity")
	if role == nil {
		return denied
	}
	trust, err := s.policies.Trust(role)
	if err != nil {
		return err
	}
	actions := []string{"sts:AssumeRoleWithWebIdentity"}
	if len(who.tags) > 0 {
		actions = append(actions, "sts:TagSession")
	}
	if who.token.SourceIdentity != "" {
		actions = append(actions, "sts:SetSourceIdentity")
	}
	caller := identity.WebIdentity(name.Account, who.provider)
	for _, action := range actions {
		d, err := api.AuthorizeAs(ctx, caller, api.Permission{
			Action: action, Resource: in.RoleArn, ResourceAccount: name.Account, RequireResource: true, ResourcePolicy: trust,
			Keys: append(who.conditionKeys(in.RoleSessionName), roleTagKeys(role)...),
		})
		if err != nil {
			return err
		}
		if !d.Allowed() {
			return denied
		}
	}
	return nil
}

// conditionKeys are what trust policies can ask about the identity (IAM User
// Guide, Available keys for AWS OIDC federation). Those of the token begin with
// the issuer's URL without https://.
func (w *webIdentity) conditionKeys(sessionName string) []identity.Key {
	issuer := w.provider[strings.Index(w.provider, "/")+1:]
	keys := append(tagKeys(w.tags),
		identity.StringKey("sts:RoleSessionName", sessionName),
		identity.StringKey("aws:FederatedProvider", w.provider),
		identity.StringKey(issuer+":sub", w.token.Subject),
		identity.StringKey(issuer+":aud", w.audience),
	)
	if w.token.AuthorizedParty != "" {
		keys = append(keys, identity.StringKey(issuer+":azp", w.token.AuthorizedParty), identity.ListKey(issuer+":oaud", w.token.Audiences...))
	}
	if w.token.Email != "" {
		keys = append(keys, identity.StringKey(issuer+":email", w.token.Email))
	}
	if len(w.token.Methods) > 0 {
		keys = append(keys, identity.ListKey(issuer+":amr", w.token.Methods...))
	}
	if w.token.SourceIdentity != "" {
		keys = append(keys, identity.StringKey("sts:SourceIdentity", w.token.SourceIdentity))
	}
	if len(w.token.TransitiveTagKeys) > 0 {
		keys = append(keys, identity.ListKey("sts:TransitiveTagKeys", w.token.TransitiveTagKeys...))
	}
	return keys
}

// The errors of AssumeRoleWithWebIdentity (STS API Reference).

func invalidToken(message string) *awserr.Error {
	return awserr.New(http.StatusBadRequest, "InvalidIdentityToken", message)
}

// tokenRefused words why a token was refused. What the issuer answered, and
// where it was asked, goes to the log alone.
func tokenRefused(err error) error {
	switch {
	case errors.Is(err, oidc.ErrExpired):
		return awserr.New(http.StatusBadRequest, "ExpiredTokenException", "Token expired").WithCause(err)
	case errors.Is(err, oidc.ErrNotYetValid):
		return invalidToken("Token is not valid yet").WithCause(err)
	case errors.Is(err, oidc.ErrIssuer):
		return invalidToken("Issuer of the token does not match that of the provider").WithCause(err)
	case errors.Is(err, oidc.ErrSignature):
		return invalidToken("Couldn't retrieve verification key from your identity provider, or the token is not signed by it").WithCause(err)
	case errors.Is(err, oidc.ErrUnreachable):
		return awserr.New(http.StatusBadRequest, "IDPCommunicationError", "Couldn't retrieve verification key from your identity provider, please reference AssumeRoleWithWebIdentity documentation for requirements").WithCause(err)
	case errors.Is(err, oidc.ErrMalformed):
		return invalidToken("The token has a form or a claim that is not accepted").WithCause(err)
	}
	return err
}

func clipText(s string) string { return s[:min(len(s), 255)] }
