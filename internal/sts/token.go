package sts

import (
	"context"

	"inro.dev/inro/internal/api"
	"inro.dev/inro/internal/arn"
	"inro.dev/inro/internal/identity"
	"inro.dev/inro/internal/session"
)

// The durations of sessions made with long-term keys, in seconds. One of
// root's that asks for more gets an hour (STS API Reference, GetSessionToken
// and GetFederationToken).
const (
	defaultTokenSeconds = 43200
	maxRootSeconds      = 3600
)

func tokenSeconds(asked *int, caller *identity.Caller) int {
	seconds := orDefault(asked, defaultTokenSeconds)
	if caller.IsRoot() {
		seconds = min(seconds, maxRootSeconds)
	}
	return seconds
}

type getSessionTokenInput struct {
	DurationSeconds *int    `range:"900,129600"`
	SerialNumber    *string `length:"9,256" pattern:"[\\w+=/:,.@-]*"`
	TokenCode       *string `length:"6,6" pattern:"\\d*"`
	tokenSize
}

type getSessionTokenOutput struct{ Credentials credentials }

func (s *Service) getSessionToken(ctx context.Context, in *getSessionTokenInput) (*getSessionTokenOutput, error) {
	caller := api.RequestOf(ctx).Caller
	if caller.Session != nil {
		return nil, accessDenied("Cannot call GetSessionToken with session credentials")
	}
	if in.SerialNumber != nil || in.TokenCode != nil {
		return nil, errMFA
	}
	if err := in.tokenSize.check(); err != nil {
		return nil, err
	}
	made := session.Session{Kind: session.Root, Account: caller.Principal.Account}
	if !caller.IsRoot() {
		made.Kind, made.UserName, made.UserID = session.User, caller.UserName, caller.Principal.UserID
	}
	c, err := s.mint(made, tokenSeconds(in.DurationSeconds, caller))
	if err != nil {
		return nil, err
	}
	return &getSessionTokenOutput{wireCredentials(c)}, nil
}

type getFederationTokenInput struct {
	Name string `required:"" length:"2,32" pattern:"[\\w+=,.@-]*"`
	sessionPolicies
	DurationSeconds *int  `range:"900,129600"`
	Tags            []tag `length:"0,50"`
	tokenSize
}

type getFederationTokenOutput struct {
	Credentials      credentials
	FederatedUser    struct{ FederatedUserId, Arn string }
	PackedPolicySize *int
}

// onFederatedUser needs sts:GetFederationToken on the federated user, and
// sts:TagSession when the session gets tags. Session credentials are refused
// in the handler, whatever they may do.
func (s *Service) onFederatedUser(ctx context.Context, in *getFederationTokenInput) ([]api.Permission, error) {
	caller := api.RequestOf(ctx).Caller
	if caller.Session != nil {
		return nil, accessDenied("Cannot call GetFederationToken with session credentials")
	}
	p := api.Permission{
		Action:   "sts:GetFederationToken",
		Resource: arn.FederatedUser(caller.Principal.Account, in.Name),
		Keys:     tagKeys(in.Tags),
	}
	needs := []api.Permission{p}
	if len(in.Tags) > 0 {
		p.Action = "sts:TagSession"
		needs = append(needs, p)
	}
	return needs, nil
}

func (s *Service) getFederationToken(ctx context.Context, in *getFederationTokenInput) (*getFederationTokenOutput, error) {
	caller := api.RequestOf(ctx).Caller
	if err := checkTags(in.Tags); err != nil {
		return nil, err
	}
	if err := in.tokenSize.check(); err != nil {
		return nil, err
	}
	made := session.Session{
		Kind: session.Federated, Account: caller.Principal.Account, SessionName: in.Name, Tags: sessionTags(in.Tags),
	}
	if !caller.IsRoot() {
		made.UserName, made.UserID = caller.UserName, caller.Principal.UserID
	}
	if err := in.put(ctx, s.store.Hot(), &made); err != nil {
		return nil, err
	}
	c, err := s.mint(made, tokenSeconds(in.DurationSeconds, caller))
	if err != nil {
		return nil, err
	}
	out := &getFederationTokenOutput{Credentials: wireCredentials(c), PackedPolicySize: packedSize(c)}
	out.FederatedUser.FederatedUserId = made.Account + ":" + in.Name
	out.FederatedUser.Arn = arn.FederatedUser(made.Account, in.Name)
	return out, nil
}
