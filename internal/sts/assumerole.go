package sts

import (
	"context"
	"slices"
	"strings"

	"inro.dev/inro/internal/api"
	"inro.dev/inro/internal/arn"
	"inro.dev/inro/internal/identity"
	"inro.dev/inro/internal/metastore"
	"inro.dev/inro/internal/session"
)

// The durations of a role's session, in seconds (STS API Reference,
// AssumeRole). A role's MaxSessionDuration is never less than the default.
const (
	defaultRoleSeconds = 3600
	maxChainedSeconds  = 3600
)

type assumeRoleInput struct {
	RoleArn         string `required:"" length:"20,2048" pattern:"[\\x{09}\\x{0A}\\x{0D}\\x{20}-\\x{7E}\\x{85}\\x{A0}-\\x{D7FF}\\x{E000}-\\x{FFFD}\\x{10000}-\\x{10FFFF}]+"`
	RoleSessionName string `required:"" length:"2,64" pattern:"[\\w+=,.@-]*"`
	sessionPolicies
	DurationSeconds   *int     `range:"900,43200"`
	Tags              []tag    `length:"0,50"`
	TransitiveTagKeys []string `length:"0,50" pattern:"[\\p{L}\\p{Z}\\p{N}_.:/=+\\-@]+"`
	ExternalId        *string  `length:"2,1224" pattern:"[\\w+=,.@:/-]*"`
	SerialNumber      *string  `length:"9,256" pattern:"[\\w+=/:,.@-]*"`
	TokenCode         *string  `length:"6,6" pattern:"\\d*"`
	SourceIdentity    *string  `length:"2,64" pattern:"[\\w+=,.@-]*"`
	ProvidedContexts  []struct {
		ProviderArn, ContextAssertion string
	}
	tokenSize
}

type assumeRoleOutput struct {
	Credentials      credentials
	AssumedRoleUser  struct{ AssumedRoleId, Arn string }
	PackedPolicySize *int
	SourceIdentity   string
}

func (s *Service) assumeRole(ctx context.Context, in *assumeRoleInput) (*assumeRoleOutput, error) {
	caller := api.RequestOf(ctx).Caller
	if caller.IsRoot() {
		return nil, accessDenied("Roles may not be assumed by root accounts.")
	}
	name, err := in.check()
	if err != nil {
		return nil, err
	}
	made, err := in.inherit(caller)
	if err != nil {
		return nil, err
	}
	role, err := roleOf(ctx, s.store.Hot(), name)
	if err != nil {
		return nil, err
	}
	if err := s.authorizeAssume(ctx, in, name, role, made); err != nil {
		return nil, err
	}
	made.Account = name.Account
	if made.CertificateAccount == made.Account {
		made.CertificateAccount = ""
	}
	made.RoleName, made.RoleID, made.RolePath = role.Name, role.UniqueID, role.Path
	seconds, err := roleSeconds(in.DurationSeconds, role, made.ChainedRole)
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
	out := &assumeRoleOutput{Credentials: wireCredentials(c), PackedPolicySize: packedSize(c), SourceIdentity: made.SourceIdentity}
	out.AssumedRoleUser.AssumedRoleId = role.UniqueID + ":" + made.SessionName
	out.AssumedRoleUser.Arn = arn.AssumedRole(name.Account, role.Name, made.SessionName)
	return out, nil
}

// check refuses what is wrong whatever the role, and returns the role's ARN.
func (in *assumeRoleInput) check() (arn.ARN, error) {
	name, err := roleARN(in.RoleArn)
	if err != nil {
		return name, err
	}
	if in.SerialNumber != nil || in.TokenCode != nil {
		return name, errMFA
	}
	if len(in.ProvidedContexts) > 0 {
		return name, validationError("ProvidedContexts are not offered: there are no trusted context providers.")
	}
	if err := in.tokenSize.check(); err != nil {
		return name, err
	}
	return name, checkTags(in.Tags)
}

// roleARN reads the ARN of a role.
func roleARN(text string) (arn.ARN, error) {
	name, err := arn.Parse(text)
	if word, _ := name.Type(); err != nil || name.Service != "iam" || name.Region != "" || name.Account == "" || word != "role" {
		return name, validationError("%s is invalid", text)
	}
	return name, nil
}

// inherit returns the session to be made, with what it takes over from the
// caller's own: the tags that are transitive, the source identity, and the
// certificate of a device (IAM User Guide, Passing session tags in STS).
func (in *assumeRoleInput) inherit(caller *identity.Caller) (*session.Session, error) {
	made := &session.Session{
		Kind: session.Role, SessionName: in.RoleSessionName,
		Tags: sessionTags(in.Tags), TransitiveTagKeys: slices.Clone(in.TransitiveTagKeys),
	}
	if in.SourceIdentity != nil {
		made.SourceIdentity = *in.SourceIdentity
	}
	for _, key := range in.TransitiveTagKeys {
		if !hasTag(in.Tags, key) {
			return nil, invalidParameter("The specified transitive tag key must be included in the requested tags.")
		}
	}
	from := caller.Session
	if from == nil {
		return made, nil
	}
	made.ChainedRole = from.IsRole()
	made.CertificateID, made.ThingName, made.ThingTypeName, made.ThingID = from.CertificateID, from.ThingName, from.ThingTypeName, from.ThingID
	if from.CertificateID != "" {
		if made.CertificateAccount = from.CertificateAccount; made.CertificateAccount == "" {
			made.CertificateAccount = from.Account
		}
	}
	if from.SourceIdentity != "" {
		if made.SourceIdentity != "" && made.SourceIdentity != from.SourceIdentity {
			return nil, accessDenied("The source identity of a session cannot be changed by role chaining.")
		}
		made.SourceIdentity = from.SourceIdentity
	}
	return made, in.inheritTags(made, from)
}

func (in *assumeRoleInput) inheritTags(made, from *session.Session) error {
	for _, t := range from.Tags {
		folded := strings.ToLower(t.Key)
		if !slices.ContainsFunc(from.TransitiveTagKeys, func(key string) bool { return strings.ToLower(key) == folded }) {
			continue
		}
		if hasTag(in.Tags, t.Key) {
			return invalidParameter("One of the specified transitive tag keys can't be set because it conflicts with " +
				"a transitive tag key from the calling session.")
		}
		made.Tags = append(made.Tags, t)
		made.TransitiveTagKeys = append(made.TransitiveTagKeys, t.Key)
	}
	return nil
}

// roleSeconds is how long a role's session lives.
func roleSeconds(asked *int, role *metastore.Role, chained bool) (int, error) {
	seconds := orDefault(asked, defaultRoleSeconds)
	if seconds > max(role.MaxSessionSeconds, defaultRoleSeconds) {
		return 0, validationError("The requested DurationSeconds exceeds the MaxSessionDuration set for this role.")
	}
	if chained && seconds > maxChainedSeconds {
		return 0, validationError("The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining.")
	}
	return seconds, nil
}

// authorizeAssume refuses unless the role's trust policy and the caller's own
// policies allow the session: sts:AssumeRole, sts:TagSession when it has tags,
// sts:SetSourceIdentity when it has a source identity. role is nil when there
// is none of that name; that is refused in the same words.
func (s *Service) authorizeAssume(ctx context.Context, in *assumeRoleInput, name arn.ARN, role *metastore.Role, made *session.Session) error {
	p := api.Permission{
		Action: "sts:AssumeRole", Resource: in.RoleArn, ResourceAccount: name.Account, RequireResource: true,
		Keys: in.conditionKeys(made),
	}
	if role != nil {
		trust, err := s.policies.Trust(role)
		if err != nil {
			return err
		}
		p.ResourcePolicy = trust
		p.Keys = append(p.Keys, roleTagKeys(role)...)
	}
	actions := []string{"sts:AssumeRole"}
	if len(made.Tags) > 0 {
		actions = append(actions, "sts:TagSession")
	}
	if made.SourceIdentity != "" {
		actions = append(actions, "sts:SetSourceIdentity")
	}
	for _, action := range actions {
		p.Action = action
		d, err := api.Authorize(ctx, p)
		if err != nil {
			return err
		}
		if role == nil || !d.Allowed() {
			return notAuthorized(api.RequestOf(ctx).Caller.Principal.ARN, action, in.RoleArn)
		}
	}
	return nil
}

// roleTagKeys are the condition keys about the tags of a role.
func roleTagKeys(role *metastore.Role) []identity.Key {
	var keys []identity.Key
	for _, t := range role.Tags {
		keys = append(keys, identity.StringKey("aws:ResourceTag/"+t.Key, t.Value), identity.StringKey("iam:ResourceTag/"+t.Key, t.Value))
	}
	return keys
}

// conditionKeys are what trust policies can ask about the session (spec E.5).
func (in *assumeRoleInput) conditionKeys(made *session.Session) []identity.Key {
	keys := append(tagKeys(in.Tags), identity.Key{Name: "sts:RoleSessionName", Values: []string{in.RoleSessionName}})
	if in.ExternalId != nil {
		keys = append(keys, identity.Key{Name: "sts:ExternalId", Values: []string{*in.ExternalId}})
	}
	if made.SourceIdentity != "" {
		keys = append(keys, identity.Key{Name: "sts:SourceIdentity", Values: []string{made.SourceIdentity}})
	}
	if len(made.TransitiveTagKeys) > 0 {
		keys = append(keys, identity.Key{Name: "sts:TransitiveTagKeys", Values: made.TransitiveTagKeys, List: true})
	}
	return keys
}
